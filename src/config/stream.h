/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: a stream's configuration with everything it names loaded: descriptor set, contracts,
 * layout, pipeline. Immutable; shared by all lanes of the stream.
 */
#ifndef PACTOLUS_CONFIG_STREAM_H
#define PACTOLUS_CONFIG_STREAM_H

#include "config/config.h"

struct stream {
    const struct stream_config *config; /* borrowed */
    struct span descriptors;            /* the bytes of the set, owned */
    struct descriptor_set *set;
    struct contract **contracts; /* distinct ones, in order of first use */
    unsigned n_contracts;
    struct layout *layout;
    struct pipeline pipeline; /* topics in the order of config->topics; drift is `drift` below */
    struct pipeline_topic *topics;
    struct drift *drift;
};

/* Everything knowable without broker and database is judged here: the file is there, the contract
 * is in it (nearest name in the hint), key format fits, deletes fit a versioned contract (header:,
 * final or reject), contracts agree. All faults go to errs; false then. */
bool stream_load(struct stream *stream, const struct stream_config *config,
                 struct errs *errs) MUST_CHECK;
void stream_free(struct stream *stream);

#endif
