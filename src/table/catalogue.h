/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue: what analysts should know about the views, as a document: a page of HTML, Markdown, or
 * dbt's sources.yml. Made from contracts alone, without a database; the same contracts give the
 * same bytes. Everything is borrowed.
 */
#ifndef PACTOLUS_TABLE_CATALOGUE_H
#define PACTOLUS_TABLE_CATALOGUE_H

#include "contract/layout.h"

struct catalogue_topic {
    const char *name;
    const struct contract *contract;
};

/* One stream: a view and its twin <view>_all. */
struct catalogue_stream {
    const char *name;
    const struct layout *layout; /* with at least one contract */
    const struct catalogue_topic *topics;
    unsigned n_topics;
    const char *deletes; /* as configured: "soft"; "" when the stream takes no tombstones */
};

struct catalogue {
    const char *title;
    struct catalogue_stream *streams;
    unsigned n_streams;
};

/* By schema, view and stream: the order of files and blocks in a configuration is nobody's. */
void catalogue_sort(struct catalogue *catalogue);

/* Each appends to `out`. */
void catalogue_dbt(const struct catalogue *catalogue, struct buf *out);
void catalogue_html(const struct catalogue *catalogue, struct buf *out);
void catalogue_markdown(const struct catalogue *catalogue, struct buf *out);

#endif
