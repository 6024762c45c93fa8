/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letters: the ledger of dead letters as people work with it: selected, counted, read in pages, and
 * moved between states under an action that says who did it and why (pactolus.letter_actions).
 * Blocks: verbs only. Borrows everything for the call; what it returns lives in the caller's arena.
 *
 * Letters are locked in the order of their ids, before any row of a table. So do daemons that read
 * a log again; one that meets a letter of a redrive waits for it, at most for its lock_timeout.
 */
#ifndef PACTOLUS_POSTGRES_LETTERS_H
#define PACTOLUS_POSTGRES_LETTERS_H

#include "base/clock.h"
#include "postgres/conn.h"
#include "postgres/letter.h"

struct letter_place {
    const char *topic;
    int64_t partition, offset;
};

/* What is meant. NULL, 0 and -1: any. */
struct letters_filter {
    const char *group; /* always */
    const char *const *streams, *const *reasons;
    unsigned n_streams, n_reasons;
    const char *topic, *state, *dlq_topic;
    usec_t since, until; /* of first_failed_at: since ≤ it < until; wall, -1 = any */
    struct span key;     /* the record's key, to the byte; data NULL = any */
    /* If there are any: only letters that are one of these. */
    const int64_t *ids;
    const struct letter_place *places;
    unsigned n_ids, n_places;
    int64_t untouched_by; /* an action: letters that it has not touched yet */
    bool applicable;      /* open, with something left to apply */
    bool rebuilds;        /* those of rebuilds too, though no stream or letter is named */
};

/* Letters of one stream, reason and state. */
struct letters_group {
    const char *stream, *reason, *state;
    int64_t letters, waiting; /* waiting for the DLQ topic */
    int64_t bytes;            /* keys, values and headers, as stored */
    const char *oldest, *newest; /* first failures, RFC 3339 */
};
bool letters_count(PGconn *conn, const struct letters_filter *filter, struct arena *arena,
                   struct letters_group **list, unsigned *n, struct err *err) MUST_CHECK;

/* At most `max` letters with ids above `after`, oldest first, of at most `max_bytes` (one letter at
 * least). `lock`: for update, in a transaction of the caller's, where they are read as they then
 * are. */
struct letters_page {
    int64_t after;
    unsigned max;
    size_t max_bytes;
    bool lock;
};
bool letters_read(PGconn *conn, const struct letters_filter *filter,
                  const struct letters_page *page, struct arena *arena, struct letter **list,
                  unsigned *n, struct err *err) MUST_CHECK;

/* What was done with one letter, for people; oldest first. */
struct letter_event {
    const char *action, *at, *by, *why;
};
bool letters_history(PGconn *conn, int64_t id, struct arena *arena, struct letter_event **list,
                     unsigned *n, struct err *err) MUST_CHECK;

enum letter_action { LETTER_REDRIVE, LETTER_DISCARD, LETTER_REOPEN, LETTER_ERASE };
/* Write down that a command begins: signed with database role and operating system user. */
bool letters_begin(PGconn *conn, const char *group, enum letter_action action, const char *why,
                   int64_t *action_id, struct err *err) MUST_CHECK;

/* Move at most `max` letters with ids above *after: DISCARD (open ones), REOPEN (discarded ones that
 * were not erased) or ERASE (of any state; key, value, headers and detail become blank, and the
 * letter discarded). *after moves on; *moved says how many were changed, *relayed how many of these
 * stand in a DLQ topic too. Done when *moved < max. One transaction. */
bool letters_move(PGconn *conn, const struct letters_filter *filter, enum letter_action action,
                  int64_t action_id, unsigned max, int64_t *after, unsigned *moved,
                  unsigned *relayed, struct err *err) MUST_CHECK;

/* Both in the transaction that holds the letters' locks. Applied, or what lost by its place: */
struct letter_done {
    int64_t id;
    const char *outcome; /* see the column's comment */
};
bool letters_done(PGconn *conn, int64_t action_id, const struct letter_done *list, unsigned n,
                  struct err *err) MUST_CHECK;
/* … and what failed again: it stays open, with one more attempt and the new reason. */
struct letter_failure {
    int64_t id;
    const char *reason, *detail, *sqlstate, *contract;
};
bool letters_failed(PGconn *conn, int64_t action_id, const struct letter_failure *list, unsigned n,
                    struct err *err) MUST_CHECK;

/* Put a letter that a DLQ topic has into the ledger as an open one, unless the ledger has it, in
 * whatever state. *id is the ledger's; 0 when the log that the letter names is not known here, or
 * its value stands neither in the topic nor in the ledger.
 * `topic_id_now`: the topic's id today ("" = not told): a log of today's topic is made when it is
 * missing, as a claim makes it. */
bool letters_import(PGconn *conn, unsigned stream_id, const struct letter *letter,
                    const char *topic_id_now, unsigned topic_version, int64_t *id,
                    struct err *err) MUST_CHECK;

/* The log of a letter that comes from a topic, 0 when this database does not know it. */
bool letters_find_log(PGconn *conn, const struct letter *letter, log_id *log,
                      struct err *err) MUST_CHECK;

#endif
