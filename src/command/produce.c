/* SPDX-License-Identifier: Apache-2.0 */
/*
 * produce: JSON lines → validated, framed Protobuf → topic. A line that the contract refuses is
 * told with its number; with a DLQ topic it goes there with its reason, as it is.
 */
#include "command/binding.h"
#include "command/encode.h"
#include "command/progress.h"
#include "command/report.h"
#include "command/verb.h"
#include "kafka/admin.h"
#include "kafka/producer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 10000, QUEUE_WAIT_MS = 60000, DRAIN_MS = 60000, FAULTS_SHOWN = 20 };

struct produce {
    struct binding binding;
    const char *file;
    int64_t schema_id;
    const char *dlq; /* "" = none, even if the stream has one */
    bool check_only;

    FILE *input;
    struct producer *producer;
    struct encoder encoder;
    int64_t lines, sent, refused, undelivered;
    rd_kafka_resp_err_t failure;
};

static void on_report(void *context, void *tag, rd_kafka_resp_err_t code, int32_t partition,
                      int64_t offset)
{
    struct produce *produce = context;
    (void)tag;
    (void)partition;
    (void)offset;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    produce->undelivered++;
    if (!produce->failure)
        produce->failure = code;
}

/* ---- lines ---- */

static struct header text_header(const char *name, const char *text)
{
    return (struct header){name, {text, strlen(text)}};
}

static bool send_to_dlq(struct produce *produce, struct span line, enum reason reason,
                        const struct err *why, struct err *err)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)produce->lines);
    struct header headers[] = {
        text_header("__connect.errors.topic", produce->binding.topic),
        text_header("__connect.errors.exception.message", why->text),
        text_header("pactolus.reason", reason_name(reason)),
        text_header("pactolus.contract", produce->binding.its->name),
        text_header("pactolus.line", number),
    };
    struct producer_message message = {.topic = produce->dlq,
                                       .partition = -1,
                                       .value = line,
                                       .headers = headers,
                                       .n_headers = sizeof headers / sizeof *headers};
    return producer_send(produce->producer, &message, QUEUE_WAIT_MS, err);
}

static bool refuse(struct produce *produce, struct span line, enum reason reason, struct err *why,
                   struct err *err)
{
    const char *name = produce->file ? produce->file : "-";
    char inner[sizeof why->place];
    snprintf(inner, sizeof inner, "%s", why->place);
    err_place(why, "%s:%lld%s%.150s", name, (long long)produce->lines, *inner ? ": " : "", inner);
    produce->refused++;
    if (produce->refused <= FAULTS_SHOWN)
        report_err(why);
    else if (produce->refused == FAULTS_SHOWN + 1)
        fputs("error: more lines were refused; only their number is told\n", stderr);
    if (!*produce->dlq || produce->check_only)
        return true;
    return send_to_dlq(produce, line, reason, why, err);
}

static bool take_line(struct produce *produce, struct span line, struct err *err)
{
    struct err why = ERR_INIT;
    enum reason reason;
    struct producer_message message = {.topic = produce->binding.topic, .partition = -1};
    if (!encode_line(&produce->encoder, line, &message.key, &message.value, &reason, &why)) {
        if (why.class == ERR_HALT) { /* not a matter of this line */
            *err = why;
            return false;
        }
        return refuse(produce, line, reason, &why, err);
    }
    produce->sent++;
    return produce->check_only || producer_send(produce->producer, &message, QUEUE_WAIT_MS, err);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == 0;
}

static bool take_lines(struct produce *produce, struct err *err)
{
    struct progress progress;
    char *text = NULL;
    size_t room = 0;
    bool ok = true;
    progress_begin(&progress, "lines", 0);
    for (ssize_t length; ok && (length = getline(&text, &room, produce->input)) >= 0;) {
        produce->lines++;
        while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
            text[--length] = 0;
        if (!is_blank(text))
            ok = take_line(produce, (struct span){text, (size_t)length}, err);
        if (produce->producer && produce->lines % 256 == 0)
            producer_poll(produce->producer, 0);
        progress_show(&progress, produce->lines);
    }
    progress_end(&progress);
    if (ok && ferror(produce->input))
        ok = err_set(err, ERR_HALT, ERR_EXIT_DATA, "cannot read %s: %s",
                     produce->file ? produce->file : "standard input", strerror(errno));
    free(text);
    return ok;
}

/* ---- the whole ---- */

static bool open_input(struct produce *produce, struct err *err)
{
    produce->input = stdin;
    if (!produce->file || strcmp(produce->file, "-") == 0)
        return true;
    produce->input = fopen(produce->file, "re");
    return produce->input ||
           err_set(err, ERR_HALT, ERR_EXIT_DATA, "%s: %s", produce->file, strerror(errno));
}

