/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq_tally: what `dlq redrive` did, or would do, in numbers by stream and reason. Owns its lists
 * (dlq_tally_free); borrows the streams' names.
 */
#ifndef PACTOLUS_COMMAND_DLQ_TALLY_H
#define PACTOLUS_COMMAND_DLQ_TALLY_H

#include "postgres/redrive.h"

/* Letters of one stream that had one reason. */
struct dlq_tally_row {
    const char *stream;
    char reason[24];
    int64_t letters, fates[FATE_COUNT];
};

/* What failed again for one reason, with the first as an example. */
struct dlq_tally_failure {
    const char *stream;
    enum redrive_fate fate; /* FAILED or LEFT */
    enum reason reason;
    int64_t letters;
    char example[800];
};

struct dlq_tally {
    struct dlq_tally_row *rows;
    struct dlq_tally_failure *failures;
    unsigned n_rows, n_failures;
    int64_t letters, fates[FATE_COUNT];
    int64_t could_pass; /* failed for what may come: another row, a parent */
};

void dlq_tally_add(struct dlq_tally *tally, const char *stream, const struct redriven *redriven);
void dlq_tally_print(const struct dlq_tally *tally, bool executed, struct buf *out);
void dlq_tally_free(struct dlq_tally *tally);

/* "50", "50/s" → letters a second; false if it is none. */
bool dlq_rate(const char *text, int64_t *rate);

#endif
