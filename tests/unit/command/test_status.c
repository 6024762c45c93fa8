/* SPDX-License-Identifier: Apache-2.0 */
#include "command/status.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW (1000 * USEC_PER_SEC)

/* Two streams: one with two partitions and open dead letters, one that nobody ever claimed. */
struct sample {
    struct overview_partition partitions[2];
    struct overview_reason reasons[2];
    struct overview_stream streams[2];
    struct status_log logs[2], *of_stream[2];
    struct status status;
};

static void sample(struct sample *sample)
{
    *sample = (struct sample){
        .partitions = {{"t", 0, 100, NOW - 5 * USEC_PER_SEC, NOW - USEC_PER_SEC, true},
                       {"t", 1, 7, NOW - 60 * USEC_PER_SEC, NOW - USEC_PER_SEC, true}},
        .reasons = {{"malformed", 3}, {"key", 1}},
        .logs = {{0, 130}, {0, 7}},
    };
    sample->streams[0] = (struct overview_stream){
        .name = "pay\"ments",
        .state = "halted",
        .kind = "flood",
        .reason = "a flood: 3 of 4",
        .hint = "look",
        .changed_by = "me",
        .view = "p.v",
        .account = {.advanced = 107, .consumed = 107, .applied = 103, .dead_lettered = 4},
        .partitions = sample->partitions,
        .n_partitions = 2,
        .reasons = sample->reasons,
        .n_reasons = 2,
        .open_dead_letters = 4};
    sample->streams[1] = (struct overview_stream){.name = "idle",
                                                  .state = "running",
                                                  .kind = "",
                                                  .reason = "",
                                                  .hint = "",
                                                  .changed_by = "",
                                                  .view = "p.w"};
    sample->of_stream[0] = sample->logs;
    sample->of_stream[1] = sample->logs;
    sample->status = (struct status){.group = "g",
                                     .overview = {.database = "d",
                                                  .cluster_id = "c",
                                                  .now = NOW,
                                                  .streams = sample->streams,
                                                  .n_streams = 2},
                                     .logs = sample->of_stream,
                                     .cluster_id = "c"};
}

static void lag_is_what_is_still_to_be_read(void **state)
{
    struct sample s;
    (void)state;
    sample(&s);
    assert_int_equal(status_lag(&s.status, 0, 0), 30);
    assert_int_equal(status_lag(&s.status, 0, 1), 0);
    assert_int_equal(status_stream_lag(&s.status, 0), 30);
    s.logs[0].low = 120; /* the log has let go of what was not read */
    assert_int_equal(status_lag(&s.status, 0, 0), 10);
    s.partitions[0].next_offset = 500; /* never negative */
    assert_int_equal(status_lag(&s.status, 0, 0), 0);
    s.logs[1].high = -1;
    assert_int_equal(status_stream_lag(&s.status, 0), -1);
    assert_int_equal(status_stream_lag(&s.status, 1), -1);
}

static void an_idle_partition_is_not_behind(void **state)
{
    struct sample s;
    (void)state;
    sample(&s);
    assert_int_equal(status_stream_behind(&s.status, 0), 5 * USEC_PER_SEC);
    s.logs[1].high = 8;
    assert_int_equal(status_stream_behind(&s.status, 0), 60 * USEC_PER_SEC);
    s.partitions[1].newest = -1; /* waits, and nothing was applied yet */
    assert_int_equal(status_stream_behind(&s.status, 0), -1);
    s.logs[0].high = 100;
    s.logs[1].high = 7;
    assert_int_equal(status_stream_behind(&s.status, 0), 0);
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *found = NULL;
    if (!json_object_object_get_ex(object, name, &found))
        fail_msg("no member %s", name);
    return found;
}

