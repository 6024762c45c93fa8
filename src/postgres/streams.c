/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/streams.h"

#include "base/memory.h"
#include "contract/fingerprint.h"
#include "postgres/cells.h"
#include "table/sql.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const state_names[] = {
    [STREAM_RUNNING] = "running",
    [STREAM_PAUSED] = "paused",
    [STREAM_HALTED] = "halted",
};

static const char sql_find[] =
    "SELECT stream_id, state, reason, hint, fingerprint, kind, changed_by"
    "  FROM pactolus.streams WHERE consumer_group = $1 AND name = $2";

const char *stream_state_name(enum stream_state state)
{
    return state_names[state];
}

void streams_fingerprint(const struct layout *layout, char out[FINGERPRINT_LENGTH + 1])
{
    struct buf all = BUF_INIT;
    if (layout->n_contracts == 1) {
        memcpy(out, layout->contracts[0]->fingerprint, FINGERPRINT_LENGTH + 1);
        return;
    }
    for (unsigned i = 0; i < layout->n_contracts; i++)
        buf_printf(&all, "%s\n", layout->contracts[i]->fingerprint);
    fingerprint_hex((struct span){all.data, all.length}, out);
    buf_free(&all);
}

static void put_bytes(struct buf *out, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    buf_puts(out, "decode('");
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        buf_putc(out, digits[byte >> 4]);
        buf_putc(out, digits[byte & 15]);
    }
    buf_puts(out, "', 'hex')");
}

static void put_array(struct buf *out, const char *const *items, unsigned n)
{
    struct buf array = BUF_INIT;
    conn_text_array(&array, items, n);
    sql_literal(out, array.data);
    buf_free(&array);
}

void streams_note_text(const PGconn *conn, const char *group, const char *name,
                       const struct layout *layout, struct span descriptors, struct buf *out)
{
    char fingerprint[FINGERPRINT_LENGTH + 1], who[ACTOR_TEXT];
    const char *const words[] = {
        group, name, layout->schema, layout->table, layout->view_schema, layout->view};
    const char **names = mem_zero(layout->n_contracts, sizeof *names);
    const char **prints = mem_zero(layout->n_contracts, sizeof *prints);
    for (unsigned i = 0; i < layout->n_contracts; i++) {
        names[i] = layout->contracts[i]->name;
        prints[i] = layout->contracts[i]->fingerprint;
    }
    streams_fingerprint(layout, fingerprint);
    streams_actor(conn, who);
    buf_puts(out, "SELECT pactolus.note_contract(");
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        sql_literal(out, words[i]);
        buf_puts(out, ", ");
    }
    put_array(out, names, layout->n_contracts);
    buf_puts(out, ", ");
    put_array(out, prints, layout->n_contracts);
    buf_puts(out, ", ");
    sql_literal(out, fingerprint);
    buf_puts(out, ", ");
    put_bytes(out, descriptors);
    buf_puts(out, ", ");
    sql_literal(out, who);
    buf_puts(out, ");\n");
    free(names);
    free(prints);
}

bool streams_upsert(PGconn *conn, const char *group, const char *name, const struct layout *layout,
                    struct span descriptors, struct err *err)
{
    struct buf text = BUF_INIT;
    streams_note_text(conn, group, name, layout, descriptors, &text);
    bool done = conn_exec(conn, text.data, err);
    buf_free(&text);
    return done;
}

bool streams_find(PGconn *conn, const char *group, const char *name, struct stream_row *row,
                  struct err *err)
{
    const char *params[] = {group, name};
    PGresult *result = conn_query(conn, sql_find, 2, params, err);
    *row = (struct stream_row){0};
    if (!result)
        return false;
    if (PQntuples(result) > 0) {
        row->stream_id = (unsigned)cells_number(result, 0, 0);
        for (unsigned i = 0; i < sizeof state_names / sizeof *state_names; i++)
            if (strcmp(PQgetvalue(result, 0, 1), state_names[i]) == 0)
                row->state = (enum stream_state)i;
        cells_copy(result, 0, 2, row->reason, sizeof row->reason);
        cells_copy(result, 0, 3, row->hint, sizeof row->hint);
        cells_copy(result, 0, 4, row->fingerprint, sizeof row->fingerprint);
        cells_copy(result, 0, 5, row->kind, sizeof row->kind);
        cells_copy(result, 0, 6, row->changed_by, sizeof row->changed_by);
    }
    PQclear(result);
    return true;
}

bool streams_had(PGconn *conn, unsigned stream_id, const char *fingerprint, bool *had,
                 struct err *err)
{
    char id[16];
    snprintf(id, sizeof id, "%u", stream_id);
    const char *params[] = {id, fingerprint};
    PGresult *result = conn_query(conn,
                                  "SELECT FROM pactolus.stream_contracts"
                                  "  WHERE stream_id = $1::int4 AND fingerprint = $2",
                                  2, params, err);
    if (!result)
        return false;
    *had = PQntuples(result) > 0;
    PQclear(result);
    return true;
}

