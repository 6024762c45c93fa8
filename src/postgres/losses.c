/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/losses.h"

#include <inttypes.h>
#include <stdio.h>

bool losses_move(PGconn *conn, struct cursor_position *at, int64_t low, int64_t target,
                 bool from_start, struct err *err)
{
    enum { NUMBERS = 6, NUMBER_TEXT = 24 };
    const int64_t numbers[NUMBERS] = {at->cursor_id,   at->fence, at->token,
                                      at->next_offset, low,       target};
    char texts[NUMBERS][NUMBER_TEXT];
    const char *params[NUMBERS + 1];
    for (int i = 0; i < NUMBERS; i++) {
        snprintf(texts[i], NUMBER_TEXT, "%" PRId64, numbers[i]);
        params[i] = texts[i];
    }
    params[NUMBERS] = from_start ? "true" : "false";
    PGresult *result =
        conn_query(conn,
                   "SELECT pactolus.move_stranded($1::int8, $2::int8, $3::int8, $4::int8, $5::int8,"
                   "                              $6::int8, $7::bool)",
                   NUMBERS + 1, params, err);
    PQclear(result);
    if (!result)
        return false;
    at->next_offset = target;
    at->fence++;
    return true;
}