static void json_says_it_all(void **state)
{
    struct sample s;
    struct buf out = BUF_INIT;
    (void)state;
    sample(&s);
    s.logs[1].high = -1;
    status_write_json(&s.status, &out);
    struct json_object *root = json_tokener_parse(out.data);
    assert_non_null(root);
    struct json_object *streams = member(root, "streams");
    assert_int_equal(json_object_array_length(streams), 2);
    struct json_object *first = json_object_array_get_idx(streams, 0);
    assert_string_equal(json_object_get_string(member(first, "name")), "pay\"ments");
    assert_string_equal(json_object_get_string(member(first, "state")), "halted");
    assert_string_equal(json_object_get_string(member(first, "kind")), "flood");
    assert_string_equal(json_object_get_string(member(first, "reason")), "a flood: 3 of 4");
    assert_string_equal(json_object_get_string(member(first, "changed_by")), "me");
    assert_null(member(first, "lag_records"));
    assert_int_equal(json_object_get_int64(member(first, "open_dead_letters")), 4);
    assert_int_equal(
        json_object_get_int64(member(member(first, "open_dead_letters_by_reason"), "malformed")),
        3);
    assert_true(json_object_get_boolean(member(member(first, "account"), "closes")));
    struct json_object *partitions = member(first, "partitions");
    assert_int_equal(json_object_array_length(partitions), 2);
    assert_int_equal(
        json_object_get_int64(member(json_object_array_get_idx(partitions, 0), "lag_records")), 30);
    json_object_put(root);
    buf_free(&out);
}

static void ready_is_when_nothing_is_amiss(void **state)
{
    struct sample s;
    struct err err = ERR_INIT;
    (void)state;
    sample(&s);
    assert_false(status_ready(&s.status.overview, &err));
    assert_int_equal(err.exit, ERR_EXIT_TEMPORARY);
    assert_string_equal(err.place, "pay\"ments");
    assert_string_equal(err.text, "halted (flood): a flood: 3 of 4");
    assert_string_equal(err.hint, "look");
    s.streams[0].state = "paused"; /* a person wants it so */
    assert_true(status_ready(&s.status.overview, &err));
    s.streams[0].state = "running";
    assert_true(status_ready(&s.status.overview, &err));
    s.streams[0].unattended = 1;
    assert_false(status_ready(&s.status.overview, &err));
    assert_string_equal(err.text, "no live daemon holds 1 of its 2 partitions");
    s.streams[0].unattended = 0;
    s.streams[1].unattended = 1;
    assert_false(status_ready(&s.status.overview, &err));
    assert_int_equal(err.exit, ERR_EXIT_TEMPORARY);
    assert_string_equal(err.place, "idle");
    assert_string_equal(err.text, "no daemon has claimed it yet");
}

static void expect(const struct sample *s, bool colour, const char *text, bool there)
{
    struct buf out = BUF_INIT;
    status_write_text(&s->status, colour, &out);
    if ((strstr(out.data, text) != NULL) != there)
        fail_msg("\"%s\" is%s in:\n%s", text, there ? " not" : "", out.data);
    buf_free(&out);
}

static void text_names_what_wants_attention(void **state)
{
    struct sample s;
    (void)state;
    sample(&s);
    expect(&s, false, "by me (flood): a flood: 3 of 4\n  hint: look\n", true);
    expect(&s, false, "  open dead letters: malformed 3, key 1\n", true);
    expect(&s, false, "consumed 107 = applied 103 + dead-lettered 4; the account closes\n", true);
    expect(&s, false, "t[0]", false);
    expect(&s, false, "\033", false);
    expect(&s, true, "\033[33mhalted", true);
    s.status.partitions = true;
    expect(&s, false, "  t[0]  next offset 100, lag 30, committed 1.0 s ago\n", true);
    s.streams[0].account.records_open = 2;
    expect(&s, false, "the account does not close: 0 offsets, 2 records", true);
    s.status.overview.cluster_id = "another";
    expect(&s, false, "another cluster than the one last read from (another)", true);
    err_set(&s.status.broker, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "gone fishing");
    expect(&s, false, "broker: gone fishing; lag is not known", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lag_is_what_is_still_to_be_read),
        cmocka_unit_test(an_idle_partition_is_not_behind),
        cmocka_unit_test(json_says_it_all),
        cmocka_unit_test(ready_is_when_nothing_is_amiss),
        cmocka_unit_test(text_names_what_wants_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