bool streams_may_claim(PGconn *conn, unsigned stream_id, const char *fingerprint, bool *may,
                       struct err *err)
{
    char id[16];
    snprintf(id, sizeof id, "%u", stream_id);
    const char *params[] = {id, fingerprint};
    return cells_only_truth(
        conn_query(conn, "SELECT pactolus.may_claim($1::int4, $2)", 2, params, err), may);
}

void streams_actor(const PGconn *conn, char out[ACTOR_TEXT])
{
    char space[1024];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found)
        snprintf(out, ACTOR_TEXT, "%.80s (%.80s)", PQuser(conn), found->pw_name);
    else
        snprintf(out, ACTOR_TEXT, "%.80s (uid %ld)", PQuser(conn), (long)geteuid());
}

bool streams_halt(PGconn *conn, unsigned stream_id, enum halt_kind kind, const struct err *why,
                  usec_t letters_for, struct err *err)
{
    static const char *const kinds[] = {
        [HALT_DAEMON] = "daemon",
        [HALT_FLOOD] = "flood",
        [HALT_PREFLIGHT] = "preflight",
    };
    char id[16], who[ACTOR_TEXT], age[32];
    struct buf reason = BUF_INIT;
    snprintf(id, sizeof id, "%u", stream_id);
    snprintf(age, sizeof age, "%" PRId64 " us", letters_for);
    streams_actor(conn, who);
    buf_printf(&reason, "%s%s%s%s%s", why->place, *why->place ? ": " : "", why->text,
               *why->sqlstate ? " " : "", why->sqlstate);
    const char *params[] = {id,        kinds[kind], reason.data,
                            why->hint, who,         letters_for >= 0 ? age : NULL};
    PGresult *result = conn_query(
        conn, "SELECT pactolus.halt($1::int4, $2, $3, $4, $5, $6::interval)", 6, params, err);
    PQclear(result);
    buf_free(&reason);
    return result != NULL;
}

bool streams_passed(PGconn *conn, unsigned stream_id, bool *ended, char reason[512],
                    struct err *err)
{
    char id[16], who[ACTOR_TEXT];
    snprintf(id, sizeof id, "%u", stream_id);
    streams_actor(conn, who);
    const char *params[] = {id, who};
    PGresult *result =
        conn_query(conn, "SELECT r FROM pactolus.preflight_passed($1::int4, $2) r", 2, params, err);
    if (!result)
        return false;
    *ended = PQntuples(result) > 0;
    if (*ended)
        cells_copy(result, 0, 0, reason, 512);
    PQclear(result);
    return true;
}

bool streams_take_table(PGconn *conn, unsigned stream_id, struct err *err)
{
    char id[16];
    snprintf(id, sizeof id, "%u", stream_id);
    const char *params[] = {id};
    PGresult *result = conn_query(conn, "SELECT pactolus.take_table($1::int4)", 1, params, err);
    PQclear(result);
    return result != NULL;
}

bool streams_read_topic(PGconn *conn, unsigned stream_id, const char *cluster_id, const char *topic,
                        bool *did, struct err *err)
{
    char id[16];
    snprintf(id, sizeof id, "%u", stream_id);
    const char *params[] = {id, cluster_id, topic};
    return cells_only_truth(
        conn_query(conn,
                   "SELECT EXISTS (SELECT FROM pactolus.cursors JOIN pactolus.logs USING (log_id)"
                   "  WHERE stream_id = $1::int4 AND cluster_id = $2 AND topic = $3)",
                   3, params, err),
        did);
}

bool streams_pause(PGconn *conn, unsigned stream_id, const char *reason, bool *done,
                   struct err *err)
{
    char id[16], who[ACTOR_TEXT];
    snprintf(id, sizeof id, "%u", stream_id);
    streams_actor(conn, who);
    const char *params[] = {id, reason, who};
    return cells_only_truth(
        conn_query(conn, "SELECT pactolus.pause($1::int4, $2, $3)", 3, params, err), done);
}

bool streams_resume(PGconn *conn, unsigned stream_id, const char *reason, bool keep_letters,
                    struct resumed *resumed, struct err *err)
{
    char id[16], who[ACTOR_TEXT];
    snprintf(id, sizeof id, "%u", stream_id);
    streams_actor(conn, who);
    const char *params[] = {id, reason, who, keep_letters ? "true" : "false"};
    PGresult *result = conn_query(conn,
                                  "SELECT cursors_back, letters_again, records_again"
                                  "  FROM pactolus.resume($1::int4, $2, $3, $4::boolean)",
                                  4, params, err);
    if (!result)
        return false;
    resumed->cursors = cells_number(result, 0, 0);
    resumed->letters = cells_number(result, 0, 1);
    resumed->records = cells_number(result, 0, 2);
    PQclear(result);
    return true;
}
