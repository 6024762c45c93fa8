/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive: dead letters applied at last, under their original coordinates.
 *
 * A page of letters is one transaction: their rows in the ledger are locked, in the order of their
 * ids; each goes through the same pipeline as a record from Kafka, with the place that it had (log,
 * offset, order_ts); its row goes through the same upsert under the same guard; the letter becomes
 * `redriven`. A row that meets a newer one loses by its place, and its letter is resolved all the
 * same. What fails again stays open with one more attempt. No account moves: the letters were
 * consumed once, and stay booked as dead-lettered. Nothing goes to Kafka.
 *
 * What PostgreSQL refuses is found by halving under savepoints, as postgres/isolate does.
 *
 * Works beside daemons: letters are locked before rows of the table, and these in the order of
 * their keys; lock_timeout bounds all waiting. Blocks: verbs only.
 */
#ifndef PACTOLUS_POSTGRES_REDRIVE_H
#define PACTOLUS_POSTGRES_REDRIVE_H

#include "config/stream.h"
#include "postgres/letters.h"
#include "postgres/params.h"
#include "record/batch.h"
#include "table/sql.h"

enum { REDRIVE_PAGE = 200 };                   /* letters in a transaction, at most */
#define REDRIVE_PAGE_BYTES ((size_t)4 << 20) /* and their bytes, but for a single letter */

enum redrive_fate {
    FATE_APPLIED,
    FATE_STALE,      /* a greater place has its key */
    FATE_OTHER_TYPE, /* of a type that the stream skips now */
    FATE_FAILED,     /* again; it stays open */
    FATE_LEFT,       /* not touched: no contract of the stream is its topic's, or the value is not here */
    FATE_COUNT,
};
/* "applied", "stale", "other_type", …: the first three are outcomes in the ledger. */
const char *redrive_fate_name(enum redrive_fate fate);

/* What became of one letter. */
struct redriven {
    const struct letter *letter; /* as it was */
    enum redrive_fate fate;
    enum reason reason; /* FATE_FAILED */
    struct err err;     /* FATE_FAILED, FATE_LEFT */
};

/* One stream's redriving, on one connection. It borrows connection and stream; redrive_end releases
 * the rest. */
struct redrive {
    PGconn *conn;
    const struct stream *stream;
    unsigned stream_id;
    int64_t action_id;
    struct pipeline pipeline; /* the stream's, with the range of the table */
    struct range range;
    struct statement_text statements[STATEMENT_COUNT];
    bool prepared[2]; /* by statement, on this connection */
    struct params params;
    struct batch batch; /* folds rows of one key */
    struct arena arena; /* of a page */
    /* The page: */
    struct letter *letters;
    struct redriven *fates;
    struct row *rows;
    bool *has_row;
    unsigned n;
};

void redrive_begin(struct redrive *redrive, PGconn *conn, const struct stream *stream,
                   unsigned stream_id, int64_t action_id);
/* On another connection, which took the place of a broken one. */
void redrive_reconnect(struct redrive *redrive, PGconn *conn);
void redrive_end(struct redrive *redrive);

/* Apply the next page of what `filter` means, above *after, which moves on; redrive->fates then has
 * redrive->n letters, valid until the next call, 0 when there are no more. At most `max` letters.
 * False with err: nothing of the page has happened (retry: a lock, a deadlock, the connection; halt:
 * the table or a right). If the connection broke in the COMMIT, it may have: asking again does no
 * letter twice. */
bool redrive_page(struct redrive *redrive, const struct letters_filter *filter, unsigned max,
                  int64_t *after, struct err *err) MUST_CHECK;

/* What would become of a letter, as far as the contract and the table's partitions know: APPLIED
 * (or stale), OTHER_TYPE, FAILED or LEFT. Writes nothing and asks nobody. The row is built in
 * `arena`, and valid for APPLIED. */
void redrive_judge(const struct pipeline *pipeline, const struct letter *letter, usec_t now,
                   struct arena *arena, struct redriven *out, struct row *row);

/* The pipeline of a stream with the range that its table's partitions span now. `range` is filled
 * and borrowed by the pipeline. */
bool redrive_pipeline(PGconn *conn, const struct stream *stream, struct range *range,
                      struct pipeline *pipeline, struct err *err) MUST_CHECK;

#endif
