/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of strings and bytes. */
#include "contract/rules_build.h"

#include <stdlib.h>
#include <string.h>

/* What a field of StringRules or BytesRules says. */
enum text_role {
    TEXT_UNKNOWN = 0,
    TEXT_CONST,
    TEXT_LEN,
    TEXT_MIN_LEN,
    TEXT_MAX_LEN,
    TEXT_LEN_BYTES,
    TEXT_MIN_BYTES,
    TEXT_MAX_BYTES,
    TEXT_PATTERN,
    TEXT_PREFIX,
    TEXT_SUFFIX,
    TEXT_CONTAINS,
    TEXT_NOT_CONTAINS,
    TEXT_IN,
    TEXT_NOT_IN,
    TEXT_FORMAT,
    TEXT_WELL_KNOWN_REGEX,
    TEXT_STRICT,
    TEXT_EXAMPLE, /* documentation: says nothing about validity */
    TEXT_COUNT,
};

struct text_rule {
    unsigned char role; /* enum text_role */
    unsigned char format;
    const char *name;
    const char *noun; /* of formats, as in "must be a valid …" */
};

/* Field numbers within the rule messages (buf/validate/validate.proto). */
static const struct text_rule STRING_RULES[] = {
    [1] = {TEXT_CONST, 0, "const", NULL},
    [2] = {TEXT_MIN_LEN, 0, "min_len", NULL},
    [3] = {TEXT_MAX_LEN, 0, "max_len", NULL},
    [4] = {TEXT_MIN_BYTES, 0, "min_bytes", NULL},
    [5] = {TEXT_MAX_BYTES, 0, "max_bytes", NULL},
    [6] = {TEXT_PATTERN, 0, "pattern", NULL},
    [7] = {TEXT_PREFIX, 0, "prefix", NULL},
    [8] = {TEXT_SUFFIX, 0, "suffix", NULL},
    [9] = {TEXT_CONTAINS, 0, "contains", NULL},
    [10] = {TEXT_IN, 0, "in", NULL},
    [11] = {TEXT_NOT_IN, 0, "not_in", NULL},
    [12] = {TEXT_FORMAT, FORMAT_EMAIL, "email", "email address"},
    [13] = {TEXT_FORMAT, FORMAT_HOSTNAME, "hostname", "hostname"},
    [14] = {TEXT_FORMAT, FORMAT_IP, "ip", "IP address"},
    [15] = {TEXT_FORMAT, FORMAT_IPV4, "ipv4", "IPv4 address"},
    [16] = {TEXT_FORMAT, FORMAT_IPV6, "ipv6", "IPv6 address"},
    [17] = {TEXT_FORMAT, FORMAT_URI, "uri", "URI"},
    [18] = {TEXT_FORMAT, FORMAT_URI_REF, "uri_ref", "URI reference"},
    [19] = {TEXT_LEN, 0, "len", NULL},
    [20] = {TEXT_LEN_BYTES, 0, "len_bytes", NULL},
    [21] = {TEXT_FORMAT, FORMAT_ADDRESS, "address", "hostname or IP address"},
    [22] = {TEXT_FORMAT, FORMAT_UUID, "uuid", "UUID"},
    [23] = {TEXT_NOT_CONTAINS, 0, "not_contains", NULL},
    [24] = {TEXT_WELL_KNOWN_REGEX, 0, "well_known_regex", NULL},
    [25] = {TEXT_STRICT, 0, "strict", NULL},
    [26] = {TEXT_FORMAT, FORMAT_IP_WITH_PREFIXLEN, "ip_with_prefixlen",
            "IP address with prefix length"},
    [27] = {TEXT_FORMAT, FORMAT_IPV4_WITH_PREFIXLEN, "ipv4_with_prefixlen",
            "IPv4 address with prefix length"},
    [28] = {TEXT_FORMAT, FORMAT_IPV6_WITH_PREFIXLEN, "ipv6_with_prefixlen",
            "IPv6 address with prefix length"},
    [29] = {TEXT_FORMAT, FORMAT_IP_PREFIX, "ip_prefix", "IP prefix"},
    [30] = {TEXT_FORMAT, FORMAT_IPV4_PREFIX, "ipv4_prefix", "IPv4 prefix"},
    [31] = {TEXT_FORMAT, FORMAT_IPV6_PREFIX, "ipv6_prefix", "IPv6 prefix"},
    [32] = {TEXT_FORMAT, FORMAT_HOST_AND_PORT, "host_and_port", "host and port pair"},
    [33] = {TEXT_FORMAT, FORMAT_TUUID, "tuuid", "trimmed UUID"},
    [34] = {TEXT_EXAMPLE, 0, "example", NULL},
    [35] = {TEXT_FORMAT, FORMAT_ULID, "ulid", "ULID"},
    [37] = {TEXT_FORMAT, FORMAT_PROTOBUF_FQN, "protobuf_fqn", "fully-qualified Protobuf name"},
    [38] = {TEXT_FORMAT, FORMAT_PROTOBUF_DOT_FQN, "protobuf_dot_fqn",
            "fully-qualified Protobuf name with a leading dot"},
};

