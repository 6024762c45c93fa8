/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of nested fields, oneofs, the messages of google.type, addresses and numbers. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/row.h"
#include "support/fixture.h"

#include <stdio.h>
#include <string.h>

#define MAPPED "pactolus.test.mapped.v1.Mapped"

static struct fixture fixture;
static const struct contract *mapped;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "mapped_types");
    mapped = fixture_contract(&fixture, MAPPED, &(struct fixture_says){.key = {"id"}});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static struct cell cell_of(const char *json, const char *column)
{
    struct cell cell;
    struct err err = ERR_INIT;
    if (!value_cell(fixture_column(mapped, column), fixture_message(&fixture, MAPPED, json),
                    &fixture.arena, NULL, &cell, &err))
        fail_msg("%s: %s", column, err.text);
    return cell;
}

static void is(struct cell cell, const void *bytes, int length)
{
    assert_int_equal(cell.length, length);
    if (length > 0)
        assert_memory_equal(cell.data, bytes, (size_t)length);
}

#define IS(json, column, literal) is(cell_of(json, column), literal, (int)sizeof(literal) - 1)

static void is_null(const char *json, const char *column)
{
    is(cell_of(json, column), NULL, -1);
}

static void refused(const char *json, const char *column, const char *why)
{
    struct cell cell;
    struct err err = ERR_INIT;
    if (value_cell(fixture_column(mapped, column), fixture_message(&fixture, MAPPED, json),
                   &fixture.arena, NULL, &cell, &err))
        fail_msg("%s was taken as %s", json, column);
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(err.text, column));
    if (!strstr(err.text, why))
        fail_msg("%s", err.text);
}

static void nested_fields_have_columns(void **state)
{
    (void)state;
    const char *set = "{\"address\":{\"street\":\"s\",\"place\":{\"height\":7}}}";
    IS(set, "address_present", "\x01");
    IS(set, "address_street", "s");
    IS(set, "address_lines", "{}");
    is_null(set, "address_city");
    IS("{\"address\":{\"city\":\"\"}}", "address_city", "");
    IS(set, "address_place_present", "\x01");
    IS(set, "address_place_height", "\0\0\0\x07");
    is_null(set, "address_place_at_latitude");
    IS("{\"address\":{}}", "address_street", "");
    IS("{\"address\":{}}", "address_place_present", "\0");
    is_null("{\"address\":{}}", "address_place_height");
    IS("{}", "address_present", "\0");
    IS("{}", "address_place_present", "\0");
    is_null("{}", "address_street");
    is_null("{}", "address_lines");
    IS("{\"level1\":{\"level2\":{\"level3\":{\"level4\":{\"text\":\"x\"}}}}}",
       "level1_level2_level3_level4", "\x01{\"text\":\"x\"}");
    IS("{\"tree\":{\"twin\":{\"label\":\"t\"}}}", "tree_twin",
       "\x01{\"label\":\"t\",\"children\":[]}");
    IS("{\"whole\":{\"street\":\"s\"}}", "whole",
       "\x01{\"street\":\"s\",\"lines\":[],\"secret\":\"\"}");
    IS("{\"hollow\":{}}", "hollow_present", "\x01");
}

static void oneofs_name_what_is_set(void **state)
{
    (void)state;
    is_null("{}", "payment");
    IS("{\"iban\":\"\"}", "payment", "iban");
    IS("{\"iban\":\"\"}", "iban", "");
    is_null("{\"iban\":\"\"}", "card_number");
    IS("{\"card\":{}}", "payment", "card");
    IS("{\"card\":{}}", "card_number", "");
    is_null("{\"card\":{}}", "iban");
    IS("{\"cash\":{}}", "payment", "cash");
    IS("{\"cash\":{}}", "cash", "\x01");
    IS("{\"card\":{}}", "cash", "\0");
    is_null("{}", "address_which");
    is_null("{\"address\":{}}", "address_which");
    IS("{\"address\":{\"floor\":0}}", "address_which", "floor");
}

