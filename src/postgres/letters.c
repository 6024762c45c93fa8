/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/letters.h"

#include "postgres/cells.h"
#include "postgres/query.h"
#include "postgres/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what is meant ---- */

static void put_chosen(struct query *query, const struct letters_filter *filter)
{
    struct buf *text = &query->text;
    if (!filter->n_ids && !filter->n_places)
        return;
    buf_puts(text, " AND (");
    if (filter->n_ids)
        buf_printf(text, "d.dead_letter_id = ANY ($%u::int8[])",
                   query_numbers(query, filter->ids, sizeof *filter->ids, filter->n_ids));
    if (filter->n_ids && filter->n_places)
        buf_puts(text, " OR ");
    if (filter->n_places) {
        unsigned topics =
            query_column(query, &filter->places->topic, sizeof *filter->places, filter->n_places);
        unsigned partitions = query_numbers(query, &filter->places->partition,
                                            sizeof *filter->places, filter->n_places);
        unsigned offsets =
            query_numbers(query, &filter->places->offset, sizeof *filter->places, filter->n_places);
        buf_printf(text,
                   "(d.topic, d.partition, d.\"offset\") IN (SELECT unnest($%u::text[]),"
                   " unnest($%u::int4[]), unnest($%u::int8[]))",
                   topics, partitions, offsets);
    }
    buf_putc(text, ')');
}

/* " WHERE …", over d (dead_letters) and s (streams). */
static void put_where(struct query *query, const struct letters_filter *filter)
{
    struct buf *text = &query->text;
    buf_printf(text, " WHERE s.consumer_group = $%u", query_text(query, filter->group));
    if (filter->n_streams)
        buf_printf(text, " AND s.name = ANY ($%u::text[])",
                   query_texts(query, filter->streams, filter->n_streams));
    if (filter->n_reasons)
        buf_printf(text, " AND d.reason = ANY ($%u::text[])",
                   query_texts(query, filter->reasons, filter->n_reasons));
    if (filter->topic)
        buf_printf(text, " AND d.topic = $%u", query_text(query, filter->topic));
    if (filter->dlq_topic)
        buf_printf(text, " AND d.dlq_topic = $%u", query_text(query, filter->dlq_topic));
    if (filter->state)
        buf_printf(text, " AND d.state = $%u", query_text(query, filter->state));
    if (filter->applicable)
        buf_puts(text, " AND d.state = 'open' AND d.erased_at IS NULL");
    if (filter->since >= 0)
        buf_printf(text, " AND d.first_failed_at >= $%u::timestamptz",
                   query_time(query, filter->since));
    if (filter->until >= 0)
        buf_printf(text, " AND d.first_failed_at < $%u::timestamptz",
                   query_time(query, filter->until));
    if (filter->key.data)
        buf_printf(text, " AND d.key = $%u::bytea", query_bytes(query, filter->key));
    if (filter->untouched_by)
        buf_printf(text, " AND $%u::int8 <> ALL (d.actions)",
                   query_number(query, filter->untouched_by));
    if (!filter->rebuilds && !filter->n_streams && !filter->n_ids && !filter->n_places)
        buf_puts(text, " AND s.rebuild_of IS NULL");
    put_chosen(query, filter);
}

/* ---- reading ---- */

bool letters_count(PGconn *conn, const struct letters_filter *filter, struct arena *arena,
                   struct letters_group **list, unsigned *n, struct err *err)
{
    struct query query = {0};
    buf_puts(&query.text,
             "SELECT s.name, d.reason, d.state, count(*), count(*) FILTER (WHERE d.relayed_at IS "
             "NULL AND d.dlq_topic <> '' AND d.state = 'open'),"
             " sum(coalesce(pg_column_size(d.value), 0) + coalesce(pg_column_size(d.key), 0)"
             "     + pg_column_size(d.header_names) + pg_column_size(d.header_values))::int8,"
             " " LETTER_RFC3339("min(d.first_failed_at)") ", " LETTER_RFC3339(
                 "max(d.first_failed_at)") " FROM pactolus.dead_letters d"
                                           " JOIN pactolus.streams s USING (stream_id)");
    put_where(&query, filter);
    buf_puts(&query.text, " GROUP BY 1, 2, 3 ORDER BY 1, 3, 4 DESC, 2");
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    *list = NULL;
    *n = 0;
    if (!result)
        return false;
    *n = (unsigned)PQntuples(result);
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (int i = 0; i < PQntuples(result); i++)
        (*list)[i] = (struct letters_group){
            .stream = cells_text(result, i, 0, arena),
            .reason = cells_text(result, i, 1, arena),
            .state = cells_text(result, i, 2, arena),
            .letters = cells_number(result, i, 3),
            .waiting = cells_number(result, i, 4),
            .bytes = cells_number(result, i, 5),
            .oldest = cells_text(result, i, 6, arena),
            .newest = cells_text(result, i, 7, arena),
        };
    PQclear(result);
    return true;
}

