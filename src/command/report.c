/* SPDX-License-Identifier: Apache-2.0 */
#include "command/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void report_text(struct buf *out, const char *word, const struct err *err)
{
    buf_printf(out, "%s: ", word);
    if (*err->place)
        buf_printf(out, "%s: ", err->place);
    buf_puts(out, err->text);
    if (*err->sqlstate)
        buf_printf(out, " [%s]", err->sqlstate);
    buf_putc(out, '\n');
    if (*err->hint)
        buf_printf(out, "%*s  hint: %s\n", (int)strlen(word), "", err->hint);
}

static void print(const char *word, const struct err *err)
{
    struct buf out = BUF_INIT;
    report_text(&out, word, err);
    fputs(out.data, stderr);
    buf_free(&out);
}

static int code_of(const struct err *err)
{
    return err->exit ? (int)err->exit : ERR_EXIT_SOFTWARE;
}

int report_err(const struct err *err)
{
    print("error", err);
    return code_of(err);
}

/* Lower comes first. */
static int rank(int code)
{
    static const int order[] = {ERR_EXIT_CONFIG,   ERR_EXIT_USAGE,    ERR_EXIT_PERMISSION,
                                ERR_EXIT_DATA,     ERR_EXIT_SOFTWARE, ERR_EXIT_UNAVAILABLE,
                                ERR_EXIT_TEMPORARY};
    int at = 0;
    while (at < (int)(sizeof order / sizeof *order) && order[at] != code)
        at++;
    return at;
}

int report_errs(const struct errs *errs)
{
    int code = ERR_EXIT_OK;
    for (unsigned i = 0; i < errs->count; i++) {
        int own = report_err(&errs->items[i]);
        if (code == ERR_EXIT_OK || rank(own) < rank(code))
            code = own;
    }
    if (errs->count > 1)
        fprintf(stderr, "%u errors\n", errs->count);
    return code;
}

void report_warnings(const struct errs *warnings)
{
    for (unsigned i = 0; i < warnings->count; i++)
        print("warning", &warnings->items[i]);
}

bool report_colour(void)
{
    const char *terminal = getenv("TERM"), *none = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0 && !(none && *none);
}
