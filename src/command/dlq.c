/* SPDX-License-Identifier: Apache-2.0 */
/* dlq: a table of verbs of its own, as verbs.c is one. */
#include "command/dlq.h"

#include "command/report.h"
#include "command/verb.h"
#include "postgres/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 64 * 1024 };

static const struct verb table[] = {
    {"list", "[OPTION…]", "how many, of which stream and reason, since when", dlq_list},
    {"show", "LETTER…", "one as far as it can be decoded, with its reason and bytes", dlq_show},
    {"redrive", "--dry-run | --execute", "apply letters under the place that they had",
     dlq_redrive},
    {"discard", "--why TEXT", "close letters that need nothing more", dlq_discard},
    {"reopen", "--why TEXT", "open discarded letters again", dlq_reopen},
    {"export", "[OPTION…]", "letters with all that they hold, as JSON lines", dlq_export},
    {"erase", "--key TEXT --why TEXT", "blank a person's letters", dlq_erase},
    {0},
};

int command_dlq(int argc, char **argv)
{
    static const struct verb_family family = {
        "dlq", "Dead letters: records that could not be applied, in the ledger with their reasons.",
        table};
    return verbs_family(&family, argc, argv);
}

/* ---- what they work with ---- */

bool dlq_reconnect(struct dlq *dlq, struct err *err)
{
    if (dlq->conn)
        conn_close(dlq->conn);
    dlq->conn = setup_connect(dlq->config, err);
    return dlq->conn != NULL;
}

static bool open_ledger(struct dlq *dlq, struct err *err)
{
    unsigned count;
    int version;
    const struct migration *all = migrations_all(&count);
    if (!dlq_reconnect(dlq, err) || !migrations_version(dlq->conn, &version, err))
        return false;
    if (version >= all[count - 1].version)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the database is at migration %d, this program needs %d", version,
            all[count - 1].version);
    return err_hint(err, "pactolus migrate --execute");
}

/* One stream's broken contract must not keep people from the letters of the others: what needs it
 * says so. */
static void load_streams(struct dlq *dlq)
{
    struct errs faults = {0};
    dlq->streams = setup_streams(dlq->config, &faults);
    report_warnings(&faults);
    errs_free(&faults);
}

bool dlq_open(struct dlq *dlq, const struct setup *setup, const struct dlq_words *words,
              unsigned wants, struct errs *errs)
{
    struct err err = ERR_INIT;
    *dlq = (struct dlq){0};
    arena_init(&dlq->arena, ARENA_BLOCK);
    dlq->config = setup_config(setup, errs);
    if (!dlq->config)
        return false;
    setup_quiet(dlq->config);
    if (dlq_select(words, dlq->config->group, clock_wall(), &dlq->arena, &dlq->filter, &err) &&
        (!(wants & DLQ_LEDGER) || open_ledger(dlq, &err))) {
        if (wants & DLQ_CONTRACTS)
            load_streams(dlq);
        return true;
    }
    errs_add(errs, &err);
    return false;
}

void dlq_close(struct dlq *dlq)
{
    if (dlq->conn)
        conn_close(dlq->conn);
    if (dlq->config)
        setup_free_streams(dlq->streams, dlq->config->n_streams);
    config_free(dlq->config);
    arena_free(&dlq->arena);
    *dlq = (struct dlq){0};
}

const struct stream *dlq_stream(const struct dlq *dlq, const char *name)
{
    for (unsigned i = 0; dlq->streams && i < dlq->config->n_streams; i++)
        if (strcmp(dlq->config->streams[i].name, name) == 0 && dlq->streams[i].layout)
            return &dlq->streams[i];
    return NULL;
}

const char *dlq_place(const struct letter *letter, char out[DLQ_PLACE_TEXT])
{
    snprintf(out, DLQ_PLACE_TEXT, "%.255s[%d]@%lld", letter->topic, (int)letter->partition,
             (long long)letter->offset);
    return out;
}
