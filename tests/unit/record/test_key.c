/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/key.h"
#include "support/fixture.h"

#include <string.h>

#define KEYED "shop.v1.Keyed"

static struct fixture fixture;
static const struct contract *by_text, *by_number, *by_both, *by_at;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "record_types");
    by_text = fixture_contract(&fixture, KEYED, &(struct fixture_says){.key = {"text"}});
    by_number = fixture_contract(&fixture, KEYED, &(struct fixture_says){.key = {"number"}});
    by_at = fixture_contract(&fixture, KEYED, &(struct fixture_says){.key = {"wrapped", "at"}});
    by_both = fixture_contract(&fixture, "shop.v1.Payment",
                               &(struct fixture_says){.key = {"account_id", "payment_id"}});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static bool cells_of(const struct key_mapping *mapping, const struct contract *contract,
                     struct span key, struct cell *cells, struct err *err)
{
    struct record record = {.key = key};
    return key_cells(mapping, contract, &record, &fixture.arena, cells, err);
}

static void refused(const struct key_mapping *mapping, const struct contract *contract,
                    struct span key, const char *why)
{
    struct cell cells[CONTRACT_KEY_MAX];
    struct err err = ERR_INIT;
    assert_false(cells_of(mapping, contract, key, cells, &err));
    assert_int_equal(err.class, ERR_REJECT);
    if (!strstr(err.text, why))
        fail_msg("%s", err.text);
}

static void is(const struct cell *cell, const char *bytes, int length)
{
    assert_int_equal(cell->length, length);
    assert_memory_equal(cell->data, bytes, (size_t)length);
}

static void formats_are_parsed_and_printed(void **state)
{
    (void)state;
    enum key_format format;
    assert_true(key_format_parse("json", &format));
    assert_int_equal(format, KEY_JSON);
    assert_string_equal(key_format_name(KEY_PROTOBUF), "protobuf");
    assert_false(key_format_parse("avro", &format));
}

static void text_is_the_one_column(void **state)
{
    (void)state;
    const struct key_mapping mapping = {.format = KEY_TEXT};
    struct cell cell;
    struct err err = ERR_INIT;
    assert_true(cells_of(&mapping, by_text, FIXTURE_SPAN("k-1"), &cell, &err));
    is(&cell, "k-1", 3);
    assert_true(cells_of(&mapping, by_number, FIXTURE_SPAN("-2"), &cell, &err));
    is(&cell, "\xff\xff\xff\xfe", 4);
    refused(&mapping, by_text, (struct span){NULL, 0}, "no key");
    refused(&mapping, by_text, FIXTURE_SPAN(""), "empty");
    refused(&mapping, by_text, FIXTURE_SPAN("\xff"), "UTF-8");
    refused(&mapping, by_text, FIXTURE_SPAN("a\0"), "NUL");
    refused(&mapping, by_number, FIXTURE_SPAN("x"), "integer");
}

static void json_is_an_object_or_a_bare_scalar(void **state)
{
    (void)state;
    const struct key_mapping mapping = {.format = KEY_JSON};
    struct cell cells[2];
    struct err err = ERR_INIT;
    assert_true(cells_of(&mapping, by_number, FIXTURE_SPAN("7"), cells, &err));
    is(&cells[0], "\0\0\0\x07", 4);
    assert_true(cells_of(&mapping, by_text, FIXTURE_SPAN("\"k\""), cells, &err));
    is(&cells[0], "k", 1);
    assert_true(cells_of(&mapping, by_both,
                         FIXTURE_SPAN("{\"paymentId\":\"p\",\"more\":[],\"account_id\":\"5\"}"),
                         cells, &err));
    is(&cells[0], "\0\0\0\0\0\0\0\x05", 8);
    is(&cells[1], "p", 1);
    assert_true(cells_of(&mapping, by_at,
                         FIXTURE_SPAN("{\"wrapped\":0,\"at\":\"2000-01-01T00:00:00Z\"}"), cells,
                         &err));
    is(&cells[0], "\0\0\0\0\0\0\0\0", 8);
    is(&cells[1], "\0\0\0\0\0\0\0\0", 8);
    refused(&mapping, by_both, FIXTURE_SPAN("7"), "no JSON object");
    refused(&mapping, by_both, FIXTURE_SPAN("{\"account_id\":1}"), "payment_id");
    refused(&mapping, by_both, FIXTURE_SPAN("{\"account_id\":1,\"payment_id\":null}"), "null");
    refused(&mapping, by_number, FIXTURE_SPAN("{\"number\":\"x\"}"), "integer");
    refused(&mapping, by_number, FIXTURE_SPAN("{"), "malformed");
    refused(&mapping, by_number, FIXTURE_SPAN("null"), "null");
}