static void dates(void **state)
{
    (void)state;
    is_null("{}", "day");
    IS("{\"day\":{\"year\":2000,\"month\":1,\"day\":1}}", "day", "\0\0\0\0");
    IS("{\"day\":{\"year\":2000,\"month\":2,\"day\":29}}", "day", "\0\0\0\x3b");
    IS("{\"day\":{\"year\":1999,\"month\":12,\"day\":31}}", "day", "\xff\xff\xff\xff");
    static const char *const bad[] = {"{}",
                                      "{\"year\":2026}",
                                      "{\"year\":2026,\"month\":5}",
                                      "{\"month\":5,\"day\":17}",
                                      "{\"year\":2026,\"month\":2,\"day\":29}",
                                      "{\"year\":2026,\"month\":13,\"day\":1}",
                                      "{\"year\":10000,\"month\":1,\"day\":1}",
                                      "{\"year\":-1,\"month\":1,\"day\":1}",
                                      "{\"year\":2026,\"month\":-1,\"day\":1}",
                                      "{\"year\":2026,\"month\":1,\"day\":-1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"day\":%s}", bad[i]);
        refused(json, "day", "no date");
    }
}

static void partial_dates_are_text_on_demand(void **state)
{
    (void)state;
    IS("{\"partial_day\":{\"year\":26,\"month\":5,\"day\":7}}", "partial_day", "0026-05-07");
    IS("{\"partial_day\":{\"year\":2026,\"month\":5}}", "partial_day", "2026-05");
    IS("{\"partial_day\":{\"year\":2026}}", "partial_day", "2026");
    IS("{\"partial_day\":{\"month\":2,\"day\":29}}", "partial_day", "--02-29");
    refused("{\"partial_day\":{}}", "partial_day", "neither");
    refused("{\"partial_day\":{\"day\":1}}", "partial_day", "neither");
    refused("{\"partial_day\":{\"month\":1}}", "partial_day", "neither");
    refused("{\"partial_day\":{\"year\":2026,\"day\":1}}", "partial_day", "neither");
    refused("{\"partial_day\":{\"month\":2,\"day\":30}}", "partial_day", "neither");
}

static void times_of_day(void **state)
{
    (void)state;
    IS("{\"opens\":{}}", "opens", "\0\0\0\0\0\0\0\0");
    IS("{\"opens\":{\"seconds\":1,\"nanos\":1999}}", "opens", "\0\0\0\0\0\x0f\x42\x41");
    IS("{\"opens\":{\"hours\":24}}", "opens", "\0\0\0\x14\x1d\xd7\x60\0");
    refused("{\"opens\":{\"hours\":24,\"nanos\":1}}", "opens", "24:00:00");
    refused("{\"opens\":{\"hours\":25}}", "opens", "24:00:00");
    refused("{\"opens\":{\"hours\":23,\"minutes\":59,\"seconds\":60}}", "opens", "second 60");
    refused("{\"opens\":{\"minutes\":60}}", "opens", "24:00:00");
    refused("{\"opens\":{\"nanos\":1000000000}}", "opens", "24:00:00");
    refused("{\"opens\":{\"hours\":-1}}", "opens", "24:00:00");
}

static void money_is_an_amount_and_a_currency(void **state)
{
    (void)state;
    const char *price = "{\"price\":{\"currency_code\":\"EUR\",\"units\":-1,\"nanos\":-500000000}}";
    IS(price, "price", "\0\x02\0\0\x40\0\0\x09\0\x01\x13\x88");
    IS(price, "price_currency", "EUR");
    IS("{\"price\":{}}", "price", "\0\0\0\0\0\0\0\x09");
    IS("{\"price\":{}}", "price_currency", "");
    is_null("{}", "price");
    is_null("{}", "price_currency");
    refused("{\"price\":{\"units\":1,\"nanos\":-1}}", "price", "another sign");
    refused("{\"price\":{\"units\":-1,\"nanos\":1}}", "price", "another sign");
    refused("{\"price\":{\"nanos\":1000000000}}", "price", "999999999");
    refused("{\"price\":{\"nanos\":-1000000000}}", "price", "999999999");
}

