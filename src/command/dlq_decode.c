/* SPDX-License-Identifier: Apache-2.0 */
/* A dead letter's value, decoded as far as it goes. */
#include "command/dlq_view.h"
#include "contract/wire.h"
#include "record/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

static const struct contract *contract_of(const struct dlq_view *view, const struct letter *letter)
{
    return view->stream ? pipeline_contract(&view->stream->pipeline, letter->topic) : NULL;
}

/* ---- what is classified ---- */

/* The closest that is said of a contract's column, by any contract of the table. */
static enum classification class_of(const struct layout *layout, unsigned contract, int column)
{
    for (unsigned i = 0; i < layout->n_data; i++)
        if (layout->from[contract][i] == column)
            return layout->columns[i].classification;
    return CLASSIFICATION_NONE;
}

/* Replace the member at the end of the column's path, if it is there. */
static void hide_member(struct json_object *object, const struct column *column, const char *word)
{
    for (unsigned i = 0; i < column->depth; i++)
        if (!json_object_object_get_ex(object, column->path[i]->pb->name, &object) ||
            json_object_get_type(object) != json_type_object)
            return;
    if (json_object_object_get_ex(object, column->field->pb->name, NULL))
        json_object_object_add(object, column->field->pb->name, json_object_new_string(word));
}

static void hide(const struct layout *layout, const struct contract *contract,
                 struct json_object *object)
{
    unsigned number = 0;
    while (layout->contracts[number] != contract)
        number++;
    for (unsigned i = 0; i < contract->n_columns; i++) {
        enum classification class = class_of(layout, number, (int)i);
        char word[32];
        if (class < CLASSIFICATION_PERSONAL)
            continue;
        snprintf(word, sizeof word, "[%s]", classification_name(class));
        hide_member(object, &contract->columns[i], word);
    }
}

/* The JSON in `out` from `start` on, with classified members replaced. */
static bool hide_in(struct buf *out, size_t start, const struct layout *layout,
                    const struct contract *contract, struct err *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(1000); /* as deep as a record may be */
    struct json_object *object =
        json_tokener_parse_ex(tokener, out->data + start, (int)(out->length - start) + 1);
    json_tokener_free(tokener);
    out->length = start;
    if (!object)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA,
                       "it cannot be shown without its classified "
                       "fields");
    hide(layout, contract, object);
    buf_puts(out, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
    return true;
}

static bool has_classified(const struct layout *layout)
{
    for (unsigned i = 0; i < layout->n_data; i++)
        if (layout->columns[i].classification >= CLASSIFICATION_PERSONAL)
            return true;
    return false;
}

/* ---- decoding ---- */

/* The bytes behind the frame, and the message that they are. */
static const struct message_type *unframe(const struct dlq_view *view, const struct letter *letter,
                                          struct frame *frame, struct err *err)
{
    const struct record record = letter_record(letter);
    const struct contract *contract = contract_of(view, letter);
    if (!contract) {
        err_set(err, ERR_REJECT, ERR_EXIT_DATA, "no contract of the configuration is its topic's");
        return NULL;
    }
    if (!framing_strip(view->stream->pipeline.framing, &record, frame, err))
        return NULL;
    if (frame->path_length == 0)
        return contract->message;
    const struct message_type *type = descriptor_set_by_index(
        view->stream->set, contract->message->file, frame->path, frame->path_length);
    if (!type)
        err_set(err, ERR_REJECT, ERR_EXIT_DATA,
                "framed as a message that the contract's file does not have");
    return type;
}

bool dlq_view_value(const struct dlq_view *view, const struct letter *letter, struct arena *arena,
                    struct buf *out, struct err *err)
{
    const struct json_style style = {.proto_names = true, .defaults = true};
    struct frame frame;
    enum wire_fault fault;
    size_t start = out->length;
    const struct message_type *type = unframe(view, letter, &frame, err);
    if (!type || !guard_check(&view->stream->pipeline.guard, type, frame.payload, &fault, err))
        return false;
    const ProtobufCMessage *message = message_unpack(type, frame.payload, arena, err);
    bool good = message && json_write_message(out, message, &style, err);
    const struct layout *layout = view->stream->layout;
    if (good && !view->reveal && has_classified(layout)) {
        const struct contract *contract = contract_of(view, letter);
        /* What another message of the file holds, nobody has classified here. */
        good = type == contract->message
                   ? hide_in(out, start, layout, contract, err)
                   : err_set(err, ERR_REJECT, ERR_EXIT_DATA, "framed as %s", type->full_name);
    }
    if (!good)
        out->length = start;
    return good;
}

void dlq_view_fields(const struct dlq_view *view, const struct letter *letter, struct buf *out)
{
    enum { FIELDS = 40 };
    struct err ignored;
    struct frame frame;
    struct wire_reader reader;
    struct wire_field field;
    unsigned shown = 0;
    const struct message_type *type = unframe(view, letter, &frame, &ignored);
    if (!type)
        return;
    wire_reader_init(&reader, frame.payload);
    while (shown < FIELDS && wire_reader_next(&reader, &field)) {
        const struct field_type *known = message_type_field_number(type, field.number);
        buf_printf(out, "%s%u %s", shown++ ? ", " : "", field.number, known ? known->name : "?");
        if (field.wire_type == 2)
            buf_printf(out, " (%zu bytes)", field.bytes.length);
    }
    if (reader.failed)
        buf_printf(out, "%sthen malformed bytes at %zu of %zu", shown ? ", " : "",
                   (size_t)((const char *)reader.at - frame.payload.data), frame.payload.length);
}
