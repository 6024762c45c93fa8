/* SPDX-License-Identifier: Apache-2.0 */
/* The families of a page: named as Prometheus wants it, and listed in the documents. */
#include "base/memory.h"
#include "engine/metrics.h"
#include "engine/metrics_internal.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct metrics_family *const tables[] = {
    metrics_process_families, metrics_member_families, metrics_stream_families,
    metrics_ledger_families, metrics_cursor_families};

enum { TABLES = sizeof tables / sizeof *tables };

#define EACH_FAMILY(family)                                                                        \
    for (unsigned t = 0; t < TABLES; t++)                                                          \
        for (const struct metrics_family *family = tables[t]; (family)->name; (family)++)

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static void families_are_sound(void **state)
{
    (void)state;
    unsigned n = 0;
    EACH_FAMILY(family)
    {
        const char *name = family->name;
        assert_string_equal(metrics_name(n), name);
        assert_string_equal(metrics_help(n++), family->help);
        if (strncmp(name, "pactolus_", 9) != 0 && strncmp(name, "process_", 8) != 0)
            fail_msg("%s has no prefix", name);
        for (const char *at = name; *at; at++)
            assert_true(islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '_');
        if (ends_in(name, "_total") != (family->kind == METRIC_COUNTER))
            fail_msg("%s: counters, and only they, end in _total", name);
        assert_int_equal(family->help[strlen(family->help) - 1], '.');
        assert_int_equal(!!family->process + !!family->stream + !!family->ledger + !!family->cursor,
                         1);
    }
    assert_null(metrics_name(n));
    assert_true(n > 60);
}

static void no_family_is_there_twice(void **state)
{
    (void)state;
    for (unsigned i = 0; metrics_name(i); i++)
        for (unsigned k = i + 1; metrics_name(k); k++)
            assert_string_not_equal(metrics_name(i), metrics_name(k));
}

static char *read_source(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", PACTOLUS_SOURCE_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = mem_zero(1, (size_t)256 * 1024);
    assert_true(fread(text, 1, 256 * 1024 - 1, file) > 0);
    fclose(file);
    return text;
}

/* Every family has its row in docs/metrics.md, with its kind, and every row is a family. */
static void the_document_lists_every_family(void **state)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    char *text = read_source("docs/metrics.md");
    unsigned families = 0, rows = 0;
    (void)state;
    EACH_FAMILY(family)
    {
        char row[160];
        snprintf(row, sizeof row, "\n| `%s` | %s | ", family->name, kinds[family->kind]);
        if (!strstr(text, row))
            fail_msg("docs/metrics.md lacks the row: %s", row + 1);
        families++;
    }
    for (const char *at = text; (at = strstr(at, "\n| `p")); at++)
        rows++;
    assert_int_equal(rows, families);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_sound),
        cmocka_unit_test(no_family_is_there_twice),
        cmocka_unit_test(the_document_lists_every_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
