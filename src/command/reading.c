/* SPDX-License-Identifier: Apache-2.0 */
#include "command/reading.h"

#include "table/shape.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 10000 };

void reading_init(struct reading *reading)
{
    *reading = (struct reading){0};
    arena_init(&reading->arena, 16384);
}

void reading_free(struct reading *reading)
{
    groups_free(&reading->groups);
    free(reading->topics);
    free(reading->schemas);
    free(reading->names);
    free(reading->unreachable);
    arena_free(&reading->arena);
    *reading = (struct reading){0};
}

static const char *keep(struct reading *reading, const char *text)
{
    return arena_string(&reading->arena, text, strlen(text));
}

static void add_topic(struct reading *reading, const char *topic)
{
    for (unsigned i = 0; i < reading->n_topics; i++)
        if (strcmp(reading->topics[i], topic) == 0)
            return;
    reading->topics = mem_grow(reading->topics, reading->n_topics + 1, sizeof *reading->topics);
    reading->topics[reading->n_topics++] = keep(reading, topic);
}

static void add_relation(struct reading *reading, const char *schema, const char *name)
{
    unsigned n = reading->n_relations;
    for (unsigned i = 0; i < n; i++)
        if (strcmp(reading->schemas[i], schema) == 0 && strcmp(reading->names[i], name) == 0)
            return;
    reading->schemas = mem_grow(reading->schemas, n + 1, sizeof *reading->schemas);
    reading->names = mem_grow(reading->names, n + 1, sizeof *reading->names);
    reading->schemas[n] = keep(reading, schema);
    reading->names[reading->n_relations++] = keep(reading, name);
}

static void add_table(struct reading *reading, const char *schema, const char *table,
                      const char *view_schema, const char *view)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(view, all);
    add_relation(reading, schema, table);
    add_relation(reading, view_schema, view);
    add_relation(reading, view_schema, all);
}

void reading_add(struct reading *reading, const struct contract *contract)
{
    for (unsigned i = 0; i < contract->n_topics; i++)
        add_topic(reading, contract->topics[i]);
    add_table(reading, contract->schema, contract->table, contract->view_schema, contract->view);
}

/* ------------------------------------------------------------------------------------- asking */

static void unreachable(struct reading *reading, const char *what, const struct err *err)
{
    reading->unreachable =
        mem_grow(reading->unreachable, reading->n_unreachable + 1, sizeof *reading->unreachable);
    reading->unreachable[reading->n_unreachable++] = arena_format(
        &reading->arena, "%s: %s%s%s", what, err->place, *err->place ? ": " : "", err->text);
}

static void ask_broker(struct reading *reading, const struct config *config)
{
    struct kafka_options options;
    struct err err = ERR_INIT;
    struct errs errs = {0};
    if (!reading->n_topics)
        return;
    if (!setup_kafka(config, &options, &err)) {
        unreachable(reading, "consumer groups", &err);
        return;
    }
    rd_kafka_t *client = admin_open(&options, &errs);
    if (!client)
        unreachable(reading, "consumer groups", &errs.items[0]);
    else if (!groups_read(client, reading->topics, reading->n_topics, PATIENCE_MS, &reading->groups,
                          &err))
        unreachable(reading, "consumer groups", &err);
    if (client)
        admin_close(client);
    errs_free(&errs);
    setup_free_kafka(&options);
}

static void ask_database(struct reading *reading, const struct config *config)
{
    struct err err = ERR_INIT;
    PGconn *conn = setup_connect(config, &err);
    if (!conn || !dependents_read(conn, reading->schemas, reading->names, reading->n_relations,
                                  &reading->arena, &reading->dependents, &err))
        unreachable(reading, "views and grants", &err);
    if (conn)
        conn_close(conn);
}

/* What the configuration says about a topic of ours: where its stream puts the rows. */
static void add_streams(struct reading *reading, const struct config *config)
{
    struct errs ignored = {0}; /* `check` is for faults of the configuration */
    struct stream *streams = setup_streams(config, &ignored);
    for (unsigned i = 0; i < config->n_streams; i++) {
        const struct stream_config *said = &config->streams[i];
        bool ours = false;
        for (unsigned k = 0; k < said->n_topics; k++)
            for (unsigned j = 0; j < reading->n_topics; j++)
                ours |= strcmp(said->topics[k].name, reading->topics[j]) == 0;
        for (unsigned k = 0; ours && k < said->n_topics; k++)
            add_topic(reading, said->topics[k].name);
        if (ours && streams[i].layout)
            add_table(reading, streams[i].layout->schema, streams[i].layout->table,
                      streams[i].layout->view_schema, streams[i].layout->view);
    }
    setup_free_streams(streams, config->n_streams);
    errs_free(&ignored);
}

