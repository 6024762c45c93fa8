/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_topic_keeps_records_as_its_settings_say(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *ms;
        usec_t expected;
    } cases[] = {
        {"delete", "3600000", 3600 * USEC_PER_SEC},
        {"compact,delete", "1000", USEC_PER_SEC},
        {"delete", "0", 0},
        {"delete", "-1", RETENTION_FOREVER},
        /* Compaction alone keeps the newest of each key for good. */
        {"compact", "3600000", RETENTION_FOREVER},
        {"delete", "9223372036854775807", RETENTION_FOREVER},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        usec_t retention = 7;
        assert_true(retention_read(cases[i].policy, cases[i].ms, &retention));
        assert_int_equal(retention, cases[i].expected);
    }
}

static void what_is_not_told_is_not_known(void **state)
{
    (void)state;
    usec_t retention = 7;
    assert_false(retention_read(NULL, "1000", &retention));
    assert_false(retention_read("delete", NULL, &retention));
    assert_false(retention_read("delete", "soon", &retention));
    assert_int_equal(retention, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_keeps_records_as_its_settings_say),
        cmocka_unit_test(what_is_not_told_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
