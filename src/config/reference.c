/* SPDX-License-Identifier: Apache-2.0 */
/* config_reference: the page about all settings, made from the table, so that it cannot lie. */
#include "config/config.h"

#include "config/option.h"

#include <string.h>

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "<!-- Made by `pactolus --help-settings`; a test compares. Change src/config/option_table.c. "
    "-->\n"
    "\n"
    "Pactolus reads one main file (`/etc/pactolus/pactolus.conf`, or `--config FILE`, or "
    "`PACTOLUS_CONFIG`) and then `conf.d/*.conf` beside it, in the order of their names. The files "
    "are [libconfig](https://hyperrealm.github.io/libconfig/) text:\n"
    "\n"
    "- a value is `name = value;`, a block `name : { … };`, a list `( \"a\", \"b\" )` without a "
    "comma "
    "at its end;\n"
    "- sizes and durations are texts with a unit: `\"4MiB\"`, `\"60s\"`, `\"50ms\"`;\n"
    "- an integer past 32 bits needs an `L` behind it (the library would misread it; Pactolus "
    "refuses it);\n"
    "- `@include` is refused: `conf.d` is for that.\n"
    "\n"
    "A later source wins: main file, `conf.d`, environment, `--set NAME=VALUE`. Streams only add "
    "up: "
    "one name in two files is an error that names both places. Everything wrong is told at once, "
    "with "
    "file and line, before anything acts: `pactolus check`.\n"
    "\n"
    "A setting outside of streams has a variable in the environment, in capitals and with "
    "underscores "
    "for dots: `database.pool` is `PACTOLUS_DATABASE_POOL`; `PACTOLUS_KAFKA_BOOTSTRAP_SERVERS` "
    "sets "
    "librdkafka's `bootstrap.servers`. `--set streams.payments.batch.rows=500` sets a stream's.\n"
    "\n"
    "Settings are taken up when the daemon starts. `pactolus check --print-config` shows all "
    "values in "
    "force, secrets left out.\n";

static void cell(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_putc(out, '\\');
        buf_putc(out, *text);
    }
}

static void row(const struct option *option, struct buf *out)
{
    struct buf kind = BUF_INIT;
    option_kind_text(option, &kind);
    buf_printf(out, "| `%s` | ", option->name);
    cell(out, kind.data);
    buf_puts(out, " | ");
    if (option->required)
        buf_puts(out, "required");
    else if (option->fallback)
        buf_printf(out, "`%s`", *option->fallback ? option->fallback : "\"\"");
    else
        buf_puts(out, "–");
    buf_puts(out, " | ");
    cell(out, option->text);
    buf_puts(out, " |\n");
    buf_free(&kind);
}

static void section(enum option_scope scope, const char *title, const char *text, struct buf *out)
{
    buf_printf(out,
               "\n## %s\n\n%s\n\n| setting | kind | default | what it does |\n"
               "| --- | --- | --- | --- |\n",
               title, text);
    for (const struct option *option = option_table(); option->name; option++)
        if (option->scope == scope || (scope == OPTION_PROCESS && option->everywhere))
            row(option, out);
}

void config_reference(struct buf *out)
{
    buf_puts(out, introduction);
    section(OPTION_PROCESS, "The daemon",
            "`batch` and `limits` stand here as the default of all streams.", out);
    section(
        OPTION_STREAM, "A stream: `streams : { NAME : { … }; };`",
        "The settings of `table` and `columns` win over the options in the `.proto`, one by one; "
        "their defaults are the `.proto`'s.",
        out);
    section(OPTION_TOPIC, "A topic: `topics = ( { … } );`", "A bare name does for most.", out);
    section(OPTION_COLUMN, "A column: `columns : { FIELD : { … }; };`",
            "By the name of the field in the `.proto`.", out);
}
