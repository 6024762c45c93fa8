/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight: what is judged before the daemon joins its group. A stream whose table is not what its
 * contract asks for halts; the daemon refuses to start only when no stream can run.
 */
#ifndef PACTOLUS_ENGINE_PREFLIGHT_H
#define PACTOLUS_ENGINE_PREFLIGHT_H

#include "engine/engine.h"

enum preflight_strictness {
    PREFLIGHT_SOME, /* at the start: a stream that cannot run is left out, and halted */
    PREFLIGHT_ALL,  /* while another configuration runs: all can run, or nothing is written */
};

/* Blocks. Fills options->stream_ids (allocated: preflight_free), options->cluster_id (allocated),
 * and leaves in options->streams only those that can run, in order. Faults of single streams are
 * logged as they are found and kept as halts; false with errs when nothing can start: broker or
 * database out of reach (69), database behind the migrations (78), a topic that does not exist and was never
 * read. */
bool preflight(struct engine_options *options, PGconn *conn, enum preflight_strictness strictness,
               struct errs *errs) MUST_CHECK;
void preflight_free(struct engine_options *options);

/* The live table against the contract: false with err (halt) when the daemon cannot write it, or
 * when migrate would have to refuse it and the stream has never had this contract. Blocks. */
bool preflight_table(PGconn *conn, const struct stream *stream, unsigned stream_id,
                     struct err *err) MUST_CHECK;

#endif
