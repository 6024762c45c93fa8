/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "record/json_forms.h"
#include "record/number.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* json-c cuts integers past 64 bits to the nearest one it knows, without a word. Such a literal
 * gets
 * ".0" behind it, so that it is read as a double: then it fits a double field and no integer one.
 */
static bool is_past_64_bits(struct span literal)
{
    struct integer integer;
    if (literal.length < 19 || memchr(literal.data, '.', literal.length) ||
        memchr(literal.data, 'e', literal.length) || memchr(literal.data, 'E', literal.length))
        return false;
    return !number_parse_integer(literal, &integer) ||
           (integer.negative && integer.magnitude > (uint64_t)INT64_MAX + 1);
}

/* Past the string or number at `at`; past one byte of anything else. */
static const char *skip_token(const char *at, const char *end)
{
    if (*at == '"') {
        for (at++; at < end && *at != '"'; at++)
            at += *at == '\\' && at + 1 < end;
        return at < end ? at + 1 : end;
    }
    const char *start = at;
    while (at < end && *at && strchr("+-.0123456789eE", *at))
        at++;
    return at == start ? at + 1 : at;
}

/* The text as json-c may read it. Writes to `copy` only if there is something to mend. */
static struct span mend_integers(struct span text, struct buf *copy)
{
    const char *end = text.data + text.length, *done = text.data, *next;
    for (const char *at = text.data; at < end; at = next) {
        next = skip_token(at, end);
        if (*at == '"' || !is_past_64_bits((struct span){at, (size_t)(next - at)}))
            continue;
        buf_put(copy, done, (size_t)(next - done));
        buf_puts(copy, ".0");
        done = next;
    }
    if (copy->length == 0)
        return text;
    buf_put(copy, done, (size_t)(end - done));
    return (struct span){copy->data, copy->length};
}

static bool parse(struct json_tokener *tokener, struct span text, struct json_object **document,
                  struct err *err)
{
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *document = json_tokener_parse_ex(tokener, text.data, (int)text.length);
    enum json_tokener_error status = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    if (status == json_tokener_continue) { /* a number is complete only when something follows */
        *document = json_tokener_parse_ex(tokener, "", -1);
        status = json_tokener_get_error(tokener);
    }
    while (end < text.length && text.data[end] && strchr(" \t\r\n", text.data[end]))
        end++;
    if (status == json_tokener_success && end == text.length)
        return true;
    json_object_put(*document);
    *document = NULL;
    if (status == json_tokener_success)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA,
                       "something follows the JSON value, at byte %zu", end);
    return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "malformed JSON at byte %zu: %s", end,
                   json_tokener_error_desc(status));
}

bool json_parse(struct span text, struct json_object **document, struct err *err)
{
    *document = NULL;
    if (!text.data || text.length > INT_MAX / 2)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "no JSON text, or one of 1 GiB or more");
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    if (!tokener)
        return err_set(err, ERR_RETRY, ERR_EXIT_SOFTWARE, "out of memory");
    struct buf copy = BUF_INIT;
    bool ok = parse(tokener, mend_integers(text, &copy), document, err);
    buf_free(&copy);
    json_tokener_free(tokener);
    return ok;
}

/* "items[0].sku" from the outside in; what does not fit is cut. */
static size_t path_text(const struct json_path *path, char *out, size_t size)
{
    if (!path)
        return 0;
    size_t length = path_text(path->above, out, size);
    int more = 0;
    if (length >= size)
        return length;
    if (!path->name)
        more = snprintf(out + length, size - length, "[%zu]", path->index);
    else
        more = snprintf(out + length, size - length, "%s%s", length ? "." : "", path->name);
    return length + (size_t)more;
}