static const struct text_rule BYTES_RULES[] = {
    [1] = {TEXT_CONST, 0, "const", NULL},
    [2] = {TEXT_MIN_BYTES, 0, "min_len", NULL},
    [3] = {TEXT_MAX_BYTES, 0, "max_len", NULL},
    [4] = {TEXT_PATTERN, 0, "pattern", NULL},
    [5] = {TEXT_PREFIX, 0, "prefix", NULL},
    [6] = {TEXT_SUFFIX, 0, "suffix", NULL},
    [7] = {TEXT_CONTAINS, 0, "contains", NULL},
    [8] = {TEXT_IN, 0, "in", NULL},
    [9] = {TEXT_NOT_IN, 0, "not_in", NULL},
    [10] = {TEXT_FORMAT, FORMAT_BYTES_IP, "ip", "IP address"},
    [11] = {TEXT_FORMAT, FORMAT_BYTES_IPV4, "ipv4", "IPv4 address"},
    [12] = {TEXT_FORMAT, FORMAT_BYTES_IPV6, "ipv6", "IPv6 address"},
    [13] = {TEXT_LEN_BYTES, 0, "len", NULL},
    [14] = {TEXT_EXAMPLE, 0, "example", NULL},
    [15] = {TEXT_FORMAT, FORMAT_BYTES_UUID, "uuid", "UUID"},
};

enum { HEADER_NAME = 1, HEADER_VALUE = 2 };

/* A rule message as read, before checks are made of it. */
struct text_reading {
    struct build *build;
    const char *family; /* "string" or "bytes" */
    const struct text_rule *rules;
    unsigned n_rules;
    const struct text_rule *said[TEXT_COUNT]; /* by role; of the formats the last said one */
    struct span text[TEXT_COUNT];
    uint64_t number[TEXT_COUNT];
    bool loose; /* well_known_regex with strict = false */
    struct text_list {
        struct span *items;
        unsigned count, capacity;
    } in, not_in;
};

static unsigned role_wire_type(enum text_role role)
{
    switch (role) {
    case TEXT_CONST:
    case TEXT_PATTERN:
    case TEXT_PREFIX:
    case TEXT_SUFFIX:
    case TEXT_CONTAINS:
    case TEXT_NOT_CONTAINS:
    case TEXT_IN:
    case TEXT_NOT_IN:
    case TEXT_EXAMPLE:
        return 2;
    default:
        return 0;
    }
}

static struct span keep_text(struct build *build, struct span text)
{
    return (struct span){
        arena_string(&build->rules->arena, text.data ? text.data : "", text.length), text.length};
}

static void push_text(struct text_list *list, struct span text)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 8;
        list->items = mem_grow(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = text;
}

static void read_rule(struct text_reading *reading, const struct text_rule *rule,
                      const struct wire_field *field)
{
    enum text_role role = rule->role;

    if (role == TEXT_IN || role == TEXT_NOT_IN)
        push_text(role == TEXT_IN ? &reading->in : &reading->not_in,
                  keep_text(reading->build, field->bytes));
    if (role == TEXT_STRICT)
        reading->loose = field->varint == 0;
    if (role == TEXT_FORMAT || role == TEXT_WELL_KNOWN_REGEX) /* members of one oneof */
        reading->said[TEXT_FORMAT] = reading->said[TEXT_WELL_KNOWN_REGEX] = NULL;
    reading->said[role] = role == TEXT_FORMAT && !field->varint ? NULL : rule;
    reading->number[role] = field->varint;
    if (field->wire_type == 2)
        reading->text[role] = keep_text(reading->build, field->bytes);
}