static void protobuf_is_a_message_with_fields_of_those_names(void **state)
{
    (void)state;
    struct key_mapping mapping = {.format = KEY_PROTOBUF,
                                  .message = fixture_type(&fixture, "shop.v1.PaymentKey")};
    struct cell cells[2];
    struct err err = ERR_INIT;
    struct span key = fixture_bytes(&fixture, "shop.v1.PaymentKey",
                                    "{\"payment_id\":\"p\",\"account_id\":\"5\"}");
    assert_true(cells_of(&mapping, by_both, key, cells, &err));
    is(&cells[0], "\0\0\0\0\0\0\0\x05", 8);
    is(&cells[1], "p", 1);
    refused(&mapping, by_both, (struct span){key.data, key.length - 1}, "");
    refused(&mapping, by_both, FIXTURE_SPAN("\x0a\x01\xff"), "");
    /* framed: PaymentKey is the third message of its file */
    mapping.framing = FRAMING_CONFLUENT;
    assert_true(cells_of(&mapping, by_both, FIXTURE_SPAN("\0\0\0\0\x09\x02\x04\x0a\x01p\x10\x05"),
                         cells, &err));
    is(&cells[1], "p", 1);
    refused(&mapping, by_both, FIXTURE_SPAN("\0\0\0\0\x09\0\x0a\x01p\x10\x05"), "another message");
    refused(&mapping, by_both, key, "magic");
}

static void a_key_equals_the_rows_key(void **state)
{
    (void)state;
    const struct key_mapping mapping = {.format = KEY_JSON};
    struct cell cells[2], cell;
    struct err err = ERR_INIT;
    const char *json = "{\"account_id\":\"-5\",\"payment_id\":\"p\"}";
    assert_true(cells_of(&mapping, by_both, (struct span){json, strlen(json)}, cells, &err));
    const ProtobufCMessage *message = fixture_message(&fixture, "shop.v1.Payment", json);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(value_cell(&by_both->columns[by_both->key[i]], message, &fixture.arena, NULL,
                               &cell, &err));
        is(&cells[i], cell.data, cell.length);
    }
}

static bool fits(enum key_format format, const struct contract *contract, const char *message)
{
    struct err err = ERR_INIT;
    struct key_mapping mapping = {.format = format,
                                  .message = message ? fixture_type(&fixture, message) : NULL};
    bool ok = key_mapping_check(&mapping, contract, &err);
    assert_int_equal(err.class, ok ? ERR_NONE : ERR_HALT);
    return ok;
}

static void mappings_are_checked_at_load(void **state)
{
    (void)state;
    const struct contract *append =
        fixture_contract(&fixture, KEYED, &(struct fixture_says){.append = true});
    assert_true(fits(KEY_NONE, append, NULL));
    assert_false(fits(KEY_TEXT, append, NULL));
    assert_true(fits(KEY_TEXT, by_text, NULL));
    assert_false(fits(KEY_TEXT, by_both, NULL));
    assert_true(fits(KEY_JSON, by_both, NULL));
    assert_false(fits(KEY_PROTOBUF, by_both, NULL));
    assert_true(fits(KEY_PROTOBUF, by_both, "shop.v1.PaymentKey"));
    assert_false(fits(KEY_PROTOBUF, by_both, KEYED));
    assert_false(fits(KEY_PROTOBUF, by_number, "shop.v1.PaymentKey"));
}

/* A key message or object has the fields side by side; only text needs no field. */
static void a_key_within_a_message_is_text(void **state)
{
    (void)state;
    struct fixture other;
    fixture_open(&other, "mapped_types");
    const struct contract *nested =
        fixture_contract(&other, "pactolus.test.mapped.v1.NestedRoles", &(struct fixture_says){0});
    const struct key_mapping text = {.format = KEY_TEXT}, json = {.format = KEY_JSON};
    struct cell cell;
    struct err err = ERR_INIT;
    assert_true(key_mapping_check(&text, nested, &err));
    assert_true(cells_of(&text, nested, FIXTURE_SPAN("a"), &cell, &err));
    is(&cell, "a", 1);
    assert_false(key_mapping_check(&json, nested, &err));
    assert_string_equal(err.text, "key field head.id of pactolus.test.mapped.v1.NestedRoles stands "
                                  "within a message, which key format json cannot fill");
    fixture_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_parsed_and_printed),
        cmocka_unit_test(text_is_the_one_column),
        cmocka_unit_test(json_is_an_object_or_a_bare_scalar),
        cmocka_unit_test(protobuf_is_a_message_with_fields_of_those_names),
        cmocka_unit_test(a_key_equals_the_rows_key),
        cmocka_unit_test(mappings_are_checked_at_load),
        cmocka_unit_test(a_key_within_a_message_is_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
