/* SPDX-License-Identifier: Apache-2.0 */
#include "table/catalogue.h"

#include "support/fixture.h"
#include "table/catalogue_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture fixture;
static struct contract *made;
static const struct contract *contracts[1]; /* the same */
static struct layout *layout;

/* The example's contract, with what a test says over it. */
static void load(const struct contract_overrides *overrides)
{
    struct errs errs = {0};
    made = contract_make(fixture_type(&fixture, "shop.v1.Order"), overrides, &errs);
    if (!made)
        fail_msg("%s", errs.items[0].text);
    contracts[0] = made;
    layout = layout_make(contracts, 1, &errs);
    assert_non_null(layout);
}

static int make(void **state)
{
    (void)state;
    fixture_open(&fixture, "order");
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    layout_free(layout);
    contract_free(made);
    layout = NULL;
    made = NULL;
    fixture_close(&fixture);
    return 0;
}

static char *written(void (*write)(const struct catalogue *, struct buf *))
{
    struct catalogue_topic topic = {"shop.order.changed", contracts[0]};
    struct catalogue_stream stream = {
        .name = "orders", .layout = layout, .topics = &topic, .n_topics = 1, .deletes = "final"};
    struct catalogue catalogue = {.title = "The <shop>", .streams = &stream, .n_streams = 1};
    struct buf out = BUF_INIT;
    write(&catalogue, &out);
    assert_false(out.failed);
    return out.data;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("lacks %s in:\n%s", part, text);
}

static void assert_written(void (*write)(struct buf *, const char *), const char *text,
                           const char *expected)
{
    struct buf out = BUF_INIT;
    write(&out, text);
    assert_string_equal(out.data ? out.data : "", expected);
    buf_free(&out);
}

static void nothing_of_a_comment_becomes_markup(void **state)
{
    (void)state;
    assert_written(catalogue_escape, "<script>\"'&\x01\n", "&lt;script&gt;&quot;&#39;&amp;\n");
    assert_written(catalogue_cell, "a|b\n*c* [d](e) <f>", "a\\|b \\*c\\* \\[d\\](e) \\<f\\>");
    assert_written(catalogue_code, "a`b|c", "`` a`b\\|c ``");
    assert_written(catalogue_code, "plain", "`plain`");
}

static void every_text_is_a_scalar_of_yaml(void **state)
{
    (void)state;
    assert_written(catalogue_yaml, "a: \"b\" \\ # - {x}\n", "\"a: \\\"b\\\" \\\\ # - {x}\\n\"");
    assert_written(catalogue_yaml,
                   "\x7f\x1b"
                   "é€😀",
                   "\"\\u007f\\u001bé€😀\"");
    /* dbt would call what stands in braces, with the environment of who runs it at hand. */
    assert_written(catalogue_yaml, "{{ env_var('X') }} {% if %} {# #} {a} {",
                   "\"{{ '{' }}{ env_var('X') }} "
                   "{{ '{' }}% if %} {{ '{' }}# #} {a} {\"");
    /* NEL, LINE SEPARATOR and the byte order mark are line breaks or forbidden there. */
    assert_written(catalogue_yaml, "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf", "\"\\u0085\\u2028\\ufeff\"");
}

static void relations_are_quoted_where_sql_wants_it(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    catalogue_relation(&out, "shop", "order_v1");
    assert_string_equal(out.data, "shop.order_v1");
    buf_reset(&out);
    catalogue_relation(&out, "Shop", "a\"b");
    assert_string_equal(out.data, "\"Shop\".\"a\"\"b\"");
    buf_free(&out);
}

