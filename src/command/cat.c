/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cat: a topic as JSON lines, decoded by its contract; kcat's -o -c -p -e. Reads without a group,
 * so that it disturbs nobody.
 */
#include "command/binding.h"
#include "command/decode.h"
#include "command/report.h"
#include "command/verb.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"

#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 10000, CLOSE_MS = 3000, ARENA_BYTES = 64 * 1024 };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

struct cat {
    struct binding binding;
    struct decode_style style;
    const char *offset;       /* beginning, end, N, -N */
    int64_t count, partition; /* -1 = no limit, all */
    bool exit_at_end;

    struct consumer *consumer;
    struct intake *intake;
    struct topic_partition *starts;
    bool *ended;
    unsigned n_starts, n_ended;
    int64_t shown, undecoded;
    struct arena arena;
    struct buf line;
};

/* ---- where to begin ---- */

static bool start_of(const struct cat *cat, int64_t low, int64_t high, int64_t *start,
                     struct err *err)
{
    int64_t number;
    if (strcmp(cat->offset, "beginning") == 0) {
        *start = low;
    } else if (strcmp(cat->offset, "end") == 0) {
        *start = high;
    } else if (text_parse_int(cat->offset, &number)) {
        *start = number >= 0 ? number : high + number;
        *start = *start < low ? low : *start > high ? high : *start;
    } else {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--offset: not an offset: %s", cat->offset);
        return err_hint(err, "beginning, end, a number, or -N for the last N of each partition");
    }
    return true;
}

static bool find_starts(struct cat *cat, rd_kafka_t *admin, struct err *err)
{
    const char *topic = cat->binding.topic;
    int partitions = admin_partitions(admin, topic, ASK_MS, err);
    if (partitions < 0)
        return false;
    if (cat->partition >= partitions)
        return err_set(err, ERR_HALT, ERR_EXIT_USAGE, "%s has %d partitions: there is no %lld",
                       topic, partitions, (long long)cat->partition);
    cat->starts = mem_zero((size_t)partitions, sizeof *cat->starts);
    cat->ended = mem_zero((size_t)partitions, sizeof *cat->ended);
    for (int i = 0; i < partitions; i++) {
        int64_t low, high, start;
        if (cat->partition >= 0 && i != cat->partition)
            continue;
        if (!admin_watermarks(admin, topic, i, ASK_MS, &low, &high, err) ||
            !start_of(cat, low, high, &start, err))
            return false;
        cat->starts[cat->n_starts++] =
            (struct topic_partition){.topic = topic, .partition = i, .offset = start};
    }
    return true;
}

static bool begin(struct cat *cat, struct errs *errs)
{
    struct err err = ERR_INIT;
    rd_kafka_t *admin = admin_open(&cat->binding.kafka, errs);
    if (!admin)
        return false;
    bool found = find_starts(cat, admin, &err);
    admin_close(admin);
    if (!found)
        goto cleanup;
    /* No member of it: librdkafka only wants a name where assignments are made by hand. */
    struct kafka_options options = cat->binding.kafka;
    options.group = "pactolus-cat";
    cat->consumer = consumer_open(&options, NULL, 0, errs);
    if (!cat->consumer)
        return false;
    cat->intake = intake_open(cat->consumer, &err);
    if (!cat->intake)
        goto cleanup;
    for (unsigned i = 0; i < cat->n_starts; i++)
        intake_forward(cat->intake, cat->consumer, cat->binding.topic, cat->starts[i].partition);
    if (consumer_assign(cat->consumer, cat->starts, cat->n_starts, &err))
        return true;

cleanup:
    errs_add(errs, &err);
    return false;
}

/* ---- records ---- */

static bool show(struct cat *cat, const struct record *record)
{
    struct err err = ERR_INIT;
    arena_reset(&cat->arena, ARENA_BYTES);
    buf_reset(&cat->line);
    bool decoded = decode_record(&cat->binding, &cat->style, record, &cat->arena, &cat->line, &err);
    if (!decoded) {
        cat->undecoded++;
        err_place(&err, "%s[%d]@%lld", record->topic, (int)record->partition,
                  (long long)record->offset);
    }
    if (!decoded && !cat->style.envelope) {
        fflush(stdout);
        report_err(&err);
    } else {
        buf_putc(&cat->line, '\n');
        fwrite(cat->line.data, 1, cat->line.length, stdout);
    }
    cat->shown++;
    return ferror(stdout) == 0;
}

