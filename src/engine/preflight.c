/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/preflight.h"

#include "base/log.h"
#include "kafka/admin.h"
#include "postgres/apply.h"
#include "postgres/catalog.h"
#include "postgres/identity.h"
#include "postgres/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

static bool check_migrations(PGconn *conn, struct err *err)
{
    unsigned count;
    int version;
    const struct migration *all = migrations_all(&count);
    if (!migrations_version(conn, &version, err))
        return false;
    if (count == 0 || version >= all[count - 1].version)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the database is at migration %d, this program needs %d", version,
            all[count - 1].version);
    return err_hint(err, "pactolus migrate --execute");
}

/* A refusal keeps a stream from running: what the contract changes was not thought through. But if
 * the contract is in force, or was, it is only this daemon that is behind, or migrate that has not
 * ended yet: a new contract's daemons are started one by one, and those of before may have to start
 * once more. */
static bool may_run(PGconn *conn, const struct stream *stream, unsigned stream_id,
                    const struct plan *plan, struct err *err)
{
    char fingerprint[FINGERPRINT_LENGTH + 1];
    bool had = false;
    if (!plan->refusals.count)
        return true;
    streams_fingerprint(stream->layout, fingerprint);
    if (!plan->stopped_by && !streams_had(conn, stream_id, fingerprint, &had, err))
        return false;
    if (!had) {
        *err = plan->refusals.items[plan->stopped_by ? plan->stopped_by - 1 : 0];
        return false;
    }
    for (unsigned i = 0; i < plan->refusals.count; i++)
        log_err(LOG_LEVEL_WARNING, stream->config->name, &plan->refusals.items[i]);
    return true;
}

bool preflight_table(PGconn *conn, const struct stream *stream, unsigned stream_id, struct err *err)
{
    struct shape *want = shape_want(stream->layout);
    struct shape *have = catalog_read(conn, want, err);
    struct plan plan;
    bool good = have != NULL;
    plan_init(&plan);
    if (have)
        compare_shapes(have, want, &plan);
    good = good && may_run(conn, stream, stream_id, &plan, err);
    for (unsigned i = 0; good && i < plan.n_steps; i++)
        if (plan.steps[i].needed_to_run) {
            err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                    "the table is not what the contract asks for: %s", plan.steps[i].what);
            err_place(err, "%s.%s", stream->layout->schema, stream->layout->table);
            err_hint(err, "pactolus migrate --dry-run shows the steps, --execute takes them");
            good = false;
        }
    plan_free(&plan);
    shape_free(have);
    shape_free(want);
    return good;
}

/* A topic that was read before may be away for a while, as it may be under a daemon that runs: it
 * is waited for. One that never was is more likely a wrong name. A daemon that reads to the end can
 * wait for none. */
static bool may_be_away(const struct engine_options *options, PGconn *conn, unsigned stream_id,
                        const struct stream *stream, const char *topic, struct err *err)
{
    struct err missing = *err;
    bool did = false;
    if (err->class != ERR_HALT || err->exit != ERR_EXIT_UNAVAILABLE || options->until_end)
        return false;
    if (!streams_read_topic(conn, stream_id, options->cluster_id, topic, &did, err))
        return false;
    if (did)
        log_err(LOG_LEVEL_WARNING, stream->config->name, &missing);
    else
        *err = missing;
    return did;
}

static bool check_topics(const struct engine_options *options, PGconn *conn, rd_kafka_t *client,
                         unsigned stream_id, const struct stream *stream, struct err *err)
{
    for (unsigned t = 0; t < stream->config->n_topics; t++) {
        const char *topic = stream->config->topics[t].name;
        if (admin_partitions(client, topic, BROKER_PATIENCE_MS, err) < 0 &&
            !may_be_away(options, conn, stream_id, stream, topic, err))
            return false;
    }
    return true;
}

static bool check_stream(const struct engine_options *options, PGconn *conn, rd_kafka_t *client,
                         const struct stream *stream, unsigned *stream_id, struct err *err)
{
    struct stream_row row;
    if (!streams_find(conn, options->config->group, stream->config->name, &row, err))
        return false;
    *stream_id = row.stream_id;
    if (!preflight_table(conn, stream, row.stream_id, err))
        return false;
    if (row.stream_id == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the database does not know this stream yet");
        err_place(err, "%s", stream->config->name);
        return err_hint(err, "pactolus migrate --execute");
    }
    return check_topics(options, conn, client, row.stream_id, stream, err);
}

