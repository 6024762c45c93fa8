/* SPDX-License-Identifier: Apache-2.0 */
#include "support/world.h"

#include "engine/preflight.h"
#include "postgres/catalog.h"
#include "postgres/streams.h"
#include "table/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_S = 40 };

static const char *const topics[WORLD_TOPICS] = {"a", "b"};
static const char *const tables[WORLD_TOPICS] = {"data.one", "data.two"};
static const int partitions[WORLD_TOPICS] = {4, 2};

static void check_errs(const struct errs *errs)
{
    if (errs->count)
        fail_msg("%s: %s", errs->items[0].place, errs->items[0].text);
}

/* ---- Kafka ---- */

static void report(void *context, void *tag, rd_kafka_resp_err_t code, int32_t partition,
                   int64_t offset)
{
    (void)context, (void)tag, (void)partition, (void)offset;
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void cluster_open(struct world *world)
{
    char why[256];
    struct errs errs = {0};
    world->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    assert_non_null(world->owner);
    world->cluster = rd_kafka_mock_cluster_new(world->owner, 1);
    assert_non_null(world->cluster);
    rd_kafka_mock_group_initial_rebalance_delay_ms(world->cluster, 0);
    for (int i = 0; i < WORLD_TOPICS; i++)
        rd_kafka_mock_topic_create(world->cluster, topics[i], partitions[i], 1);
    world->properties[0] = (struct kafka_property){
        "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(world->cluster), ""};
    struct kafka_options options = {.properties = world->properties, .n_properties = 1};
    world->producer = producer_open(&options, report, NULL, &errs);
    check_errs(&errs);
}

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_putc(out, (char)(value | 0x80));
    buf_putc(out, (char)value);
}

static void put_bytes(struct world *world, unsigned topic, int32_t partition, struct span value)
{
    struct err err;
    struct producer_message message = {
        .topic = topics[topic], .partition = partition, .value = value, .timestamp = 1700000000000};
    if (!producer_send(world->producer, &message, 1000, &err))
        fail_msg("%s", err.text);
    world->models[topic].produced++;
}

/* shop.v1.Payment: payment_id = 1, account_id = 2. */
void world_put(struct world *world, unsigned topic, int32_t partition, int64_t account_id)
{
    struct buf out = BUF_INIT;
    char id[32];
    int64_t key = account_id % WORLD_KEYS;
    int length = snprintf(id, sizeof id, "%d-%lld", (int)partition, (long long)key);
    buf_putc(&out, 0x0a);
    put_varint(&out, (uint64_t)length);
    buf_puts(&out, id);
    buf_putc(&out, 0x10);
    put_varint(&out, (uint64_t)account_id);
    if (world->next) { /* channel = 9 */
        length = snprintf(id, sizeof id, "c%lld", (long long)account_id);
        buf_putc(&out, 0x4a);
        put_varint(&out, (uint64_t)length);
        buf_puts(&out, id);
    }
    put_bytes(world, topic, partition, (struct span){out.data, out.length});
    world->models[topic].last[partition][key] = account_id;
    buf_free(&out);
}

void world_put_broken(struct world *world, unsigned topic, int32_t partition)
{
    put_bytes(world, topic, partition, (struct span){"\x0a\x05p", 3});
    world->models[topic].broken++;
}

void world_produce(struct world *world, unsigned topic, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        for (int32_t partition = 0; partition < partitions[topic]; partition++)
            world_put(world, topic, partition, ++world->serial);
    assert_int_equal(producer_drain(world->producer, DEADLINE_S * 1000), 0);
}

/* ---- configuration and tables ---- */

/* The migrator's host stands behind the daemons'. */
enum { MIGRATOR = WORLD_DAEMONS, HOSTS };

static void path_of(const struct world *world, unsigned host, const char *ending, char out[96])
{
    snprintf(out, 96, "%s/%u.%s", world->folder, host, ending);
}

void world_file(const struct world *world, unsigned which, const char *set)
{
    char from[512], beside[96], path[96], bytes[65536];
    snprintf(from, sizeof from, "%s/%s.binpb", PACTOLUS_DESCRIPTORS, set);
    path_of(world, which, "new", beside);
    path_of(world, which, "binpb", path);
    FILE *in = fopen(from, "r"), *out = fopen(beside, "w");
    assert_true(in && out);
    size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_in_range(n, 1, sizeof bytes - 1);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(in) | fclose(out) | rename(beside, path), 0);
}

