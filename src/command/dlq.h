/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq: the verbs below `pactolus dlq`, and what they share: which letters are meant, and the
 * configuration, contracts and session that they work with.
 */
#ifndef PACTOLUS_COMMAND_DLQ_H
#define PACTOLUS_COMMAND_DLQ_H

#include "command/setup.h"
#include "postgres/letters.h"

int dlq_list(int argc, char **argv);
int dlq_show(int argc, char **argv);
int dlq_redrive(int argc, char **argv);
int dlq_discard(int argc, char **argv);
int dlq_reopen(int argc, char **argv);
int dlq_erase(int argc, char **argv);
int dlq_export(int argc, char **argv);

/* ---- which letters (dlq_select.c) ---- */

/* As the command line says it; begin with zeros, end with dlq_words_free. */
struct dlq_words {
    struct args_list streams, reasons;
    const char *topic, *state, *since, *until, *key, *key_hex, *key_file, *from_topic;
    bool all;
    char **operands; /* IDs and TOPIC[PARTITION]@OFFSETs, borrowed from argv */
    unsigned n_operands;
};

enum { DLQ_OPERANDS_MAX = 10000 };

/* Rows for a verb's table of options. */
/* clang-format off */
#define DLQ_OPTIONS(words)                                                                         \
    {'s', "stream", "NAME", ARGS_MANY, &(words)->streams, "of this stream; may be repeated"},      \
    {0, "reason", "REASON", ARGS_MANY, &(words)->reasons,                                          \
     "set aside for this reason: rule, malformed, …; may be repeated"},                            \
    {0, "topic", "TOPIC", ARGS_TEXT, &(words)->topic, "read from this topic"},                     \
    {0, "since", "TIME", ARGS_TEXT, &(words)->since,                                               \
     "that failed first at or after it: 2026-11-21T08:00, or 2h for two hours ago"},               \
    {0, "until", "TIME", ARGS_TEXT, &(words)->until, "that failed first before it"},               \
    {0, "key", "TEXT", ARGS_TEXT, &(words)->key, "with this record key, to the byte"},             \
    {0, "key-hex", "HEX", ARGS_TEXT, &(words)->key_hex, "the same for a key that is no text"},     \
    {0, "key-file", "FILE", ARGS_TEXT, &(words)->key_file,                                         \
     "the key as the first line of a file, or of standard input (-): others see command lines"}
#define DLQ_STATE_OPTION(words)                                                                    \
    {0, "state", "STATE", ARGS_TEXT, &(words)->state, "open (default), redriven, discarded or any"}
#define DLQ_TOPIC_OPTION(words)                                                                    \
    {0, "from-topic", "TOPIC", ARGS_TEXT, &(words)->from_topic,                                    \
     "read the letters from this DLQ topic: the ledger may be lost"}
/* clang-format on */

/* The filter for the ledger. It borrows the words; the rest is in `arena`. `now`: wall. False with
 * err (64) for words that mean nothing. */
bool dlq_select(const struct dlq_words *words, const char *group, usec_t now, struct arena *arena,
                struct letters_filter *filter, struct err *err) MUST_CHECK;
/* Has somebody said which letters, or that it is all? False with err (64): what changes letters wants
 * to be told. */
bool dlq_said(const struct dlq_words *words, const char *verb, struct err *err) MUST_CHECK;
/* Is this one of them? For letters that do not come from the ledger. */
bool dlq_selects(const struct letters_filter *filter, const struct letter *letter);
void dlq_words_free(struct dlq_words *words);

/* ---- what they work with (dlq.c) ---- */

struct dlq {
    struct config *config;
    struct stream *streams; /* of the configuration, NULL unless asked for */
    PGconn *conn;           /* NULL when only a topic is asked */
    struct arena arena;
    struct letters_filter filter;
};

enum dlq_wants {
    DLQ_LEDGER = 1,    /* a session, on a control schema that this program knows */
    DLQ_CONTRACTS = 2, /* the streams, each if it can be loaded: one that cannot has no layout */
};
/* False with all faults in errs; dlq_close in any case. */
bool dlq_open(struct dlq *dlq, const struct setup *setup, const struct dlq_words *words,
              unsigned wants, struct errs *errs) MUST_CHECK;
void dlq_close(struct dlq *dlq);
/* The stream of that name with its contracts, NULL when there is none. */
const struct stream *dlq_stream(const struct dlq *dlq, const char *name);
/* The session again, after it broke. */
bool dlq_reconnect(struct dlq *dlq, struct err *err) MUST_CHECK;

/* "topic[3]@17" */
enum { DLQ_PLACE_TEXT = 300 };
const char *dlq_place(const struct letter *letter, char out[DLQ_PLACE_TEXT]);

#endif