static bool read_rules(struct text_reading *reading, struct span bytes)
{
    struct wire_reader reader;
    struct wire_field field;
    bool good = true;

    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field)) {
        const struct text_rule *rule =
            field.number < reading->n_rules ? &reading->rules[field.number] : NULL;
        if (!rule || rule->role == TEXT_UNKNOWN) {
            good = build_unknown(reading->build, reading->family, field.number);
            continue;
        }
        if (field.wire_type != role_wire_type(rule->role))
            return build_malformed(reading->build, reading->family);
        read_rule(reading, rule, &field);
    }
    if (reader.failed)
        return build_malformed(reading->build, reading->family);
    return good;
}

/* ── checks ────────────────────────────────────────────────────────────────────────────────── */

static void print_text(struct buf *out, const struct text_reading *reading, struct span text)
{
    if (reading->family[0] == 'b')
        buf_hex(out, text.data, text.length);
    else
        buf_json_string(out, text.data, text.length);
}

static const char *sentence(struct text_reading *reading, const char *begin,
                            const struct span *items, unsigned count, const char *end)
{
    struct buf text = BUF_INIT;

    buf_puts(&text, begin);
    for (unsigned i = 0; i < count; i++) {
        buf_puts(&text, i ? ", " : "");
        print_text(&text, reading, items[i]);
    }
    buf_puts(&text, end);
    const char *kept = arena_string(&reading->build->rules->arena, text.data, text.length);
    buf_free(&text);
    return kept;
}

static struct check *new_check(struct text_reading *reading, struct check_list *list,
                               enum text_role role, enum check_code code)
{
    return build_check(reading->build, list, code, reading->family, reading->said[role]->name);
}

static void make_sizes(struct text_reading *reading, struct check_list *list)
{
    static const struct {
        unsigned char role, code;
        bool min, max;
        const char *begin, *unit;
    } SIZES[] = {
        {TEXT_LEN, CHECK_POINTS, true, true, "must be ", "characters"},
        {TEXT_MIN_LEN, CHECK_POINTS, true, false, "must be at least ", "characters"},
        {TEXT_MAX_LEN, CHECK_POINTS, false, true, "must be at most ", "characters"},
        {TEXT_LEN_BYTES, CHECK_BYTES, true, true, "must be ", "bytes"},
        {TEXT_MIN_BYTES, CHECK_BYTES, true, false, "must be at least ", "bytes"},
        {TEXT_MAX_BYTES, CHECK_BYTES, false, true, "must be at most ", "bytes"},
    };
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        enum text_role role = SIZES[i].role;
        if (!reading->said[role])
            continue;
        struct check *check = new_check(reading, list, role, SIZES[i].code);
        check->size.min = SIZES[i].min ? reading->number[role] : 0;
        check->size.max = SIZES[i].max ? reading->number[role] : UINT64_MAX;
        check->message = build_sentence(reading->build, "%s%llu %s", SIZES[i].begin,
                                        (unsigned long long)reading->number[role], SIZES[i].unit);
    }
}

static void make_texts(struct text_reading *reading, struct check_list *list)
{
    static const struct {
        unsigned char role, code;
        const char *begin;
    } TEXTS[] = {
        {TEXT_PREFIX, CHECK_TEXT_PREFIX, "does not have prefix "},
        {TEXT_SUFFIX, CHECK_TEXT_SUFFIX, "does not have suffix "},
        {TEXT_CONTAINS, CHECK_TEXT_CONTAINS, "does not contain "},
        {TEXT_NOT_CONTAINS, CHECK_TEXT_NOT_CONTAINS, "contains "},
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        enum text_role role = TEXTS[i].role;
        if (!reading->said[role])
            continue;
        struct check *check = new_check(reading, list, role, TEXTS[i].code);
        check->text = reading->text[role];
        check->message = sentence(reading, TEXTS[i].begin, &reading->text[role], 1, "");
    }
}

static void make_in(struct text_reading *reading, enum text_role role, struct check_list *list)
{
    const struct text_list *texts = role == TEXT_IN ? &reading->in : &reading->not_in;

    if (!texts->count)
        return;
    struct span *items = build_alloc(reading->build, texts->count * sizeof *items);
    memcpy(items, texts->items, texts->count * sizeof *items);
    struct check *check =
        new_check(reading, list, role, role == TEXT_IN ? CHECK_TEXT_IN : CHECK_TEXT_NOT_IN);
    check->texts.items = items;
    check->texts.count = texts->count;
    check->message =
        sentence(reading, role == TEXT_IN ? "must be in list [" : "must not be in list [", items,
                 texts->count, "]");
}