void reading_ask(struct reading *reading, const struct setup *setup)
{
    struct errs errs = {0};
    struct config *config = setup_config(setup, &errs);
    reading->asked = true;
    if (config) {
        setup_quiet(config);
        add_streams(reading, config);
        ask_broker(reading, config);
        ask_database(reading, config);
        config_free(config);
    } else {
        unreachable(reading, "configuration", &errs.items[0]);
    }
    errs_free(&errs);
}

/* ------------------------------------------------------------------------------------ telling */

static bool nobody(const struct reading *reading)
{
    return !reading->groups.count && !reading->dependents.n_views &&
           !reading->dependents.n_grants && !reading->groups.unreadable;
}

void reading_print_text(const struct reading *reading, struct buf *out)
{
    if (!reading->asked)
        return;
    buf_puts(out, "\nWho reads it:\n");
    for (unsigned i = 0; i < reading->groups.count; i++) {
        const struct groups_reader *reader = &reading->groups.items[i];
        buf_printf(out, "  group  %s reads %s: %s, %u member%s\n", reader->group, reader->topic,
                   reader->state, reader->members, reader->members == 1 ? "" : "s");
    }
    if (reading->groups.unreadable)
        buf_printf(out, "  group  %u more that we may not look into\n", reading->groups.unreadable);
    for (unsigned i = 0; i < reading->dependents.n_views; i++) {
        const struct dependents_view *view = &reading->dependents.views[i];
        buf_printf(out, "  view   %s%s, of %s\n", view->name,
                   view->materialized ? " (materialized)" : "", view->owner);
    }
    for (unsigned i = 0; i < reading->dependents.n_grants; i++) {
        const struct dependents_grant *grant = &reading->dependents.grants[i];
        buf_printf(out, "  role   %s may %s %s\n", grant->role, grant->rights, grant->relation);
    }
    if (nobody(reading))
        buf_puts(out, reading->n_unreachable ? "  nobody that could be seen\n" : "  nobody\n");
    for (unsigned i = 0; i < reading->n_unreachable; i++)
        buf_printf(out, "  not asked  %s\n", reading->unreachable[i]);
}

static void member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "\"%s\": ", name);
    buf_json_string(out, value, strlen(value));
}

static void print_groups(const struct reading *reading, struct buf *out)
{
    for (unsigned i = 0; i < reading->groups.count; i++) {
        const struct groups_reader *reader = &reading->groups.items[i];
        buf_puts(out, i ? ", {" : "{");
        member(out, "group", reader->group);
        buf_puts(out, ", ");
        member(out, "topic", reader->topic);
        buf_puts(out, ", ");
        member(out, "state", reader->state);
        buf_printf(out, ", \"members\": %u, \"committed\": %s}", reader->members,
                   reader->committed ? "true" : "false");
    }
}

static void print_database(const struct reading *reading, struct buf *out)
{
    for (unsigned i = 0; i < reading->dependents.n_views; i++) {
        buf_puts(out, i ? ", {" : "{");
        member(out, "view", reading->dependents.views[i].name);
        buf_puts(out, ", ");
        member(out, "owner", reading->dependents.views[i].owner);
        buf_putc(out, '}');
    }
    buf_puts(out, "], \"grants\": [");
    for (unsigned i = 0; i < reading->dependents.n_grants; i++) {
        buf_puts(out, i ? ", {" : "{");
        member(out, "relation", reading->dependents.grants[i].relation);
        buf_puts(out, ", ");
        member(out, "role", reading->dependents.grants[i].role);
        buf_puts(out, ", ");
        member(out, "rights", reading->dependents.grants[i].rights);
        buf_putc(out, '}');
    }
}

void reading_print_json(const struct reading *reading, struct buf *out)
{
    if (!reading->asked) {
        buf_puts(out, "null");
        return;
    }
    buf_puts(out, "{\"groups\": [");
    print_groups(reading, out);
    buf_printf(out, "], \"groups_unreadable\": %u, \"views\": [", reading->groups.unreadable);
    print_database(reading, out);
    buf_puts(out, "], \"unreachable\": [");
    for (unsigned i = 0; i < reading->n_unreachable; i++) {
        buf_puts(out, i ? ", " : "");
        buf_json_string(out, reading->unreachable[i], strlen(reading->unreachable[i]));
    }
    buf_puts(out, "]}");
}
