/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages in man(7): pactolus.1, one for each verb, and pactolus.conf.5 from the settings. */
#include "command/generate.h"
#include "config/option.h"
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- roff ---- */

/* Text in a line; what roff would take for its own is escaped. */
static void put(struct buf *out, const char *text)
{
    bool begins = out->length == 0 || out->data[out->length - 1] == '\n';
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            buf_puts(out, "\\&");
        begins = *text == '\n';
        if (*text == '\\')
            buf_puts(out, "\\e");
        else if (*text == '-')
            buf_puts(out, "\\-");
        else if (*text == '\t')
            buf_putc(out, ' ');
        else
            buf_putc(out, *text);
    }
}

static void heading(struct buf *out, const char *title)
{
    buf_printf(out, ".SH %s\n", title);
}

/* An item and what it is. */
static void item(struct buf *out, const char *name, const char *text)
{
    buf_puts(out, ".TP\n.B ");
    put(out, name);
    buf_putc(out, '\n');
    put(out, text);
    buf_putc(out, '\n');
}

/* Lines as they are. */
static void block(struct buf *out, const char *title, const char *lines)
{
    if (!lines || !*lines)
        return;
    heading(out, title);
    buf_puts(out, ".nf\n");
    put(out, lines);
    if (lines[strlen(lines) - 1] != '\n')
        buf_putc(out, '\n');
    buf_puts(out, ".fi\n");
}