static bool make_pattern(struct text_reading *reading, struct check_list *list)
{
    struct rules *rules = reading->build->rules;
    struct span source = reading->text[TEXT_PATTERN];
    char reason[160] = "";
    struct pattern *pattern = pattern_open(source, reason, sizeof reason);

    if (!pattern)
        return build_error(reading->build,
                           "patterns are RE2's dialect, without lookaround and "
                           "backreferences",
                           "rule %s.pattern cannot be compiled: %s", reading->family, reason);
    if (rules->n_patterns == rules->patterns_capacity) {
        rules->patterns_capacity = rules->patterns_capacity ? rules->patterns_capacity * 2 : 8;
        rules->patterns =
            mem_grow(rules->patterns, rules->patterns_capacity, sizeof(struct pattern *));
    }
    rules->patterns[rules->n_patterns++] = pattern;
    struct check *check = new_check(reading, list, TEXT_PATTERN, CHECK_PATTERN);
    check->pattern = pattern;
    check->message =
        build_sentence(reading->build, "does not match regex pattern `%s`", source.data);
    return true;
}

static bool make_header(struct text_reading *reading, struct check_list *list)
{
    uint64_t which = reading->number[TEXT_WELL_KNOWN_REGEX];
    bool name = which == HEADER_NAME;

    if (which == 0)
        return true; /* KNOWN_REGEX_UNSPECIFIED */
    if (which != HEADER_NAME && which != HEADER_VALUE)
        return build_error(reading->build, "use a newer version of Pactolus or another rule",
                           "rule string.well_known_regex names an unknown expression");
    struct check *check =
        build_check(reading->build, list, CHECK_FORMAT, "string",
                    name ? "well_known_regex.header_name" : "well_known_regex.header_value");
    if (reading->loose)
        check->format = name ? FORMAT_HEADER_NAME_LOOSE : FORMAT_HEADER_VALUE_LOOSE;
    else
        check->format = name ? FORMAT_HEADER_NAME : FORMAT_HEADER_VALUE;
    check->message = build_sentence(reading->build, "must be a valid HTTP header %s%s",
                                    name ? "name" : "value", reading->loose ? " (loose)" : "");
    return true;
}

/* In protovalidate's order, so that the first violation is the same one. */
static bool make_checks(struct text_reading *reading, struct check_list *list)
{
    const struct text_rule *const *said = reading->said;
    bool good = true;

    if (said[TEXT_CONST]) {
        struct check *check = new_check(reading, list, TEXT_CONST, CHECK_TEXT_CONST);
        check->text = reading->text[TEXT_CONST];
        check->message = sentence(reading, "must equal ", &check->text, 1, "");
    }
    make_sizes(reading, list);
    if (said[TEXT_PATTERN])
        good = make_pattern(reading, list);
    make_texts(reading, list);
    make_in(reading, TEXT_IN, list);
    make_in(reading, TEXT_NOT_IN, list);
    if (said[TEXT_FORMAT]) {
        struct check *check = new_check(reading, list, TEXT_FORMAT, CHECK_FORMAT);
        check->format = said[TEXT_FORMAT]->format;
        check->message =
            build_sentence(reading->build, "must be a valid %s", said[TEXT_FORMAT]->noun);
    }
    if (said[TEXT_WELL_KNOWN_REGEX])
        good &= make_header(reading, list);
    return good;
}

static bool build_text(struct text_reading *reading, struct span bytes, struct check_list *list)
{
    bool good = read_rules(reading, bytes) && make_checks(reading, list);

    free(reading->in.items);
    free(reading->not_in.items);
    return good;
}

bool build_string(struct build *build, struct span bytes, struct check_list *list)
{
    struct text_reading reading = {.build = build,
                                   .family = "string",
                                   .rules = STRING_RULES,
                                   .n_rules = sizeof STRING_RULES / sizeof *STRING_RULES};
    return build_text(&reading, bytes, list);
}

bool build_bytes(struct build *build, struct span bytes, struct check_list *list)
{
    struct text_reading reading = {.build = build,
                                   .family = "bytes",
                                   .rules = BYTES_RULES,
                                   .n_rules = sizeof BYTES_RULES / sizeof *BYTES_RULES};
    return build_text(&reading, bytes, list);
}
