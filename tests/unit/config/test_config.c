/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/config/folder.h"

#define STREAM(body)                                                                               \
    "streams : { payments : {\n"                                                                   \
    "  descriptors = \"payments.binpb\";\n"                                                        \
    "  topics = ( \"payments.payment.captured\" );\n" body "\n}; };\n"

static void defaults_are_the_table_s(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf", STREAM(""));
    const struct config *config = folder_load_well(&folder);
    assert_string_equal(config->group, "pactolus");
    assert_string_equal(config->conninfo, "");
    assert_null(config->password_file);
    assert_int_equal(config->pool, 4);
    assert_int_equal(config->drain_timeout, 10 * USEC_PER_SEC);
    assert_int_equal(config->retry_base, 50 * USEC_PER_MS);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->n_streams, 1);
    const struct stream_config *stream = &config->streams[0];
    assert_string_equal(stream->name, "payments");
    assert_int_equal(stream->lanes, 1);
    assert_int_equal(stream->batch_rows, 1000);
    assert_int_equal(stream->batch_bytes, 4 << 20);
    assert_int_equal(stream->record_bytes, 16 << 20);
    assert_int_equal(stream->depth, 64);
    assert_false(stream->deletes_said);
    assert_int_equal(stream->topics[0].version, 1);
    /* A relative path belongs to the file that names it. */
    char *path = mem_format("%s/payments.binpb", folder.path);
    assert_string_equal(stream->descriptors, path);
    free(path);
    folder_close(&folder);
}

static void reads_every_form(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf",
               "kafka : { bootstrap_servers = \"a:1\"; fetch_wait_max_ms = 7; enable_idempotence = "
               "true; };\n"
               "kafka_properties = ( { name = \"ssl_key\"; value = \"k\"; } );\n"
               "batch : { rows = 500; };\n"
               "streams : { s : {\n"
               "  descriptors = \"/abs/s.binpb\"; contract = \"a.B\";\n"
               "  topics = ( \"t.v3\", { name = \"u\"; contract = \"a.C\"; version = 9; } );\n"
               "  framing = \"confluent-header\"; other_types = \"skip\"; accept_skew = true;\n"
               "  start = \"2026-11-21T08:44:50Z\"; deletes = \"header:version\"; lanes = 64;\n"
               "  key : { format = \"text\"; column = \"id\"; };\n"
               "  limits : { record = \"1MiB\"; depth = 8; };\n"
               "  table : { key = [ \"id\", \"part\" ]; version = \"rev\"; mode = \"append\"; };\n"
               "  columns : { id : { type = \"uuid\"; skip = false; }; };\n"
               "}; };\n");
    const struct config *config = folder_load_well(&folder);
    assert_int_equal(config->n_kafka, 4);
    assert_string_equal(config->kafka[0].name, "bootstrap.servers");
    assert_string_equal(config->kafka[1].value, "7");
    assert_string_equal(config->kafka[2].value, "true");
    assert_string_equal(config->kafka[3].name, "ssl_key");
    const struct stream_config *stream = &config->streams[0];
    assert_string_equal(stream->descriptors, "/abs/s.binpb");
    assert_int_equal(stream->n_topics, 2);
    assert_int_equal(stream->topics[0].version, 3);
    assert_null(stream->topics[0].contract);
    assert_int_equal(stream->topics[1].version, 9);
    assert_string_equal(stream->topics[1].contract, "a.C");
    assert_int_equal(stream->framing, FRAMING_CONFLUENT_HEADER);
    assert_true(stream->skip_other_types);
    assert_true(stream->accept_skew);
    assert_int_equal(stream->start, START_TIME);
    assert_int_equal(stream->start_time, 1795250690000000);
    assert_int_equal(stream->deletes, DELETES_HEADER);
    assert_string_equal(stream->deletes_header, "version");
    assert_true(stream->deletes_said);
    assert_int_equal(stream->key_format, KEY_TEXT);
    assert_int_equal(stream->batch_rows, 500); /* the default said outside of streams */
    assert_int_equal(stream->record_bytes, 1 << 20);
    assert_int_equal(stream->depth, 8);
    assert_int_equal(stream->overrides.contract.n_key, 2);
    assert_string_equal(stream->overrides.contract.key[1], "part");
    assert_int_equal(stream->overrides.contract.mode, CONTRACT_APPEND);
    assert_true(stream->overrides.contract.mode_said);
    assert_int_equal(stream->overrides.n_columns, 1);
    assert_string_equal(stream->overrides.columns[0].options.type, "uuid");
    assert_true(stream->overrides.columns[0].options.skip_said);
    folder_close(&folder);
}

