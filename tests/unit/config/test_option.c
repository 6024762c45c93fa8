/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, the reference page and the commented main file say the same. */
#include "config/option.h"
#include "unit/config/folder.h"

#include <ctype.h>

static char *read_source(const char *name)
{
    char *path = mem_format("%s/%s", PACTOLUS_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    char *text = mem_zero(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    free(path);
    return text;
}

static void rows_are_sound(void **state)
{
    (void)state;
    for (const struct option *option = option_table(); option->name; option++) {
        assert_ptr_equal(option_find(option->scope, option->name), option);
        assert_non_null(option->text);
        assert_int_equal(option->text[strlen(option->text) - 1], '.');
        if (option->kind == OPTION_CHOICE)
            assert_non_null(option->choices);
        if (option->kind == OPTION_NAMES)
            assert_true(option->companion > 0);
        for (const char *at = option->name; *at; at++)
            assert_true(islower((unsigned char)*at) || *at == '_' || *at == '.');
        if (option->fallback || option->kind > OPTION_DELETES)
            continue;
        /* What has no default can be told from what was said. */
        assert_true(option->companion || option->kind == OPTION_TEXT ||
                    option->kind == OPTION_PATH || option->scope == OPTION_TOPIC);
    }
}

static void bounds_hold_on_both_sides(void **state)
{
    struct arena arena;
    unsigned tried = 0;
    (void)state;
    arena_init(&arena, 4096);
    for (const struct option *option = option_table(); option->name; option++) {
        if (option->kind != OPTION_NUMBER && option->kind != OPTION_SIZE &&
            option->kind != OPTION_DURATION)
            continue;
        const char *unit = option->kind == OPTION_DURATION ? "us" : "";
        const int64_t values[] = {option->min - 1, option->min, option->max, option->max + 1};
        for (unsigned i = 0; i < 4; i++) {
            /* As large as any of the structs. */
            char *base = mem_zero(1, sizeof(struct config) + sizeof(struct stream_config));
            struct err err = ERR_INIT;
            struct given given = {.kind = GIVEN_WORD, .place = "here"};
            given.text = arena_format(&arena, "%lld%s", (long long)values[i], unit);
            bool good = option_put(option, base, &given, &arena, &err);
            if (good != (i == 1 || i == 2))
                fail_msg("%s = %s: taken %d", option->name, given.text, good);
            if (!good)
                assert_string_equal(err.place, "here");
            tried++;
            free(base);
        }
    }
    assert_true(tried >= 40);
    arena_free(&arena);
}

static void shares_are_fractions_or_percent(void **state)
{
    static const struct {
        struct given given;
        double share; /* negative = refused */
    } cases[] = {
        {{.kind = GIVEN_REAL, .real = 0.05}, 0.05}, {{.kind = GIVEN_NUMBER, .number = 0}, 0},
        {{.kind = GIVEN_NUMBER, .number = 1}, 1},   {{.kind = GIVEN_TEXT, .text = "0.5"}, 0.5},
        {{.kind = GIVEN_TEXT, .text = "5%"}, 0.05}, {{.kind = GIVEN_WORD, .text = "2.5%"}, 0.025},
        {{.kind = GIVEN_TEXT, .text = "100%"}, 1},  {{.kind = GIVEN_TEXT, .text = "101%"}, -1},
        {{.kind = GIVEN_REAL, .real = 1.01}, -1},   {{.kind = GIVEN_NUMBER, .number = 5}, -1},
        {{.kind = GIVEN_TEXT, .text = "-1%"}, -1},  {{.kind = GIVEN_TEXT, .text = "%"}, -1},
        {{.kind = GIVEN_TEXT, .text = "NaN"}, -1},  {{.kind = GIVEN_TEXT, .text = ""}, -1},
        {{.kind = GIVEN_TEXT, .text = "half"}, -1}, {{.kind = GIVEN_SWITCH, .on = true}, -1},
        {{.kind = GIVEN_TEXT, .text = "5 % "}, -1},
    };
    (void)state;
    const struct option *option = option_find(OPTION_STREAM, "flood.share");
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_config stream = {.flood_share = 7};
        struct given given = cases[i].given;
        struct err err = ERR_INIT;
        given.place = "here";
        bool good = option_put(option, &stream, &given, NULL, &err);
        assert_int_equal(good, cases[i].share >= 0);
        if (good)
            assert_true(stream.flood_share == cases[i].share);
        else
            assert_string_equal(err.hint, "share from 0 to 1 (0.05 or \"5%\")");
    }
}

static void a_default_outside_of_streams_is_every_stream_s(void **state)
{
    (void)state;
    assert_non_null(option_find(OPTION_PROCESS, "batch.rows"));
    assert_null(option_find(OPTION_PROCESS, "lanes"));
    assert_null(option_find(OPTION_STREAM, "group"));
    assert_true(option_is_block(OPTION_PROCESS, "database"));
    assert_false(option_is_block(OPTION_PROCESS, "data"));
    assert_string_equal(option_nearest(OPTION_PROCESS, "", "databse"), "database");
    assert_string_equal(option_nearest(OPTION_STREAM, "key", "formt"), "format");
    assert_null(option_nearest(OPTION_STREAM, "key", "zebra"));
}

static void the_reference_page_is_the_table_s(void **state)
{
    struct buf page = BUF_INIT;
    char *text = read_source("docs/configuration.md");
    (void)state;
    config_reference(&page);
    if (strcmp(page.data, text) != 0)
        fail_msg(
            "docs/configuration.md is stale: pactolus --help-settings > docs/configuration.md");
    free(text);
    buf_free(&page);
}

/* Takes the # from the lines that hold a setting at its default. */
static char *uncommented(const char *text, unsigned *n)
{
    char *out = mem_zero(1, strlen(text) + 1), *to = out;
    *n = 0;
    for (const char *at = text; *at; at++) {
        bool first = at == text || at[-1] == '\n';
        if (first && at[0] == '#' && islower((unsigned char)at[1])) {
            (*n)++;
            continue;
        }
        *to++ = *at;
    }
    return out;
}

static void the_main_file_shows_every_default(void **state)
{
    struct folder folder;
    struct buf shipped = BUF_INIT, bare = BUF_INIT;
    unsigned shown, settings = 0;
    char *text = read_source("etc/pactolus.conf"), *open = uncommented(text, &shown);
    (void)state;
    for (const struct option *option = option_table(); option->name; option++)
        settings += (option->scope == OPTION_PROCESS || option->everywhere) && option->fallback;
    assert_int_equal(shown, settings);
    folder_open(&folder);
    folder_put(&folder, "main.conf", open);
    config_print(folder_load_well(&folder), &shipped);
    folder_put(&folder, "main.conf", "kafka : { bootstrap_servers = \"localhost:9092\"; };");
    config_print(folder_load_well(&folder), &bare);
    assert_string_equal(shipped.data, bare.data);
    buf_free(&shipped);
    buf_free(&bare);
    folder_close(&folder);
    free(open);
    free(text);
}

static void the_example_stream_loads(void **state)
{
    struct folder folder;
    char *text = read_source("etc/conf.d/payments.conf.example");
    (void)state;
    folder_open(&folder);
    folder_put(&folder, "main.conf", "");
    folder_put(&folder, "conf.d/payments.conf", text);
    const struct config *config = folder_load_well(&folder);
    assert_int_equal(config->n_streams, 1);
    assert_int_equal(config->streams[0].batch_rows, 2000);
    folder_close(&folder);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(bounds_hold_on_both_sides),
        cmocka_unit_test(shares_are_fractions_or_percent),
        cmocka_unit_test(a_default_outside_of_streams_is_every_stream_s),
        cmocka_unit_test(the_reference_page_is_the_table_s),
        cmocka_unit_test(the_main_file_shows_every_default),
        cmocka_unit_test(the_example_stream_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