static void the_page_has_views_columns_and_marks(void **state)
{
    (void)state;
    load(NULL);
    char *page = written(catalogue_html);
    assert_has(page, "<title>The &lt;shop&gt;</title>");
    assert_has(page, "<article id=\"shop.order_v1\"");
    assert_has(page, "href=\"#shop.order_v1\"");
    assert_has(page, "<dt>Rows</dt><dd>one per order_id; the greatest revision wins</dd>");
    assert_has(page, "<dt>Owner</dt><dd>team-checkout</dd>");
    assert_has(page, "<dt>Fresh</dt><dd>within 5m</dd>");
    assert_has(page,
               "<code>order_id</code> <span class=\"mark\">key</span></th><td><code>uuid</code>");
    assert_has(page, "<code>email</code> <span class=\"mark close\">personal</span>");
    /* The address is personal, so is all that is in it. */
    assert_has(page, "<code>address_city</code> <span class=\"mark close\">personal</span>");
    assert_has(page, "<span class=\"note\">Unit: EUR cent</span>");
    assert_has(page, "<span class=\"note\">NULL: not packed yet</span>");
    assert_has(page, "<span class=\"note\">Field: customer_email</span>");
    assert_has(page, "<li><code>ORDER_STATUS_PAID</code></li>");
    assert_has(page, "<code>shop.order_v1_all</code>");
    /* Self-contained: nothing is fetched. */
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, " src="));
    assert_null(strstr(page, "<link"));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "@import"));
    free(page);
}

static void markdown_has_them_too(void **state)
{
    (void)state;
    load(NULL);
    char *text = written(catalogue_markdown);
    assert_has(text, "# The \\<shop\\>\n");
    assert_has(text, "\n## `shop.order_v1`\n");
    assert_has(text, "- **Owner:** team-checkout\n");
    assert_has(text, "| `order_id` | `uuid` | key |  | Identifies the order. |\n");
    assert_has(text,
               "| `email` | `text` | no | personal | Who ordered. Field `customer_email`. |\n");
    assert_has(text,
               "| `weight_kg` | `double precision` | yes |  | Weight of the parcel; unset until "
               "it is packed. Unit: kg. NULL: not packed yet. |\n");
    free(text);
}

static void dbt_checks_freshness_where_rows_tell_their_time(void **state)
{
    (void)state;
    load(NULL);
    char *text = written(catalogue_dbt);
    const char *all = strstr(text, "- name: \"order_v1_all\"");
    const char *fresh = strstr(text, "loaded_at_field: \"_loaded_at\"");
    assert_non_null(all);
    assert_true(fresh > all);
    assert_null(strstr(fresh + 1, "loaded_at_field"));
    assert_has(text, "warn_after: {count: 5, period: minute}");
    assert_has(text, "classification: \"personal\"");
    assert_has(text, "- name: \"_order_time\"");
    assert_null(strstr(text, "_order_ts"));
    free(text);
}

static void dbt_counts_whole_minutes_hours_and_days(void **state)
{
    (void)state;
    static const struct {
        const char *said, *expected;
    } cases[] = {
        {"90s", "{count: 2, period: minute}"}, {"250ms", "{count: 1, period: minute}"},
        {"120m", "{count: 2, period: hour}"},  {"36h", "{count: 36, period: hour}"},
        {"48h", "{count: 2, period: day}"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct contract_overrides overrides = {.contract.freshness = cases[i].said};
        load(&overrides);
        char *text = written(catalogue_dbt);
        assert_has(text, cases[i].expected);
        free(text);
        layout_free(layout);
        contract_free(made);
    }
    load(NULL);
}

static void views_stand_in_their_order(void **state)
{
    (void)state;
    load(NULL);
    struct layout other = *layout, third = *layout;
    other.view = "aaa";
    third.view_schema = "later";
    struct catalogue_stream streams[] = {{.name = "z", .layout = layout},
                                         {.name = "c", .layout = &other},
                                         {.name = "x", .layout = &third},
                                         {.name = "a", .layout = layout}};
    struct catalogue catalogue = {.streams = streams, .n_streams = 4};
    catalogue_sort(&catalogue);
    assert_string_equal(streams[0].name, "x");
    assert_string_equal(streams[1].name, "c");
    assert_string_equal(streams[2].name, "a");
    assert_string_equal(streams[3].name, "z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_a_comment_becomes_markup),
        cmocka_unit_test(every_text_is_a_scalar_of_yaml),
        cmocka_unit_test(relations_are_quoted_where_sql_wants_it),
        cmocka_unit_test_setup_teardown(the_page_has_views_columns_and_marks, make, unmake),
        cmocka_unit_test_setup_teardown(markdown_has_them_too, make, unmake),
        cmocka_unit_test_setup_teardown(dbt_checks_freshness_where_rows_tell_their_time, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(dbt_counts_whole_minutes_hours_and_days, make, unmake),
        cmocka_unit_test_setup_teardown(views_stand_in_their_order, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
