/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/rules.h"

#include "contract/rules_build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_ARENA_CHUNK = 16 * 1024, INDEX_FIRST = 64 };

/* ── what the parts share ──────────────────────────────────────────────────────────────────── */

bool build_error(struct build *build, const char *hint, const char *format, ...)
{
    const struct message_type *type = build->type;
    int line = build->field ? build->field->line : type->line;
    char text[320];
    struct err err;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (build->field)
        err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "field %s.%s%s: %s", type->full_name,
                build->field->name, build->part, text);
    else
        err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "message %s: %s", type->full_name, text);
    if (line > 0)
        err_place(&err, "%s:%d", type->file, line);
    else
        err_place(&err, "%s", type->file);
    err_hint(&err, "%s", hint);
    err.rule = "RULE_NOT_ENFORCED";
    errs_add(build->errs, &err);
    build->failures++;
    return false;
}

bool build_unsupported(struct build *build, const char *rule)
{
    return build_error(build,
                       "express it with the standard rules, or remove it: a rule that is not "
                       "enforced would deceive",
                       "rule %s is not supported", rule);
}

bool build_unknown(struct build *build, const char *family, unsigned number)
{
    if (number >= RULES_PREDEFINED_FIRST)
        return build_error(build, "predefined rules are CEL; use the standard rules",
                           "predefined rule (extension %u of %s) is not supported", number, family);
    return build_error(build,
                       "the rule is newer or older than the protovalidate versions known "
                       "here (1.x)",
                       "rule number %u of %s is not known", number, family);
}

bool build_malformed(struct build *build, const char *family)
{
    return build_error(build, "build the descriptor set again",
                       "option bytes of buf.validate (%s) are malformed", family);
}

bool build_merged(struct build *build, struct span bytes, unsigned number, struct span *merged)
{
    struct wire_reader reader;
    struct wire_field field;
    struct buf all = BUF_INIT;
    unsigned times = 0;

    *merged = (struct span){0};
    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field)) {
        if (field.number != number)
            continue;
        if (field.wire_type != 2) {
            reader.failed = true;
            break;
        }
        *merged = field.bytes.data ? field.bytes : (struct span){"", 0};
        buf_put(&all, merged->data, merged->length);
        times++;
    }
    if (times > 1)
        *merged = (struct span){
            arena_string(&build->rules->arena, all.data ? all.data : "", all.length), all.length};
    buf_free(&all);
    return reader.failed ? build_malformed(build, "options") : true;
}

void *build_alloc(struct build *build, size_t bytes)
{
    enum { ALIGN = _Alignof(max_align_t) };
    char *block = arena_alloc(&build->rules->arena, bytes + ALIGN);

    block += (ALIGN - (uintptr_t)block % ALIGN) % ALIGN;
    memset(block, 0, bytes);
    return block;
}

struct check *build_check(struct build *build, struct check_list *list, enum check_code code,
                          const char *family, const char *rule)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 4;
        list->items = mem_grow(list->items, list->capacity, sizeof *list->items);
    }
    struct check *check = &list->items[list->count++];
    *check = (struct check){
        .code = code, .id = build_sentence(build, "%s.%s", family, rule), .message = ""};
    return check;
}

const struct check *build_checks_done(struct build *build, struct check_list *list, unsigned *count)
{
    struct check *checks = build_alloc(build, list->count * sizeof *checks);

    if (list->count)
        memcpy(checks, list->items, list->count * sizeof *checks);
    *count = list->count;
    build->rules->count += list->count;
    free(list->items);
    *list = (struct check_list){0};
    return checks;
}

const char *build_sentence(struct build *build, const char *format, ...)
{
    struct buf text = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    const char *kept = arena_string(&build->rules->arena, text.data ? text.data : "", text.length);
    buf_free(&text);
    return kept;
}

/* ── the worklist of types ─────────────────────────────────────────────────────────────────── */

static struct type_rules **index_slot(struct build *build, const struct message_type *type)
{
    assert(build->index);
    size_t at = (size_t)(((uintptr_t)type >> 4) * 0x9e3779b97f4a7c15u >> 20);

    for (;; at++) {
        struct type_rules **slot = &build->index[at & (build->index_size - 1)];
        if (!*slot || (*slot)->type == type)
            return slot;
    }
}

static void index_grow(struct build *build)
{
    size_t size = build->index_size ? build->index_size * 2 : INDEX_FIRST;

    free(build->index);
    build->index = mem_zero(size, sizeof(struct type_rules *));
    build->index_size = size;
    for (unsigned i = 0; i < build->rules->n_types; i++)
        *index_slot(build, build->rules->types[i]->type) = build->rules->types[i];
}

struct type_rules *build_type(struct build *build, const struct message_type *type)
{
    struct rules *rules = build->rules;

    if (rules->n_types >= build->index_size / 2)
        index_grow(build);
    struct type_rules **slot = index_slot(build, type);
    if (*slot)
        return *slot;
    if (rules->n_types == rules->types_capacity) {
        rules->types_capacity = rules->types_capacity ? rules->types_capacity * 2 : 16;
        rules->types = mem_grow(rules->types, rules->types_capacity, sizeof(struct type_rules *));
    }
    *slot = build_alloc(build, sizeof **slot);
    (*slot)->type = type;
    rules->types[rules->n_types++] = *slot;
    return *slot;
}

