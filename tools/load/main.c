/* SPDX-License-Identifier: Apache-2.0 */
/* pactolus-load: the load of demo, tests and bench; see options.c for its usage. */
#include "options.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "command/progress.h"
#include "kafka/admin.h"
#include "kafka/producer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { ASK_MS = 10000, QUEUE_WAIT_MS = 60000, DRAIN_MS = 60000 };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

struct load {
    const struct load_options *options;
    struct producer *producer;
    usec_t begun;
    uint64_t produced, acknowledged, failed, bytes, tombstones, updates, new_keys;
    uint64_t broken[BROKEN_COUNT];
    rd_kafka_resp_err_t failure; /* the first */
};

static void on_report(void *context, void *tag, rd_kafka_resp_err_t code, int32_t partition,
                      int64_t offset)
{
    struct load *load = context;
    (void)tag;
    (void)partition;
    (void)offset;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        load->acknowledged++;
        return;
    }
    load->failed++;
    if (!load->failure)
        load->failure = code;
}

/* ---- one record ---- */

static void count(struct load *load, const struct planned *planned, const struct bytes *bytes)
{
    load->produced++;
    load->bytes += bytes->key.length + bytes->value.length;
    if (planned->broken != BROKEN_NONE)
        load->broken[planned->broken]++;
    else if (planned->tombstone)
        load->tombstones++;
    else if (planned->update)
        load->updates++;
    else
        load->new_keys++;
}

static bool produce_one(struct load *load, usec_t wall, struct err *err)
{
    static unsigned char out[PLAN_BYTES_MAX];
    const struct load_options *options = load->options;
    uint64_t number = load->produced;
    int64_t at_ms = options->epoch_ms < 0 ? 0 : options->epoch_ms + (int64_t)number;
    struct planned planned;
    struct bytes bytes;
    plan_record(&options->plan, number, &planned);
    plan_bytes(&options->plan, &planned, number, at_ms ? at_ms * USEC_PER_MS : wall, out, &bytes);
    struct producer_message message = {.topic = options->topic,
                                       .partition = -1,
                                       .key = bytes.key,
                                       .value = bytes.value,
                                       .timestamp = at_ms};
    if (!producer_send(load->producer, &message, QUEUE_WAIT_MS, err))
        return false;
    count(load, &planned, &bytes);
    return true;
}

/* ---- the pace ---- */

/* How many records are due by now; all of them without a rate. */
static uint64_t due(const struct load *load, usec_t now)
{
    const struct load_options *options = load->options;
    uint64_t limit = options->count ? options->count : UINT64_MAX;
    if (options->rate <= 0)
        return limit;
    uint64_t paced = 1 + (uint64_t)((double)(now - load->begun) * options->rate / 1e6);
    return paced < limit ? paced : limit;
}

static bool finished(const struct load *load, usec_t now)
{
    const struct load_options *options = load->options;
    return stopped || (options->count && load->produced >= options->count) ||
           (options->seconds > 0 && (double)(now - load->begun) >= options->seconds * 1e6);
}

static bool run(struct load *load, struct err *err)
{
    enum { POLL_EVERY = 512 }; /* records between two looks at clock and reports */
    struct progress progress;
    progress_begin(&progress, "produced", (int64_t)load->options->count);
    load->begun = clock_monotonic();
    bool ok = true;
    for (usec_t now = load->begun; ok && !finished(load, now); now = clock_monotonic()) {
        uint64_t until = due(load, now);
        if (load->produced >= until) {
            producer_poll(load->producer, 1);
            continue;
        }
        if (until - load->produced > POLL_EVERY)
            until = load->produced + POLL_EVERY;
        while (ok && load->produced < until)
            ok = produce_one(load, clock_wall(), err);
        producer_poll(load->producer, 0);
        progress_show(&progress, (int64_t)load->produced);
    }
    unsigned out = producer_drain(load->producer, DRAIN_MS);
    progress_end(&progress);
    if (ok && out > 0) {
        ok = err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "%u records were not acknowledged", out);
    } else if (ok && load->failure) {
        kafka_error(err, load->failure, NULL);
        ok = err_place(err, "%s", load->options->topic);
    }
    return ok;
}

/* ---- the log's own count ---- */

struct watermarks {
    int64_t low, high; /* sums over the partitions */
};

static bool ask(rd_kafka_t *admin, const char *topic, struct watermarks *sums, struct err *err)
{
    *sums = (struct watermarks){0};
    int partitions = admin_partitions(admin, topic, ASK_MS, err);
    for (int i = 0; i < partitions; i++) {
        int64_t low, high;
        if (!admin_watermarks(admin, topic, i, ASK_MS, &low, &high, err))
            return false;
        sums->low += low;
        sums->high += high;
    }
    return partitions >= 0;
}

