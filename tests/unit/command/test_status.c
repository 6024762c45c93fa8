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
        .partitions = {{"t", 0, 100, NOW - 5 * USEC_PER_SEC, NOW - USEC_PER_SEC, true, 0},
                       {"t", 1, 7, NOW - 60 * USEC_PER_SEC, NOW - USEC_PER_SEC, true, 0}},
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

static struct json_object *parsed(const struct sample *s)
{
    struct buf out = BUF_INIT;
    status_write_json(&s->status, &out);
    struct json_object *root = json_tokener_parse(out.data);
    if (!root)
        fail_msg("no JSON: %s", out.data);
    buf_free(&out);
    return root;
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
    s.partitions[0].next_offset = 1234567;
    s.logs[0].high = 1234597;
    expect(&s, false,
           "  partition  next offset  low watermark       high  lag  last commit\n"
           "  t[0]         1,234,567              0  1,234,597   30  1.0 s ago\n"
           "  t[1]                 7              0          7    0  1.0 s ago\n",
           true);
    s.streams[0].account.records_open = 2;
    expect(&s, false, "the account does not close: 0 offsets, 2 records", true);
    s.status.overview.cluster_id = "another";
    expect(&s, false, "another cluster than the one last read from (another)", true);
    err_set(&s.status.broker, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "gone fishing");
    expect(&s, false, "broker: gone fishing; lag is not known", true);
}

/* Characters count, not bytes; and what comes from elsewhere cannot move the cursor. */
static void columns_are_as_wide_as_they_must_be(void **state)
{
    struct sample s;
    (void)state;
    sample(&s);
    s.streams[0].name = "zahlungseingänge";
    s.streams[0].reason = "a\nb\033[2J";
    s.streams[1].open_dead_letters = 1234567890123;
    expect(&s, false,
           "\nstream            state    lag, records  behind       dead letters  last commit\n"
           "zahlungseingänge  halted             30   5.0 s                  4  1.0 s ago\n",
           true);
    expect(&s, false,
           "\nidle              running             ?       ?  1,234,567,890,123  never\n", true);
    expect(&s, false, ": a b [2J\n", true);
    expect(&s, false, "records/s", false);
    expect(&s, true, "\033[2mstream ", true);
}

static void every_daemon_has_its_line(void **state)
{
    static struct overview_daemon daemons[] = {
        {"1", "höst", "0.9", 12, NOW - 60 * USEC_PER_SEC, 1200, 0, OVERVIEW_LIVE},
        {"2", "h", "0.10", 345678, NOW - 5 * USEC_PER_SEC, 4, 0, OVERVIEW_GONE},
        {"3", "h", "0.9", 1, NOW - 5 * USEC_PER_SEC, 0, 7, OVERVIEW_UNSEEN}};
    struct sample s;
    (void)state;
    sample(&s);
    expect(&s, false, "\nno daemon has claimed anything yet\n", true);
    s.status.overview.daemons = daemons;
    s.status.overview.n_daemons = 3;
    expect(&s, false,
           "\ndaemon      session  version  since          partitions\n"
           "höst (12)   live     0.9      1 min 0 s ago       1,200\n"
           "h (345678)  gone     0.10     5.0 s ago               4\n"
           "h (1)       ?        0.9      5.0 s ago       rebuild 7\n",
           true);
    expect(&s, true, "  \033[33mgone\033[0m  ", true);
    struct json_object *root = parsed(&s);
    struct json_object *list = member(root, "daemons"), *last = json_object_array_get_idx(list, 2);
    assert_int_equal(json_object_array_length(list), 3);
    assert_true(json_object_get_boolean(member(json_object_array_get_idx(list, 0), "live")));
    assert_string_equal(json_object_get_string(member(json_object_array_get_idx(list, 1), "live")),
                        "false");
    assert_null(member(last, "live"));
    assert_int_equal(json_object_get_int(member(last, "rebuild")), 7);
    assert_null(member(json_object_array_get_idx(list, 0), "rebuild"));
    assert_int_equal(json_object_get_int(member(json_object_array_get_idx(list, 1), "process")),
                     345678);
    json_object_put(root);
}

static void rates_are_of_two_looks(void **state)
{
    struct sample before, after;
    double rates[2];
    (void)state;
    sample(&before);
    sample(&after);
    after.status.overview.now = NOW + 4 * USEC_PER_SEC;
    after.streams[0].stream_id = before.streams[0].stream_id = 5;
    after.streams[1].stream_id = 6;
    after.streams[0].account.consumed += 10;
    before.status.overview.n_streams = 1;
    status_rates(&before.status.overview, &after.status.overview, rates);
    assert_float_equal(rates[0], 2.5, 1e-9);
    assert_true(rates[1] < 0); /* it was not there before */
    after.status.rates = rates;
    expect(&after, false, "  lag, records  records/s  behind  ", true);
    expect(&after, false, "            30        2.5  ", true);
    struct json_object *root = parsed(&after);
    struct json_object *streams = member(root, "streams");
    assert_float_equal(
        json_object_get_double(member(json_object_array_get_idx(streams, 0), "records_per_second")),
        2.5, 1e-9);
    assert_null(member(json_object_array_get_idx(streams, 1), "records_per_second"));
    json_object_put(root);
    rates[0] = 12345.6;
    expect(&after, false, " 12,346  ", true);
    after.streams[0].account.consumed = 0; /* a failover has put it back */
    status_rates(&before.status.overview, &after.status.overview, rates);
    assert_true(rates[0] < 0);
    after.status.overview.now = NOW;
    status_rates(&before.status.overview, &before.status.overview, rates);
    assert_true(rates[0] < 0);
}