static void write_config(const struct world *world, unsigned host, const char *strategy)
{
    char path[96], descriptors[96];
    path_of(world, host, "conf", path);
    path_of(world, host, "binpb", descriptors);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "group = \"g\"; drain_timeout = \"60s\"; commit_interval = \"200ms\";\n"
        "recheck_interval = \"200ms\"; progress_interval = \"0s\"; log_level = \"error\";\n"
        "kafka : { bootstrap_servers = \"%s\"; partition_assignment_strategy = \"%s\";\n"
        "  heartbeat_interval_ms = 100; session_timeout_ms = 1500;\n"
        "  topic_metadata_refresh_interval_ms = 200; topic_metadata_propagation_max_ms = 0; };\n"
        "database : { conninfo = \"%s\"; lock_timeout = \"2s\"; };\n"
        "retry : { base = \"5ms\"; cap = \"100ms\"; };\n"
        "streams : {\n",
        world->properties[0].value, strategy, live_conninfo());
    for (int i = 0; i < WORLD_TOPICS; i++)
        fprintf(file,
                "  %s : { descriptors = \"%s\"; contract = \"shop.v1.Payment\";\n"
                "    topics = ( \"%s\" ); lanes = 2; batch : { rows = 50; };\n"
                "    table : { key = ( \"payment_id\" ); schema = \"data\"; name = \"%s\";\n"
                "      view = \"%s\"; }; };\n",
                tables[i] + 5, descriptors, topics[i], tables[i] + 5, tables[i] + 5);
    fprintf(file, "};\n");
    fclose(file);
}

static void load(struct world *world, struct daemon *daemon, unsigned host)
{
    char path[96];
    struct config_overrides overrides = {0};
    struct errs errs = {0};
    *daemon = (struct daemon){0};
    path_of(world, host, "conf", path);
    daemon->config = config_load(path, &overrides, &errs);
    check_errs(&errs);
    log_set_level(daemon->config->log_level);
    daemon->streams = mem_zero(daemon->config->n_streams, sizeof *daemon->streams);
    for (unsigned i = 0; i < daemon->config->n_streams; i++)
        if (!stream_load(&daemon->streams[i], &daemon->config->streams[i], &errs))
            check_errs(&errs);
    unsigned n = daemon->config->n_kafka;
    struct kafka_property *properties = mem_zero(n, sizeof *properties);
    for (unsigned i = 0; i < n; i++)
        properties[i] = (struct kafka_property){daemon->config->kafka[i].name,
                                                daemon->config->kafka[i].value, ""};
    daemon->options = (struct engine_options){.config = daemon->config,
                                              .streams = daemon->streams,
                                              .n_streams = daemon->config->n_streams,
                                              .kafka = {.properties = properties,
                                                        .n_properties = n,
                                                        .group = daemon->config->group,
                                                        .client_id = "test"}};
}

static void unload(struct daemon *daemon)
{
    preflight_free(&daemon->options);
    free((void *)(uintptr_t)daemon->options.kafka.properties);
    for (unsigned i = 0; i < daemon->config->n_streams; i++)
        stream_free(&daemon->streams[i]);
    free(daemon->streams);
    config_free(daemon->config);
    daemon->config = NULL;
}

void world_alter(struct world *world, const char *set)
{
    struct daemon daemon;
    struct err err;
    world_file(world, MIGRATOR, set);
    load(world, &daemon, MIGRATOR);
    for (unsigned i = 0; i < daemon.options.n_streams; i++) {
        struct plan plan;
        struct shape *want = shape_want(daemon.streams[i].layout);
        struct shape *have = catalog_read(world->conn, want, &err);
        assert_non_null(have);
        plan_init(&plan);
        compare_shapes(have, want, &plan);
        check_errs(&plan.refusals);
        for (unsigned k = 0; k < plan.n_steps; k++)
            live_exec(world->conn, plan.steps[k].sql);
        plan_free(&plan);
        shape_free(have);
        shape_free(want);
    }
    unload(&daemon);
}

void world_note(struct world *world, const char *set)
{
    struct daemon daemon;
    struct err err;
    world_file(world, MIGRATOR, set);
    load(world, &daemon, MIGRATOR);
    for (unsigned i = 0; i < daemon.options.n_streams; i++) {
        const struct stream *stream = &daemon.streams[i];
        if (!streams_upsert(world->conn, "g", stream->config->name, stream->layout,
                            stream->descriptors, &err))
            fail_msg("%s", err.text);
    }
    unload(&daemon);
}

