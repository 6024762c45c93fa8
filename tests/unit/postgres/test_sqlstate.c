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
    bool reconnect;
};

/* What each code must mean, said a second time and apart from the table. */
static const struct expected expectations[] = {
    {"PA001", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"PA002", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"PA003", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, false},
    {"PA004", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, false},
    {"PA005", NULL, ERR_HALT, ERR_EXIT_CONFIG, false},
    {"22021", NULL, ERR_REJECT, ERR_EXIT_DATA, false},
    {"23505", "sample_pkey", ERR_REJECT, ERR_EXIT_DATA, false},
    {"23502", NULL, ERR_REJECT, ERR_EXIT_DATA, false},
    {"23514", "positive", ERR_REJECT, ERR_EXIT_DATA, false},
    {"23514", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"23514", "", ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"54000", NULL, ERR_REJECT, ERR_EXIT_DATA, false},
    {"21000", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, false},
    {"25P02", NULL, ERR_HALT, ERR_EXIT_SOFTWARE, false},
    {"25006", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"0A000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"26000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"42703", NULL, ERR_HALT, ERR_EXIT_CONFIG, false},
    {"42501", NULL, ERR_HALT, ERR_EXIT_PERMISSION, false},
    {"28P01", NULL, ERR_HALT, ERR_EXIT_PERMISSION, true},
    {"3D000", NULL, ERR_HALT, ERR_EXIT_CONFIG, true},
    {"3F000", NULL, ERR_HALT, ERR_EXIT_CONFIG, false},
    {"08006", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"40001", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"40P01", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"53100", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"55P03", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"55006", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"57P01", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"57014", NULL, ERR_RETRY, ERR_EXIT_TEMPORARY, false},
    {"58030", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, false},
    {"XX000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"F0000", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"ZZ999", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {NULL, NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
    {"22", NULL, ERR_RETRY, ERR_EXIT_UNAVAILABLE, true},
};

static void codes_mean_what_they_must(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        const struct expected *want = &expectations[i];
        const struct sqlstate_rule *rule = sqlstate_find(want->code, want->constraint);
        if (rule->class != want->class || rule->exit != want->exit ||
            rule->reconnect != want->reconnect)
            fail_msg("%s is %s/%d, reconnect %d", want->code, err_class_name(rule->class),
                     rule->exit, rule->reconnect);
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
