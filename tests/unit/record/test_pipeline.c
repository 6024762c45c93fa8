/* SPDX-License-Identifier: Apache-2.0 */
/* One verdict for each kind of record, and an arena that refused records leave as it was. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/pipeline.h"
#include "support/fixture.h"

#include <string.h>

#define PAYMENT "shop.v1.Payment"
#define TOPIC   "payments"

static struct fixture fixture, validated;
static struct arena arena;
static struct parsed parsed;
static struct layout *layout;
static struct pipeline pipeline;
static const struct pipeline_topic topics[] = {{TOPIC, 0}};
static const struct place place = {.version = 77, .order_ts = 5, .log = 6, .offset = 7};

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "record_types");
    fixture_open(&validated, "validated");
    arena_init(&arena, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    fixture_close(&validated);
    arena_free(&arena);
    return 0;
}

static void pipeline_make(struct fixture *of, const char *name, const struct fixture_says *says)
{
    struct errs errs = {0};
    static const struct contract *contracts[1];
    contracts[0] = fixture_contract(of, name, says);
    layout = layout_make(contracts, 1, &errs);
    if (!layout)
        fail_msg("%s", errs.items[0].text);
    pipeline = (struct pipeline){.layout = layout, .set = of->set, .topics = topics, .n_topics = 1};
    guard_init(&pipeline.guard, NULL);
}

/* Each test has a pipeline of its own: raw Payments keyed by payment_id, text keys. */
static int plain(void **state)
{
    (void)state;
    pipeline_make(&fixture, PAYMENT, &(struct fixture_says){.key = {"payment_id"}});
    pipeline.key.format = KEY_TEXT;
    return 0;
}

static int versioned(void **state)
{
    (void)state;
    pipeline_make(&fixture, PAYMENT,
                  &(struct fixture_says){.key = {"payment_id"}, .version = "revision"});
    pipeline.key.format = KEY_TEXT;
    return 0;
}

static int append(void **state)
{
    (void)state;
    pipeline_make(&fixture, PAYMENT, &(struct fixture_says){.append = true});
    return 0;
}

static int keyed_by_two(void **state)
{
    (void)state;
    pipeline_make(&fixture, PAYMENT, &(struct fixture_says){.key = {"payment_id", "account_id"}});
    pipeline.key.format = KEY_JSON;
    return 0;
}

static int ruled(void **state)
{
    (void)state;
    pipeline_make(&validated, "validated.Int32Range", &(struct fixture_says){.key = {"v"}});
    return 0;
}

static int done(void **state)
{
    (void)state;
    layout_free(layout);
    for (unsigned i = 0; i < fixture.n_contracts; i++)
        contract_free(fixture.contracts[i]);
    for (unsigned i = 0; i < validated.n_contracts; i++)
        contract_free(validated.contracts[i]);
    fixture.n_contracts = validated.n_contracts = 0;
    return 0;
}

static enum verdict run_record(const struct record *record)
{
    return pipeline_run(&pipeline, record, &place, 0, &arena, &parsed);
}

static enum verdict run(struct span key, struct span value)
{
    struct record record = {.topic = TOPIC, .timestamp = 1500, .key = key, .value = value};
    return run_record(&record);
}

/* Refused for this reason with these words, and nothing is left in the arena. */
static void refused(struct span key, struct span value, enum reason reason, const char *why)
{
    size_t used = arena.used;
    assert_int_equal(run(key, value), VERDICT_REJECT);
    if (parsed.reason != reason)
        fail_msg("%s: %s", reason_name(parsed.reason), parsed.err.text);
    assert_int_equal(parsed.err.class, ERR_REJECT);
    if (!strstr(parsed.err.text, why))
        fail_msg("%s", parsed.err.text);
    assert_int_equal(arena.used, used);
}

#define KEY       FIXTURE_SPAN("p1")
#define TOMBSTONE ((struct span){NULL, 0})

static struct span payment(const char *json)
{
    return fixture_bytes(&fixture, PAYMENT, json);
}

/* ---- rows ---- */

