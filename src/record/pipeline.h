/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline: one record → a verdict. The pure middle of the way of a record, readable in one
 * sitting:
 *
 *   framing → guard → message → validate → row → range
 *
 * No socket, no clock of its own, no memory but the batch's arena.
 */
#ifndef PACTOLUS_RECORD_PIPELINE_H
#define PACTOLUS_RECORD_PIPELINE_H

#include "record/dead_letter.h"
#include "record/framing.h"
#include "record/guard.h"
#include "record/key.h"
#include "record/range.h"
#include "record/row.h"

enum verdict {
    VERDICT_ROW,
    VERDICT_TOMBSTONE,
    VERDICT_SKIP,   /* a type that the stream does not bind (other_types) */
    VERDICT_REJECT, /* a dead letter */
};

/* What a null value does (docs/guarantees.md §5). */
enum deletes {
    DELETES_SOFT = 0, /* sets _deleted_at */
    DELETES_HARD,     /* and every non-key column to NULL */
    DELETES_FINAL,    /* soft, and outranks every version */
    DELETES_HEADER,   /* soft, at the version that a header carries */
    DELETES_REJECT,   /* a dead letter */
};
bool deletes_parse(const char *text, enum deletes *deletes, const char **header);
const char *deletes_name(enum deletes deletes);

struct pipeline_topic {
    const char *name;
    unsigned contract; /* index in the layout's contracts */
};

struct pipeline {
    const struct layout *layout;
    const struct descriptor_set *set;
    const struct pipeline_topic *topics;
    unsigned n_topics;
    enum framing framing;
    struct key_mapping key;
    enum deletes deletes;
    const char *deletes_header; /* DELETES_HEADER: its name */
    bool skip_other_types;
    struct guard guard;
    struct drift *drift; /* may be NULL */
    const struct range *range; /* what the table can hold; borrowed, NULL = everything */
};

/* What became of a record: a row (VERDICT_ROW, VERDICT_TOMBSTONE) or a reason with its error. */
struct parsed {
    struct row row;
    enum reason reason;
    bool out_of_range; /* VALUE, and it is only the pipeline's range that says so */
    struct err err;
};

/* `place` holds what the caller knows: log, offset, order_ts; the version is found here. Rows are
 * built in `arena`; on SKIP and REJECT nothing is left in it. `now`: wall time for rules that speak
 * of now. */
enum verdict pipeline_run(const struct pipeline *pipeline, const struct record *record,
                          const struct place *place, int64_t now, struct arena *arena,
                          struct parsed *parsed);

/* The contract that `topic` carries, NULL when the pipeline does not know the topic. */
const struct contract *pipeline_contract(const struct pipeline *pipeline, const char *topic);

#endif
