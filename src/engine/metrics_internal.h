/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_internal: what the files of engine/metrics share. A page is written family by family, as
 * the format wants it; each family is a row of a table that says of what it is written: the
 * process, each stream that runs, each stream of the configuration, or each cursor.
 */
#ifndef PACTOLUS_ENGINE_METRICS_INTERNAL_H
#define PACTOLUS_ENGINE_METRICS_INTERNAL_H

#include "engine/http.h"
#include "engine/metrics.h"
#include "postgres/gauges.h"

struct metrics {
    struct engine *engine;
    struct http *http; /* NULL: not listening yet */
    usec_t listen_at;  /* when to try (again) */
    bool told;         /* that it cannot listen */
    usec_t began;      /* wall */
    /* metrics_look.c: */
    struct stream_gauges *gauges; /* by stream of the configuration, as last heard */
    bool looking, heard, failed;  /* asked; ever answered; the last one was no answer */
    usec_t look_at, looked_at;    /* monotonic; when it was asked last */
    usec_t heard_at;              /* wall */
    bool asking_ends;
    usec_t ends_at;
};

/* ---- metrics_look.c ---- */

/* Ask what is to be asked. Returns when to come again. */
usec_t metrics_look(struct metrics *metrics, usec_t now);
/* What the Kafka client knows of ends by now goes into the cursors. */
void metrics_hear_ends(struct engine *engine);
/* The last question was answered, and is not overdue. */
bool metrics_database_answers(const struct metrics *metrics, usec_t now);

/* ---- metrics_page.c ---- */

struct metrics_page {
    struct buf *out;
    struct metrics *metrics;
    struct engine *engine;
    const struct metrics_family *family; /* being written */
    struct label labels[EXPOSITION_LABELS];
    unsigned n_labels; /* group, and what the family is of */
};

struct metrics_family {
    const char *name;
    enum metric_kind kind;
    const char *help;
    /* One of them. */
    void (*process)(struct metrics_page *page);
    void (*stream)(struct metrics_page *page, const struct live_stream *live);
    /* Of every stream of the configuration; `live` is NULL when it was left out at the start. */
    void (*ledger)(struct metrics_page *page, const struct stream_gauges *gauges,
                   const struct live_stream *live);
    void (*cursor)(struct metrics_page *page, const struct cursor *cursor);
};

/* Each ends with a row without a name. */
extern const struct metrics_family metrics_process_families[];
extern const struct metrics_family metrics_member_families[];
extern const struct metrics_family metrics_stream_families[];
extern const struct metrics_family metrics_ledger_families[];
extern const struct metrics_family metrics_cursor_families[];

void metrics_write(struct metrics *metrics, struct buf *out);

/* One more label for the next sample only. */
void metrics_label(struct metrics_page *page, const char *name, const char *value);
/* A sample of the family. */
void metrics_value(struct metrics_page *page, double value);
void metrics_count(struct metrics_page *page, uint64_t value);
/* The same with one more label. */
void metrics_value_of(struct metrics_page *page, const char *name, const char *value,
                      double number);
void metrics_count_of(struct metrics_page *page, const char *name, const char *value,
                      uint64_t number);
void metrics_histogram(struct metrics_page *page, const struct histogram *histogram);

#endif