static void later_sources_win(void **state)
{
    static const char *const set[] = {"database.pool=9", "streams.payments.batch.rows=77",
                                      "kafka.linger.ms=5", "log_level=debug"};
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf",
               "group = \"main\"; client_id = \"main\"; database : { pool = 5; conninfo = "
               "\"dbname=x\"; };\n"
               "kafka : { linger_ms = 1; };\n" STREAM(""));
    folder_put(&folder, "conf.d/20.conf", "group = \"twenty\"; client_id = \"twenty\";");
    folder_put(&folder, "conf.d/10.conf", "group = \"ten\"; database : { pool = 6; };");
    folder_put(&folder, "conf.d/30.conf.example", "group = \"thirty\";");
    folder_put(&folder, "conf.d/.40.conf", "group = \"forty\";");
    setenv("PACTOLUS_CLIENT_ID", "environment", 1);
    setenv("PACTOLUS_DATABASE_POOL", "7", 1);
    setenv("PACTOLUS_KAFKA_BOOTSTRAP_SERVERS", "e:1", 1);
    setenv("PACTOLUS_SOMETHING_ELSE", "x", 1);
    const struct config *config = folder_load_well(&folder);
    assert_string_equal(config->group, "twenty");
    assert_string_equal(config->client_id, "environment");
    assert_int_equal(config->pool, 7);
    assert_string_equal(config->conninfo, "dbname=x");
    assert_string_equal(config->kafka[1].name, "bootstrap.servers");
    config = folder_load_set(&folder, set, 4);
    assert_non_null(config);
    assert_int_equal(config->pool, 9);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->streams[0].batch_rows, 77);
    assert_int_equal(config->n_kafka, 2);
    assert_string_equal(config->kafka[0].value, "5");
    unsetenv("PACTOLUS_CLIENT_ID");
    unsetenv("PACTOLUS_DATABASE_POOL");
    unsetenv("PACTOLUS_KAFKA_BOOTSTRAP_SERVERS");
    unsetenv("PACTOLUS_SOMETHING_ELSE");
    folder_close(&folder);
}

static void tells_everything_at_once(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf",
               "grop = \"x\";\n"                                        /* 1 */
               "database : { pool = \"four\"; poool = 3; };\n"          /* 2 */
               "drain_timeout = 10;\n"                                  /* 3 */
               "commit_interval = \"5 parsecs\";\n"                     /* 4 */
               "batch = 1000;\n"                                        /* 5 */
               "lanes = 2;\n"                                           /* 6 */
               "limits : { depth = 4294967296; record = \"1TiB\"; };\n" /* 7 */
               "log_level = \"loud\";\n"                                /* 8 */
               "streams : { payments : {\n"                             /* 9 */
               "  framin = \"raw\";\n"                                  /* 10 */
               "  topics = ( { nam = \"x\"; } );\n"                     /* 11 */
               "  table : { mode = \"sideways\"; key = ( 1 ); };\n"     /* 12 */
               "  columns : { id : { tipe = \"uuid\"; }; };\n"          /* 13 */
               "  flood : { share = 5.5; };\n"                          /* 14 */
               "  group = \"x\"; lanes = 0; accept_skew = \"yes\";\n"   /* 15 */
               "}; };\n");
    folder_put(&folder, "conf.d/bad.conf", "a = 1;\nkafka { x = 1; };\n");
    assert_null(folder_load(&folder));
    folder_expect(&folder, "main.conf:1", "unknown setting: grop", "did you mean group?");
    folder_expect(&folder, "main.conf:2", "database.pool: a text", "whole number, 2 to 64");
    folder_expect(&folder, "main.conf:2", "unknown setting: database.poool", "database.pool");
    folder_expect(&folder, "main.conf:3", "drain_timeout: a text with a unit", "60s");
    folder_expect(&folder, "main.conf:4", "commit_interval: not a number", "60s");
    folder_expect(&folder, "main.conf:5", "batch: a block is wanted", "batch : { … };");
    folder_expect(&folder, "main.conf:6", "unknown setting: lanes", "belongs to a stream");
    folder_expect(&folder, "main.conf:7", "4294967296 is past 32 bits", "4294967296L");
    folder_expect(&folder, "main.conf:7", "limits.record: ", "1KiB to 256MiB");
    folder_expect(&folder, "main.conf:8", "log_level: not one of", "\"error\"");
    folder_expect(&folder, "main.conf:9", "streams.payments: descriptors is missing", "binpb");
    folder_expect(&folder, "main.conf:10", "unknown setting of a stream: framin", "framing");
    folder_expect(&folder, "main.conf:11", "unknown setting of a topic: nam", "name");
    folder_expect(&folder, "main.conf:11", "a topic without a name", "");
    folder_expect(&folder, "main.conf:12", "table.mode: not one of", "\"upsert\" or \"append\"");
    folder_expect(&folder, "main.conf:12", "table.key: a number cannot", "list of texts");
    folder_expect(&folder, "main.conf:13", "unknown setting of a column: tipe", "type");
    folder_expect(&folder, "main.conf:14", "flood.share: out of range", "from 0 to 1");
    folder_expect(&folder, "main.conf:15", "unknown setting of a stream: group", "outside");
    folder_expect(&folder, "main.conf:15", "lanes: out of range", "1 to 64");
    folder_expect(&folder, "main.conf:15", "accept_skew: a text cannot", "true or false");
    folder_expect(&folder, "bad.conf:2", "syntax error", "name : { … };");
    assert_int_equal(folder.errs.count, 22);
    folder_close(&folder);
}

