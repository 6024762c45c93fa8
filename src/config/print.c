/* SPDX-License-Identifier: Apache-2.0 */
/* config_print: the configuration as libconfig text that would be read as the same again. */
#include "config/config.h"

#include "base/secret.h"
#include "config/option.h"
#include "config/redact.h"
#include "record/number.h"

#include <ctype.h>
#include <string.h>

struct printing {
    struct buf *out;
    unsigned depth;
};

static void indent(struct printing *printing)
{
    for (unsigned i = 0; i < printing->depth; i++)
        buf_puts(printing->out, "  ");
}

static void open_block(struct printing *printing, const char *name, size_t length)
{
    indent(printing);
    buf_put(printing->out, name, length);
    buf_puts(printing->out, " : {\n");
    printing->depth++;
}

static void close_block(struct printing *printing)
{
    printing->depth--;
    indent(printing);
    buf_puts(printing->out, "};\n");
}

/* libconfig's escapes; other control characters as \xNN. */
static void put_string(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_printf(out, "\\%c", *text);
        else if (iscntrl((unsigned char)*text))
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            buf_putc(out, *text);
    }
    buf_putc(out, '"');
}

static void put_choice(struct buf *out, const struct option *option, const void *member)
{
    int value = 0;
    if (option->width == sizeof(bool))
        value = *(const bool *)member;
    else
        memcpy(&value, member, sizeof value);
    for (const struct option_choice *choice = option->choices; choice->name; choice++)
        if (choice->value == value)
            put_string(out, choice->name);
}

static void put_start(struct buf *out, const struct stream_config *stream)
{
    char time[32];
    static const char *const words[] = {[START_EARLIEST] = "earliest", [START_LATEST] = "latest"};
    put_string(out, stream->start == START_TIME ? clock_text(stream->start_time, time)
                                                : words[stream->start]);
}

static void put_deletes(struct buf *out, const struct stream_config *stream)
{
    if (stream->deletes == DELETES_HEADER)
        buf_printf(out, "\"header:%s\"", stream->deletes_header);
    else
        put_string(out, deletes_name(stream->deletes));
}

static void put_names(struct buf *out, const struct option *option, const char *base)
{
    const char *const *names;
    unsigned n;
    memcpy(&names, base + option->offset, sizeof names);
    memcpy(&n, base + option->companion, sizeof n);
    buf_puts(out, "( ");
    for (unsigned i = 0; i < n; i++) {
        buf_puts(out, i ? ", " : "");
        put_string(out, names[i]);
    }
    buf_puts(out, " )");
}

static void put_text(struct buf *out, const struct option *option, const char *text)
{
    struct buf shown = BUF_INIT;
    if (option->secret)
        redact_conninfo(text, &shown);
    else
        buf_puts(&shown, text);
    put_string(out, shown.data ? shown.data : "");
    buf_free(&shown);
}

/* True when the member holds a value; what was not said and has no default is left out. */
static bool is_set(const struct option *option, const char *base)
{
    const char *member = base + option->offset;
    void *pointer;
    if (option->kind == OPTION_NAMES || option->kind == OPTION_TEXT ||
        option->kind == OPTION_PATH) {
        memcpy(&pointer, member, sizeof pointer);
        return pointer != NULL;
    }
    return !option->companion || *(const bool *)(base + option->companion);
}

static void put_value(struct buf *out, const struct option *option, const char *base)
{
    const char *member = base + option->offset;
    const char *text;
    char number[NUMBER_TEXT_MAX];
    int64_t measure;
    double share;
    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_PATH:
        memcpy(&text, member, sizeof text);
        put_text(out, option, text);
        break;
    case OPTION_NUMBER:
        buf_printf(out, "%u", *(const unsigned *)(const void *)member);
        break;
    case OPTION_SIZE:
    case OPTION_DURATION:
        memcpy(&measure, member, sizeof measure);
        buf_putc(out, '"');
        option_measure_text(option, measure, out);
        buf_putc(out, '"');
        break;
    case OPTION_SHARE:
        memcpy(&share, member, sizeof share);
        number_double_text(share, number);
        buf_printf(out, "\"%s\"", number);
        break;
    case OPTION_SWITCH:
        buf_puts(out, *(const bool *)member ? "true" : "false");
        break;
    case OPTION_CHOICE:
        put_choice(out, option, member);
        break;
    case OPTION_NAMES:
        put_names(out, option, base);
        break;
    case OPTION_START:
        put_start(out, (const void *)base);
        break;
    case OPTION_DELETES:
        put_deletes(out, (const void *)base);
        break;
    default:
        break;
    }
}