static void decimals_are_never_rounded(void **state)
{
    (void)state;
    IS("{\"rate\":{\"value\":\"\"}}", "rate", "\0\0\0\0\0\0\0\x04");
    IS("{\"rate\":{\"value\":\"15e-1\"}}", "rate", "\0\x02\0\0\0\0\0\x04\0\x01\x13\x88");
    refused("{\"rate\":{\"value\":\"1.00001\"}}", "rate", "more digits");
    refused("{\"rate\":{\"value\":\"1e8\"}}", "rate", "more digits");
    refused("{\"rate\":{\"value\":\"1e131072\"}}", "rate", "no decimal number");
    refused("{\"rate\":{\"value\":\"1e-20000\"}}", "rate", "no decimal number");
    refused("{\"rate\":{\"value\":\"NaN\"}}", "rate", "no decimal number");
    IS("{\"rate_text\":{\"value\":\"1e131072\"}}", "rate_text", "1e131072");
    IS("{\"amount\":\"-1.50\"}", "amount", "\0\x02\0\0\x40\0\0\x02\0\x01\x13\x88");
    refused("{}", "amount", "no decimal number");
    refused("{\"amount\":\"10000\"}", "amount", "more digits");
    IS("{\"amounts\":[\"1.50\",\"0\"]}", "amounts", "{15e-1,0}");
    refused("{\"amounts\":[\"1.501\"]}", "amounts", "more digits");
}

static void positions_lie_on_the_globe(void **state)
{
    (void)state;
    IS("{\"position\":{\"latitude\":-90,\"longitude\":180}}", "position_latitude",
       "\xc0\x56\x80\0\0\0\0\0");
    IS("{\"position\":{\"latitude\":-90,\"longitude\":180}}", "position_longitude",
       "\x40\x66\x80\0\0\0\0\0");
    is_null("{}", "position_latitude");
    refused("{\"position\":{\"latitude\":90.00001}}", "position_latitude", "outside");
    refused("{\"position\":{\"longitude\":-180.00001}}", "position_longitude", "outside");
    refused("{\"position\":{\"longitude\":\"NaN\"}}", "position_longitude", "outside");
    refused("{\"position\":{\"latitude\":\"Infinity\"}}", "position_latitude", "outside");
}

#define MIDNIGHT "\"2000-01-01T00:00:00Z\""

static void intervals_are_half_open_ranges(void **state)
{
    (void)state;
    IS("{\"valid\":{\"start_time\":" MIDNIGHT ",\"end_time\":\"2000-01-01T00:00:00.000001999Z\"}}",
       "valid", "\x02\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x01");
    IS("{\"valid\":{\"start_time\":" MIDNIGHT ",\"end_time\":" MIDNIGHT "}}", "valid", "\x01");
    IS("{\"valid\":{\"start_time\":" MIDNIGHT "}}", "valid", "\x12\0\0\0\x08\0\0\0\0\0\0\0\0");
    IS("{\"valid\":{\"end_time\":" MIDNIGHT "}}", "valid", "\x08\0\0\0\x08\0\0\0\0\0\0\0\0");
    IS("{\"valid\":{}}", "valid", "\x18");
    is_null("{}", "valid");
    refused("{\"valid\":{\"start_time\":" MIDNIGHT ",\"end_time\":\"1999-12-31T00:00:00Z\"}}",
            "valid", "after the end");
}

static void masks_and_empties(void **state)
{
    (void)state;
    IS("{\"mask\":\"a,bC.d\"}", "mask", "{\"a\",\"b_c.d\"}");
    IS("{\"mask\":\"\"}", "mask", "{}");
    is_null("{}", "mask");
    IS("{\"nothing\":{}}", "nothing", "\x01");
    IS("{}", "nothing", "\0");
    IS("{\"phone\":{\"e164_number\":\"+1\"}}", "phone",
       "\x01{\"e164_number\":\"+1\",\"extension\":\"\"}");
    IS("{\"days\":[{\"year\":2026}]}", "days", "\x01[{\"year\":2026,\"month\":0,\"day\":0}]");
}

static void addresses(void **state)
{
    (void)state;
    IS("{\"host\":\"10.0.0.1\"}", "host", "\x02\x20\0\x04\x0a\0\0\x01");
    IS("{\"host\":\"10.0.0.1/8\"}", "host", "\x02\x08\0\x04\x0a\0\0\x01");
    IS("{\"host\":\"::1\"}", "host", "\x03\x80\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
    IS("{\"network\":\"10.0.0.0/8\"}", "network", "\x02\x08\x01\x04\x0a\0\0\0");
    IS("{\"network\":\"0.0.0.0/0\"}", "network", "\x02\0\x01\x04\0\0\0\0");
    refused("{\"network\":\"10.0.0.1/8\"}", "network", "no IP network");
    static const char *const bad[] = {"",          "10.0.0",    "10.0.0.256",  "10.0.0.1/33",
                                      "::1/129",   "10.0.0.1/", "10.0.0.1/08", "10.0.0.1/+8",
                                      "fe80::1%1", "10.0.0.01", "::1 ",        "host.example"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"host\":\"%s\"}", bad[i]);
        refused(json, "host", "no IP address");
    }
    IS("{\"hosts\":[\"::1\",\"10.0.0.0/8\"]}", "hosts", "{::1,10.0.0.0/8}");
    refused("{\"hosts\":[\"::1\",\"\"]}", "hosts", "no IP address");
}