static void what_is_read_again_stands_with_its_stream(void **state)
{
    static struct overview_replay replays[] = {
        {3, "to-earliest", "me", NOW - 5 * USEC_PER_SEC, 1204, 5000},
        {4, "to-offset", "you", NOW - 3 * USEC_PER_SEC, 7, 7}};
    static struct overview_rebuild rebuilds[] = {
        {9, "filling", "d.t_rebuild_9", "me", NOW - 5 * USEC_PER_SEC, 800, true}};
    struct sample s;
    (void)state;
    sample(&s);
    expect(&s, false, "reads again", false);
    s.streams[0].again = 1211;
    s.partitions[0].again = 1211;
    expect(&s, false, "\n  reads again: 1,211 records to go\n", true);
    s.streams[0].replays = replays;
    s.streams[0].n_replays = 2;
    s.streams[0].rebuilds = rebuilds;
    s.streams[0].n_rebuilds = 1;
    expect(&s, false,
           "\n  reads again: 1,211 records to go, replay 3 (to-earliest by me 5.0 s ago) 1,204 of "
           "5,000; replay 4 (to-offset by you 3.0 s ago) 7 of 7\n"
           "  rebuild 9 (filling, begun 5.0 s ago by me) into d.t_rebuild_9: 800 records to go\n",
           true);
    s.status.partitions = true;
    expect(&s, false, "  read again  last commit\n", true);
    rebuilds[0].worked_at = false;
    expect(&s, false, "800 records to go; nobody is at it: pactolus rebuild --resume 9\n", true);
    struct json_object *root = parsed(&s);
    struct json_object *first = json_object_array_get_idx(member(root, "streams"), 0);
    assert_int_equal(json_object_get_int(member(first, "records_to_read_again")), 1211);
    struct json_object *replay = json_object_array_get_idx(member(first, "replays"), 0);
    assert_int_equal(json_object_get_int(member(replay, "records_left")), 1204);
    assert_int_equal(json_object_get_int(member(replay, "records")), 5000);
    struct json_object *rebuild = json_object_array_get_idx(member(first, "rebuilds"), 0);
    assert_int_equal(json_object_get_int(member(rebuild, "records_left")), 800);
    assert_string_equal(json_object_get_string(member(rebuild, "worked_at")), "false");
    json_object_put(root);
}

/* Of a stream that the configuration names, with what the broker says. */
static void without_postgresql_the_broker_is_told(void **state)
{
    struct stream_topic topic = {.name = "t"};
    struct stream_config stream = {.name = "items", .topics = &topic, .n_topics = 1};
    struct config config = {.streams = &stream, .n_streams = 1};
    struct arena arena;
    struct sample s;
    (void)state;
    sample(&s);
    arena_init(&arena, 4096);
    err_set(&s.status.database, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "gone");
    err_place(&s.status.database, "h:5432");
    status_from_config(&s.status, &config, &arena);
    expect(&s, false,
           "group g, database not reached, cluster c\n"
           "database: h:5432: gone; states and positions are not known where it says ?\n\n"
           "stream  state  lag, records  behind  dead letters  last commit\n"
           "items   ?                 ?       ?             ?  ?\n"
           "  t\n",
           true);
    struct overview_partition partition = {"t", 0, -1, -1, -1, false, -1};
    s.status.overview.streams[0].partitions = &partition;
    s.status.overview.streams[0].n_partitions = 1;
    expect(&s, false, "  partition  low watermark  high\n  t[0]                   0   130\n", true);
    struct json_object *root = parsed(&s);
    assert_null(member(root, "database"));
    assert_null(member(root, "daemons"));
    assert_string_equal(json_object_get_string(member(root, "database_error")), "h:5432: gone");
    struct json_object *first = json_object_array_get_idx(member(root, "streams"), 0);
    static const char *const unknown[] = {"state", "lag_records",       "lag_seconds", "account",
                                          "drift", "open_dead_letters", "replays",     "view"};
    for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_null(member(first, unknown[i]));
    struct json_object *part = json_object_array_get_idx(member(first, "partitions"), 0);
    assert_int_equal(json_object_get_int(member(part, "high_watermark")), 130);
    assert_null(member(part, "next_offset"));
    err_set(&s.status.broker, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "gone fishing");
    s.status.cluster_id = NULL;
    expect(&s, false, "group g, database not reached, broker not reached\n", true);
    expect(&s, false, "\nbroker: gone fishing; watermarks are not known where it says ?\n", true);
    json_object_put(root);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lag_is_what_is_still_to_be_read),
        cmocka_unit_test(an_idle_partition_is_not_behind),
        cmocka_unit_test(json_says_it_all),
        cmocka_unit_test(ready_is_when_nothing_is_amiss),
        cmocka_unit_test(text_names_what_wants_attention),
        cmocka_unit_test(columns_are_as_wide_as_they_must_be),
        cmocka_unit_test(every_daemon_has_its_line),
        cmocka_unit_test(rates_are_of_two_looks),
        cmocka_unit_test(what_is_read_again_stands_with_its_stream),
        cmocka_unit_test(without_postgresql_the_broker_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