static void a_stream_in_two_files_names_both(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf", "");
    folder_put(&folder, "conf.d/a.conf", "\n" STREAM(""));
    folder_put(&folder, "conf.d/b.conf", "\n\n" STREAM(""));
    assert_null(folder_load(&folder));
    folder_expect(&folder, "conf.d/b.conf:3", "stream payments is at", "one file");
    folder_expect(&folder, "conf.d/b.conf:3", "conf.d/a.conf:2 already", "");
    assert_int_equal(folder.errs.count, 1);
    folder_close(&folder);
}

static void a_group_twice_in_one_file_is_refused(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf", STREAM("") STREAM(""));
    assert_null(folder_load(&folder));
    folder_expect(&folder, "main.conf:6", "duplicate", "once");
    folder_close(&folder);
}

static void a_topic_belongs_to_one_stream(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf", STREAM("dlq : { topic = \"payments.payment.captured\"; };"));
    folder_put(&folder, "conf.d/other.conf",
               "streams : { other : { descriptors = \"x\"; topics = ( \"fine\",\n"
               "\"payments.payment.captured\" ); }; };");
    assert_null(folder_load(&folder));
    folder_expect(&folder, "other.conf:2", "belongs to stream payments already", "one stream");
    folder_expect(&folder, "main.conf:1", "dlq.topic payments.payment.captured is a topic",
                  "again");
    assert_int_equal(folder.errs.count, 2);
    folder_close(&folder);
}

static void judges_names_and_key_settings(void **state)
{
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf",
               "streams : { a : { descriptors = \"x\"; topics = ( \"with space\", \"t.v999\" );\n"
               "  key : { column = \"id\"; }; };\n"
               "b : { descriptors = \"x\"; topics = ( ); key : { format = \"protobuf\"; };\n"
               "  table : { name = "
               "\"a_table_whose_name_is_a_good_deal_longer_than_sixty_three_bytes_\"; }; };\n"
               "};\nretry : { base = \"40s\"; cap = \"10s\"; };\n"
               "metrics : { listen = \"localhost:9464\"; };");
    assert_null(folder_load(&folder));
    folder_expect(&folder, "main.conf:1", "with space is no name", "");
    folder_expect(&folder, "main.conf:1", "t.v999 is not between 1 and 127", "version = N");
    folder_expect(&folder, "main.conf:1", "key.column serves", "text");
    folder_expect(&folder, "main.conf:3", "wants key.message", "");
    folder_expect(&folder, "main.conf:4", "table.name: too long", "63 bytes");
    folder_expect(&folder, "main.conf", "retry.base is greater", "");
    folder_expect(&folder, "main.conf", "\"localhost:9464\" is no address", "127.0.0.1:9464");
    folder_close(&folder);
}

