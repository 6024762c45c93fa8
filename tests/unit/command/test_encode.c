/* SPDX-License-Identifier: Apache-2.0 */
/* encode and decode: what `produce` makes of a JSON line is what `cat` shows and the stream takes.
 */
#include "command/decode.h"
#include "command/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct binding binding;
    struct encoder encoder;
};

static void open_binding(struct fixture *f, const char *framing, const char *key)
{
    struct errs errs = {0};
    *f = (struct fixture){.binding = {.bootstrap = "127.0.0.1:1",
                                      .descriptors = PACTOLUS_DESCRIPTORS "/payment.binpb",
                                      .contract = "payments.v1.Payment",
                                      .framing = framing,
                                      .key_field = key}};
    if (!binding_open(&f->binding, "t", &errs))
        fail_msg("%s", errs.items[0].text);
    encoder_init(&f->encoder, &f->binding, 77);
}

static void open_mapped(struct fixture *f, const char *contract, const char *key)
{
    struct errs errs = {0};
    *f = (struct fixture){.binding = {.bootstrap = "127.0.0.1:1",
                                      .descriptors = PACTOLUS_DESCRIPTORS "/mapped_types.binpb",
                                      .contract = contract,
                                      .key_field = key}};
    if (!binding_open(&f->binding, "t", &errs))
        fail_msg("%s", errs.items[0].text);
    encoder_init(&f->encoder, &f->binding, 77);
}

static void close_binding(struct fixture *f)
{
    encoder_free(&f->encoder);
    binding_close(&f->binding);
}

static bool encode(struct fixture *f, const char *line, struct record *record, enum reason *reason,
                   struct err *err)
{
    *record = (struct record){.topic = "t", .partition = 3, .offset = 9, .timestamp = 1500};
    return encode_line(&f->encoder, (struct span){line, strlen(line)}, &record->key, &record->value,
                       reason, err);
}

static void assert_line(struct fixture *f, const struct record *record,
                        const struct decode_style *style, const char *want)
{
    struct arena arena;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    arena_init(&arena, 4096);
    if (!decode_record(&f->binding, style, record, &arena, &out, &err) && !style->envelope)
        fail_msg("%s", err.text);
    assert_string_equal(out.data, want);
    buf_free(&out);
    arena_free(&arena);
}

static const char full[] =
    "{\"paymentId\":\"a-1\",\"accountId\":\"5\",\"amountMinor\":\"-12\",\"currency\":\"EUR\","
    "\"status\":\"PAYMENT_STATUS_CAPTURED\",\"createdAt\":\"2026-01-02T03:04:05.500Z\","
    "\"merchant\":\"Caf\u00e9\",\"note\":\"x\"}";

static void there_and_back(void **state)
{
    (void)state;
    static const char *const framings[] = {"raw", "confluent"};
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        struct record record;
        enum reason reason;
        struct err err;
        open_binding(&f, framings[i], "payment_id");
        if (!encode(&f, full, &record, &reason, &err))
            fail_msg("%s", err.text);
        assert_true(span_is(record.key, "a-1"));
        if (i == 1)
            assert_memory_equal(record.value.data, "\0\0\0\0\x4d\0", 6);
        assert_line(&f, &record, &(struct decode_style){0}, full);
        close_binding(&f);
    }
}

static void keys_that_are_no_text(void **state)
{
    (void)state;
    struct fixture f;
    struct record record;
    enum reason reason;
    struct err err;
    open_binding(&f, NULL, "account_id");
    if (!encode(&f, "{\"paymentId\":\"a\",\"accountId\":\"-42\"}", &record, &reason, &err))
        fail_msg("%s", err.text);
    assert_true(span_is(record.key, "-42"));
    close_binding(&f);
    open_binding(&f, NULL, NULL);
    assert_true(encode(&f, full, &record, &reason, &err));
    assert_null(record.key.data);
    close_binding(&f);
}

