/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: librdkafka configurations for our roles. What the configuration's `kafka` block says is
 * passed through; what Pactolus must own is refused there (enable.auto.commit, auto.offset.reset,
 * isolation.level, group.id, plugin.library.paths, test.mock.*, offset.store.*, …) with the reason.
 * Borrows the options for the call; a conf is the caller's. Every fault is collected in errs.
 */
#ifndef PACTOLUS_KAFKA_CONF_H
#define PACTOLUS_KAFKA_CONF_H

#include "base/err.h"

#include <librdkafka/rdkafka.h>

enum kafka_role { KAFKA_CONSUMER, KAFKA_PRODUCER, KAFKA_ADMIN };

/* The lowest librdkafka that we run with, checked at run time too. */
#define KAFKA_LIBRARY_MIN 0x020e02ff

struct kafka_property {
    const char *name, *value, *place;
};

struct kafka_options {
    const struct kafka_property *properties;
    unsigned n_properties;
    const char *group; /* KAFKA_CONSUMER */
    const char *client_id;
    int statistics_ms; /* KAFKA_CONSUMER: how often it tells about itself; 0 = never */
};

/* A new conf with our settings and theirs; the caller gives it to rd_kafka_new or destroys it. NULL
 * with every wrong property in errs (halt, 78): unknown name (tried as written, then with
 * underscores as dots; nearest known name in the hint), bad value (never echoed for secrets),
 * refused name. */
rd_kafka_conf_t *kafka_conf(enum kafka_role role, const struct kafka_options *options,
                            struct errs *errs);
/* False with err when the library loaded at run time is too old. */
bool kafka_library_check(struct err *err) MUST_CHECK;
const char *kafka_library_version(void);

struct kafka_error_rule {
    rd_kafka_resp_err_t code;
    enum err_class class;
    enum err_exit exit;
    const char *reason;
    const char *hint; /* "" if nothing can be said in general */
};

/* The whole table, static, `n` rows (conf_errors.c); what is not in it is retry. */
const struct kafka_error_rule *kafka_error_table(unsigned *n);
/* Class of a librdkafka error by that table. */
enum err_class kafka_error_class(rd_kafka_resp_err_t code);
void kafka_error(struct err *err, rd_kafka_resp_err_t code, const char *text);

#endif
