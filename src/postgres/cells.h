/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cells: the cells of an answer in text form, as what they mean. Row and column count from 0 and
 * must be there, as PQgetvalue wants it; NULL reads as "", so as 0 and false. A query selects what
 * fits: a number that is one, a truth as `t` or `f`. Answers in binary form are read where they are
 * asked for (postgres/letter, postgres/redrive, postgres/writer).
 */
#ifndef PACTOLUS_POSTGRES_CELLS_H
#define PACTOLUS_POSTGRES_CELLS_H

#include "base/memory.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* int2, int4, int8, and numeric without a fraction. */
static inline int64_t cells_number(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static inline double cells_real(const PGresult *result, int row, int column)
{
    return strtod(PQgetvalue(result, row, column), NULL);
}

static inline bool cells_truth(const PGresult *result, int row, int column)
{
    return *PQgetvalue(result, row, column) == 't';
}

/* A copy in the arena; text is the same in binary form. */
static inline const char *cells_text(const PGresult *result, int row, int column,
                                     struct arena *arena)
{
    return arena_string(arena, PQgetvalue(result, row, column),
                        (size_t)PQgetlength(result, row, column));
}

/* A copy, to be freed with free(). */
static inline char *cells_string(const PGresult *result, int row, int column)
{
    return mem_string(PQgetvalue(result, row, column));
}

/* A copy in `size` bytes, cut to fit. */
static inline void cells_copy(const PGresult *result, int row, int column, char *out, size_t size)
{
    snprintf(out, size, "%s", PQgetvalue(result, row, column));
}

/* For queries that answer with one cell: take it and clear the answer. False for NULL, which is a
 * query that failed. */
static inline bool cells_only_number(PGresult *result, int64_t *number)
{
    if (result)
        *number = cells_number(result, 0, 0);
    PQclear(result);
    return result != NULL;
}

static inline bool cells_only_truth(PGresult *result, bool *truth)
{
    if (result)
        *truth = cells_truth(result, 0, 0);
    PQclear(result);
    return result != NULL;
}

#endif
