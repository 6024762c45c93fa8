/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading: who reads some contracts: consumer groups of their topics, views on their tables, roles
 * with rights to them. What `contract readers` tells, and `contract diff` when something breaks. A
 * server that cannot be asked is named, not an end.
 */
#ifndef PACTOLUS_COMMAND_READING_H
#define PACTOLUS_COMMAND_READING_H

#include "command/setup.h"
#include "contract/contract.h"
#include "kafka/groups.h"
#include "postgres/dependents.h"

struct reading {
    struct arena arena;
    const char **topics;
    unsigned n_topics;
    const char **schemas, **names; /* of tables and views, in turn */
    unsigned n_relations;
    bool asked;
    struct groups groups;
    struct dependents dependents;
    const char **unreachable; /* sentences: what could not be asked, and why */
    unsigned n_unreachable;
};

void reading_init(struct reading *reading);
void reading_free(struct reading *reading);
/* Topics, table and views of one more contract. */
void reading_add(struct reading *reading, const struct contract *contract);
/* Asks broker and database of the configuration; blocks. Streams of the configuration that carry
 * one of the topics add their topics, tables and views. */
void reading_ask(struct reading *reading, const struct setup *setup);

/* Nothing when nobody was asked. */
void reading_print_text(const struct reading *reading, struct buf *out);
/* An object; null when nobody was asked. */
void reading_print_json(const struct reading *reading, struct buf *out);

#endif
