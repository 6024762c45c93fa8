/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct expected {
    const char *code, *constraint;
    enum err_class class;
    enum err_exit exit;
    unsigned traits;
};

/* What each code must mean, said a second time and apart from the table. */
static const struct expected expectations[] = {
    {"PA001", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"PA002", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"PA003", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, 0},
    {"PA004", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, 0},
    {"PA005", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"PA007", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"PA008", NULL, ERR_HALT, ERR_EXIT_DATA, 0},
    {"22021", NULL, ERR_REJECT, ERR_EXIT_DATA, 0},
    {"23503", "parent", ERR_REJECT, ERR_EXIT_DATA, SQLSTATE_COULD_PASS},
    {"23505", "sample_note_key", ERR_REJECT, ERR_EXIT_DATA, SQLSTATE_COULD_PASS},
    {"23P01", "no_overlap", ERR_REJECT, ERR_EXIT_DATA, SQLSTATE_COULD_PASS},
    {"P0001", NULL, ERR_REJECT, ERR_EXIT_DATA, SQLSTATE_COULD_PASS},
    {"P0002", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, 0},
    {"22001", NULL, ERR_REJECT, ERR_EXIT_DATA, 0},
    {"54011", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"25P03", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"25P04", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"53200", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, SQLSTATE_HALVES},
    {"53300", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, SQLSTATE_RECONNECT},
    {"23502", NULL, ERR_REJECT, ERR_EXIT_DATA, 0},
    {"23514", "positive", ERR_REJECT, ERR_EXIT_DATA, 0},
    {"23514", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"23514", "", ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"09000", NULL, ERR_REJECT, ERR_EXIT_DATA, SQLSTATE_COULD_PASS},
    {"20000", NULL, ERR_REJECT, ERR_EXIT_DATA, 0},
    {"27000", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"2F005", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"38000", NULL, ERR_REJECT, ERR_EXIT_DATA, SQLSTATE_COULD_PASS},
    {"39P01", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"25P01", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, 0},
    {"28000", NULL, ERR_HALT, ERR_EXIT_PERMISSION, SQLSTATE_RECONNECT},
    {"42P01", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"42883", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"42P05", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"40003", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, SQLSTATE_RECONNECT},
    {"55000", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"54000", NULL, ERR_REJECT, ERR_EXIT_DATA, 0},
    {"21000", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, 0},
    {"25P02", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, 0},
    {"25006", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"0A000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"26000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"42703", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"42501", NULL, ERR_HALT, ERR_EXIT_PERMISSION, 0},
    {"28P01", NULL, ERR_HALT, ERR_EXIT_PERMISSION, SQLSTATE_RECONNECT},
    {"3D000", NULL, ERR_HALT, ERR_EXIT_CONFIG, SQLSTATE_RECONNECT},
    {"3F000", NULL, ERR_HALT, ERR_EXIT_CONFIG, 0},
    {"08006", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"40001", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"40P01", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"53100", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"55P03", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"55006", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, 0},
    {"57P01", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"57014", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, SQLSTATE_HALVES},
    {"58030", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, 0},
    {"XX000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"F0000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"ZZ999", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {NULL, NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
    {"22", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, SQLSTATE_RECONNECT},
};

static void codes_mean_what_they_must(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        const struct expected *want = &expectations[i];
        const struct sqlstate_rule *rule = sqlstate_find(want->code, want->constraint, "sample");
        if (rule->class != want->class || rule->exit != want->exit || rule->traits != want->traits)
            fail_msg("%s is %s/%d, traits %u", want->code, err_class_name(rule->class), rule->exit,
                     rule->traits);
    }
}

static void every_row_has_a_reason_and_can_be_found(void **state)
{
    (void)state;
    const struct sqlstate_rule *table = sqlstate_table(), *rule = table;
    for (; rule->code[0]; rule++) {
        char code[6] = "";
        assert_true(strlen(rule->code) == 2 || strlen(rule->code) == 5);
        assert_true(strlen(rule->reason) > 10);
        strcpy(code, rule->code);
        if (strlen(code) == 2)
            strcat(code, "QQQ"); /* no code of its own */
        assert_ptr_equal(sqlstate_find(code, NULL, "sample"), rule);
    }
    assert_int_equal(rule->class, ERR_RETRY);
}

/* What a trigger raises by itself names neither: to wait for a partition would be for ever. */
static void a_missing_partition_names_its_table(void **state)
{
    (void)state;
    assert_int_equal(sqlstate_find("23514", NULL, "sample")->class, ERR_RETRY);
    assert_int_equal(sqlstate_find("23514", "", "")->class, ERR_REJECT);
    assert_int_equal(sqlstate_find("23514", NULL, NULL)->class, ERR_REJECT);
    assert_int_equal(sqlstate_find("23514", "positive", "sample")->class, ERR_REJECT);
    assert_int_equal(sqlstate_find("23514", "positive", NULL)->class, ERR_REJECT); /* a domain's */
}

/* Codes that are easily taken for something else: a row that speaks of them, or of their class, and
 * why. */
static void traps_have_their_own_reasons(void **state)
{
    (void)state;
    static const char *const traps[][3] = {
        {"23514", "23514", "no partition"},  {"21000", "21", "our bug"},
        {"25P02", "25P02", "our bug"},       {"25006", "25006", "new connection"},
        {"54000", "54", "too long"},         {"0A000", "0A000", "prepare again"},
        {"26000", "26000", "prepare again"}, {"42P01", "42", "contract"},
        {"28P01", "28", "password"},         {"57014", "57014", "longer than it may"},
        {"53200", "53200", "memory"},        {"40003", "40003", "unknown"},
        {"PA001", "PA001", "another owner"}, {"PA002", "PA002", "cursor"},
    };
    for (unsigned i = 0; i < sizeof traps / sizeof *traps; i++) {
        const struct sqlstate_rule *rule = sqlstate_find(traps[i][0], NULL, "sample");
        assert_string_equal(rule->code, traps[i][1]);
        if (!strstr(rule->reason, traps[i][2]))
            fail_msg("%s: %s", traps[i][0], rule->reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_mean_what_they_must),
        cmocka_unit_test(every_row_has_a_reason_and_can_be_found),
        cmocka_unit_test(a_missing_partition_names_its_table),
        cmocka_unit_test(traps_have_their_own_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