/* The ids of the page, locked or not. In a statement of its own: what is read afterwards is read as
 * it is once the locks are had. */
static bool read_ids(PGconn *conn, const struct letters_filter *filter,
                     const struct letters_page *page, int64_t **ids, unsigned *n, struct err *err)
{
    struct query query = {0};
    buf_puts(&query.text, "SELECT d.dead_letter_id FROM pactolus.dead_letters d"
                          " JOIN pactolus.streams s USING (stream_id)");
    put_where(&query, filter);
    buf_printf(&query.text, " AND d.dead_letter_id > $%u::int8", query_number(&query, page->after));
    buf_printf(&query.text, " ORDER BY d.dead_letter_id LIMIT %u%s", page->max,
               page->lock ? " FOR UPDATE OF d" : "");
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    *n = result ? (unsigned)PQntuples(result) : 0;
    *ids = mem_zero(*n + 1, sizeof **ids);
    for (unsigned i = 0; i < *n; i++)
        (*ids)[i] = cells_number(result, (int)i, 0);
    PQclear(result);
    return result != NULL;
}

bool letters_read(PGconn *conn, const struct letters_filter *filter,
                  const struct letters_page *page, struct arena *arena, struct letter **list,
                  unsigned *n, struct err *err)
{
    int64_t *ids;
    struct query query = {0};
    *list = NULL;
    bool good = read_ids(conn, filter, page, &ids, n, err);
    if (!good || *n == 0) {
        free(ids);
        return good;
    }
    buf_printf(&query.text,
               "SELECT " LETTER_COLUMNS
               " FROM (SELECT d.dead_letter_id, row_number() OVER w AS place,"
               "              sum(" LETTER_BYTES ") OVER w AS total"
               "         FROM pactolus.dead_letters d WHERE d.dead_letter_id = ANY ($%u::int8[])"
               "       WINDOW w AS (ORDER BY d.dead_letter_id)) p JOIN (" LETTER_TABLES
               ") USING (dead_letter_id)",
               query_numbers(&query, ids, sizeof *ids, *n));
    buf_printf(&query.text, " WHERE p.place = 1 OR p.total <= $%u::int8 ORDER BY d.dead_letter_id",
               query_number(&query, (int64_t)page->max_bytes));
    PGresult *result = query_run(&query, conn, true, err);
    query_free(&query);
    free(ids);
    *n = result ? (unsigned)PQntuples(result) : 0;
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (unsigned i = 0; i < *n; i++)
        letter_read(result, (int)i, arena, &(*list)[i]);
    PQclear(result);
    return result != NULL;
}

bool letters_history(PGconn *conn, int64_t id, struct arena *arena, struct letter_event **list,
                     unsigned *n, struct err *err)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, id);
    const char *params[] = {number};
    PGresult *result = conn_query(
        conn,
        "SELECT action, " LETTER_RFC3339(
            "at") ", by, why"
                  "  FROM pactolus.letter_history WHERE dead_letter_id = $1::int8 ORDER BY at",
        1, params, err);
    *n = result ? (unsigned)PQntuples(result) : 0;
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (unsigned i = 0; i < *n; i++)
        (*list)[i] = (struct letter_event){
            .action = cells_text(result, (int)i, 0, arena),
            .at = cells_text(result, (int)i, 1, arena),
            .by = cells_text(result, (int)i, 2, arena),
            .why = cells_text(result, (int)i, 3, arena),
        };
    PQclear(result);
    return result != NULL;
}

/* ---- moving ---- */

/* What an action is called, which letters it takes and what it makes of them. */
static const struct {
    const char *name, *takes, *sets;
} actions[] = {
    [LETTER_REDRIVE] = {"redrive", "", ""},
    [LETTER_DISCARD] = {"discard", " AND d.state = 'open'", "state = 'discarded', outcome = ''"},
    [LETTER_REOPEN] = {"reopen", " AND d.state = 'discarded' AND d.erased_at IS NULL",
                       "state = 'open', outcome = ''"},
    /* A detail may name the key of a map, or hold what a trigger said. */
    [LETTER_ERASE] = {"erase", " AND d.erased_at IS NULL",
                      "state = 'discarded', erased_at = now(), key = NULL, value = NULL,"
                      " header_names = '{}', header_values = '{}', detail = ''"},
};