/* All plain settings of a scope, block by block. */
static void put_scope(struct printing *printing, enum option_scope scope, const void *base)
{
    const char *block = "";
    size_t block_length = 0;
    for (const struct option *option = option_table(); option->name; option++) {
        if (option->scope != scope || option->kind > OPTION_DELETES || !is_set(option, base))
            continue;
        const char *dot = strchr(option->name, '.');
        size_t length = dot ? (size_t)(dot - option->name) : 0;
        if (length != block_length || strncmp(block, option->name, length) != 0) {
            if (block_length)
                close_block(printing);
            if (length)
                open_block(printing, option->name, length);
            block = option->name;
            block_length = length;
        }
        indent(printing);
        buf_printf(printing->out, "%s = ", dot ? dot + 1 : option->name);
        put_value(printing->out, option, base);
        buf_puts(printing->out, ";\n");
    }
    if (block_length)
        close_block(printing);
}

static void put_kafka(struct printing *printing, const struct config *config)
{
    if (!config->n_kafka)
        return;
    indent(printing);
    buf_puts(printing->out, "kafka_properties = (");
    for (unsigned i = 0; i < config->n_kafka; i++) {
        const struct kafka_setting *setting = &config->kafka[i];
        buf_printf(printing->out, "%s\n  { name = ", i ? "," : "");
        put_string(printing->out, setting->name);
        buf_puts(printing->out, "; value = ");
        /* Where a secret stands is none. */
        bool hidden = secret_named(setting->name) && !secret_place(setting->value);
        put_string(printing->out, hidden ? REDACTED : setting->value);
        buf_puts(printing->out, "; }");
    }
    buf_puts(printing->out, "\n);\n");
}

static void put_topics(struct printing *printing, const struct stream_config *stream)
{
    indent(printing);
    buf_puts(printing->out, "topics = (");
    for (unsigned i = 0; i < stream->n_topics; i++) {
        const struct stream_topic *topic = &stream->topics[i];
        buf_puts(printing->out, i ? ",\n" : "\n");
        indent(printing);
        buf_puts(printing->out, "  { name = ");
        put_string(printing->out, topic->name);
        if (topic->contract) {
            buf_puts(printing->out, "; contract = ");
            put_string(printing->out, topic->contract);
        }
        buf_printf(printing->out, "; version = %u; }", topic->version);
    }
    buf_puts(printing->out, " );\n");
}

static void put_columns(struct printing *printing, const struct stream_config *stream)
{
    if (!stream->overrides.n_columns)
        return;
    open_block(printing, "columns", 7);
    for (unsigned i = 0; i < stream->overrides.n_columns; i++) {
        const struct column_override *column = &stream->overrides.columns[i];
        open_block(printing, column->field, strlen(column->field));
        put_scope(printing, OPTION_COLUMN, &column->options);
        close_block(printing);
    }
    close_block(printing);
}

void config_print(const struct config *config, struct buf *out)
{
    struct printing printing = {.out = out};
    put_scope(&printing, OPTION_PROCESS, config);
    put_kafka(&printing, config);
    open_block(&printing, "streams", 7);
    for (unsigned i = 0; i < config->n_streams; i++) {
        const struct stream_config *stream = &config->streams[i];
        open_block(&printing, stream->name, strlen(stream->name));
        put_scope(&printing, OPTION_STREAM, stream);
        put_topics(&printing, stream);
        put_columns(&printing, stream);
        close_block(&printing);
    }
    close_block(&printing);
}