/* The pipeline reads the key back and compares it with the row's, so the forms must agree. */
static void keys_within_messages_and_dates(void **state)
{
    (void)state;
    struct fixture f;
    struct record record;
    enum reason reason;
    struct err err;
    open_mapped(&f, "pactolus.test.mapped.v1.NestedRoles", "head.id");
    if (!encode(&f, "{\"head\":{\"id\":\"a\",\"revision\":\"1\"}}", &record, &reason, &err))
        fail_msg("%s", err.text);
    assert_true(span_is(record.key, "a"));
    assert_false(encode(&f, "{\"day\":{}}", &record, &reason, &err));
    assert_string_equal(err.text, "key field head.id is unset");
    close_binding(&f);
    open_mapped(&f, "pactolus.test.mapped.v1.DateKey", "day");
    if (!encode(&f, "{\"day\":{\"year\":26,\"month\":5,\"day\":7}}", &record, &reason, &err))
        fail_msg("%s", err.text);
    assert_true(span_is(record.key, "0026-05-07"));
    assert_false(encode(&f, "{\"note\":\"x\"}", &record, &reason, &err));
    assert_string_equal(err.text, "key field day is unset");
    close_binding(&f);
}

static void refusals_have_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum reason reason;
    } cases[] = {
        {"", REASON_MALFORMED},
        {"{\"paymentId\":", REASON_MALFORMED},
        {"{\"paymentIdd\":\"a\"}", REASON_MALFORMED},
        {"[1]", REASON_MALFORMED},
        {"{\"accountId\":\"1\"}", REASON_KEY},
    };
    struct fixture f;
    open_binding(&f, NULL, "payment_id");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record record;
        struct err err = ERR_INIT;
        enum reason reason = REASON_NONE;
        if (encode(&f, cases[i].line, &record, &reason, &err))
            fail_msg("%s was taken", cases[i].line);
        assert_string_equal(reason_name(reason), reason_name(cases[i].reason));
        assert_int_equal(err.class, ERR_REJECT);
    }
    close_binding(&f);
}

static void envelope_shows_everything(void **state)
{
    (void)state;
    const struct decode_style style = {.envelope = true, .proto_names = true};
    struct fixture f;
    open_binding(&f, NULL, "payment_id");
    struct record record = {.topic = "t",
                            .partition = 3,
                            .offset = 9,
                            .timestamp = 1500,
                            .key = {"k\xff", 2},
                            .value = {NULL, 0}};
    assert_line(&f, &record, &style,
                "{\"topic\":\"t\",\"partition\":3,\"offset\":9,"
                "\"timestamp\":\"1970-01-01T00:00:01.500000Z\",\"key_base64\":\"a/8=\","
                "\"value\":null}");
    /* Broken: the reason and the bytes instead of the value. */
    record.key = (struct span){NULL, 0};
    record.timestamp = -1;
    record.value = (struct span){"\x0a\x05z", 3};
    struct arena arena;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    arena_init(&arena, 4096);
    assert_false(decode_record(&f.binding, &style, &record, &arena, &out, &err));
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(out.data, "{\"topic\":\"t\",\"partition\":3,\"offset\":9,\"key\":null,"
                                     "\"error\":\""));
    assert_non_null(strstr(out.data, ",\"value_base64\":\"CgV6\"}"));
    buf_free(&out);
    arena_free(&arena);
    close_binding(&f);
}

static void wrong_words_are_told(void **state)
{
    (void)state;
    struct binding none = {.descriptors = PACTOLUS_DESCRIPTORS "/payment.binpb"};
    struct errs errs = {0};
    assert_false(binding_open(&none, "t", &errs));
    assert_int_equal(errs.count, 1);
    assert_int_equal(errs.items[0].exit, ERR_EXIT_USAGE);
    assert_non_null(strstr(errs.items[0].text, "brokers"));
    binding_close(&none);
    errs_free(&errs);
    struct binding key = {.bootstrap = "x:1",
                          .descriptors = PACTOLUS_DESCRIPTORS "/payment.binpb",
                          .key_field = "paymnt_id"};
    errs = (struct errs){0};
    assert_false(binding_open(&key, "t", &errs));
    assert_true(errs.count >= 1);
    binding_close(&key);
    errs_free(&errs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(keys_that_are_no_text),
        cmocka_unit_test(keys_within_messages_and_dates),
        cmocka_unit_test(refusals_have_reasons),
        cmocka_unit_test(envelope_shows_everything),
        cmocka_unit_test(wrong_words_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