/* What a rebuild keeps of letters for its way back holds details and names of headers too. */
static const char sql_forget[] =
    ", forgotten AS (UPDATE pactolus.rebuild_letters b"
    "   SET before = b.before || '{\"detail\": \"\", \"header_names\": []}'"
    "  FROM moved m JOIN pactolus.rebuilds r USING (stream_id) WHERE b.rebuild_id = r.rebuild_id"
    "   AND b.log_id = m.log_id AND b.\"offset\" = m.\"offset\" AND b.before IS NOT NULL)";

bool letters_begin(PGconn *conn, const char *group, enum letter_action action, const char *why,
                   int64_t *action_id, struct err *err)
{
    char who[ACTOR_TEXT];
    streams_actor(conn, who);
    const char *params[] = {group, actions[action].name, why ? why : "", who};
    return cells_only_number(
        conn_query(conn,
                   "INSERT INTO pactolus.letter_actions (consumer_group, action, why, by)"
                   " VALUES ($1, $2, $3, $4) RETURNING action_id",
                   4, params, err),
        action_id);
}

bool letters_move(PGconn *conn, const struct letters_filter *filter, enum letter_action action,
                  int64_t action_id, unsigned max, int64_t *after, unsigned *moved,
                  unsigned *relayed, struct err *err)
{
    struct query query = {0};
    buf_puts(&query.text, "WITH page AS (SELECT d.dead_letter_id FROM pactolus.dead_letters d"
                          " JOIN pactolus.streams s USING (stream_id)");
    put_where(&query, filter);
    buf_printf(&query.text, "%s AND d.dead_letter_id > $%u::int8", actions[action].takes,
               query_number(&query, *after));
    buf_printf(&query.text,
               " ORDER BY d.dead_letter_id LIMIT %u FOR UPDATE OF d),"
               " moved AS (UPDATE pactolus.dead_letters d SET %s, acted_at = now(),"
               " actions = d.actions || $%u::int8 FROM page p"
               " WHERE d.dead_letter_id = p.dead_letter_id"
               " RETURNING d.dead_letter_id, d.relayed_at, d.stream_id, d.log_id, d.\"offset\")%s"
               " SELECT count(*), count(relayed_at), coalesce(max(dead_letter_id), 0) FROM moved",
               max, actions[action].sets, query_number(&query, action_id),
               action == LETTER_ERASE ? sql_forget : "");
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    if (!result)
        return false;
    *moved = (unsigned)cells_number(result, 0, 0);
    *relayed = (unsigned)cells_number(result, 0, 1);
    *after = cells_number(result, 0, 2);
    PQclear(result);
    return true;
}

/* ---- redriven ---- */

bool letters_done(PGconn *conn, int64_t action_id, const struct letter_done *list, unsigned n,
                  struct err *err)
{
    struct query query = {0};
    if (n == 0)
        return true;
    unsigned ids = query_numbers(&query, &list->id, sizeof *list, n);
    unsigned outcomes = query_column(&query, &list->outcome, sizeof *list, n);
    buf_printf(&query.text,
               "UPDATE pactolus.dead_letters d SET state = 'redriven', outcome = r.outcome,"
               " acted_at = now(), actions = d.actions || $%u::int8"
               " FROM (SELECT unnest($%u::int8[]) AS id, unnest($%u::text[]) AS outcome) r"
               " WHERE d.dead_letter_id = r.id",
               query_number(&query, action_id), ids, outcomes);
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    PQclear(result);
    return result != NULL;
}

bool letters_failed(PGconn *conn, int64_t action_id, const struct letter_failure *list, unsigned n,
                    struct err *err)
{
    struct query query = {0};
    if (n == 0)
        return true;
    unsigned ids = query_numbers(&query, &list->id, sizeof *list, n);
    unsigned reasons = query_column(&query, &list->reason, sizeof *list, n);
    unsigned details = query_column(&query, &list->detail, sizeof *list, n);
    unsigned sqlstates = query_column(&query, &list->sqlstate, sizeof *list, n);
    unsigned contracts = query_column(&query, &list->contract, sizeof *list, n);
    buf_printf(&query.text,
               "UPDATE pactolus.dead_letters d SET attempts = d.attempts + 1,"
               " last_failed_at = now(), reason = f.reason, detail = f.detail,"
               " sqlstate = f.sqlstate, contract = f.contract, acted_at = now(),"
               " actions = d.actions || $%u::int8"
               " FROM (SELECT unnest($%u::int8[]) AS id, unnest($%u::text[]) AS reason,"
               " unnest($%u::text[]) AS detail, unnest($%u::text[]) AS sqlstate,"
               " unnest($%u::text[]) AS contract) f WHERE d.dead_letter_id = f.id",
               query_number(&query, action_id), ids, reasons, details, sqlstates, contracts);
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    PQclear(result);
    return result != NULL;
}