/* A stream that cannot run is left out, and halted for all daemons until one finds it ready. What
 * the database does not know yet has no row to say so. */
static bool leave_out(PGconn *conn, unsigned stream_id, const struct err *why, struct err *err)
{
    return stream_id == 0 || streams_halt(conn, stream_id, HALT_PREFLIGHT, why, -1, err);
}

static bool let_in(PGconn *conn, unsigned stream_id, const struct stream *stream, struct err *err)
{
    char reason[512];
    bool ended;
    if (!streams_passed(conn, stream_id, &ended, reason, err))
        return false;
    if (ended)
        log_about(LOG_LEVEL_NOTICE,
                  &(struct log_about){.event = LOG_EVENT_RESUMED, .stream = stream->config->name},
                  "%s: ready; its halt has ended: %s", stream->config->name, reason);
    return true;
}

/* To the front, in order; what it was swapped with stays, since whoever loaded them frees them
 * all. */
static void keep(struct engine_options *options, unsigned i, unsigned kept, unsigned stream_id)
{
    struct stream out = options->streams[kept];
    options->streams[kept] = options->streams[i];
    options->streams[i] = out;
    options->stream_ids[kept] = stream_id;
}

/* Keep the streams that can run. Infrastructure that is away is no fault of a stream: then
 * false. */
static bool sift(struct engine_options *options, PGconn *conn, rd_kafka_t *client,
                 enum preflight_strictness strictness, struct errs *errs)
{
    unsigned kept = 0;
    options->stream_ids = mem_zero(options->n_streams + 1, sizeof(*options->stream_ids));
    for (unsigned i = 0; i < options->n_streams; i++) {
        const struct stream *stream = &options->streams[i];
        unsigned stream_id = 0;
        struct err why, err;
        bool ready = check_stream(options, conn, client, stream, &stream_id, &why);
        if (!ready)
            errs_add(errs, &why);
        if (!ready && why.class == ERR_RETRY)
            return false;
        if (!ready && strictness == PREFLIGHT_ALL)
            continue;
        if (!(ready ? let_in(conn, stream_id, stream, &err)
                    : leave_out(conn, stream_id, &why, &err))) {
            errs_add(errs, &err);
            return false;
        }
        if (ready)
            keep(options, i, kept++, stream_id);
    }
    bool enough = strictness == PREFLIGHT_ALL ? kept == options->n_streams : kept > 0;
    options->n_streams = kept;
    return enough;
}

/* Said once: by the verb when the daemon does not start, else here. One that reads to the end says
 * so with its exit status too. */
static void tell_left_out(const struct engine_options *options, struct errs *left,
                          struct errs *errs, bool started)
{
    for (unsigned i = 0; i < left->count; i++)
        if (started && !options->until_end)
            log_err(LOG_LEVEL_ERROR, "a stream is left out", &left->items[i]);
        else
            errs_add(errs, &left->items[i]);
    errs_free(left);
}

/* A daemon on a copy, or on another cluster, must not even join: it would take partitions that it
 * may not read. It halts nothing either: the streams may be well, and only its own settings wrong.
 */
static bool check_identity(PGconn *conn, const char *group, const char *cluster_id, struct err *err)
{
    struct identity identity = {0};
    bool good = identity_read(conn, group, cluster_id, &identity, err) &&
                identity_judge(&identity, cluster_id, err);
    identity_free(&identity);
    return good;
}

bool preflight(struct engine_options *options, PGconn *conn, enum preflight_strictness strictness,
               struct errs *errs)
{
    struct err err;
    struct errs left = {0};
    bool good = false;
    if (!kafka_library_check(&err) || !check_migrations(conn, &err)) {
        errs_add(errs, &err);
        return false;
    }
    rd_kafka_t *client = admin_open(&options->kafka, errs);
    if (!client)
        return false;
    options->cluster_id = admin_cluster_id(client, BROKER_PATIENCE_MS, &err);
    if (options->cluster_id &&
        check_identity(conn, options->config->group, options->cluster_id, &err))
        good = sift(options, conn, client, strictness, &left);
    else
        errs_add(errs, &err);
    tell_left_out(options, &left, errs, good);
    admin_close(client);
    return good;
}

void preflight_free(struct engine_options *options)
{
    free(options->stream_ids);
    free(options->cluster_id);
}
