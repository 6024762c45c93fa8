/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling rules: what is refused and how it is told, what is forgotten, what is described. What
 * the rules mean is in tests/unit/record/test_validate.c. */
#include "contract/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct descriptor_set *validated, *refused;

static struct descriptor_set *load(const char *path)
{
    struct err err = ERR_INIT;
    struct descriptor_set *set = descriptor_set_load(path, &err);

    if (!set)
        fail_msg("%s: %s", path, err.text);
    return set;
}

static int load_sets(void **state)
{
    (void)state;
    validated = load(PACTOLUS_DESCRIPTORS "/validated.binpb");
    refused = load(PACTOLUS_DESCRIPTORS "/refused.binpb");
    return 0;
}

static int free_sets(void **state)
{
    (void)state;
    descriptor_set_free(validated);
    descriptor_set_free(refused);
    return 0;
}

static struct rules *compile(const char *name)
{
    struct errs errs = {0};
    const struct message_type *type = descriptor_set_message(validated, name);

    assert_non_null(type);
    struct rules *rules = rules_compile(type, &errs);
    if (!rules)
        fail_msg("%s: %s", name, errs.items[0].text);
    assert_int_equal(errs.count, 0);
    errs_free(&errs);
    return rules;
}

/* ── refusals ──────────────────────────────────────────────────────────────────────────────── */

static const struct {
    const char *type;
    const char *field; /* NULL: the message itself */
    const char *says;  /* what the error names */
} REFUSED[] = {
    {"refused.FieldCel", "v", "rule cel is not supported"},
    {"refused.FieldCelExpression", "v", "rule cel_expression is not supported"},
    {"refused.ItemCel", "v.items", "rule cel is not supported"},
    {"refused.MessageCel", NULL, "rule cel is not supported"},
    {"refused.MessageCelExpression", NULL, "rule cel_expression is not supported"},
    {"refused.Predefined", "v", "predefined rule (extension 1001 of int32)"},
    {"refused.AnyRule", "v", "rule any is not supported"},
    {"refused.FieldMaskRule", "v", "rule field_mask is not supported"},
    {"refused.WrongType", "v", "rule string does not fit the field; int32 does"},
    {"refused.WrongTypeOfList", "v", "rule string does not fit the field; repeated does"},
    {"refused.WrongTypeOfKey", "v.keys", "rule string does not fit the field; int32 does"},
    {"refused.WrongTypeOfMessage", "v", "rule int32 cannot be used on this field"},
    {"refused.BadPattern", "v", "rule string.pattern cannot be compiled"},
    {"refused.HugePattern", "v", "rule string.pattern cannot be compiled"},
    {"refused.UniqueMessages", "v", "rule repeated.unique on a list of messages"},
    {"refused.SetUnknown", NULL, "rule oneof names the unknown field w"},
    {"refused.SetTwice", NULL, "rule oneof names field v twice"},
    {"refused.SetEmpty", NULL, "rule oneof names no field"},
};

static void what_is_not_enforced_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        struct errs errs = {0};
        char subject[128];
        const struct message_type *type = descriptor_set_message(refused, REFUSED[i].type);

        assert_non_null(type);
        assert_null(rules_compile(type, &errs));
        assert_true(errs.count >= 1);
        const struct err *err = &errs.items[0];
        snprintf(subject, sizeof subject, "%s %s%s%s: ", REFUSED[i].field ? "field" : "message",
                 REFUSED[i].type, REFUSED[i].field ? "." : "",
                 REFUSED[i].field ? REFUSED[i].field : "");
        if (!strstr(err->text, subject) || !strstr(err->text, REFUSED[i].says))
            fail_msg("%s: \"%s\"", REFUSED[i].type, err->text);
        assert_int_equal(err->class, ERR_HALT);
        assert_int_equal(err->exit, ERR_EXIT_CONFIG);
        assert_memory_equal(err->place, "refused.proto:", 14);
        assert_true(err->hint[0] != '\0');
        errs_free(&errs);
    }
}

static void all_faults_are_told_at_once(void **state)
{
    struct errs errs = {0};

    (void)state;
    assert_null(rules_compile(descriptor_set_message(refused, "refused.Two"), &errs));
    assert_int_equal(errs.count, 2);
    assert_non_null(strstr(errs.items[0].text, "refused.Two.v"));
    assert_non_null(strstr(errs.items[1].text, "refused.BadPattern.v"));
    errs_free(&errs);
}

/* ── option bytes that no compiler wrote ───────────────────────────────────────────────────── */

#define TAG_1159 "\xba\x48" /* field 1159, length-delimited */

static const struct {
    const char *what;
    struct span options;
    const char *says;
} MALFORMED[] = {
    {"a length past the end", {TAG_1159 "\x7f", 3}, "malformed"},
    {"a varint where FieldRules belong", {"\xb8\x48\x01", 3}, "malformed"},
    {"a rule cut short", {TAG_1159 "\x03\x1a\x05\x08", 6}, "malformed"},
    {"a text as a bound", {TAG_1159 "\x05\x1a\x03\x12\x01x", 8}, "malformed"},
    {"a packed list cut short", {TAG_1159 "\x05\x1a\x03\x32\x01\x80", 8}, "malformed"},
    {"a rule from the future", {TAG_1159 "\x05\x1a\x03\xa0\x06\x01", 8}, "number 100 of int32"},
    {"a field of FieldRules from the future", {TAG_1159 "\x03\xa0\x06\x01", 6}, "number 100 of"},
    {"an unknown way to ignore", {TAG_1159 "\x03\xd8\x01\x02", 6}, "unknown value 2"},
};

