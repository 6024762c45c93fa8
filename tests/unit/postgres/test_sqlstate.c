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
        const struct sqlstate_rule *rule = sqlstate_find(want->code, want->constraint);
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
        assert_ptr_equal(sqlstate_find(code, NULL), rule);
    }
    assert_int_equal(rule->class, ERR_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_mean_what_they_must),
        cmocka_unit_test(every_row_has_a_reason_and_can_be_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