/* What was acknowledged must be in the log, all of it: an embedded broker drops the oldest records
 * of a full partition without a word. */
static bool check(const struct load *load, const struct watermarks *before,
                  const struct watermarks *after, struct err *err)
{
    long long grown = (long long)(after->high - before->high);
    if (grown != (long long)load->acknowledged)
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "the log grew by %lld records, %llu were acknowledged", grown,
                (unsigned long long)load->acknowledged);
    else if (after->low != before->low)
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "the log dropped its oldest %lld records while it was written",
                (long long)(after->low - before->low));
    else
        return true;
    err_place(err, "%s", load->options->topic);
    return err_hint(err, "an embedded broker keeps 5 MiB a partition: more partitions; other "
                         "producers on the topic: --no-check");
}

/* ---- the summary ---- */

static void summary_json(const struct load *load, double seconds, const struct watermarks *after)
{
    printf("{\"topic\":\"%s\",\"produced\":%llu,\"acknowledged\":%llu,\"failed\":%llu,"
           "\"new_keys\":%llu,\"updates\":%llu,\"tombstones\":%llu,\"bytes\":%llu,"
           "\"seconds\":%.3f,\"high_watermarks\":%lld,\"broken\":{",
           load->options->topic, (unsigned long long)load->produced,
           (unsigned long long)load->acknowledged, (unsigned long long)load->failed,
           (unsigned long long)load->new_keys, (unsigned long long)load->updates,
           (unsigned long long)load->tombstones, (unsigned long long)load->bytes, seconds,
           (long long)after->high);
    const char *comma = "";
    for (int kind = 0; kind < BROKEN_COUNT; kind++) {
        if (load->broken[kind] == 0)
            continue;
        printf("%s\"%s\":%llu", comma, broken_name((enum broken)kind),
               (unsigned long long)load->broken[kind]);
        comma = ",";
    }
    puts("}}");
}

static void summary_text(const struct load *load, double seconds)
{
    char produced[32], rate[32], bytes[32];
    uint64_t broken = 0;
    for (int kind = 0; kind < BROKEN_COUNT; kind++)
        broken += load->broken[kind];
    text_thousands((int64_t)load->produced, produced);
    text_thousands((int64_t)((double)load->produced / (seconds > 0 ? seconds : 1)), rate);
    text_bytes((int64_t)load->bytes, bytes);
    fprintf(stderr, "%s payments (%s) in %.1f s, %s/s; %llu broken, %llu tombstones\n", produced,
            bytes, seconds, rate, (unsigned long long)broken, (unsigned long long)load->tombstones);
}

/* ---- the start ---- */

static int fail(const struct err *err)
{
    log_err(LOG_LEVEL_ERROR, "load", err);
    return err->exit;
}

static int work(struct load *load, rd_kafka_t *admin)
{
    struct err err = ERR_INIT;
    struct watermarks before, after = {0};
    if (!ask(admin, load->options->topic, &before, &err))
        return fail(&err);
    bool ok = run(load, &err);
    double seconds = (double)(clock_monotonic() - load->begun) / 1e6;
    struct err asked = ERR_INIT;
    bool known = ask(admin, load->options->topic, &after, &asked);
    if (ok && !known)
        err = asked;
    ok = ok && known && (!load->options->check || check(load, &before, &after, &err));
    if (load->options->json)
        summary_json(load, seconds, &after);
    summary_text(load, seconds);
    return ok ? ERR_EXIT_OK : fail(&err);
}

int main(int argc, char **argv)
{
    struct load_options options;
    struct errs errs = {0};
    if (!options_parse(&options, argc, argv))
        return ERR_EXIT_USAGE;
    /* Ours come first: what -X says wins. At a steady rate each record is sent at once. */
    struct kafka_property properties[OPTIONS_PROPERTIES_MAX + 1] = {
        {"linger.ms", options.rate > 0 ? "1" : "20", ""}};
    for (unsigned i = 0; i < options.n_properties; i++)
        properties[i + 1] = options.properties[i];
    struct kafka_options kafka = {.properties = properties,
                                  .n_properties = options.n_properties + 1,
                                  .client_id = "pactolus-load"};
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    struct load load = {.options = &options};
    rd_kafka_t *admin = admin_open(&kafka, &errs);
    load.producer = admin ? producer_open(&kafka, on_report, &load, &errs) : NULL;
    int code = load.producer ? work(&load, admin) : ERR_EXIT_CONFIG;
    for (unsigned i = 0; i < errs.count; i++)
        fail(&errs.items[i]);
    errs_free(&errs);
    producer_close(load.producer);
    admin_close(admin);
    return code;
}