/* The type with one field of other options. Rules borrow the descriptors, so these stay. */
static struct rules *compile_with(struct span options, struct errs *errs)
{
    const struct message_type *type = descriptor_set_message(validated, "validated.Int32Lt");
    static struct message_type copy;
    static struct field_type field;

    copy = *type;
    field = type->fields[0];
    field.options = options;
    copy.fields = &field;
    return rules_compile(&copy, errs);
}

static void malformed_options_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof MALFORMED / sizeof *MALFORMED; i++) {
        struct errs errs = {0};
        if (compile_with(MALFORMED[i].options, &errs))
            fail_msg("%s: accepted", MALFORMED[i].what);
        assert_int_equal(errs.count, 1);
        if (!strstr(errs.items[0].text, MALFORMED[i].says))
            fail_msg("%s: \"%s\"", MALFORMED[i].what, errs.items[0].text);
        errs_free(&errs);
    }
}

static void packed_lists_and_pieces_are_merged(void **state)
{
    /* int32.in = [1, 2] packed, then, in a second piece of the option, int32.in = 300 unpacked */
    static const char OPTIONS[] =
        TAG_1159 "\x06\x1a\x04\x32\x02\x01\x02" TAG_1159 "\x05\x1a\x03\x30\xac\x02";
    struct errs errs = {0};
    struct buf text = BUF_INIT;

    (void)state;
    struct rules *rules = compile_with((struct span){OPTIONS, sizeof OPTIONS - 1}, &errs);
    assert_non_null(rules);
    assert_int_equal(rules_count(rules), 1);
    rules_describe(rules, &text);
    assert_non_null(strstr(text.data, "int32.in: must be in list [1, 2, 300]"));
    buf_free(&text);
    rules_free(rules);
}

/* ── what is compiled ──────────────────────────────────────────────────────────────────────── */

static void counts(void **state)
{
    static const struct {
        const char *type;
        unsigned count;
    } COUNTS[] = {
        {"validated.Free", 0},
        {"validated.Int32Const", 1},
        {"validated.Int32Range", 1},
        {"validated.RequiredInt", 1},
        {"validated.MapTimes", 1},
        {"validated.Choice", 4},
        {"validated.RequiredMessage", 1},
        {"validated.Set", 4},
        {"validated.Payment", 11},
    };

    (void)state;
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        struct rules *rules = compile(COUNTS[i].type);
        if (rules_count(rules) != COUNTS[i].count)
            fail_msg("%s: %u rules", COUNTS[i].type, rules_count(rules));
        rules_free(rules);
    }
}

static void description(void **state)
{
    struct rules *rules = compile("validated.Order");
    struct buf text = BUF_INIT;

    (void)state;
    rules_describe(rules, &text);
    assert_string_equal(text.data, "validated.Order\n"
                                   "  one if set\n"
                                   "    rules of validated.Inner\n"
                                   "  items\n"
                                   "    item rules of validated.Inner\n"
                                   "validated.Inner\n"
                                   "  sku\n"
                                   "    string.min_len: must be at least 2 characters\n"
                                   "  below if set\n"
                                   "    rules of validated.Inner\n");
    buf_free(&text);
    rules_free(rules);
}

/* Whatever a rule says must show in the description: the contract's fingerprint is made of it. Two
 * messages of the test file whose values are of one type never have the same rules. */
static void each_rule_is_described_differently(void **state)
{
    enum { MOST = 400 };
    struct buf texts[MOST] = {0};
    const ProtobufCFieldDescriptor *values[MOST];
    unsigned n = 0;
    const struct message_type *type;

    (void)state;
    for (unsigned i = 0; (type = descriptor_set_message_at(validated, i)); i++) {
        if (strncmp(type->full_name, "validated.", 10) != 0 || type->map_entry)
            continue;
        struct rules *rules = compile(type->full_name);
        assert_true(n < MOST);
        rules_describe(rules, &texts[n]);
        values[n] = type->fields[0].pb;
        rules_free(rules);
        if (!texts[n].length)
            continue;
        for (unsigned k = 0; k < n; k++) /* past the first line, which is the message's name */
            if (values[k]->type == values[n]->type && values[k]->label == values[n]->label &&
                strcmp(strchr(texts[k].data, '\n'), strchr(texts[n].data, '\n')) == 0)
                fail_msg("%s is described like another: %s", type->full_name, texts[k].data);
        n++;
    }
    assert_true(n > 100);
    for (unsigned i = 0; i < n; i++)
        buf_free(&texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_enforced_is_refused),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(malformed_options_are_refused),
        cmocka_unit_test(packed_lists_and_pieces_are_merged),
        cmocka_unit_test(counts),
        cmocka_unit_test(description),
        cmocka_unit_test(each_rule_is_described_differently),
    };
    return cmocka_run_group_tests(tests, load_sets, free_sets);
}