bool json_fault(struct json_reader *reader, const char *format, ...)
{
    char text[256], path[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(reader->err, ERR_REJECT, ERR_EXIT_DATA, "%s", text);
    if (path_text(reader->path, path, sizeof path))
        err_place(reader->err, "%s", path);
    return false;
}

void json_mark_set(const struct field_type *field, ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *pb = field->pb;
    char *at = (char *)message + pb->quantifier_offset;
    if (pb->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        memcpy(at, &pb->id, sizeof pb->id);
    else if (pb->label == PROTOBUF_C_LABEL_OPTIONAL && pb->type != PROTOBUF_C_TYPE_STRING &&
             pb->type != PROTOBUF_C_TYPE_MESSAGE)
        memcpy(at, &(protobuf_c_boolean){1}, sizeof(protobuf_c_boolean));
}

static bool take_value(struct json_reader *reader, const struct field_type *field,
                       struct json_object *value, void *at)
{
    if (!value && !json_null_counts(field))
        return json_fault(reader, "null stands for no value here");
    if (!field->message)
        return json_take_scalar(reader, field, value, at);
    ProtobufCMessage *message = json_take_message(reader, field->message, value);
    memcpy(at, &message, sizeof message);
    return message != NULL;
}

bool json_take_single(struct json_reader *reader, const struct field_type *field,
                      struct json_object *value, ProtobufCMessage *message)
{
    if (!take_value(reader, field, value, (char *)message + field->pb->offset))
        return false;
    json_mark_set(field, message);
    return true;
}

/* The arrays of repeated and map fields: `count` elements in the arena. */
static void *make_elements(struct json_reader *reader, const struct field_type *field, size_t count,
                           ProtobufCMessage *message)
{
    if (count == 0)
        return NULL;
    void *elements = arena_alloc(reader->arena, count * message_value_size(field->pb->type));
    memcpy((char *)message + field->pb->offset, &elements, sizeof elements);
    memcpy((char *)message + field->pb->quantifier_offset, &count, sizeof count);
    return elements;
}

bool json_take_repeated(struct json_reader *reader, const struct field_type *field,
                        struct json_object *value, ProtobufCMessage *message)
{
    if (!json_object_is_type(value, json_type_array))
        return json_fault(reader, "an array is wanted");
    size_t count = json_object_array_length(value), size = message_value_size(field->pb->type);
    char *elements = make_elements(reader, field, count, message);
    struct json_path path = {.above = reader->path};
    reader->path = &path;
    for (size_t i = 0; i < count; i++) {
        path.index = i;
        if (!take_value(reader, field, json_object_array_get_idx(value, i), elements + i * size))
            return false;
    }
    reader->path = path.above;
    return true;
}

bool json_take_map(struct json_reader *reader, const struct field_type *field,
                   struct json_object *value, ProtobufCMessage *message)
{
    if (!json_object_is_type(value, json_type_object))
        return json_fault(reader, "an object is wanted");
    ProtobufCMessage **entries =
        make_elements(reader, field, (size_t)json_object_object_length(value), message);
    const struct field_type *entry_fields = field->message->fields;
    struct json_path path = {.above = reader->path};
    reader->path = &path;
    json_object_object_foreach(value, name, member)
    {
        path.name = name;
        *entries = message_new(field->message, reader->arena);
        if (!json_take_key(reader, &entry_fields[0], name, *entries) ||
            !json_take_single(reader, &entry_fields[1], member, *entries))
            return false;
        entries++;
    }
    reader->path = path.above;
    return true;
}

static bool oneof_is_free(struct json_reader *reader, const struct field_type *field,
                          const ProtobufCMessage *message)
{
    if (!(field->pb->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        return true;
    uint32_t set;
    memcpy(&set, (const char *)message + field->pb->quantifier_offset, sizeof set);
    return set == 0 || json_fault(reader, "a second field of oneof %s is set",
                                  field->oneof ? field->oneof : "");
}

bool json_take_field(struct json_reader *reader, const struct field_type *field,
                     struct json_object *value, ProtobufCMessage *message)
{
    struct json_path path = {reader->path, field->name, 0};
    bool ok;
    if (!value && (field->repeated || field->map || !json_null_counts(field)))
        return true;
    reader->path = &path;
    if (field->map)
        ok = json_take_map(reader, field, value, message);
    else if (field->repeated)
        ok = json_take_repeated(reader, field, value, message);
    else
        ok = oneof_is_free(reader, field, message) &&
             json_take_single(reader, field, value, message);
    reader->path = path.above;
    return ok;
}

static const struct field_type *find_field(const struct message_type *type, const char *name)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (strcmp(type->fields[i].json_name, name) == 0 || strcmp(type->fields[i].name, name) == 0)
            return &type->fields[i];
    }
    return NULL;
}

static bool unknown_field(struct json_reader *reader, const struct message_type *type,
                          const char *name)
{
    const char **names = arena_alloc(reader->arena, (type->n_fields + 1) * sizeof *names);
    for (unsigned i = 0; i < type->n_fields; i++)
        names[i] = type->fields[i].name;
    names[type->n_fields] = NULL;
    const char *nearest = text_nearest(name, names);
    json_fault(reader, "%s has no field %.100s", type->full_name, name);
    return nearest ? err_hint(reader->err, "did you mean %s?", nearest) : false;
}

bool json_take_fields(struct json_reader *reader, const struct message_type *type,
                      struct json_object *value, const char *skip, ProtobufCMessage *message)
{
    if (!json_object_is_type(value, json_type_object))
        return json_fault(reader, "an object is wanted, for %s", type->full_name);
    json_object_object_foreach(value, name, member)
    {
        if (skip && strcmp(name, skip) == 0)
            continue;
        const struct field_type *field = find_field(type, name);
        if (!field)
            return unknown_field(reader, type, name);
        if (strcmp(name, field->json_name) != 0 &&
            json_object_object_get_ex(value, field->json_name, NULL))
            return json_fault(reader, "field %s is there in both casings", field->name);
        if (!json_take_field(reader, field, member, message))
            return false;
    }
    return true;
}

ProtobufCMessage *json_take_message(struct json_reader *reader, const struct message_type *type,
                                    struct json_object *value)
{
    ProtobufCMessage *message = message_new(type, reader->arena);
    bool ok = well_known_has_json(type->well_known)
                  ? json_take_known(reader, type, value, message)
                  : json_take_fields(reader, type, value, NULL, message);
    return ok ? message : NULL;
}

ProtobufCMessage *json_read_message(const struct message_type *type, struct span text,
                                    struct arena *arena, struct err *err)
{
    struct json_object *document;
    struct json_reader reader = {.arena = arena, .err = err};
    if (!json_parse(text, &document, err))
        return NULL;
    ProtobufCMessage *message = json_take_message(&reader, type, document);
    json_object_put(document);
    return message;
}
