/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/message.h"
#include "record/row.h"
#include "support/fixture.h"

#include <string.h>

#define PAYMENT "shop.v1.Payment"
#define UUID    "00112233-4455-6677-8899-aabbccddeeff"

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

static struct layout *layout_of(const struct contract *const *contracts, unsigned n)
{
    struct errs errs = {0};
    struct layout *layout = layout_make(contracts, n, &errs);
    if (!layout)
        fail_msg("%s", errs.items[0].text);
    return layout;
}

static const struct contract *payment(const char *version)
{
    return fixture_contract(&fixture, PAYMENT,
                            &(struct fixture_says){.key = {"payment_id", "account_id"},
                                                   .version = version,
                                                   .columns = {{"payment_id", "uuid"}}});
}

static void cells_are_in_the_columns_order(void **state)
{
    (void)state;
    const struct contract *contract = payment("revision");
    struct layout *layout = layout_of(&contract, 1);
    struct row row = {.place = {.order_ts = 5, .log = 6, .offset = 7}};
    enum reason reason;
    struct err err = ERR_INIT;
    assert_true(row_build(layout, 0,
                          fixture_message(&fixture, PAYMENT,
                                          "{\"payment_id\":\"" UUID "\",\"account_id\":\"3\","
                                          "\"currency\":\"EUR\",\"status\":1,\"revision\":\"9\"}"),
                          &fixture.arena, NULL, &row, &reason, &err));
    assert_int_equal(reason, REASON_NONE);
    assert_int_equal(row.place.version, 9);
    assert_int_equal(row.place.order_ts, 5); /* the caller's */
    assert_int_equal(row.place.offset, 7);
    assert_false(row.tombstone);
    assert_int_equal(row.cells[0].length, 16);
    assert_int_equal(row.cells[2].length, 8); /* numeric zero */
    assert_memory_equal(row.cells[3].data, "EUR", 3);
    assert_memory_equal(row.cells[4].data, "CAPTURED", 8);
    assert_int_equal(row.cells[5].length, -1);
    assert_int_equal(row.cells[7].length, -1);
    layout_free(layout);
}

static void the_key_is_its_cells_with_their_lengths(void **state)
{
    (void)state;
    static const char want[] = "\0\0\0\x10\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd"
                               "\xee\xff\0\0\0\x08\0\0\0\0\0\0\0\x03";
    const struct contract *contract = payment(NULL);
    struct layout *layout = layout_of(&contract, 1);
    struct row row = {0}, other = {0};
    enum reason reason;
    struct err err = ERR_INIT;
    const char *json = "{\"payment_id\":\"" UUID "\",\"account_id\":\"3\",\"note\":\"x\"}";
    assert_true(row_build(layout, 0, fixture_message(&fixture, PAYMENT, json), &fixture.arena, NULL,
                          &row, &reason, &err));
    assert_int_equal(row.place.version, 0);
    assert_int_equal(row.key.length, sizeof want - 1);
    assert_memory_equal(row.key.data, want, sizeof want - 1);
    json = "{\"payment_id\":\"" UUID "\",\"account_id\":\"4\",\"note\":\"x\"}";
    assert_true(row_build(layout, 0, fixture_message(&fixture, PAYMENT, json), &fixture.arena, NULL,
                          &other, &reason, &err));
    assert_true(row.hash != other.hash);
    assert_true(memcmp(row.key.data, other.key.data, row.key.length) < 0);
    /* A tombstone of the same key is the same row. */
    row_tombstone(layout, row.cells, &fixture.arena, &other);
    assert_true(other.tombstone);
    assert_int_equal(other.hash, row.hash);
    assert_int_equal(other.key.length, row.key.length);
    assert_memory_equal(other.key.data, row.key.data, row.key.length);
    for (unsigned i = 2; i < layout->n_data; i++)
        assert_int_equal(other.cells[i].length, -1);
    layout_free(layout);
}

static void refused(const struct layout *layout, const char *type, const char *json,
                    enum reason want, const char *why)
{
    struct row row = {0};
    enum reason reason = REASON_NONE;
    struct err err = ERR_INIT;
    assert_false(row_build(layout, 0, fixture_message(&fixture, type, json), &fixture.arena, NULL,
                           &row, &reason, &err));
    assert_int_equal(reason, want);
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(err.text, why));
}

static void an_unset_version_is_no_version(void **state)
{
    (void)state;
    const struct contract *contract = payment("revision");
    struct layout *layout = layout_of(&contract, 1);
    refused(layout, PAYMENT, "{\"payment_id\":\"" UUID "\"}", REASON_VERSION, "revision");
    layout_free(layout);
}

static void a_version_past_bigint_is_refused(void **state)
{
    (void)state;
    const struct contract *contract = fixture_contract(
        &fixture, "shop.v1.Keyed", &(struct fixture_says){.key = {"number"}, .version = "version"});
    struct layout *layout = layout_of(&contract, 1);
    refused(layout, "shop.v1.Keyed", "{\"version\":\"9223372036854775808\"}", REASON_VERSION,
            "bigint");
    layout_free(layout);
}