static void refuses_broken_files(void **state)
{
    static const struct {
        const char *text, *says, *hint;
    } rows[] = {
        {"@include \"other.conf\"\n", "@include", "conf.d"},
        {"a = \"\xff\";", "not UTF-8", ""},
        {"group = \"x\"", "", ""},
        {"kafka : { bootstrap.servers = \"x\"; };", "syntax error", "no dots"},
        {"streams : 5;", "a block is wanted", ""},
        {"streams : { a : 5; };", "streams.a: a block", ""},
        {"kafka : 5;", "kafka: a block", ""},
        {"kafka : { x : { }; };", "kafka.x: a block", "text"},
        {"kafka_properties = ( { name = \"x\"; } );", "name and value", ""},
        {"group = \"\";", "group: empty", ""},
        {"database : { pool = 3000000000; };", "3000000000 is past 32 bits", "3000000000L"},
        {"database : { pool = 3000000000L; };", "database.pool: out of range", "2 to 64"},
        {"database : { pool = 2.5; };", "a fraction cannot stand here", ""},
    };
    struct folder folder;
    (void)state;
    folder_open(&folder);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        folder_put(&folder, "main.conf", rows[i].text);
        const struct config *config = folder_load(&folder);
        if (!*rows[i].says) {
            assert_non_null(config); /* libconfig lets the last semicolon be left out */
            continue;
        }
        assert_null(config);
        assert_int_equal(folder.errs.count, 1);
        assert_non_null(strstr(folder.errs.items[0].text, rows[i].says));
        assert_non_null(strstr(folder.errs.items[0].hint, rows[i].hint));
    }
    char *path = mem_format("%s/main.conf", folder.path);
    assert_int_equal(unlink(path), 0);
    free(path);
    assert_null(folder_load(&folder));
    folder_expect(&folder, "main.conf", "cannot be opened", "--config");
    folder_close(&folder);
}

static void judges_overrides(void **state)
{
    static const char *const set[] = {"database.pol=9", "nothing", "streams.other.lanes=1",
                                      "streams.payments.lane=1", "batch.rows=many"};
    struct folder folder;
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf", STREAM(""));
    assert_null(folder_load_set(&folder, set, 5));
    folder_expect(&folder, "--set", "unknown setting: database.pol", "database.pool");
    folder_expect(&folder, "--set", "nothing has no value", "NAME=VALUE");
    folder_expect(&folder, "--set", "no stream is named other", "");
    folder_expect(&folder, "--set", "unknown setting of a stream: lane", "lanes");
    folder_expect(&folder, "--set", "batch.rows: not a whole number", "1 to 10,000");
    assert_int_equal(folder.errs.count, 5);
    folder_close(&folder);
}

static void printed_it_reads_the_same_and_hides_secrets(void **state)
{
    struct folder folder;
    struct buf once = BUF_INIT, twice = BUF_INIT;
    (void)state;
    folder_open(&folder);
    folder_put(
        &folder, "main.conf",
        "group = \"a \\\"b\\\" \\\\ c\"; progress_interval = \"0\"; retry : { base = \"1500us\"; "
        "};\n"
        "kafka : { bootstrap_servers = \"h:1\"; sasl_password = \"s3cret\"; };\n"
        "database : { conninfo = \"dbname=x password=s3cret\"; password_file = \"pw\"; };\n" STREAM(
            "start = \"2026-11-21T08:44:50.25Z\"; deletes = \"header:v\"; dlq : { topic = \"d\"; "
            "};\n"
            "table : { key = ( \"a\", \"b\" ); mode = \"append\"; description = \"x\\ny\"; };\n"
            "columns : { f : { unit = \"ms\"; skip = true; }; };"));
    config_print(folder_load_well(&folder), &once);
    assert_null(strstr(once.data, "s3cret"));
    assert_non_null(strstr(once.data, "dbname=x password=[redacted]"));
    assert_non_null(strstr(once.data, "base = \"1500us\""));
    folder_put(&folder, "main.conf", once.data);
    config_print(folder_load_well(&folder), &twice);
    assert_string_equal(once.data, twice.data);
    buf_free(&once);
    buf_free(&twice);
    folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_table_s),
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(tells_everything_at_once),
        cmocka_unit_test(a_stream_in_two_files_names_both),
        cmocka_unit_test(a_group_twice_in_one_file_is_refused),
        cmocka_unit_test(a_topic_belongs_to_one_stream),
        cmocka_unit_test(judges_names_and_key_settings),
        cmocka_unit_test(refuses_broken_files),
        cmocka_unit_test(judges_overrides),
        cmocka_unit_test(printed_it_reads_the_same_and_hides_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
