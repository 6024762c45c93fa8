/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "pactolus/pactolus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char path[512];

static struct pactolus_contract *open_payment(void)
{
    struct pactolus_error error;
    struct pactolus_contract *contract = pactolus_open_file(path, "shop.v1.Payment", &error);
    if (!contract)
        fail_msg("%s", error.text);
    return contract;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/record_types.binpb", PACTOLUS_DESCRIPTORS);
    return 0;
}

static void it_tells_its_version(void **state)
{
    (void)state;
    assert_true(strchr(pactolus_version(), '.') != NULL);
}

static void a_contract_opens_from_bytes_and_from_a_file(void **state)
{
    (void)state;
    static char bytes[1024 * 1024];
    struct pactolus_error error;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct pactolus_contract *contract = pactolus_open(bytes, length, "shop.v1.Payment", &error);
    assert_non_null(contract);
    pactolus_close(contract);
    pactolus_close(open_payment());
    assert_null(pactolus_open(bytes, length, "shop.v1.Nothing", &error));
    assert_int_equal(error.code, PACTOLUS_CONTRACT);
    assert_non_null(strstr(error.text, "shop.v1.Nothing"));
    assert_null(pactolus_open(bytes, length / 2, "shop.v1.Payment", &error));
    assert_int_equal(error.code, PACTOLUS_CONTRACT);
    assert_null(pactolus_open_file("/nonexistent", "shop.v1.Payment", &error));
    assert_null(pactolus_open_file("/nonexistent", "shop.v1.Payment", NULL));
    pactolus_close(NULL);
}

static void json_goes_to_bytes_and_back(void **state)
{
    (void)state;
    static const char json[] = "{\"paymentId\":\"p\",\"accountId\":\"7\",\"status\":\"CAPTURED\"}";
    struct pactolus_contract *contract = open_payment();
    struct pactolus_error error;
    struct pactolus_bytes bytes, text;
    assert_true(pactolus_encode(contract, json, sizeof json - 1, &bytes, &error));
    assert_int_equal(bytes.length, 7);
    assert_memory_equal(bytes.data, "\x0a\x01p\x10\x07\x28\x01", 8); /* and the NUL */
    assert_true(pactolus_validate(contract, bytes.data, bytes.length, &error));
    assert_true(pactolus_decode(contract, bytes.data, bytes.length, &text, &error));
    assert_string_equal(text.data, json);
    pactolus_free(&text);
    pactolus_free(&bytes);
    assert_true(pactolus_encode(contract, "{}", 2, &bytes, &error));
    assert_int_equal(bytes.length, 0);
    assert_string_equal(bytes.data, "");
    pactolus_free(&bytes);
    pactolus_close(contract);
}

static void faults_name_kind_and_place(void **state)
{
    (void)state;
    struct pactolus_contract *contract = open_payment();
    struct pactolus_error error;
    struct pactolus_bytes out;
    assert_false(pactolus_encode(contract, "{\"curency\":\"EUR\"}", 17, &out, &error));
    assert_int_equal(error.code, PACTOLUS_JSON);
    assert_non_null(strstr(error.hint, "currency"));
    assert_false(pactolus_encode(contract, "{\"status\":\"LOST\"}", 17, &out, &error));
    assert_string_equal(error.place, "status");
    assert_false(pactolus_validate(contract, "\x0a\x05p", 3, &error));
    assert_int_equal(error.code, PACTOLUS_BYTES);
    assert_false(pactolus_decode(contract, "\x0a\x01\xff", 3, &out, &error));
    assert_int_equal(error.code, PACTOLUS_BYTES);
    assert_false(pactolus_decode(contract, "\x0a\x01\xff", 3, &out, NULL));
    pactolus_close(contract);
}

static void rules_are_enforced(void **state)
{
    (void)state;
    struct pactolus_error error;
    struct pactolus_bytes out;
    char validated[512];
    snprintf(validated, sizeof validated, "%s/validated.binpb", PACTOLUS_DESCRIPTORS);
    struct pactolus_contract *contract =
        pactolus_open_file(validated, "validated.Int32Range", &error);
    if (!contract)
        fail_msg("%s", error.text);
    assert_false(pactolus_encode(contract, "{}", 2, &out, &error));
    assert_int_equal(error.code, PACTOLUS_RULE);
    assert_string_not_equal(error.rule, "");
    assert_false(pactolus_validate(contract, "", 0, &error));
    assert_int_equal(error.code, PACTOLUS_RULE);
    pactolus_close(contract);
}

static void frames_carry_id_and_path(void **state)
{
    (void)state;
    struct pactolus_error error;
    struct pactolus_bytes framed;
    struct pactolus_contract *payment = open_payment();
    struct pactolus_contract *refund = pactolus_open_file(path, "shop.v1.Refund", &error);
    const void *message;
    size_t length;
    int64_t id;
    assert_true(pactolus_frame(refund, 258, "abc", 3, &framed, &error));
    assert_int_equal(framed.length, 10);
    assert_memory_equal(framed.data,
                        "\0\0\0\x01\x02\x02\x02"
                        "abc",
                        10);
    assert_true(
        pactolus_unframe(refund, framed.data, framed.length, &message, &length, &id, &error));
    assert_int_equal(id, 258);
    assert_int_equal(length, 3);
    assert_memory_equal(message, "abc", 3);
    assert_false(
        pactolus_unframe(payment, framed.data, framed.length, &message, &length, NULL, &error));
    assert_int_equal(error.code, PACTOLUS_FRAMING);
    assert_non_null(strstr(error.text, "another message"));
    assert_false(pactolus_unframe(refund, "\x0a", 1, &message, &length, NULL, &error));
    assert_false(pactolus_unframe(refund, NULL, 0, &message, &length, NULL, &error));
    pactolus_free(&framed);
    pactolus_close(refund);
    pactolus_close(payment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_its_version),
        cmocka_unit_test(a_contract_opens_from_bytes_and_from_a_file),
        cmocka_unit_test(json_goes_to_bytes_and_back),
        cmocka_unit_test(faults_name_kind_and_place),
        cmocka_unit_test(rules_are_enforced),
        cmocka_unit_test(frames_carry_id_and_path),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