void world_open(struct world *world, const char *name, const char *strategy)
{
    struct err err;
    *world = (struct world){.seed = 1};
    snprintf(world->folder, sizeof world->folder, "/tmp/pactolus-world-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    live_create(name);
    world->conn = live_open();
    world->loop = loop_open(&err);
    assert_non_null(world->loop);
    cluster_open(world);
    for (unsigned host = 0; host < HOSTS; host++) {
        write_config(world, host, strategy);
        world_file(world, host, WORLD_CONTRACT);
    }
    world_alter(world, WORLD_CONTRACT);
    world_note(world, WORLD_CONTRACT);
}

/* ---- engines ---- */

struct daemon *world_start(struct world *world, unsigned which)
{
    struct daemon *daemon = &world->daemons[which];
    struct errs errs = {0};
    load(world, daemon, which);
    if (!preflight(&daemon->options, world->conn, PREFLIGHT_SOME, &errs))
        check_errs(&errs);
    assert_int_equal(daemon->options.n_streams, WORLD_TOPICS);
    if (!engine_open(&daemon->engine, world->loop, &daemon->options, &errs))
        check_errs(&errs);
    daemon->open = true;
    return daemon;
}

usec_t world_deadline(void)
{
    return clock_monotonic() + DEADLINE_S * USEC_PER_SEC;
}

void world_turn(struct world *world, usec_t patience)
{
    usec_t again = clock_monotonic() + patience;
    for (int i = 0; i < WORLD_DAEMONS; i++) {
        struct daemon *daemon = &world->daemons[i];
        if (!daemon->open)
            continue;
        usec_t next = engine_step(&daemon->engine, clock_monotonic(), clock_wall());
        again = next < again ? next : again;
        if (daemon->engine.failed)
            fail_msg("%s", daemon->engine.err.text);
        if (engine_done(&daemon->engine)) {
            assert_true(daemon->stopping);
            daemon->open = false;
            assert_true(engine_close(&daemon->engine));
            unload(daemon);
        }
    }
    world->turns++;
    loop_wait(world->loop, clock_monotonic(), again);
}

void world_until(struct world *world, const char *sql)
{
    for (usec_t end = world_deadline(); strcmp(live_value(world->conn, sql), "t") != 0;) {
        if (clock_monotonic() > end)
            fail_msg("not within the time: %s", sql);
        world_turn(world, 10 * USEC_PER_MS);
    }
}

void world_stop(struct world *world, struct daemon *daemon)
{
    if (!daemon->open)
        return;
    daemon->stopping = true;
    engine_stop(&daemon->engine, clock_monotonic());
    WORLD_UNTIL(world, !daemon->open)
}

void world_close(struct world *world)
{
    char path[96];
    for (int i = 0; i < WORLD_DAEMONS; i++)
        world_stop(world, &world->daemons[i]);
    loop_close(world->loop);
    producer_close(world->producer);
    rd_kafka_mock_cluster_destroy(world->cluster);
    rd_kafka_destroy(world->owner);
    conn_close(world->conn);
    for (unsigned host = 0; host < HOSTS; host++) {
        path_of(world, host, "conf", path);
        remove(path);
        path_of(world, host, "binpb", path);
        remove(path);
    }
    rmdir(world->folder);
}

/* ---- what must be true ---- */

void world_until_consumed(struct world *world)
{
    char sql[160];
    int64_t produced = 0;
    for (int i = 0; i < WORLD_TOPICS; i++)
        produced += world->models[i].produced;
    snprintf(sql, sizeof sql, "SELECT coalesce(sum(next_offset), 0) = %lld FROM pactolus.cursors",
             (long long)produced);
    world_until(world, sql);
}

static void check_table(struct world *world, unsigned topic)
{
    const struct model *model = &world->models[topic];
    char sql[256], want[64];
    int64_t rows = 0, sum = 0;
    for (int p = 0; p < WORLD_PARTITIONS; p++)
        for (int k = 0; k < WORLD_KEYS; k++) {
            rows += model->last[p][k] != 0;
            sum += model->last[p][k];
        }
    snprintf(want, sizeof want, "%lld %lld", (long long)rows, (long long)sum);
    snprintf(sql, sizeof sql, "SELECT count(*) || ' ' || coalesce(sum(account_id), 0) FROM %s",
             tables[topic]);
    assert_string_equal(live_value(world->conn, sql), want);
    snprintf(sql, sizeof sql,
             "SELECT concat_ws(' ', consumed, dead_lettered, gaps + skipped + lost + other_types,"
             " cursors_open, records_open) FROM pactolus.account WHERE stream = '%s'",
             tables[topic] + 5);
    snprintf(want, sizeof want, "%lld %lld 0 0 0", (long long)model->produced,
             (long long)model->broken);
    assert_string_equal(live_value(world->conn, sql), want);
}

void world_check(struct world *world)
{
    for (unsigned i = 0; i < WORLD_TOPICS; i++)
        check_table(world, i);
}
