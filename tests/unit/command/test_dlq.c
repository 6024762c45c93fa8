/* SPDX-License-Identifier: Apache-2.0 */
/* Which letters are meant, and what became of them in numbers. */
#include "command/dlq.h"
#include "command/dlq_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR = 3600 };
static const usec_t now = INT64_C(1767323045) * USEC_PER_SEC; /* 2026-01-02T03:04:05Z */
static struct arena arena;
static struct letters_filter filter;

static bool selects(const struct dlq_words *words)
{
    struct err err = ERR_INIT;
    bool good = dlq_select(words, "g", now, &arena, &filter, &err);
    assert_true(good || (err.exit == ERR_EXIT_USAGE && *err.text && *err.hint));
    return good;
}

static char *operand(const char *text)
{
    return arena_string(&arena, text, strlen(text));
}

static bool selects_operand(const char *text)
{
    char *operands[] = {operand(text)};
    return selects(&(struct dlq_words){.operands = operands, .n_operands = 1});
}

static void nothing_said_is_everything(void **state)
{
    (void)state;
    assert_true(selects(&(struct dlq_words){0}));
    assert_string_equal(filter.group, "g");
    assert_int_equal(filter.since, -1);
    assert_int_equal(filter.until, -1);
    assert_null(filter.key.data);
    assert_null(filter.state);
    assert_int_equal(filter.n_ids + filter.n_places + filter.n_streams + filter.n_reasons, 0);
}