/* Keys that arrive as text give the cells of values. */
static void texts_give_the_same_cells(void **state)
{
    (void)state;
    static const struct {
        const char *column, *text, *json;
    } rows[] = {
        {"host", "10.0.0.1", "{\"host\":\"10.0.0.1\"}"},
        {"network", "::/0", "{\"network\":\"::/0\"}"},
        {"amount", "1.5", "{\"amount\":\"01.50\"}"},
        {"day", "2026-05-17", "{\"day\":{\"year\":2026,\"month\":5,\"day\":17}}"},
        {"address_street", "x", "{\"address\":{\"street\":\"x\"}}"},
    };
    struct err err = ERR_INIT;
    struct cell cell;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cell wanted = cell_of(rows[i].json, rows[i].column);
        struct span text = {rows[i].text, strlen(rows[i].text)};
        assert_true(value_from_text(fixture_column(mapped, rows[i].column), text, &fixture.arena,
                                    &cell, &err));
        is(cell, wanted.data, wanted.length);
    }
    static const char *const bad[][2] = {
        {"host", "x"},        {"network", "10.0.0.1/8"}, {"amount", "1.505"}, {"amount", ""},
        {"day", "2026-5-17"}, {"day", "0000-01-01"},     {"opens", "12:00"},  {"valid", "empty"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(value_from_text(fixture_column(mapped, bad[i][0]),
                                     (struct span){bad[i][1], strlen(bad[i][1])}, &fixture.arena,
                                     &cell, &err));
}

static void build(const char *json, enum reason want, int64_t version)
{
    const struct contract *contract = fixture.contracts[fixture.n_contracts - 1];
    struct errs errs = {0};
    struct layout *layout = layout_make(&contract, 1, &errs);
    struct row row = {0};
    enum reason reason;
    struct err err = ERR_INIT;
    assert_non_null(layout);
    const ProtobufCMessage *message = fixture_message(&fixture, contract->name, json);
    bool built = row_build(layout, 0, message, &fixture.arena, NULL, &row, &reason, &err);
    assert_int_equal(built, want == REASON_NONE);
    assert_int_equal(reason, want);
    if (built)
        assert_int_equal(row.place.version, version);
    layout_free(layout);
}

/* Below an unset message there is no key and no version. */
static void roles_within_messages(void **state)
{
    (void)state;
    fixture_contract(&fixture, "pactolus.test.mapped.v1.NestedRoles", &(struct fixture_says){0});
    build("{\"head\":{\"id\":\"a\",\"revision\":-3}}", REASON_NONE, -3);
    build("{}", REASON_VERSION, 0);
    build("{\"head\":{\"revision\":1}}", REASON_KEY, 0);
    fixture_contract(&fixture, "pactolus.test.mapped.v1.NestedRoles",
                     &(struct fixture_says){.key = {"head.id", "day"}, .version = "head.revision"});
    build("{\"head\":{\"id\":\"a\"}}", REASON_KEY, 0);
    build("{\"head\":{\"id\":\"a\"},\"day\":{\"year\":1,\"month\":1,\"day\":1}}", REASON_NONE, 0);
    build("{\"head\":{\"id\":\"a\"},\"day\":{\"year\":1}}", REASON_KEY, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_fields_have_columns),
        cmocka_unit_test(oneofs_name_what_is_set),
        cmocka_unit_test(dates),
        cmocka_unit_test(partial_dates_are_text_on_demand),
        cmocka_unit_test(times_of_day),
        cmocka_unit_test(money_is_an_amount_and_a_currency),
        cmocka_unit_test(decimals_are_never_rounded),
        cmocka_unit_test(positions_lie_on_the_globe),
        cmocka_unit_test(intervals_are_half_open_ranges),
        cmocka_unit_test(masks_and_empties),
        cmocka_unit_test(addresses),
        cmocka_unit_test(texts_give_the_same_cells),
        cmocka_unit_test(roles_within_messages),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