static void a_bad_key_is_refused(void **state)
{
    (void)state;
    const struct contract *contract = payment(NULL);
    struct layout *layout = layout_of(&contract, 1);
    refused(layout, PAYMENT, "{}", REASON_KEY, "empty text is no uuid");
    refused(layout, PAYMENT, "{\"payment_id\":\"abc\"}", REASON_KEY, "payment_id");
    layout_free(layout);
    contract = fixture_contract(&fixture, "shop.v1.Keyed",
                                &(struct fixture_says){.key = {"wrapped", "number"}});
    layout = layout_of(&contract, 1);
    refused(layout, "shop.v1.Keyed", "{\"number\":1}", REASON_KEY, "wrapped is unset");
    layout_free(layout);
}

/* An empty payload is a message of zeros: as a number zero may be a key, empty text may not. */
static void a_key_of_nothing_but_empty_text_is_refused(void **state)
{
    (void)state;
    const struct contract *contract = fixture_contract(
        &fixture, "shop.v1.Keyed", &(struct fixture_says){.key = {"text", "data"}});
    struct layout *layout = layout_of(&contract, 1);
    refused(layout, "shop.v1.Keyed", "{}", REASON_KEY, "empty");
    layout_free(layout);
    contract = fixture_contract(&fixture, "shop.v1.Keyed",
                                &(struct fixture_says){.key = {"text", "number"}});
    layout = layout_of(&contract, 1);
    struct row row = {0};
    enum reason reason;
    struct err err = ERR_INIT;
    assert_true(row_build(layout, 0, fixture_message(&fixture, "shop.v1.Keyed", "{}"),
                          &fixture.arena, NULL, &row, &reason, &err));
    layout_free(layout);
}

static void a_value_no_column_can_hold_is_refused(void **state)
{
    (void)state;
    struct row row = {0};
    enum reason reason = REASON_NONE;
    struct err err = ERR_INIT;
    const struct contract *contract =
        fixture_contract(&fixture, PAYMENT, &(struct fixture_says){.key = {"account_id"}});
    struct layout *layout = layout_of(&contract, 1);
    const ProtobufCMessage *message = message_unpack(
        fixture_type(&fixture, PAYMENT),
        FIXTURE_SPAN("\x10\x01\x32\x07\x08\x80\xdb\xcc\xb1\xd6\x07"), &fixture.arena, &err);
    assert_non_null(message);
    assert_false(row_build(layout, 0, message, &fixture.arena, NULL, &row, &reason, &err));
    assert_int_equal(reason, REASON_VALUE);
    layout_free(layout);
}

static void append_rows_are_keyed_by_log_and_offset(void **state)
{
    (void)state;
    const struct contract *contract =
        fixture_contract(&fixture, PAYMENT, &(struct fixture_says){.append = true});
    struct layout *layout = layout_of(&contract, 1);
    struct row a = {.place = {.log = 1, .offset = 255}}, b = {.place = {.log = 1, .offset = 256}};
    enum reason reason;
    struct err err = ERR_INIT;
    const ProtobufCMessage *message = fixture_message(&fixture, PAYMENT, "{}");
    assert_true(row_build(layout, 0, message, &fixture.arena, NULL, &a, &reason, &err));
    assert_true(row_build(layout, 0, message, &fixture.arena, NULL, &b, &reason, &err));
    assert_int_equal(a.key.length, 24);
    assert_int_equal(b.key.length, 24);
    assert_true(memcmp(a.key.data, b.key.data, 24) < 0);
    layout_free(layout);
}

static void columns_of_other_contracts_are_null(void **state)
{
    (void)state;
    const struct contract *contracts[] = {
        payment("revision"),
        fixture_contract(&fixture, "shop.v1.Refund",
                         &(struct fixture_says){.key = {"payment_id", "account_id"},
                                                .version = "revision",
                                                .columns = {{"payment_id", "uuid"}}})};
    struct layout *layout = layout_of(contracts, 2);
    struct row row = {0};
    enum reason reason;
    struct err err = ERR_INIT;
    assert_int_equal(layout->n_data, 9);
    assert_true(row_build(layout, 1,
                          fixture_message(&fixture, "shop.v1.Refund",
                                          "{\"payment_id\":\"" UUID
                                          "\",\"revision\":\"2\",\"reason\":\"r\"}"),
                          &fixture.arena, NULL, &row, &reason, &err));
    assert_int_equal(row.cells[0].length, 16);
    assert_int_equal(row.cells[3].length, -1); /* currency */
    assert_int_equal(row.cells[8].length, 1);  /* reason */
    assert_int_equal(row.place.version, 2);
    layout_free(layout);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cells_are_in_the_columns_order),
        TEST(the_key_is_its_cells_with_their_lengths),
        TEST(an_unset_version_is_no_version),
        TEST(a_version_past_bigint_is_refused),
        TEST(a_bad_key_is_refused),
        TEST(a_key_of_nothing_but_empty_text_is_refused),
        TEST(a_value_no_column_can_hold_is_refused),
        TEST(append_rows_are_keyed_by_log_and_offset),
        TEST(columns_of_other_contracts_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
