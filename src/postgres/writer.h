/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer: batches over one connection in libpq's pipeline mode, without ever blocking.
 *
 * A batch is one implicit transaction: advance (the fence) · rows + account · dead letters · Sync.
 * There is no BEGIN, so that two batches may be in flight and each has its own outcome; a batch
 * counts as committed only at its PIPELINE_SYNC.
 *
 * The writer owns its connection. It borrows a batch from writer_send until the batch's outcome.
 * Outcomes come in the order of sending.
 */
#ifndef PACTOLUS_POSTGRES_WRITER_H
#define PACTOLUS_POSTGRES_WRITER_H

#include "postgres/conn.h"
#include "record/batch.h"
#include "table/sql.h"

enum { WRITER_IN_FLIGHT_MAX = 2 };

struct writer;

/* What is the same for every batch of one stream and lane. */
struct write_target {
    unsigned stream_id; /* names the prepared statements; pactolus.streams.stream_id */
    unsigned edition;   /* so does this: of its contract, in this process */
    const char *owner;  /* the account is the owner's for this stream and lane */
    unsigned lane;
    int64_t account_id; /* 0: not opened yet */
    const struct layout *layout;
    const struct statement_text *statements; /* STATEMENT_COUNT of them */
    const char *dlq_topic;                   /* "" = the ledger only */
    bool hard_deletes;
    bool partitioned; /* the table is: its upserts are BLIND, and keys have the partitions' names */
};

/* What became of a batch. */
enum write_result {
    WRITE_COMMITTED,
    WRITE_FAILED,  /* rolled back for certain; err says why */
    WRITE_UNKNOWN, /* the connection broke first: read the cursor to know */
};
struct write_outcome {
    enum write_result result;
    struct batch *batch;
    bool plain_insert;    /* it was sent as a plain INSERT */
    int64_t written, met; /* rows written, and how many of them existed before */
    bool key_conflict;    /* 23505 of the table's own key: send again as UPSERT */
    struct err err;
};

/* Takes an open connection and puts it into pipeline mode. */
struct writer *writer_open(PGconn *conn, struct err *err);
/* Ends the connection: blocks for a moment at most; worker threads and shutdown. */
void writer_close(struct writer *writer);
int writer_fd(const struct writer *writer);
unsigned writer_in_flight(const struct writer *writer);

/* Put a sealed batch into the pipeline. `plain_insert` picks STATEMENT_INSERT over UPSERT where
 * there are rows and no soft tombstones. False when the connection is broken; the batch is in
 * flight all the same, and comes out of writer_outcome as UNKNOWN. */
bool writer_send(struct writer *writer, const struct write_target *target, struct batch *batch,
                 bool plain_insert, struct err *err) MUST_CHECK;
/* Read what has arrived and send what waits. Call when the socket is ready. False when the
 * connection broke: every batch in flight then comes out of writer_outcome as UNKNOWN. */
bool writer_turn(struct writer *writer, bool readable, struct err *err) MUST_CHECK;
/* True while bytes wait for the socket to become writable. */
bool writer_wants_write(const struct writer *writer);
/* The next outcome; false when none is known yet. */
bool writer_outcome(struct writer *writer, struct write_outcome *outcome);

#endif
