/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/letter_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct header sent[64];
static unsigned n_sent;

static unsigned headers_of(const void *source, struct header *out, unsigned max)
{
    (void)source;
    for (unsigned i = 0; out && i < n_sent && i < max; i++)
        out[i] = sent[i];
    return n_sent;
}

static struct header own[] = {{"trace", {"\0\xff", 2}},
                              {"trace", {"again", 5}},
                              {"empty", {NULL, 0}},
                              {"pactolus.reason", {"of an earlier failure", 21}}};

static struct letter letter_make(void)
{
    return (struct letter){
        .id = 17,
        .stream = "items",
        .dlq_topic = "t.dlq",
        .topic = "t",
        .partition = 3,
        .attempts = 2,
        .offset = INT64_C(9007199254740993),
        .record_ts = -1,
        .order_ts = INT64_C(1600000000123),
        .cluster = "cluster",
        .topic_id = "0123456789abcdefghijkl",
        .reason = "rule",
        .detail = "quantity: no",
        .sqlstate = "",
        .contract = "e2e.v1.Item",
        .first_failed = "2026-01-02T03:04:05.600000Z",
        .last_failed = "2026-01-02T03:04:06.000000Z",
        .key = {"k", 1},
        .value = {"\0v", 2},
        .headers = own,
        .n_headers = sizeof own / sizeof *own,
    };
}

static struct record relayed(const struct letter *letter, enum letter_extent extent)
{
    n_sent = letter_headers(letter, "g", extent, &arena, sent);
    return (struct record){.topic = "t.dlq",
                           .key = extent == LETTER_OURS ? (struct span){0} : letter->key,
                           .value = extent ? (struct span){0} : letter->value,
                           .headers = headers_of};
}

static void what_is_relayed_is_read_back(void **state)
{
    (void)state;
    const struct letter letter = letter_make();
    const struct record record = relayed(&letter, LETTER_WHOLE);
    struct topic_letter found;
    assert_true(letter_from_record(&record, &arena, &found));
    assert_true(found.placed);
    assert_int_equal(found.ledger_id, 17);
    assert_string_equal(found.group, "g");
    assert_string_equal(found.letter.stream, "items");
    assert_string_equal(found.letter.topic, "t");
    assert_int_equal(found.letter.partition, 3);
    assert_int_equal(found.letter.offset, letter.offset);
    assert_int_equal(found.letter.record_ts, -1);
    assert_int_equal(found.letter.order_ts, letter.order_ts);
    assert_string_equal(found.letter.cluster, "cluster");
    assert_string_equal(found.letter.topic_id, letter.topic_id);
    assert_string_equal(found.letter.reason, "rule");
    assert_string_equal(found.letter.detail, "quantity: no");
    assert_string_equal(found.letter.contract, "e2e.v1.Item");
    assert_string_equal(found.letter.first_failed, letter.first_failed);
    assert_int_equal(found.letter.attempts, 2);
    assert_false(found.letter.truncated);
    assert_int_equal(found.letter.id, 0);
    /* The record's own headers, without those that bore our names. */
    assert_int_equal(found.letter.n_headers, 3);
    assert_string_equal(found.letter.headers[1].name, "trace");
    assert_memory_equal(found.letter.headers[0].value.data, "\0\xff", 2);
    assert_null(found.letter.headers[2].value.data);
}

static void what_was_too_large_says_so(void **state)
{
    (void)state;
    const struct letter letter = letter_make();
    for (int extent = LETTER_NO_VALUE; extent < LETTER_EXTENTS; extent++) {
        const struct record record = relayed(&letter, (enum letter_extent)extent);
        struct topic_letter found;
        assert_true(letter_from_record(&record, &arena, &found));
        assert_true(found.letter.truncated);
        assert_true(found.placed);
        assert_int_equal(found.ledger_id, 17);
        assert_int_equal(found.letter.n_headers, extent == LETTER_OURS ? 0 : 3);
    }
}

static void no_more_than_the_promised_headers(void **state)
{
    (void)state;
    struct letter letter = letter_make();
    letter.sqlstate = "23514";
    letter.n_headers = 0;
    (void)relayed(&letter, LETTER_NO_VALUE);
    assert_true(n_sent <= LETTER_HEADERS);
}

/* Without one of these it is somebody else's record; without those it cannot be placed. */
static void what_lacks_its_place_is_known(void **state)
{
    (void)state;
    static const char *const needed[] = {"__connect.errors.topic",  "__connect.errors.partition",
                                         "__connect.errors.offset", "pactolus.stream",
                                         "pactolus.group",          "pactolus.original.timestamp"};
    static const char *const placing[] = {"pactolus.cluster", "pactolus.order.timestamp"};
    const struct letter letter = letter_make();
    struct topic_letter found;
    for (unsigned i = 0; i < sizeof needed / sizeof *needed; i++) {
        const struct record record = relayed(&letter, LETTER_WHOLE);
        for (unsigned k = 0; k < n_sent; k++)
            if (strcmp(sent[k].name, needed[i]) == 0)
                sent[k].name = "other";
        assert_false(letter_from_record(&record, &arena, &found));
    }
    for (unsigned i = 0; i < sizeof placing / sizeof *placing; i++) {
        const struct record record = relayed(&letter, LETTER_WHOLE);
        for (unsigned k = 0; k < n_sent; k++)
            if (strcmp(sent[k].name, placing[i]) == 0)
                sent[k].name = "other";
        assert_true(letter_from_record(&record, &arena, &found));
        assert_false(found.placed);
    }
}

/* Whoever may write the topic may write any header. */
static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct span value;
        bool is_letter;
    } cases[] = {{"__connect.errors.partition", {"-1", 2}, false},
                 {"__connect.errors.partition", {"4294967296", 10}, false},
                 {"__connect.errors.offset", {"1x", 2}, false},
                 {"__connect.errors.offset", {"99999999999999999999", 20}, false},
                 {"__connect.errors.topic", {"a\0b", 3}, false},
                 {"pactolus.stream", {"\xff", 1}, false},
                 {"pactolus.group", {NULL, 0}, false},
                 {"pactolus.attempts", {"0", 1}, true},
                 {"pactolus.failed.first", {"'; drop", 7}, true},
                 {"pactolus.letter", {"-5", 2}, true}};
    const struct letter letter = letter_make();
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct topic_letter found;
        const struct record record = relayed(&letter, LETTER_WHOLE);
        for (unsigned k = 0; k < n_sent; k++)
            if (strcmp(sent[k].name, cases[i].name) == 0)
                sent[k].value = cases[i].value;
        assert_int_equal(letter_from_record(&record, &arena, &found), cases[i].is_letter);
        if (!cases[i].is_letter)
            continue;
        assert_true(found.letter.attempts >= 1 && found.ledger_id >= 0);
        assert_true(!*found.letter.first_failed || found.letter.first_failed[0] == '2');
    }
}

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 4096);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_relayed_is_read_back),
        cmocka_unit_test(what_was_too_large_says_so),
        cmocka_unit_test(no_more_than_the_promised_headers),
        cmocka_unit_test(what_lacks_its_place_is_known),
        cmocka_unit_test(hostile_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
