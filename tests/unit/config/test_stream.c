/* SPDX-License-Identifier: Apache-2.0 */
#include "config/stream.h"
#include "unit/config/folder.h"

#define P "pactolus.test.config.v1."

struct loaded {
    struct folder folder;
    struct stream stream;
    bool good;
};

/* Loads a stream of tests/proto/config_streams.proto whose block is `body`. */
static void load(struct loaded *loaded, const char *body)
{
    char *text =
        mem_format("streams : { s : { descriptors = \"%s/config_streams.binpb\";\n%s\n}; };\n",
                   PACTOLUS_DESCRIPTORS, body);
    folder_open(&loaded->folder);
    folder_put(&loaded->folder, "main.conf", text);
    free(text);
    const struct config *config = folder_load_well(&loaded->folder);
    loaded->good = stream_load(&loaded->stream, &config->streams[0], &loaded->folder.errs);
    assert_int_equal(loaded->good, loaded->folder.errs.count == 0);
}

static void unload(struct loaded *loaded)
{
    stream_free(&loaded->stream);
    folder_close(&loaded->folder);
}

static void load_well(struct loaded *loaded, const char *body)
{
    load(loaded, body);
    for (unsigned i = 0; i < loaded->folder.errs.count; i++)
        print_error("%s: %s\n", loaded->folder.errs.items[i].place,
                    loaded->folder.errs.items[i].text);
    assert_true(loaded->good);
}

static void binds_topics_to_contracts(void **state)
{
    struct loaded loaded;
    (void)state;
    load_well(&loaded,
              "topics = ( \"shop.orders\", { name = \"r\"; contract = \"" P "Refund\"; },\n"
              "{ name = \"o\"; contract = \"" P "Order\"; } );\n"
              "table : { schema = \"lake\"; name = \"orders\"; view = \"orders\"; };\n"
              "columns : { reason : { unit = \"why\"; }; };\n"
              "limits : { record = \"2KiB\"; depth = 3; };");
    const struct stream *stream = &loaded.stream;
    assert_int_equal(stream->n_contracts, 2);
    assert_string_equal(stream->contracts[0]->name, P "Order");
    assert_string_equal(stream->contracts[1]->name, P "Refund");
    assert_string_equal(pipeline_contract(&stream->pipeline, "o")->name, P "Order");
    assert_string_equal(pipeline_contract(&stream->pipeline, "r")->name, P "Refund");
    assert_string_equal(stream->layout->table, "orders");
    assert_int_equal(stream->layout->n_data, 3);
    assert_int_equal(stream->pipeline.guard.record_max, 2048);
    assert_int_equal(stream->pipeline.guard.limits.depth_max, 3);
    assert_true(stream->descriptors.length > 0);
    /* No key format: a delete could not name its row. */
    assert_int_equal(stream->pipeline.deletes, DELETES_REJECT);
    unload(&loaded);
}

static void key_formats_fit_the_key(void **state)
{
    struct loaded loaded;
    (void)state;
    load_well(&loaded, "topics = ( \"shop.orders\" ); key : { format = \"text\"; };");
    assert_int_equal(loaded.stream.pipeline.deletes, DELETES_SOFT);
    unload(&loaded);
    load_well(&loaded, "topics = ( \"shop.orders\" );\n"
                       "key : { format = \"protobuf\"; message = \"" P "OrderKey\"; };");
    unload(&loaded);
    load(&loaded, "topics = ( \"shop.orders\" );\n"
                  "key : { format = \"protobuf\"; message = \"" P "WrongKey\"; };");
    assert_false(loaded.good);
    unload(&loaded);
    load(&loaded, "topics = ( \"shop.orders\" );\n"
                  "key : { format = \"protobuf\"; message = \"" P "OrderKeys\"; };");
    folder_expect(&loaded.folder, "main.conf:1", "key.message " P "OrderKeys is not in",
                  P "OrderKey?");
    unload(&loaded);
    load(&loaded,
         "topics = ( \"shop.orders\" ); key : { format = \"text\"; column = \"total\"; };");
    folder_expect(&loaded.folder, "main.conf:1", "key.column is total, but the key", "");
    unload(&loaded);
}

