/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule, kept and broken: the rows are in validate_rows.h. */
#include "record/validate.h"

#include "validate_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOW = 1000000ll * 1000000;

static struct descriptor_set *set;

static int load_set(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    set = descriptor_set_load(PACTOLUS_DESCRIPTORS "/validated.binpb", &err);
    if (!set)
        fail_msg("%s", err.text);
    return 0;
}

static int free_set(void **state)
{
    (void)state;
    descriptor_set_free(set);
    return 0;
}

/* A message type with its rules. */
struct subject {
    const struct message_type *type;
    struct rules *rules;
};

static struct subject subject_open(const char *name)
{
    struct errs errs = {0};
    char full[96];

    snprintf(full, sizeof full, "validated.%s", name);
    const struct message_type *type = descriptor_set_message(set, full);
    if (!type)
        fail_msg("no message %s", full);
    struct rules *rules = rules_compile(type, &errs);
    if (!rules)
        fail_msg("%s: %s", full, errs.items[0].text);
    return (struct subject){type, rules};
}

static bool judge(const struct subject *subject, struct span bytes, struct violation *violation)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(&subject->type->pb, NULL, bytes.length,
                                                          (const unsigned char *)bytes.data);

    assert_non_null(message);
    memset(violation, 0, sizeof *violation);
    bool good = validate_message(subject->rules, message, NOW, violation);
    protobuf_c_message_free_unpacked(message, NULL);
    return good;
}

static void rows(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct subject subject = subject_open(ROWS[i].type);
        struct violation violation;
        bool good = judge(&subject, ROWS[i].bytes, &violation);
        rules_free(subject.rules);
        if (good == (ROWS[i].rule[0] == '\0') && strcmp(violation.rule, ROWS[i].rule) == 0 &&
            strcmp(violation.field, ROWS[i].field) == 0 && good == (violation.message[0] == '\0'))
            continue;
        print_error("row %zu, %s: expected \"%s\" at \"%s\", got \"%s\" at \"%s\" (%s)\n", i,
                    ROWS[i].type, ROWS[i].rule, ROWS[i].field, violation.rule, violation.field,
                    violation.message);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* Each message type of the test file has a row that keeps its rules and one that breaks them. */
static void rows_cover_every_type(void **state)
{
    static const char *const UNBREAKABLE[] = {"Free", "IgnoreAlways"};
    static const char *const ELSEWHERE[] = {"Inner", "Payment"};
    const struct message_type *type;

    (void)state;
    for (unsigned i = 0; (type = descriptor_set_message_at(set, i)); i++) {
        bool kept = false, broken = false;
        if (strncmp(type->full_name, "validated.", 10) != 0 || type->map_entry)
            continue;
        const char *name = type->full_name + 10;
        for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++) {
            kept |= strcmp(ROWS[r].type, name) == 0 && ROWS[r].rule[0] == '\0';
            broken |= strcmp(ROWS[r].type, name) == 0 && ROWS[r].rule[0] != '\0';
        }
        for (size_t k = 0; k < sizeof UNBREAKABLE / sizeof *UNBREAKABLE; k++)
            broken |= strcmp(UNBREAKABLE[k], name) == 0;
        for (size_t k = 0; k < sizeof ELSEWHERE / sizeof *ELSEWHERE; k++)
            kept |= broken |= strcmp(ELSEWHERE[k], name) == 0;
        if (!kept || !broken)
            fail_msg("%s lacks a row that %s", name, kept ? "breaks it" : "keeps it");
    }
}

/* Sorting, not comparing each with each, finds duplicates in long lists. */
static void unique_in_long_lists(void **state)
{
    static const unsigned LENGTHS[] = {16, 17, 192, 193, 5000};
    struct subject subject = subject_open("UniqueString");
    struct violation violation;

    (void)state;
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        struct buf bytes = BUF_INIT;
        for (unsigned k = 0; k < LENGTHS[i]; k++)
            buf_printf(&bytes, "\n\x08%08u", k * 7919u % 100003u);
        assert_true(judge(&subject, (struct span){bytes.data, bytes.length}, &violation));
        buf_printf(&bytes, "\n\x08%08u", LENGTHS[i] / 2 * 7919u % 100003u);
        assert_false(judge(&subject, (struct span){bytes.data, bytes.length}, &violation));
        assert_string_equal(violation.rule, "repeated.unique");
        buf_free(&bytes);
    }
    rules_free(subject.rules);
}

/* A thousand entries, each key twice: the later ones count, wherever they stand. */
static void duplicate_keys_in_long_maps(void **state)
{
    struct subject subject = subject_open("MapValues");
    struct buf bytes = BUF_INIT;
    struct violation violation;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) /* value "a" is too short, "ab" is not */
        buf_printf(&bytes, "\n%c\x08%c%c\x12%c%s", i < 500 ? 6 : 7, (char)(i % 100 | 0x80),
                   (char)(i % 500 / 100 + 1), i < 500 ? 1 : 2, i < 500 ? "a" : "ab");
    assert_true(judge(&subject, (struct span){bytes.data, bytes.length}, &violation));
    buf_put(&bytes,
            "\n\x06\x08\x85\x01\x12\x01"
            "a",
            8);
    assert_false(judge(&subject, (struct span){bytes.data, bytes.length}, &violation));
    assert_string_equal(violation.field, "v[133]");
    buf_free(&bytes);
    rules_free(subject.rules);
}

/* What does not fit into a violation is cut between code points; values never show. */
static void violations_are_cut_well(void **state)
{
    struct subject subject = subject_open("MapMessages");
    struct violation violation;
    struct buf key = BUF_INIT, bytes = BUF_INIT;

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        buf_puts(&key, "\xf0\x9f\x98\x80");
    buf_printf(&bytes, "\n\xd0\x01\n\xc8\x01%s\x12\x03\n\x01S", key.data);
    assert_false(judge(&subject, (struct span){bytes.data, bytes.length}, &violation));
    assert_int_equal(strlen(violation.field), 3 + 39 * 4);
    assert_memory_equal(violation.field, "v[\"", 3);
    assert_memory_equal(violation.field + 3, key.data, 39 * 4);
    assert_string_equal(violation.message, "must be at least 2 characters");
    buf_free(&key);
    buf_free(&bytes);
    rules_free(subject.rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(rows_cover_every_type),
        cmocka_unit_test(unique_in_long_lists),
        cmocka_unit_test(duplicate_keys_in_long_maps),
        cmocka_unit_test(violations_are_cut_well),
    };
    return cmocka_run_group_tests(tests, load_set, free_set);
}