static void compile_type(struct build *build, struct type_rules *rules)
{
    const struct message_type *type = rules->type;
    bool *members = mem_zero(type->n_fields + 1, sizeof *members);

    build->type = type;
    build->field = NULL;
    build->part = "";
    (void)build_sets(build, rules, members);
    build_oneofs(build, rules);
    rules->fields = build_alloc(build, type->n_fields * sizeof *rules->fields);
    for (unsigned i = 0; i < type->n_fields; i++)
        if (build_field(build, &type->fields[i], members[i], &rules->fields[rules->n_fields]))
            rules->n_fields++;
    for (unsigned i = 0; i < type->n_unsupported; i++)
        build_refuse(build, &type->unsupported[i]);
    free(members);
}

/* ── forgetting what holds no rules ────────────────────────────────────────────────────────── */

static bool field_active(const struct field_rules *field)
{
    const struct value_rules *value = &field->value, *key = &field->key;

    return field->required || field->n_list || (!key->ignored && key->n_checks) ||
           (!value->ignored && (value->n_checks || (value->message && value->message->active)));
}

static bool type_becomes_active(struct type_rules *type)
{
    if (type->active)
        return false;
    type->active = type->n_sets || type->n_oneofs;
    for (unsigned i = 0; i < type->n_fields && !type->active; i++)
        type->active = field_active(&type->fields[i]);
    return type->active;
}

static void prune_type(struct type_rules *type)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < type->n_fields; i++) {
        struct field_rules *field = &type->fields[i];
        if (!field_active(field))
            continue;
        if (field->value.message && !field->value.message->active)
            field->value.message = NULL;
        type->fields[kept++] = *field;
    }
    type->n_fields = kept;
}

/* A type is active when it has a rule or leads to one. Passes run both ways, because either order
 * of discovery may be the long one. */
static void prune(struct rules *rules)
{
    bool changed = true;

    for (bool forth = false; changed; forth = !forth) {
        changed = false;
        for (unsigned i = 0; i < rules->n_types; i++)
            changed |= type_becomes_active(rules->types[forth ? i : rules->n_types - 1 - i]);
    }
    for (unsigned i = 0; i < rules->n_types; i++) {
        struct type_rules *type = rules->types[i];
        prune_type(type);
        if (type->active && !type->empty)
            type->empty = protobuf_c_message_unpack(&type->type->pb, NULL, 0, NULL);
    }
}

/* ── the module's face ─────────────────────────────────────────────────────────────────────── */

struct rules *rules_compile(const struct message_type *type, struct errs *errs)
{
    struct rules *rules = mem_zero(1, sizeof *rules);
    struct build build = {.rules = rules, .errs = errs, .part = ""};

    arena_init(&rules->arena, RULES_ARENA_CHUNK);
    build_type(&build, type);
    for (unsigned i = 0; i < rules->n_types; i++)
        compile_type(&build, rules->types[i]);
    free(build.index);
    if (build.failures) {
        rules_free(rules);
        return NULL;
    }
    prune(rules);
    return rules;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    for (unsigned i = 0; i < rules->n_types; i++)
        if (rules->types[i]->empty)
            protobuf_c_message_free_unpacked(rules->types[i]->empty, NULL);
    for (unsigned i = 0; i < rules->n_patterns; i++)
        pattern_close(rules->patterns[i]);
    free(rules->types);
    free(rules->patterns);
    arena_free(&rules->arena);
    free(rules);
}

unsigned rules_count(const struct rules *rules)
{
    return rules->count;
}

/* ── description ───────────────────────────────────────────────────────────────────────────── */

static void describe_checks(struct buf *out, const char *part, const struct check *checks,
                            unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_printf(out, "    %s%s: %s\n", part, checks[i].id, checks[i].message);
}

static void describe_value(struct buf *out, const char *part, const struct value_rules *value)
{
    if (value->ignored)
        return;
    if (value->skip_zero)
        buf_printf(out, "    %sunless zero\n", part);
    describe_checks(out, part, value->checks, value->n_checks);
    if (value->message)
        buf_printf(out, "    %srules of %s\n", part, value->message->type->full_name);
}

static void describe_field(struct buf *out, const struct field_rules *field)
{
    bool map = field->field->map, list = field->field->repeated;

    buf_printf(out, "  %s%s%s\n", field->field->name, field->required ? " required" : "",
               field->always ? "" : " if set");
    describe_checks(out, "", field->list, field->n_list);
    if (map)
        describe_value(out, "key ", &field->key);
    describe_value(out, map ? "value " : list ? "item " : "", &field->value);
}

void rules_describe(const struct rules *rules, struct buf *out)
{
    for (unsigned i = 0; i < rules->n_types; i++) {
        const struct type_rules *type = rules->types[i];
        if (!type->active)
            continue;
        buf_printf(out, "%s\n", type->type->full_name);
        for (unsigned f = 0; f < type->n_fields; f++)
            describe_field(out, &type->fields[f]);
        for (unsigned s = 0; s < type->n_sets; s++)
            buf_printf(out, "  oneof: %s\n", type->sets[s].message);
        for (unsigned o = 0; o < type->n_oneofs; o++)
            buf_printf(out, "  oneof %s required\n", type->oneofs[o].oneof->name);
    }
}