static void a_good_value_is_a_row(void **state)
{
    (void)state;
    assert_int_equal(run(KEY, payment("{\"payment_id\":\"p1\",\"currency\":\"EUR\"}")),
                     VERDICT_ROW);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_false(parsed.row.tombstone);
    assert_int_equal(parsed.row.place.version, 0); /* the caller's is not a version */
    assert_int_equal(parsed.row.place.order_ts, 5);
    assert_int_equal(parsed.row.place.log, 6);
    assert_int_equal(parsed.row.place.offset, 7);
    assert_memory_equal(parsed.row.cells[0].data, "p1", 2);
    assert_memory_equal(parsed.row.cells[3].data, "EUR", 3);
}

static void the_version_comes_from_the_value(void **state)
{
    (void)state;
    assert_int_equal(run(KEY, payment("{\"payment_id\":\"p1\",\"revision\":\"9\"}")), VERDICT_ROW);
    assert_int_equal(parsed.row.place.version, 9);
    refused(KEY, payment("{\"payment_id\":\"p1\"}"), REASON_VERSION, "revision");
}

static void appended_rows_are_keyed_by_place(void **state)
{
    (void)state;
    static const char want[] = "\0\0\0\x08\0\0\0\0\0\0\0\x06\0\0\0\x08\0\0\0\0\0\0\0\x07";
    assert_int_equal(run(TOMBSTONE, payment("{\"currency\":\"EUR\"}")), VERDICT_ROW);
    assert_int_equal(parsed.row.key.length, sizeof want - 1);
    assert_memory_equal(parsed.row.key.data, want, sizeof want - 1);
    pipeline.key.format = KEY_TEXT; /* no key column: the key says nothing */
    assert_int_equal(run(KEY, payment("{\"currency\":\"EUR\"}")), VERDICT_ROW);
}

static void topics_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(pipeline_contract(&pipeline, TOPIC), layout->contracts[0]);
    assert_null(pipeline_contract(&pipeline, "payment"));
}

/* ---- what is refused before the row ---- */

static void a_bad_frame_is_refused(void **state)
{
    (void)state;
    pipeline.framing = FRAMING_CONFLUENT;
    refused(KEY, FIXTURE_SPAN("\x07\0\0\0\x01\0"), REASON_FRAMING, "magic");
    refused(KEY, FIXTURE_SPAN("\0\0\0"), REASON_FRAMING, "");
    refused(KEY, FIXTURE_SPAN(""), REASON_FRAMING, "");
}

/* Payment is the file's first message, Refund its second; there is no hundredth. */
static void a_foreign_message_index_is_refused_or_skipped(void **state)
{
    (void)state;
    struct span foreign = FIXTURE_SPAN("\0\0\0\0\x01\x02\x02");
    struct span unknown = FIXTURE_SPAN("\0\0\0\0\x01\x02\xc8\x01");
    pipeline.framing = FRAMING_CONFLUENT;
    refused(KEY, foreign, REASON_SCHEMA, "shop.v1.Refund");
    refused(KEY, unknown, REASON_SCHEMA, "does not have");
    pipeline.skip_other_types = true;
    size_t used = arena.used;
    assert_int_equal(run(KEY, foreign), VERDICT_SKIP);
    assert_int_equal(arena.used, used);
    refused(KEY, unknown, REASON_SCHEMA, "does not have");
    /* Its own index, short and long: both are the first message, whose key is empty here. */
    refused(KEY, FIXTURE_SPAN("\0\0\0\0\x01\0"), REASON_KEY, "");
    refused(KEY, FIXTURE_SPAN("\0\0\0\0\x01\x02\0"), REASON_KEY, "");
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    refused(KEY, FIXTURE_SPAN("\x0a\x05p"), REASON_MALFORMED, "");
    refused(KEY, FIXTURE_SPAN("\x0a\x02\xc3\x28"), REASON_TEXT, "UTF-8");
    refused(KEY, FIXTURE_SPAN("\x0a\x02p\0"), REASON_TEXT, "NUL");
    pipeline.guard.record_max = 3;
    refused(KEY, FIXTURE_SPAN("\x0a\x02p1"), REASON_TOO_LARGE, "");
}

static void a_broken_rule_is_refused_by_its_name(void **state)
{
    (void)state;
    refused(TOMBSTONE, fixture_bytes(&validated, "validated.Int32Range", "{\"v\":9}"), REASON_RULE,
            "int32.gt");
    assert_int_equal(
        run(TOMBSTONE, fixture_bytes(&validated, "validated.Int32Range", "{\"v\":11}")),
        VERDICT_ROW);
}

