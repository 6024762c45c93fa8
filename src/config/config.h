/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: the whole configuration as a struct, read from a main file and its conf.d (libconfig),
 * environment and command line, by the one settings table in config/option. Parsed and judged
 * completely before anything acts: every fault is reported with file:line and a hint.
 *
 * The config owns all its strings (in one arena); config_free releases it.
 */
#ifndef PACTOLUS_CONFIG_CONFIG_H
#define PACTOLUS_CONFIG_CONFIG_H

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/memory.h"
#include "record/pipeline.h"

/* One librdkafka property, name with dots. */
struct kafka_setting {
    char *name, *value;
    char *place; /* file:line */
};

enum start_kind { START_EARLIEST = 0, START_LATEST, START_TIME };
enum out_of_range { OUT_OF_RANGE_HALT = 0, OUT_OF_RANGE_EARLIEST, OUT_OF_RANGE_LATEST };

struct stream_topic {
    char *name;
    char *contract;   /* full name; NULL: the stream's, else what the descriptor set says */
    unsigned version; /* of the topic: from a ".vN" suffix, 1 without, or `version = N` */
    char *place;
};

struct stream_config {
    char *name, *place;
    char *descriptors; /* path of the .binpb, resolved against the file that names it */
    char *contract;    /* full name, for topics that name none; may be NULL */
    struct stream_topic *topics;
    unsigned n_topics;
    enum framing framing;
    enum key_format key_format;
    char *key_column;  /* text: the column; NULL = the contract's only key column */
    char *key_message; /* protobuf: full name of the key's message */
    enum framing key_framing;
    enum start_kind start;
    usec_t start_time; /* wall; START_TIME */
    enum out_of_range out_of_range;
    enum deletes deletes;
    bool deletes_said;
    char *deletes_header;
    bool skip_other_types;
    bool accept_skew;
    char *dlq_topic; /* NULL: dead letters stay in the ledger only */
    unsigned lanes;
    unsigned batch_rows;
    int64_t batch_bytes;
    double flood_share; /* engine/flood's limits */
    usec_t flood_window;
    unsigned flood_consecutive, flood_least;
    int64_t record_bytes; /* largest record taken */
    int64_t ledger_bytes; /* room for open dead letters */
    usec_t lag_threshold; /* for alerts: how far behind is too far */
    unsigned depth;       /* deepest nesting taken */
    const char *const *readers; /* roles that migrate lets read the views */
    unsigned n_readers;
    struct contract_overrides overrides;
};

struct config {
    struct arena memory; /* holds all that the config points to */
    char *file;          /* main file */
    char *group;
    char *client_id;             /* default "pactolus" */
    struct kafka_setting *kafka; /* passed to every Kafka client */
    unsigned n_kafka;
    char *conninfo, *password_file, *pooler;
    unsigned pool; /* connections that lanes share */
    usec_t connect_timeout, statement_timeout, lock_timeout;
    usec_t idle_in_transaction_timeout, answer_timeout;
    usec_t drain_timeout;     /* how long a revoke or a stop may wait for batches */
    usec_t commit_interval;   /* advisory Kafka commits */
    usec_t recheck_interval;  /* whether topics and cursors still are what they were */
    usec_t silence_timeout;   /* of a partition that the broker answers for */
    usec_t progress_interval; /* periodic log line; 0 = none */
    char *metrics_listen;     /* config/listen's form; NULL = no metrics */
    usec_t retry_base, retry_cap;
    unsigned retry_attempts;
    enum log_level log_level;
    struct stream_config *streams;
    unsigned n_streams;
};

/* Command line overrides: "NAME=VALUE" from --set, applied after file and environment. */
struct config_overrides {
    const char *const *set;
    unsigned n_set;
};

/* NULL with everything wrong in `errs` (halt, 78). A later source wins: main file, the
 * files of conf.d beside it in the order of their names, environment (PACTOLUS_<SETTING> in
 * capitals, dots as underscores; PACTOLUS_KAFKA_<PROPERTY>), overrides. Streams only add up: one
 * name twice is an error. */
struct config *config_load(const char *path, const struct config_overrides *overrides,
                           struct errs *errs);
void config_free(struct config *config);
/* As libconfig text, every setting with its value; secrets (names that hold password, secret,
 * passphrase, token, .pem, .key, oauthbearer.config; passwords in conninfo) as "[redacted]". */
void config_print(const struct config *config, struct buf *out);
/* Reference page of all settings as Markdown, from the table: docs/configuration.md and
 * --help-settings. */
void config_reference(struct buf *out);

#endif