static void deletes_fit_the_contract(void **state)
{
#define TEXT_KEY "key : { format = \"text\"; };"
    static const struct {
        const char *contract, *more;
        bool good;
        enum deletes deletes;
    } rows[] = {
        {P "Order", "deletes = \"hard\";" TEXT_KEY, true, DELETES_HARD},
        {P "Order", "deletes = \"final\";" TEXT_KEY, true, DELETES_FINAL},
        {P "Order", "deletes = \"header:v\";" TEXT_KEY, false, 0},
        {P "Order", "deletes = \"soft\";", false, 0},
        {P "Order", "deletes = \"reject\";", true, DELETES_REJECT},
        {P "Versioned", TEXT_KEY, true, DELETES_REJECT},
        {P "Versioned", "deletes = \"soft\";" TEXT_KEY, false, 0},
        {P "Versioned", "deletes = \"hard\";" TEXT_KEY, false, 0},
        {P "Versioned", "deletes = \"final\";" TEXT_KEY, true, DELETES_FINAL},
        {P "Versioned", "deletes = \"header:v\";" TEXT_KEY, true, DELETES_HEADER},
        {P "Event", "", true, DELETES_REJECT},
        {P "Event", "deletes = \"soft\";", false, 0},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct loaded loaded;
        char *body =
            mem_format("topics = ( \"t\" ); contract = \"%s\"; %s", rows[i].contract, rows[i].more);
        load(&loaded, body);
        if (loaded.good != rows[i].good)
            fail_msg("%s: judged %d", body, loaded.good);
        if (loaded.good)
            assert_int_equal(loaded.stream.pipeline.deletes, rows[i].deletes);
        else
            folder_expect(&loaded.folder, "main.conf:1", "streams.s: deletes = ", "");
        free(body);
        unload(&loaded);
    }
}

static void contracts_that_cannot_be(void **state)
{
    static const struct {
        const char *body, *place, *says, *hint;
    } rows[] = {
        {"topics = ( \"t\" ); contract = \"" P "Ordr\";", "main.conf:2", P "Ordr is not in",
         P "Order?"},
        {"topics = ( \"t\" ); contract = \"other.v9.Order\";", "main.conf:2", "is not in",
         P "Order?"},
        {"topics = ( \"unknown\" );", "main.conf:2", "no contract is named for topic unknown",
         "contract ="},
        {"topics = ( \"t\" ); contract = \"" P "Plain\";", "config_streams.proto:27", "key", ""},
        {"topics = ( \"t\" ); contract = \"" P "Plain\"; table : { key = ( \"ratio\" ); };", "",
         "ratio", ""},
        {"topics = ( \"t\" ); contract = \"" P "Plain\"; table : { key = ( \"idd\" ); };", "",
         "idd", "id"},
        {"topics = ( \"t\" ); contract = \"" P "Plain\"; table : { key = ( \"id\" ); };\n"
         "columns : { name : { name = \"id\"; }; };",
         "", "id", ""},
        {"topics = ( \"t\" ); contract = \"" P "Plain\"; table : { key = ( \"id\" ); };\n"
         "columns : { nam : { unit = \"x\"; }; };",
         "main.conf:3", "nam", "name"},
        {"topics = ( \"a\", { name = \"b\"; contract = \"" P "Event\"; } ); contract = \"" P
         "Order\";",
         "", "", ""},
        {"topics = ( \"shop.orders\", { name = \"r\"; contract = \"" P "Refund\"; } );\n"
         "columns : { nothing : { unit = \"x\"; }; };",
         "main.conf:3", "has a field nothing", ""},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct loaded loaded;
        load(&loaded, rows[i].body);
        if (loaded.good)
            fail_msg("%s is taken", rows[i].body);
        folder_expect(&loaded.folder, rows[i].place, rows[i].says, rows[i].hint);
        unload(&loaded);
    }
}

static void descriptors_that_are_not_there_or_not_any(void **state)
{
    static const char *const sets[] = {"/nonexistent/x.binpb", "main.conf"};
    static const char *const says[] = {"No such file", ""};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct loaded loaded;
        char *text = mem_format("streams : { s : { descriptors = \"%s\"; topics = ( \"t\" ); }; };",
                                sets[i]);
        folder_open(&loaded.folder);
        folder_put(&loaded.folder, "main.conf", text);
        const struct config *config = folder_load_well(&loaded.folder);
        assert_false(stream_load(&loaded.stream, &config->streams[0], &loaded.folder.errs));
        assert_int_equal(loaded.folder.errs.count, 1);
        assert_non_null(strstr(loaded.folder.errs.items[0].text, says[i]));
        free(text);
        unload(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_topics_to_contracts),
        cmocka_unit_test(key_formats_fit_the_key),
        cmocka_unit_test(deletes_fit_the_contract),
        cmocka_unit_test(contracts_that_cannot_be),
        cmocka_unit_test(descriptors_that_are_not_there_or_not_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