static void count_end(struct cat *cat, int32_t partition)
{
    for (unsigned i = 0; i < cat->n_starts; i++)
        if (cat->starts[i].partition == partition && !cat->ended[i]) {
            cat->ended[i] = true;
            cat->n_ended++;
        }
}

static bool finished(const struct cat *cat)
{
    return stopped || (cat->count >= 0 && cat->shown >= cat->count) ||
           (cat->exit_at_end && cat->n_ended == cat->n_starts);
}

/* Everything that waits. False with err when it cannot go on. */
static bool drain(struct cat *cat, struct err *err)
{
    struct intake_item item;
    enum intake_kind kind;
    bool ok = true;
    while (ok && !finished(cat) && (kind = intake_next(cat->intake, &item)) != INTAKE_EMPTY) {
        if (kind == INTAKE_RECORD)
            ok = show(cat, &item.record) ||
                 err_set(err, ERR_HALT, ERR_EXIT_UNAVAILABLE, "cannot write: %s", strerror(errno));
        else if (kind == INTAKE_END)
            count_end(cat, item.record.partition);
        else if (kind == INTAKE_OUT_OF_RANGE || item.err.class == ERR_HALT)
            ok = (*err = item.err, false);
        intake_release(cat->intake, &item);
    }
    return ok;
}

static bool follow(struct cat *cat, struct err *err)
{
    enum { TICK_MS = 500 };
    while (!finished(cat)) {
        struct consumer_event event;
        do {
            consumer_poll(cat->consumer, &event);
            if (event.kind == CONSUMER_FATAL ||
                (event.kind == CONSUMER_ERROR && event.err.class == ERR_HALT)) {
                *err = event.err;
                return false;
            }
        } while (event.kind != CONSUMER_NOTHING);
        if (!drain(cat, err))
            return false;
        fflush(stdout);
        struct pollfd fds[] = {{.fd = intake_fd(cat->intake), .events = POLLIN},
                               {.fd = consumer_fd(cat->consumer), .events = POLLIN}};
        if (!finished(cat))
            poll(fds, 2, TICK_MS);
    }
    return true;
}

/* ---- the whole ---- */

static int run(struct cat *cat, const char *topic)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    arena_init(&cat->arena, ARENA_BYTES);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (binding_open(&cat->binding, topic, &errs) && begin(cat, &errs) && !follow(cat, &err))
        errs_add(&errs, &err);
    fflush(stdout);
    intake_close(cat->intake);
    consumer_free(cat->consumer, CLOSE_MS);
    arena_free(&cat->arena);
    buf_free(&cat->line);
    free(cat->starts);
    free(cat->ended);
    int code = errs.count ? report_errs(&errs) : cat->undecoded ? ERR_EXIT_DATA : ERR_EXIT_OK;
    errs_free(&errs);
    return code;
}

int command_cat(int argc, char **argv)
{
    struct cat cat = {.offset = "beginning", .count = -1, .partition = -1};
    unsigned n_operands = 0;
    int code;
    const struct args_option options[] = {
        {'o', "offset", "OFFSET", ARGS_TEXT, &cat.offset,
         "beginning (default), end, a number, or -N: the last N of each partition"},
        {'c', "count", "N", ARGS_NUMBER, &cat.count, "end after N records"},
        {'p', "partition", "N", ARGS_NUMBER, &cat.partition, "only this partition"},
        {'e', "exit", NULL, ARGS_FLAG, &cat.exit_at_end, "end when all partitions are read"},
        {'E', "envelope", NULL, ARGS_FLAG, &cat.style.envelope,
         "with topic, partition, offset, timestamp, key and headers"},
        {0, "proto-names", NULL, ARGS_FLAG, &cat.style.proto_names,
         "field names as in the .proto, not in lowerCamelCase"},
        BINDING_OPTIONS(&cat.binding),
        {0},
    };
    const struct args args = {
        .verb = "cat",
        .usage = "[TOPIC] [OPTION…]",
        .summary = "Prints a topic's records as JSON lines, decoded by the stream's contract. What "
                   "cannot be decoded is told with its place.",
        .options = options,
        .examples = "  pactolus cat payments.payment.captured -o -5 -e\n"
                    "  pactolus cat --stream payments --envelope -p 0 -o 1200 -c 1\n"
                    "  pactolus cat t -b localhost:9092 --descriptors p.binpb --contract "
                    "payments.v1.Payment\n",
        .exits = "  0   done\n  65  some records could not be decoded\n"
                 "  69  the brokers are out of reach\n  78  configuration or contract\n",
        .operands_max = 1,
    };
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = run(&cat, n_operands ? argv[0] : NULL);
    binding_close(&cat.binding);
    return code;
}
