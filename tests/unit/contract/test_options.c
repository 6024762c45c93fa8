/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/contract.h"

#include "fixture.h"

static struct descriptor_set *set;
static struct options_memory *memory;

static int setup(void **state)
{
    (void)state;
    set = load_set("contract_options");
    memory = options_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    options_close(memory);
    descriptor_set_free(set);
    return 0;
}

/* Each option stands in a piece of its own in the file; pieces merge. */
static void test_every_option_of_a_message(void **state)
{
    (void)state;
    struct contract_options options;
    struct err err = ERR_INIT;
    assert_true(options_of_message(memory, find_type(set, "pactolus.test.options.v3.Full"),
                                   &options, &err));
    assert_int_equal(options.n_topics, 2);
    assert_string_equal(options.topics[0], "one");
    assert_string_equal(options.topics[1], "two");
    assert_int_equal(options.n_key, 2);
    assert_string_equal(options.key[0], "tenant");
    assert_string_equal(options.version_field, "revision");
    assert_string_equal(options.event_time, "happened_at");
    assert_string_equal(options.schema, "lake");
    assert_string_equal(options.table, "full_rows");
    assert_string_equal(options.view, "full_view");
    assert_int_equal(options.mode, CONTRACT_UPSERT);
    assert_true(options.mode_said);
    assert_string_equal(options.owner, "team");
    assert_string_equal(options.notify, "team@example.org");
    assert_int_equal(options.status, CONTRACT_DEPRECATED);
    assert_true(options.status_said);
    assert_string_equal(options.sunset, "2031-01-31");
    assert_string_equal(options.freshness, "15m");
    assert_string_equal(options.retention, "90d");
    assert_string_equal(options.purge_deleted_after, "400d");
    assert_string_equal(options.description, "What it is for");
}

static void test_nothing_said(void **state)
{
    (void)state;
    const struct message_type *type = find_type(set, "pactolus.test.options.v3.Silent");
    struct contract_options options;
    struct column_options column;
    struct err err = ERR_INIT;
    assert_true(options_of_message(memory, type, &options, &err));
    assert_null(options.table);
    assert_int_equal(options.n_key, 0);
    assert_false(options.mode_said);
    assert_false(options.status_said);
    assert_true(options_of_field(memory, find_field(type, "id"), &column, &err));
    assert_null(column.name);
    assert_false(column.skip_said);
}

static void test_every_option_of_a_field(void **state)
{
    (void)state;
    const struct message_type *type = find_type(set, "pactolus.test.options.v3.Full");
    struct column_options options;
    struct err err = ERR_INIT;
    assert_true(options_of_field(memory, find_field(type, "power"), &options, &err));
    assert_string_equal(options.name, "power_kw");
    assert_null(options.type);
    assert_string_equal(options.unit, "kW");
    assert_string_equal(options.classification, "internal");
    assert_string_equal(options.null_means, "not measured");
    assert_true(options_of_field(memory, find_field(type, "secret"), &options, &err));
    assert_true(options.skip);
    assert_true(options.skip_said);
}

/* Options come from the same bytes as the rest of the set: as hostile. */
static void expect_fault(const char *bytes, size_t length, const char *part)
{
    struct message_type type = {.full_name = "p.M", .options = {.data = bytes, .length = length}};
    struct contract_options options;
    struct err err = ERR_INIT;
    if (options_of_message(memory, &type, &options, &err))
        fail_msg("taken, although: %s", part);
    assert_contains(err.text, "options of p.M");
    assert_contains(err.text, part);
    assert_int_equal(err.class, ERR_HALT);
}

#define EXPECT_FAULT(bytes, part) expect_fault(bytes, sizeof(bytes) - 1, part)

static void test_malformed_options(void **state)
{
    (void)state;
    EXPECT_FAULT("\xda\xce\x18\x05", "malformed");         /* past the end */
    EXPECT_FAULT("\xda\xce\x18\x02\x0a\x05", "malformed"); /* past the end, within ours */
    EXPECT_FAULT("\xd8\xce\x18\x05", "something else under the number");
    EXPECT_FAULT("\xda\xce\x18\x03\x22\x01\xff", "UTF-8");
    EXPECT_FAULT("\xda\xce\x18\x02\x40\x09", "mode that this version does not know");
    EXPECT_FAULT("\xda\xce\x18\x02\x58\x09", "status that this version does not know");
    EXPECT_FAULT("\xda\xce\x18\x03\xa0\x06\x01", "option number 100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_of_a_message),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_every_option_of_a_field),
        cmocka_unit_test(test_malformed_options),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