static void letters_have_numbers_and_places(void **state)
{
    (void)state;
    assert_true(selects_operand("17"));
    assert_int_equal(filter.ids[0], 17);
    assert_true(selects_operand("a.b[c]-d[3]@9007199254740993"));
    assert_string_equal(filter.places[0].topic, "a.b[c]-d");
    assert_int_equal(filter.places[0].partition, 3);
    assert_int_equal(filter.places[0].offset, INT64_C(9007199254740993));
    static const char *const wrong[] = {
        "",      "0",     "-1",      "t",       "t[1]",   "t@1",    "[1]@2",
        "t[]@2", "t[1]@", "t[-1]@2", "t[1]@-2", "t[1]2@", "t[x]@2", "t[4294967296]@2",
        "17x"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (selects_operand(wrong[i]))
            fail_msg("taken for a letter: %s", wrong[i]);
}

static void times_are_moments_or_durations(void **state)
{
    (void)state;
    assert_true(selects(&(struct dlq_words){.since = "2h", .until = "2026-01-02T03:00"}));
    assert_int_equal(filter.since, now - 2 * HOUR * USEC_PER_SEC);
    assert_int_equal(filter.until, now - 245 * USEC_PER_SEC);
    assert_false(selects(&(struct dlq_words){.since = "yesterday"}));
    assert_false(selects(&(struct dlq_words){.until = "2026-02-30"}));
    assert_false(selects(&(struct dlq_words){.since = "36500000d"}));
}

static void keys_are_text_or_hex(void **state)
{
    (void)state;
    assert_true(selects(&(struct dlq_words){.key = "k"}));
    assert_true(span_is(filter.key, "k"));
    assert_true(selects(&(struct dlq_words){.key_hex = "00fF"}));
    assert_int_equal(filter.key.length, 2);
    assert_memory_equal(filter.key.data, "\0\xff", 2);
    assert_true(selects(&(struct dlq_words){.key_hex = "\\x6b"}));
    assert_true(span_is(filter.key, "k"));
    assert_false(selects(&(struct dlq_words){.key_hex = "0"}));
    assert_false(selects(&(struct dlq_words){.key_hex = "0g"}));
    assert_false(selects(&(struct dlq_words){.key = "k", .key_hex = "00"}));
    assert_false(selects(&(struct dlq_words){.key_file = "/nowhere/at/all"}));
}

static void words_are_known(void **state)
{
    (void)state;
    const char *reasons[] = {"rule", "malformed"}, *misspelt[] = {"rool"};
    assert_true(selects(&(struct dlq_words){.reasons = {reasons, 2}}));
    assert_int_equal(filter.n_reasons, 2);
    assert_false(selects(&(struct dlq_words){.reasons = {misspelt, 1}}));
    assert_true(selects(&(struct dlq_words){.state = "discarded"}));
    assert_string_equal(filter.state, "discarded");
    assert_true(selects(&(struct dlq_words){.state = "any"}));
    assert_null(filter.state);
    assert_false(selects(&(struct dlq_words){.state = "closed"}));
}

/* What changes letters must be told which, and not twice. */
static void nobody_means_all_by_saying_nothing(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_false(dlq_said(&(struct dlq_words){0}, "redrive", &err));
    assert_false(dlq_said(&(struct dlq_words){.from_topic = "t"}, "redrive", &err));
    assert_true(dlq_said(&(struct dlq_words){.all = true}, "redrive", &err));
    assert_true(dlq_said(&(struct dlq_words){.topic = "t"}, "redrive", &err));
    assert_true(dlq_said(&(struct dlq_words){.key_hex = "00"}, "redrive", &err));
    assert_false(dlq_said(&(struct dlq_words){.all = true, .topic = "t"}, "redrive", &err));
}

/* The filter chooses from a topic what it would choose from the ledger. */
static void letters_of_a_topic_are_chosen(void **state)
{
    (void)state;
    const struct letter letter = {.stream = "s",
                                  .topic = "t",
                                  .partition = 1,
                                  .offset = 2,
                                  .reason = "rule",
                                  .first_failed = "2026-01-02T02:04:05.000000Z",
                                  .key = {"k", 1}};
    const char *mine[] = {"s"}, *others[] = {"r"}, *rule[] = {"rule"}, *text[] = {"text"};
    static char here[] = "t[1]@2", there[] = "t[1]@3";
    char *at[] = {here}, *elsewhere[] = {there};
    const struct {
        struct dlq_words words;
        bool chosen;
    } cases[] = {
        {{.state = NULL}, true},
        {{.streams = {mine, 1}}, true},
        {{.streams = {others, 1}}, false},
        {{.reasons = {rule, 1}}, true},
        {{.reasons = {text, 1}}, false},
        {{.topic = "t"}, true},
        {{.topic = "u"}, false},
        {{.since = "1h"}, true},
        {{.since = "59m"}, false},
        {{.until = "59m"}, true},
        {{.until = "1h"}, false},
        {{.key = "k"}, true},
        {{.key = "kk"}, false},
        {{.operands = at, .n_operands = 1}, true},
        {{.operands = elsewhere, .n_operands = 1}, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(selects(&cases[i].words));
        if (dlq_selects(&filter, &letter) != cases[i].chosen)
            fail_msg("case %u", i);
    }
}

static void rates(void **state)
{
    (void)state;
    int64_t rate;
    assert_true(dlq_rate("200", &rate));
    assert_int_equal(rate, 200);
    assert_true(dlq_rate("5/s", &rate));
    assert_int_equal(rate, 5);
    static const char *const wrong[] = {"", "/s", "0", "-1/s", "5/m", "5 /s", "soon"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(dlq_rate(wrong[i], &rate));
}

static void what_became_of_letters_is_counted(void **state)
{
    (void)state;
    struct dlq_tally tally = {0};
    struct buf out = BUF_INIT;
    const struct letter letter = {.topic = "t", .offset = 7, .reason = "rule"};
    struct redriven redriven = {.letter = &letter, .fate = FATE_APPLIED};
    dlq_tally_add(&tally, "s", &redriven);
    redriven.fate = FATE_STALE;
    dlq_tally_add(&tally, "s", &redriven);
    redriven.fate = FATE_FAILED;
    redriven.reason = REASON_DATABASE;
    err_set(&redriven.err, ERR_REJECT, ERR_EXIT_DATA, "no parent");
    strcpy(redriven.err.sqlstate, "23503");
    dlq_tally_add(&tally, "s", &redriven);
    dlq_tally_add(&tally, "s", &redriven);
    dlq_tally_print(&tally, true, &out);
    assert_string_equal(out.data,
                        "s: 4 of reason rule, 1 applied, 1 closed as stale: newer rows have their "
                        "keys, 2 failed again\n"
                        "s: 2 for database, the first t[0]@7: no parent\n"
                        "2 may pass when it is tried again: what they refer to may be there now\n");
    buf_free(&out);
    dlq_tally_free(&tally);
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
        cmocka_unit_test(nothing_said_is_everything),
        cmocka_unit_test(letters_have_numbers_and_places),
        cmocka_unit_test(times_are_moments_or_durations),
        cmocka_unit_test(keys_are_text_or_hex),
        cmocka_unit_test(words_are_known),
        cmocka_unit_test(nobody_means_all_by_saying_nothing),
        cmocka_unit_test(letters_of_a_topic_are_chosen),
        cmocka_unit_test(rates),
        cmocka_unit_test(what_became_of_letters_is_counted),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
