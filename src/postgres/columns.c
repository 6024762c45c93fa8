/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/columns.h"

#include "base/memory.h"
#include "base/text.h"
#include "contract/fingerprint.h"
#include "table/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The arrays of pactolus.describe, in its order. */
enum fact {
    FACT_NAME,
    FACT_CONTRACT,
    FACT_FIELD,
    FACT_TYPE,
    FACT_COMMENT,
    FACT_UNIT,
    FACT_CLASSIFICATION,
    FACT_NULL_MEANS,
    FACT_OWNER,
    FACTS
};

/* What will be said: one array literal per fact, the target as an interval, the digest of both. */
struct saying {
    struct buf facts[FACTS];
    char target[48]; /* "" = none */
    char digest[FINGERPRINT_LENGTH + 1];
};

/* The shortest that a contract of the table promises. */
static void shortest_target(const struct layout *layout, char out[48])
{
    int64_t shortest = INT64_MAX;
    out[0] = 0;
    for (unsigned i = 0; i < layout->n_contracts; i++) {
        int64_t target;
        const char *text = layout->contracts[i]->freshness;
        if (*text && text_parse_duration(text, &target) && target < shortest)
            shortest = target;
    }
    if (shortest < INT64_MAX)
        snprintf(out, 48, "%" PRId64 " us", shortest);
}

static const char *fact_of(const struct layout_column *column, enum fact fact, const char *type)
{
    switch (fact) {
    case FACT_NAME:
        return column->name;
    case FACT_CONTRACT:
        return column->of ? column->of->name : "";
    case FACT_FIELD:
        return column->source ? column->source->origin : "";
    case FACT_TYPE:
        return type;
    case FACT_COMMENT:
        return column->comment;
    case FACT_UNIT:
        return column->unit;
    case FACT_CLASSIFICATION:
        return classification_name(column->classification);
    case FACT_NULL_MEANS:
        return column->null_means;
    case FACT_OWNER:
        return column->of ? column->of->owner : "";
    case FACTS:
        break;
    }
    return "";
}

static void saying_make(struct saying *saying, const struct layout *layout)
{
    const char **items = mem_zero(layout->n_data + 1, sizeof *items);
    char **types = mem_zero(layout->n_data + 1, sizeof *types);
    struct buf all = BUF_INIT;
    *saying = (struct saying){0};
    shortest_target(layout, saying->target);
    buf_printf(&all, "%s\n", saying->target);
    for (unsigned i = 0; i < layout->n_data; i++)
        types[i] =
            mem_format("%s%s", layout->columns[i].type->sql, layout->columns[i].array ? "[]" : "");
    for (int fact = 0; fact < FACTS; fact++) {
        for (unsigned i = 0; i < layout->n_data; i++)
            items[i] = fact_of(&layout->columns[i], (enum fact)fact, types[i]);
        conn_text_array(&saying->facts[fact], items, layout->n_data);
        buf_printf(&all, "%s\n", saying->facts[fact].data);
    }
    fingerprint_hex((struct span){all.data, all.length}, saying->digest);
    for (unsigned i = 0; i < layout->n_data; i++)
        free(types[i]);
    free(types);
    free(items);
    buf_free(&all);
}

static void saying_free(struct saying *saying)
{
    for (int fact = 0; fact < FACTS; fact++)
        buf_free(&saying->facts[fact]);
}

bool columns_same(PGconn *conn, const char *group, const char *stream, const struct layout *layout,
                  bool *same, struct err *err)
{
    const char *params[] = {group, stream};
    struct saying saying;
    PGresult *result = conn_query(conn,
                                  "SELECT columns_digest FROM pactolus.streams"
                                  " WHERE consumer_group = $1 AND name = $2",
                                  2, params, err);
    if (!result)
        return false;
    saying_make(&saying, layout);
    *same = PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, 0), saying.digest) == 0;
    saying_free(&saying);
    PQclear(result);
    return true;
}

void columns_text(const char *group, const char *stream, const struct layout *layout,
                  struct buf *out)
{
    struct saying saying;
    saying_make(&saying, layout);
    const char *const words[] = {group, stream, saying.target, saying.digest};
    buf_puts(out, "SELECT pactolus.describe(");
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        buf_puts(out, i ? ", " : "");
        sql_literal(out, words[i]);
    }
    for (int fact = 0; fact < FACTS; fact++) {
        buf_puts(out, ",\n    ");
        sql_literal(out, saying.facts[fact].data);
    }
    buf_puts(out, ");\n");
    saying_free(&saying);
}
