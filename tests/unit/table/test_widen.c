/* SPDX-License-Identifier: Apache-2.0 */
#include "table/widen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* That the free ones touch no row is shown on a real table, in tests/db/test_catalog.c. */
static void each_pair_has_its_price(void **state)
{
    static const struct {
        const char *have, *want;
        enum widening price;
    } pairs[] = {
        {"character varying(20)", "text", WIDEN_FREE},
        {"character varying", "text", WIDEN_FREE},
        {"cidr", "inet", WIDEN_FREE},
        {"numeric(10,2)", "numeric(12,2)", WIDEN_FREE},
        {"numeric(20,0)", "numeric(38,0)", WIDEN_FREE},
        {"numeric(10,2)", "numeric", WIDEN_FREE},
        {"numeric(10,2)", "numeric(12,4)", WIDEN_REWRITE},
        {"smallint", "integer", WIDEN_REWRITE},
        {"integer", "bigint", WIDEN_REWRITE},
        {"real", "double precision", WIDEN_REWRITE},
        {"bigint", "numeric(20,0)", WIDEN_REWRITE},
        {"bigint", "numeric", WIDEN_REWRITE},
        {"bigint", "numeric(18,0)", WIDEN_NOT},
        {"numeric(10,2)", "numeric(10,2)[]", WIDEN_NOT},
        {"numeric(12,2)", "numeric(10,2)", WIDEN_NOT},
        {"numeric(10,2)", "numeric(11,4)", WIDEN_NOT},
        {"numeric(10,4)", "numeric(12,2)", WIDEN_NOT},
        {"numeric", "numeric(1000,0)", WIDEN_NOT},
        {"text", "character varying(20)", WIDEN_NOT},
        {"inet", "cidr", WIDEN_NOT},
        {"bigint", "integer", WIDEN_NOT},
        {"text", "uuid", WIDEN_NOT},
        {"jsonb", "text", WIDEN_NOT},
        {"character varying(20)[]", "text", WIDEN_NOT},
        {"character varying(20)[]", "text[]", WIDEN_NOT},
        {"timestamp without time zone", "timestamp with time zone", WIDEN_NOT},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (widen(pairs[i].have, pairs[i].want) != pairs[i].price)
            fail_msg("%s to %s", pairs[i].have, pairs[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_has_its_price),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
