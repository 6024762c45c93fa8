/* SPDX-License-Identifier: Apache-2.0 */
/* rebuilding: what the verb's files work at is opened and closed here. */
#include "command/rebuilding.h"

#include "engine/preflight.h"
#include "kafka/admin.h"
#include "postgres/apply.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool check_schema(PGconn *conn, struct err *err)
{
    unsigned count;
    int version;
    const struct migration *all = migrations_all(&count);
    if (!migrations_version(conn, &version, err))
        return false;
    if (version >= all[count - 1].version)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the database is at migration %d, this program needs %d", version,
            all[count - 1].version);
    return err_hint(err, "pactolus migrate --execute");
}

static bool find_row(struct rebuilding *r, struct err *err)
{
    struct rebuild *list;
    unsigned n;
    bool mine;
    if (!rebuilds_read(r->conn, r->config->group, r->options->id, NULL, &r->arena, &list, &n, err))
        return false;
    if (n == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "group %s has no rebuild %u", r->config->group,
                r->options->id);
        return err_hint(err, "pactolus rebuild --list");
    }
    r->row = list[0];
    if (!rebuilds_own(r->conn, r->row.id, &mine, err))
        return false;
    if (mine)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_TEMPORARY, "another process works at rebuild %u", r->row.id);
    return err_hint(err,
                    "end it first: SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND "
                    "objid = %u",
                    r->row.id);
}

/* One that the stream has already is gone on with, or given up. */
static bool find_none(struct rebuilding *r, struct err *err)
{
    struct rebuild *list;
    unsigned n;
    if (!rebuilds_read(r->conn, r->config->group, 0, r->options->stream, &r->arena, &list, &n, err))
        return false;
    if (n == 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "the stream has rebuild %u already (%s since %s)",
            list[0].id, list[0].state, list[0].changed_at);
    err_place(err, "%s", r->options->stream);
    return err_hint(err, "pactolus rebuild --resume %u goes on with it, --abort %u gives it up",
                    list[0].id, list[0].id);
}

static bool open_database(struct rebuilding *r, struct err *err)
{
    r->conn = setup_connect(r->config, err);
    if (!r->conn || !check_schema(r->conn, err) || !rebuilds_session(r->conn, err))
        return false;
    if (r->options->id)
        return find_row(r, err);
    return !r->options->stream || find_none(r, err);
}

static bool find_stream(struct rebuilding *r, const char *name, struct err *err)
{
    struct stream_row row;
    for (unsigned i = 0; i < r->config->n_streams; i++)
        if (strcmp(r->config->streams[i].name, name) == 0)
            r->stream_config = &r->config->streams[i];
    if (!r->stream_config)
        return err_set(err, ERR_HALT, ERR_EXIT_USAGE, "the configuration has no stream %s", name);
    if (!streams_find(r->conn, r->config->group, name, &row, err))
        return false;
    if (row.stream_id == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "the database does not know the stream %s", name);
        return err_hint(err, "pactolus migrate --execute");
    }
    r->stream_id = row.stream_id;
    if (!r->options->id)
        r->row.stream_fingerprint =
            arena_string(&r->arena, row.fingerprint, strlen(row.fingerprint));
    return true;
}

/* The contract once with the live table and once with the one that is filled, which for a new
 * rebuild gets its name later. */
static bool load_contract(struct rebuilding *r, struct errs *errs)
{
    char fingerprint[FINGERPRINT_LENGTH + 1];
    struct err err;
    r->own_stream = *r->stream_config;
    r->own_stream.dlq_topic = NULL; /* letters are the live stream's from the swap on */
    r->own_stream.out_of_range = OUT_OF_RANGE_HALT;
    if (r->options->id)
        r->own_stream.name = (char *)(uintptr_t)r->row.shadow_stream;
    if (!stream_load(&r->live, r->stream_config, errs) ||
        !stream_load(&r->shadow, &r->own_stream, errs))
        return false;
    streams_fingerprint(r->live.layout, fingerprint);
    if (!r->options->id)
        r->row.fingerprint = arena_string(&r->arena, fingerprint, FINGERPRINT_LENGTH);
    else
        r->shadow.layout->table = r->shadow.layout->view = r->row.shadow;
    r->want = shape_want(r->live.layout);
    shape_want_readers(r->want, r->stream_config->readers, r->stream_config->n_readers);
    r->want_shadow = shape_want(r->shadow.layout);
    bool unfinished = !r->options->id || strcmp(r->row.state, "filling") == 0 ||
                      strcmp(r->row.state, "ready") == 0;
    if (!unfinished || strcmp(fingerprint, r->row.fingerprint) == 0)
        return true;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA,
            "rebuild %u was begun with another contract (%.12s, here %.12s)", r->row.id,
            r->row.fingerprint, fingerprint);
    err_place(&err, "%s", r->stream_config->descriptors);
    err_hint(&err, "put that descriptor set in its place, or pactolus rebuild --abort %u",
             r->row.id);
    errs_add(errs, &err);
    return false;
}

bool rebuilding_begin(struct rebuilding *r, const struct rebuild_options *options,
                      struct errs *errs)
{
    struct err err = ERR_INIT;
    *r = (struct rebuilding){.options = options};
    arena_init(&r->arena, 16384);
    arena_init(&r->looks[0], 16384);
    arena_init(&r->looks[1], 16384);
    r->config = setup_config(&options->setup, errs);
    if (!r->config)
        return false;
    if (open_database(r, &err))
        return true;
    errs_add(errs, &err);
    return false;
}

bool rebuilding_open(struct rebuilding *r, const struct rebuild_options *options, struct errs *errs)
{
    struct err err = ERR_INIT;
    if (!rebuilding_begin(r, options, errs))
        return false;
    if (!find_stream(r, options->id ? r->row.stream : options->stream, &err) ||
        !setup_kafka(r->config, &r->kafka, &err) || !(r->loop = loop_open(&err))) {
        errs_add(errs, &err);
        return false;
    }
    r->client = admin_open(&r->kafka, errs);
    return r->client && load_contract(r, errs);
}

void rebuilding_close(struct rebuilding *r, int code)
{
    /* As run does: the thread still looks at what would be freed here. */
    if (r->opened && !engine_close(&r->engine)) {
        log_warning("a thread still waits for a server; ending without it");
        _exit(code);
    }
    loop_close(r->loop);
    preflight_free(&r->engine_options);
    admin_close(r->client);
    setup_free_kafka(&r->kafka);
    plan_free(&r->plan);
    shape_free(r->have);
    shape_free(r->want);
    shape_free(r->want_shadow);
    stream_free(&r->live);
    stream_free(&r->shadow);
    if (r->conn)
        conn_close(r->conn);
    config_free(r->config);
    arena_free(&r->arena);
    arena_free(&r->looks[0]);
    arena_free(&r->looks[1]);
}
