/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/finding_print.h"

#include "fixture.h"

#include <stdlib.h>

static void a_rule_has_one_id_and_says_what_to_do(void **state)
{
    unsigned count;
    const struct finding_rule *rules = finding_rules(&count);
    (void)state;
    for (unsigned i = 0; i < count; i++) {
        assert_ptr_equal(finding_rule(rules[i].layer, rules[i].id), &rules[i]);
        assert_true(*rules[i].meaning != '\0');
        assert_int_equal(*rules[i].advice == '\0', rules[i].severity == FINDING_NOTE);
        if (i > 0)
            assert_true(rules[i].layer >= rules[i - 1].layer);
    }
    assert_null(finding_rule(LAYER_WIRE, "KEY_MISSING"));
}

static void findings_are_sorted_and_told_once(void **state)
{
    struct findings findings;
    (void)state;
    findings_init(&findings);
    findings_add(&findings, LAYER_TABLE, "COLUMN_ADDED", "M.c", "a.proto:2", "added");
    findings_add(&findings, LAYER_TABLE, "COLUMN_REMOVED", "M.b", "a.proto:10", "gone");
    findings_add(&findings, LAYER_TABLE, "COLUMN_REMOVED", "M.a", "a.proto:9", "gone");
    findings_add(&findings, LAYER_TABLE, "COLUMN_REMOVED", "M.b", "a.proto:10", "gone");
    findings_add(&findings, LAYER_NAMES, "FIELD_NAME_CHANGED", "M.d", NULL, "renamed");
    findings_sort(&findings);
    assert_int_equal(findings.count, 4);
    assert_string_equal(findings.items[0].path, "M.d");
    assert_string_equal(findings.items[1].path, "M.a"); /* line 9 stands before line 10 */
    assert_string_equal(findings.items[2].path, "M.b");
    assert_string_equal(findings.items[3].path, "M.c");
    assert_int_equal(findings_count(&findings, FINDING_ERROR), 2);
    assert_int_equal(findings_count(&findings, FINDING_WARNING), 1);
    assert_int_equal(findings_count(&findings, FINDING_NOTE), 1);
    findings_free(&findings);
}

static void an_error_becomes_the_finding_of_its_rule(void **state)
{
    struct findings findings;
    struct err err = ERR_INIT;
    (void)state;
    findings_init(&findings);
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "it has no key");
    err_place(&err, "a.proto:3");
    err_hint(&err, "name one");
    findings_add_err(&findings, "M", &err);
    err.rule = "KEY_MISSING";
    findings_add_err(&findings, "M", &err);
    assert_string_equal(findings.items[0].rule->id, "CONTRACT_INVALID");
    assert_string_equal(findings.items[1].rule->id, "KEY_MISSING");
    assert_string_equal(findings.items[1].advice, "name one");
    assert_string_equal(findings.items[1].place, "a.proto:3");
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "another fault");
    assert_null(err.rule); /* an error that is set anew has forgotten the rule */
    findings_free(&findings);
}

static void people_programs_and_code_hosts_read_the_same(void **state)
{
    struct findings findings;
    struct buf out = BUF_INIT;
    (void)state;
    findings_init(&findings);
    findings_add(&findings, LAYER_TABLE, "UNIT_CHANGED", "M.a", "x,y/a.proto:7", "50%% of \"it\"");
    findings_advise(&findings, "first\nsecond");
    findings_print_text(&findings, &out);
    assert_string_equal(out.data, "x,y/a.proto:7: error: M.a: 50% of \"it\" [table UNIT_CHANGED]\n"
                                  "  hint: first\nsecond\n");
    buf_reset(&out);
    findings_print_github(&findings, &out);
    assert_string_equal(out.data, "::error file=x%2Cy/a.proto,line=7,title=table UNIT_CHANGED::"
                                  "M.a: 50%25 of \"it\"%0Ahint: first%0Asecond\n");
    buf_reset(&out);
    findings_print_json(&findings, &out);
    assert_contains(out.data, "\"layer\": \"table\", \"rule\": \"UNIT_CHANGED\"");
    assert_contains(out.data,
                    "\"file\": \"x,y/a.proto\", \"line\": 7, \"text\": \"50% of \\\"it\\\"\"");
    buf_reset(&out);
    findings_print_counts(&findings, &out);
    assert_string_equal(out.data, "1 error");
    buf_free(&out);
    findings_free(&findings);
}

static void code_hosts_are_not_told_of_notes(void **state)
{
    struct findings findings;
    struct buf out = BUF_INIT;
    (void)state;
    findings_init(&findings);
    findings_print_counts(&findings, &out);
    assert_string_equal(out.data, "nothing to say");
    buf_reset(&out);
    findings_add(&findings, LAYER_WIRE, "FIELD_ADDED", "M.a", "a.proto", "added");
    findings_print_github(&findings, &out);
    assert_int_equal(out.length, 0);
    buf_free(&out);
    findings_free(&findings);
}

static void the_page_of_rules_is_the_table_s(void **state)
{
    struct buf page = BUF_INIT;
    char *text = calloc(1, 65536);
    FILE *file = fopen(PACTOLUS_SOURCE_DIR "/docs/contract-rules.md", "re");
    (void)state;
    assert_non_null(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    finding_rules_print(&page);
    if (strcmp(page.data, text) != 0)
        fail_msg("docs/contract-rules.md is stale: pactolus contract lint --rules > "
                 "docs/contract-rules.md");
    free(text);
    buf_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_has_one_id_and_says_what_to_do),
        cmocka_unit_test(findings_are_sorted_and_told_once),
        cmocka_unit_test(an_error_becomes_the_finding_of_its_rule),
        cmocka_unit_test(people_programs_and_code_hosts_read_the_same),
        cmocka_unit_test(code_hosts_are_not_told_of_notes),
        cmocka_unit_test(the_page_of_rules_is_the_table_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