/* The day of the build, or of the sources where somebody says so. */
static void title(struct buf *out, const char *page, int section)
{
    char day[16], name[80];
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t when = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
    struct tm tm;
    gmtime_r(&when, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    size_t length = 0;
    for (; page[length] && length + 1 < sizeof name; length++)
        name[length] = (char)toupper((unsigned char)page[length]);
    name[length] = '\0';
    buf_puts(out, ".\\\" SPDX-License-Identifier: Apache-2.0\n"
                  ".\\\" Made by pactolus --generate man\n.TH ");
    put(out, name);
    buf_printf(out, " %d %s \"Pactolus %s\" Pactolus\n", section, day, PACTOLUS_VERSION);
}

static void page_name(const char *verb, char out[80])
{
    snprintf(out, 80, "pactolus%s%s", *verb ? "-" : "", verb);
    for (char *c = out; *c; c++)
        if (*c == ' ')
            *c = '-';
}

static void refer(struct buf *out, const char *page, int section, bool last)
{
    buf_puts(out, ".BR ");
    put(out, page);
    buf_printf(out, " (%d)%s\n", section, last ? "" : ",");
}

static bool save(const char *folder, const char *page, int section, struct buf *text,
                 struct err *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.%d", folder, page, section);
    FILE *file = fopen(path, "we");
    bool good = file && fwrite(text->data, 1, text->length, file) == text->length;
    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        err_set(err, ERR_HALT, ERR_EXIT_UNAVAILABLE, "%s: %s", path, strerror(errno));
    buf_free(text);
    return good;
}

/* ---- section 1 ---- */

static void put_options(struct buf *out, const struct described *one)
{
    char name[160];
    if (!one->n_options)
        return;
    heading(out, "OPTIONS");
    for (unsigned i = 0; i < one->n_options; i++) {
        const struct described_option *option = &one->options[i];
        char letter[8] = "";
        if (option->letter)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(name, sizeof name, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        item(out, name, option->text);
    }
}

static bool write_verb(const char *folder, const struct described *one, const struct described *all,
                       unsigned n, struct err *err)
{
    struct buf out = BUF_INIT;
    char page[80], below[80];
    page_name(one->name, page);
    title(&out, page, 1);
    heading(&out, "NAME");
    put(&out, page);
    buf_puts(&out, " \\- ");
    put(&out, one->verb->summary);
    buf_putc(&out, '\n');
    heading(&out, "SYNOPSIS");
    buf_puts(&out, ".B pactolus ");
    put(&out, one->name);
    buf_putc(&out, '\n');
    put(&out, one->usage);
    buf_putc(&out, '\n');
    heading(&out, "DESCRIPTION");
    put(&out, one->text ? one->text : one->summary);
    buf_putc(&out, '\n');
    size_t length = strlen(one->name);
    for (unsigned i = 0; one->family && i < n; i++)
        if (strncmp(all[i].name, one->name, length) == 0 && all[i].name[length] == ' ')
            item(&out, all[i].name + length + 1, all[i].verb->summary);
    put_options(&out, one);
    block(&out, "EXAMPLES", one->examples);
    block(&out, "EXIT STATUS", one->exits);
    heading(&out, "SEE ALSO");
    for (unsigned i = 0; one->family && i < n; i++)
        if (strncmp(all[i].name, one->name, length) == 0 && all[i].name[length] == ' ') {
            page_name(all[i].name, below);
            refer(&out, below, 1, false);
        }
    refer(&out, "pactolus", 1, false);
    refer(&out, "pactolus.conf", 5, true);
    return save(folder, page, 1, &out, err);
}

static bool write_program(const char *folder, const struct described *all, unsigned n,
                          struct err *err)
{
    struct buf out = BUF_INIT;
    char page[80];
    title(&out, "pactolus", 1);
    heading(&out, "NAME");
    buf_puts(&out,
             "pactolus \\- Kafka topics of contract\\-typed Protobuf into PostgreSQL tables\n");
    heading(&out, "SYNOPSIS");
    buf_puts(&out, ".B pactolus\n.I VERB\n[OPTION…]\n");
    heading(&out, "DESCRIPTION");
    put(&out,
        "A daemon, run by systemd as pactolus.service, and the commands around it. Every record "
        "is applied\nexactly once in effect, in the same transaction as its offset; a record "
        "that can never be applied is\nset aside with its reason; and every one is accounted "
        "for.\n");
    heading(&out, "COMMANDS");
    for (unsigned i = 0; i < n; i++)
        item(&out, all[i].name, all[i].verb->summary);
    heading(&out, "OPTIONS");
    item(&out, "-h, --help", "the verbs; pactolus VERB --help has the verb's options");
    item(&out, "-V, --version", "versions of this program and of the libraries in use");
    item(&out, "--help-settings", "all settings of the configuration, as Markdown");
    block(&out, "EXIT STATUS",
          "0   done\n64  usage\n65  findings in the data\n69  broker or database out of reach\n"
          "70  a bug\n75  try again\n77  not permitted\n78  configuration or contract\n");
    heading(&out, "FILES");
    item(&out, "/etc/pactolus/pactolus.conf, /etc/pactolus/conf.d/*.conf", "the configuration");
    item(&out, "/usr/share/doc/pactolus/docs", "guarantees, operations, contracts, security");
    heading(&out, "SEE ALSO");
    for (unsigned i = 0; i < n; i++) {
        page_name(all[i].name, page);
        refer(&out, page, 1, false);
    }
    refer(&out, "pactolus.conf", 5, true);
    return save(folder, "pactolus", 1, &out, err);
}

/* ---- section 5 ---- */

static void put_settings(struct buf *out, const char *name, const char *text,
                         enum option_scope scope)
{
    heading(out, name);
    put(out, text);
    buf_putc(out, '\n');
    for (const struct option *option = option_table(); option->name; option++) {
        if (option->scope != scope && !(scope == OPTION_PROCESS && option->everywhere))
            continue;
        struct buf kind = BUF_INIT;
        option_kind_text(option, &kind);
        buf_puts(out, ".TP\n.B ");
        put(out, option->name);
        buf_putc(out, '\n');
        put(out, option->text);
        buf_puts(out, "\n.br\n");
        put(out, kind.data);
        if (option->required)
            buf_puts(out, "; required");
        else if (option->fallback && *option->fallback) {
            buf_puts(out, "; default ");
            put(out, option->fallback);
        }
        buf_puts(out, ".\n");
        buf_free(&kind);
    }
}

static bool write_settings(const char *folder, struct err *err)
{
    struct buf out = BUF_INIT;
    title(&out, "pactolus.conf", 5);
    heading(&out, "NAME");
    buf_puts(&out, "pactolus.conf \\- configuration of Pactolus\n");
    heading(&out, "SYNOPSIS");
    put(&out, "/etc/pactolus/pactolus.conf, /etc/pactolus/conf.d/*.conf\n");
    heading(&out, "DESCRIPTION");
    put(&out,
        "One main file, then the files of conf.d beside it in the order of their names, then the "
        "environment\n(database.pool is PACTOLUS_DATABASE_POOL), then --set NAME=VALUE: a later "
        "source wins. Streams only\nadd up. The files are libconfig's text: name = value; blocks "
        "are name : { … }; lists are (\"a\", \"b\");\nsizes and durations are texts with a unit, "
        "\"4MiB\" and \"60s\". Everything wrong is told at once, with\nfile and line, by pactolus "
        "check. A secret is never said here: it stands in a file of its own,\n\"file:PATH\", or "
        "comes from systemd, \"credential:NAME\".\n");
    put_settings(&out, "THE DAEMON", "Some stand here as the default of all streams.",
                 OPTION_PROCESS);
    put_settings(&out, "A STREAM",
                 "streams : { NAME : { … }; }; the settings of table and columns win over the "
                 "options in the .proto.",
                 OPTION_STREAM);
    put_settings(&out, "A TOPIC", "topics = ( { … } ); a bare name does for most.", OPTION_TOPIC);
    put_settings(&out, "A COLUMN",
                 "columns : { FIELD : { … }; }; by the name of the field in the .proto.",
                 OPTION_COLUMN);
    heading(&out, "SEE ALSO");
    refer(&out, "pactolus", 1, false);
    refer(&out, "pactolus-check", 1, true);
    return save(folder, "pactolus.conf", 5, &out, err);
}

bool manual_write(const char *folder, struct err *err)
{
    unsigned n;
    struct described *all = describe_all(&n);
    bool good = write_program(folder, all, n, err) && write_settings(folder, err);
    for (unsigned i = 0; good && i < n; i++)
        good = write_verb(folder, &all[i], all, n, err);
    described_free(all, n);
    return good;
}