/* Both topics must be there: brokers that make topics by themselves would make them wrong. */
static bool topics_exist(struct produce *produce, struct errs *errs)
{
    struct err err = ERR_INIT;
    rd_kafka_t *admin = admin_open(&produce->binding.kafka, errs);
    if (!admin)
        return false;
    bool ok = admin_partitions(admin, produce->binding.topic, ASK_MS, &err) >= 0 &&
              (!*produce->dlq || admin_partitions(admin, produce->dlq, ASK_MS, &err) >= 0);
    if (!ok)
        errs_add(errs, &err);
    admin_close(admin);
    return ok;
}

static bool open_producer(struct produce *produce, struct errs *errs)
{
    if (produce->check_only)
        return true;
    if (!topics_exist(produce, errs))
        return false;
    produce->producer = producer_open(&produce->binding.kafka, on_report, produce, errs);
    return produce->producer != NULL;
}

static bool deliver(struct produce *produce, struct err *err)
{
    unsigned out = produce->producer ? producer_drain(produce->producer, DRAIN_MS) : 0;
    if (out > 0)
        return err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "%u records were not acknowledged",
                       out);
    if (produce->undelivered == 0)
        return true;
    kafka_error(err, produce->failure, NULL);
    return err_place(err, "%s", produce->binding.topic);
}

static int run(struct produce *produce, const char *topic)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    int code = ERR_EXIT_OK;
    if (!binding_open(&produce->binding, topic, &errs))
        goto cleanup;
    if (!produce->dlq)
        produce->dlq = produce->binding.stream.config->dlq_topic;
    if (!produce->dlq)
        produce->dlq = "";
    encoder_init(&produce->encoder, &produce->binding, (int32_t)produce->schema_id);
    if (!open_input(produce, &err)) {
        errs_add(&errs, &err);
        goto cleanup;
    }
    if (!open_producer(produce, &errs))
        goto cleanup;
    bool ok = take_lines(produce, &err);
    if (!deliver(produce, ok ? &err : NULL) || !ok)
        errs_add(&errs, &err);
    fprintf(stderr, "%lld %s, %lld refused%s%s\n", (long long)produce->sent,
            produce->check_only ? "good" : "produced", (long long)produce->refused,
            produce->refused && *produce->dlq && !produce->check_only ? ", relayed to " : "",
            produce->refused && !produce->check_only ? produce->dlq : "");
    code = produce->refused ? ERR_EXIT_DATA : ERR_EXIT_OK;

cleanup:
    if (errs.count > 0)
        code = report_errs(&errs);
    errs_free(&errs);
    producer_close(produce->producer);
    encoder_free(&produce->encoder);
    if (produce->input && produce->input != stdin)
        fclose(produce->input);
    return code;
}

int command_produce(int argc, char **argv)
{
    struct produce produce = {.schema_id = 1};
    unsigned n_operands = 0;
    int code;
    const struct args_option options[] = {
        {'f', "file", "FILE", ARGS_TEXT, &produce.file, "JSON lines (default: standard input)"},
        {'n', "check", NULL, ARGS_FLAG, &produce.check_only, "judge the lines, produce nothing"},
        {0, "dlq", "TOPIC", ARGS_TEXT, &produce.dlq,
         "where refused lines go (default: the stream's; \"\": nowhere)"},
        {'k', "key-field", "FIELD", ARGS_TEXT, &produce.binding.key_field,
         "the record's key, with --descriptors"},
        {0, "schema-id", "N", ARGS_NUMBER, &produce.schema_id, "of confluent framing (default: 1)"},
        BINDING_OPTIONS(&produce.binding),
        {0},
    };
    const struct args args = {
        .verb = "produce",
        .usage = "[TOPIC] [OPTION…]",
        .summary =
            "Writes JSON lines into a topic, as the stream's contract wants them: proto3 JSON, "
            "validated, framed, keyed. What the contract refuses is told with its line and "
            "goes to the DLQ topic, if there is one.",
        .options = options,
        .examples = "  pactolus produce payments.payment.captured < payments.jsonl\n"
                    "  pactolus produce --stream payments --check --file payments.jsonl\n"
                    "  pactolus produce t -b localhost:9092 --descriptors p.binpb --contract "
                    "payments.v1.Payment -k payment_id\n",
        .exits = "  0   every line was produced\n  65  some were refused\n"
                 "  69  the brokers did not take them\n  78  configuration or contract\n",
        .operands_max = 1,
    };
    if (!args_begin(&args, argc, argv, &n_operands, &code))
        goto cleanup;
    if (produce.schema_id < 0 || produce.schema_id > INT32_MAX) {
        fputs("error: --schema-id: out of range\n", stderr);
        code = ERR_EXIT_USAGE;
        goto cleanup;
    }
    code = run(&produce, n_operands ? argv[0] : NULL);

cleanup:
    binding_close(&produce.binding);
    return code;
}