static void a_value_that_no_column_holds_is_refused(void **state)
{
    (void)state;
    refused(KEY, FIXTURE_SPAN("\x0a\x02p1\x32\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
            REASON_VALUE, "captured_at");
}

static void both_keys_must_name_one_row(void **state)
{
    (void)state;
    struct span value = payment("{\"payment_id\":\"p1\"}");
    refused(FIXTURE_SPAN("p2"), value, REASON_KEY_MISMATCH, "payment_id");
    refused(FIXTURE_SPAN("p11"), value, REASON_KEY_MISMATCH, "payment_id");
    refused(FIXTURE_SPAN("p"), value, REASON_KEY_MISMATCH, "payment_id");
    refused(TOMBSTONE, value, REASON_KEY, "");
    pipeline.key.format = KEY_NONE;
    assert_int_equal(run(FIXTURE_SPAN("p2"), value), VERDICT_ROW);
}

/* The table is partitioned by account_id (column 1), with partitions for 10 to 19. */
static void a_value_outside_the_partitions_is_refused(void **state)
{
    (void)state;
    struct range range = {.column = 1, .has_low = true, .has_high = true, .low = 10, .high = 20};
    assert_string_equal(layout->columns[1].name, "account_id");
    pipeline.range = &range;
    assert_int_equal(run(KEY, payment("{\"payment_id\":\"p1\",\"account_id\":\"10\"}")),
                     VERDICT_ROW);
    assert_false(parsed.out_of_range);
    refused(KEY, payment("{\"payment_id\":\"p1\",\"account_id\":\"20\"}"), REASON_VALUE,
            "account_id is outside");
    assert_true(parsed.out_of_range);
    /* What is wrong by itself is not put down to the range. */
    refused(KEY, FIXTURE_SPAN("\x0a\x05p"), REASON_MALFORMED, "");
    assert_false(parsed.out_of_range);
    range = (struct range){0};
    assert_int_equal(run(KEY, payment("{\"payment_id\":\"p1\",\"account_id\":\"20\"}")),
                     VERDICT_ROW);
}

/* A tombstone has the key's cells, and a partitioned table's column is one of them. */
static void tombstones_outside_the_partitions_are_refused(void **state)
{
    (void)state;
    struct range range = {.column = 1, .has_low = true, .low = 10};
    pipeline.range = &range;
    assert_int_equal(run(FIXTURE_SPAN("{\"payment_id\":\"p1\",\"account_id\":10}"), TOMBSTONE),
                     VERDICT_TOMBSTONE);
    refused(FIXTURE_SPAN("{\"payment_id\":\"p1\",\"account_id\":9}"), TOMBSTONE, REASON_VALUE,
            "from 10");
    assert_true(parsed.out_of_range);
}

/* ---- tombstones ---- */

static void deleted(int64_t version)
{
    assert_true(parsed.row.tombstone);
    assert_int_equal(parsed.row.place.version, version);
    assert_int_equal(parsed.row.place.offset, 7);
    assert_int_equal(parsed.row.deleted_at, 1500000); /* the record's time in microseconds */
    assert_memory_equal(parsed.row.cells[0].data, "p1", 2);
    for (unsigned i = 1; i < layout->n_data; i++)
        assert_int_equal(parsed.row.cells[i].length, -1);
}

static void soft_and_hard_deletes_are_tombstones(void **state)
{
    (void)state;
    struct span key;
    for (enum deletes deletes = DELETES_SOFT; deletes <= DELETES_HARD; deletes++) {
        pipeline.deletes = deletes;
        assert_int_equal(run(KEY, payment("{\"payment_id\":\"p1\"}")), VERDICT_ROW);
        key = parsed.row.key;
        assert_int_equal(run(KEY, TOMBSTONE), VERDICT_TOMBSTONE);
        deleted(0);
        assert_int_equal(parsed.row.key.length, key.length);
        assert_memory_equal(parsed.row.key.data, key.data, key.length);
    }
}

static void final_deletes_outrank_every_version(void **state)
{
    (void)state;
    pipeline.deletes = DELETES_FINAL;
    assert_int_equal(run(KEY, TOMBSTONE), VERDICT_TOMBSTONE);
    deleted(INT64_MAX);
}

static const char *version_text;

static unsigned version_header(const void *source, struct header *out, unsigned max)
{
    (void)source;
    assert_true(max >= 1);
    out[0] = (struct header){"ce_version", {version_text, version_text ? strlen(version_text) : 0}};
    return 1;
}

static void header_deletes_carry_their_version(void **state)
{
    (void)state;
    struct record record = {
        .topic = TOPIC, .timestamp = 1500, .key = KEY, .headers = version_header};
    pipeline.deletes = DELETES_HEADER;
    pipeline.deletes_header = "ce_version";
    version_text = "12";
    assert_int_equal(run_record(&record), VERDICT_TOMBSTONE);
    deleted(12);
    static const char *const bad[] = {NULL, "", "12x", "9223372036854775808"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t used = arena.used;
        version_text = bad[i];
        assert_int_equal(run_record(&record), VERDICT_REJECT);
        assert_int_equal(parsed.reason, REASON_VERSION);
        assert_int_equal(strstr(parsed.err.text, "without the header") != NULL, i == 0);
        assert_int_equal(arena.used, used);
    }
    refused(KEY, TOMBSTONE, REASON_VERSION, "ce_version"); /* no header at all */
}

static void deletes_that_cannot_be_applied_are_refused(void **state)
{
    (void)state;
    pipeline.deletes = DELETES_REJECT;
    refused(KEY, TOMBSTONE, REASON_TOMBSTONE, "rejects deletes");
    pipeline.deletes = DELETES_SOFT;
    refused(TOMBSTONE, TOMBSTONE, REASON_KEY, "");
    pipeline.key.format = KEY_NONE;
    refused(KEY, TOMBSTONE, REASON_TOMBSTONE, "key.format");
}

static void append_streams_refuse_deletes(void **state)
{
    (void)state;
    pipeline.key.format = KEY_TEXT;
    refused(KEY, TOMBSTONE, REASON_TOMBSTONE, "only appends");
}

/* Kafka takes any int64 as a timestamp, timestamptz does not. */
static void the_time_of_a_delete_is_bounded(void **state)
{
    (void)state;
    struct record record = {.topic = TOPIC, .timestamp = -1, .key = KEY};
    assert_int_equal(run_record(&record), VERDICT_TOMBSTONE);
    assert_int_equal(parsed.row.deleted_at, 0);
    record.timestamp = INT64_MAX;
    assert_int_equal(run_record(&record), VERDICT_TOMBSTONE);
    assert_int_equal(parsed.row.deleted_at, INT64_C(253402300799999000));
}

static void delete_modes_are_parsed_and_printed(void **state)
{
    (void)state;
    enum deletes deletes;
    const char *header;
    static const char *const names[] = {"soft", "hard", "final", "reject"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(deletes_parse(names[i], &deletes, &header));
        assert_string_equal(deletes_name(deletes), names[i]);
        assert_null(header);
    }
    assert_true(deletes_parse("header:v", &deletes, &header));
    assert_int_equal(deletes, DELETES_HEADER);
    assert_string_equal(header, "v");
    assert_false(deletes_parse("header:", &deletes, &header));
    assert_false(deletes_parse("header", &deletes, &header));
    assert_false(deletes_parse("softly", &deletes, &header));
}

#define TEST(name, with) cmocka_unit_test_setup_teardown(name, with, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_value_is_a_row, plain),
        TEST(the_version_comes_from_the_value, versioned),
        TEST(appended_rows_are_keyed_by_place, append),
        TEST(topics_are_found_by_name, plain),
        TEST(a_bad_frame_is_refused, plain),
        TEST(a_foreign_message_index_is_refused_or_skipped, plain),
        TEST(malformed_values_are_refused, plain),
        TEST(a_broken_rule_is_refused_by_its_name, ruled),
        TEST(a_value_that_no_column_holds_is_refused, plain),
        TEST(a_value_outside_the_partitions_is_refused, plain),
        TEST(tombstones_outside_the_partitions_are_refused, keyed_by_two),
        TEST(both_keys_must_name_one_row, plain),
        TEST(soft_and_hard_deletes_are_tombstones, plain),
        TEST(final_deletes_outrank_every_version, versioned),
        TEST(header_deletes_carry_their_version, versioned),
        TEST(deletes_that_cannot_be_applied_are_refused, plain),
        TEST(append_streams_refuse_deletes, append),
        TEST(the_time_of_a_delete_is_bounded, plain),
        cmocka_unit_test(delete_modes_are_parsed_and_printed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
