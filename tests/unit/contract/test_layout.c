/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "contract/layout.h"
#include "support/fixture.h"

#include <string.h>

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "record_types");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static const struct contract *contract(const char *name, const char *key, const char *version,
                                       const char *type)
{
    return fixture_contract(
        &fixture, name,
        &(struct fixture_says){.key = {key},
                               .version = version,
                               .append = key == NULL,
                               .columns = {{type ? "payment_id" : NULL, type}}});
}

static struct layout *make(const struct contract *const *contracts, unsigned n)
{
    struct errs errs = {0};
    struct layout *layout = layout_make(contracts, n, &errs);
    if (!layout)
        fail_msg("%s", errs.items[0].text);
    assert_int_equal(errs.count, 0);
    return layout;
}

static void named(const struct layout *layout, const char *const *names, unsigned n)
{
    assert_int_equal(layout->n_columns, n);
    for (unsigned i = 0; i < n; i++)
        assert_string_equal(layout->columns[i].name, names[i]);
}

static void an_upsert_table_has_its_columns_and_the_books(void **state)
{
    (void)state;
    static const char *const names[] = {"payment_id", "account_id",  "amount_minor", "currency",
                                        "status",     "captured_at", "revision",     "note",
                                        "_version",   "_log",        "_offset",      "_order_ts",
                                        "_loaded_at", "_deleted_at"};
    const struct contract *one = contract("shop.v1.Payment", "account_id", "revision", NULL);
    struct layout *layout = make(&one, 1);
    named(layout, names, 14);
    assert_int_equal(layout->n_data, 8);
    assert_true(layout->versioned);
    assert_false(layout->append);
    assert_int_equal(layout->n_key, 1);
    assert_int_equal(layout->key[0], 1);
    assert_int_equal(layout->columns[1].key_position, 0);
    assert_int_equal(layout->columns[0].key_position, -1);
    assert_true(layout->columns[3].required);
    assert_false(layout->columns[5].required); /* captured_at: a message has presence */
    assert_int_equal(layout->columns[8].book, BOOK_VERSION);
    assert_int_equal(layout->columns[0].book, BOOK_NONE);
    assert_int_equal(layout->columns[13].type->id, TYPE_TIMESTAMPTZ);
    assert_true(layout->columns[12].required);
    assert_false(layout->columns[13].required);
    assert_string_equal(layout->table, one->table);
    for (int i = 0; i < 8; i++)
        assert_int_equal(layout->from[0][i], i);
    layout_free(layout);
}

static void an_append_table_is_keyed_by_log_and_offset(void **state)
{
    (void)state;
    const struct contract *one = contract("shop.v1.Payment", NULL, NULL, NULL);
    struct layout *layout = make(&one, 1);
    assert_true(layout->append);
    assert_false(layout->versioned);
    assert_int_equal(layout->n_columns, 8 + 5);
    assert_int_equal(layout->n_key, 2);
    assert_string_equal(layout->columns[layout->key[0]].name, "_log");
    assert_string_equal(layout->columns[layout->key[1]].name, "_offset");
    assert_int_equal(layout->columns[layout->key[1]].key_position, 1);
    layout_free(layout);
}

static void several_contracts_share_a_union(void **state)
{
    (void)state;
    const struct contract *two[] = {contract("shop.v1.Payment", "payment_id", "revision", NULL),
                                    contract("shop.v1.Refund", "payment_id", "revision", NULL)};
    struct layout *layout = make(two, 2);
    assert_int_equal(layout->n_data, 9);
    assert_string_equal(layout->columns[8].name, "reason");
    assert_int_equal(layout->from[0][8], -1);
    assert_int_equal(layout->from[1][8], 3);
    assert_int_equal(layout->from[1][6], 2); /* revision */
    assert_int_equal(layout->from[1][3], -1);
    assert_true(layout->columns[0].required);
    assert_true(layout->columns[1].required);  /* account_id: in both */
    assert_false(layout->columns[3].required); /* currency: a Refund lacks it */
    assert_false(layout->columns[8].required); /* reason: a Payment lacks it */
    layout_free(layout);
}

static void refused(const struct contract *a, const struct contract *b, const char *why)
{
    const struct contract *two[] = {a, b};
    struct errs errs = {0};
    bool found = false;
    assert_null(layout_make(two, 2, &errs));
    for (unsigned i = 0; i < errs.count; i++) {
        assert_int_equal(errs.items[i].class, ERR_HALT);
        assert_string_not_equal(errs.items[i].place, "");
        found = found || strstr(errs.items[i].text, why);
    }
    assert_true(found);
    errs_free(&errs);
}

static void contracts_that_disagree_are_refused(void **state)
{
    (void)state;
    const struct contract *payment = contract("shop.v1.Payment", "payment_id", "revision", NULL);
    refused(payment, contract("shop.v1.Refund", NULL, "revision", NULL), "mode");
    refused(payment, contract("shop.v1.Refund", "account_id", "revision", NULL), "key");
    refused(payment, contract("shop.v1.Refund", "payment_id", NULL, NULL), "version");
    refused(payment, contract("shop.v1.Refund", "payment_id", "revision", "uuid"),
            "column payment_id");
}

/* The one of the two that says more of a column: its owner may not know how closely to keep it. */
static void the_strictest_classification_counts(void **state)
{
    (void)state;
    static const char *const names[] = {"", "public", "internal", "personal", "secret"};
    const struct contract *payment = contract("shop.v1.Payment", "payment_id", NULL, NULL);
    struct column columns[2] = {*fixture_column(payment, "note"), *fixture_column(payment, "note")};
    columns[1].unit = "lines";
    for (unsigned i = 0; i < 25; i++) {
        unsigned a = i / 5, b = i % 5;
        struct contract both[2] = {*payment, *payment};
        for (unsigned k = 0; k < 2; k++) {
            columns[k].classification = names[k ? b : a];
            columns[k].key_position = 0;
            both[k].columns = &columns[k];
            both[k].n_columns = 1;
            both[k].key[0] = 0;
        }
        const struct contract *two[] = {&both[0], &both[1]};
        struct layout *layout = make(two, 2);
        assert_int_equal(layout->columns[0].classification, a > b ? a : b);
        assert_string_equal(layout->columns[0].unit, "lines");
        assert_ptr_equal(layout->columns[0].of, &both[0]);
        layout_free(layout);
    }
}

static void every_fault_is_reported(void **state)
{
    (void)state;
    const struct contract *two[] = {contract("shop.v1.Payment", "payment_id", "revision", NULL),
                                    contract("shop.v1.Refund", "account_id", NULL, "uuid")};
    struct errs errs = {0};
    assert_null(layout_make(two, 2, &errs));
    assert_int_equal(errs.count, 3);
    errs_free(&errs);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_upsert_table_has_its_columns_and_the_books),
        TEST(an_append_table_is_keyed_by_log_and_offset),
        TEST(several_contracts_share_a_union),
        TEST(contracts_that_disagree_are_refused),
        TEST(the_strictest_classification_counts),
        TEST(every_fault_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
