/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq_redrive: what `dlq redrive` shares between its two ways: from the ledger, and from a DLQ
 * topic by way of the ledger. Everything here is owned by the verb, which releases it at its end.
 */
#ifndef PACTOLUS_COMMAND_DLQ_REDRIVE_H
#define PACTOLUS_COMMAND_DLQ_REDRIVE_H

#include "command/dlq.h"
#include "command/dlq_tally.h"
#include "command/progress.h"
#include "kafka/admin.h"

struct redrive_options {
    struct setup setup;
    struct dlq_words words;
    bool dry_run, execute;
    const char *why, *rate_text;
    int64_t rate; /* letters a second; 0 = as fast as it goes */
};

/* One stream of the configuration. */
struct work {
    const struct stream *stream;
    unsigned stream_id;
    bool looked, ready;       /* it was judged; it can be written */
    struct err why;           /* not ready */
    struct pipeline pipeline; /* --dry-run */
    struct range range;
    struct redrive redrive; /* --execute */
    bool begun;
    int64_t *pending; /* --from-topic: letters in the ledger that wait for a page; REDRIVE_PAGE */
    unsigned n_pending;
};

struct redriving {
    const struct redrive_options *options;
    struct dlq dlq;
    struct work *works; /* by stream of the configuration */
    int64_t action_id;
    struct dlq_tally tally;
    struct progress progress;
    usec_t begun;
    struct arena arena;
    /* --from-topic: */
    char *cluster_id;
    struct topic_identity *topics; /* of all streams */
    unsigned n_topics;
    bool importing; /* a transaction of imports is open */
};

/* The stream's work, ready or with the reason why it is not; NULL when there is no such stream. */
struct work *redriving_work(struct redriving *redriving, const char *name);
/* A page of letters that the filter chooses behind *after, tried again while it fails for an outage,
 * somebody's lock or a deadlock; at the pace that was asked for. */
bool redriving_page(struct redriving *redriving, struct work *work,
                    const struct letters_filter *filter, int64_t *after,
                    struct err *err) MUST_CHECK;
/* --dry-run: what would become of this letter goes into the tally. */
void redriving_judge(struct redriving *redriving, const struct work *work,
                     const struct letter *letter);
/* Everything that the topic holds for us. */
void redriving_topic(struct redriving *redriving, struct errs *errs);

#endif
