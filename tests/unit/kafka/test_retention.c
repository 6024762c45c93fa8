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
        struct retention_settings settings;
        usec_t expected;
    } cases[] = {
        /* What is written to is not removed: a record may lie there until its segment is closed. */
        {{"delete", "3600000", "60000"}, 3660 * USEC_PER_SEC},
        {{"compact,delete", "1000", "1000"}, 2 * USEC_PER_SEC},
        {{"delete", "0", "1"}, USEC_PER_MS},
        {{"delete", "-1", "1000"}, RETENTION_FOREVER},
        /* Compaction alone keeps the newest of each key for good. */
        {{"compact", "3600000", "1000"}, RETENTION_FOREVER},
        {{"delete", "9223372036854775807", "1000"}, RETENTION_FOREVER},
        {{"delete", "1000", "9223372036854775807"}, RETENTION_FOREVER},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        usec_t retention = 7;
        assert_true(retention_read(&cases[i].settings, &retention));
        assert_int_equal(retention, cases[i].expected);
    }
}

static void what_is_not_told_is_not_known(void **state)
{
    (void)state;
    static const struct retention_settings cases[] = {
        {NULL, "1000", "1000"},     {"delete", NULL, "1000"},   {"delete", "1000", NULL},
        {"delete", "soon", "1000"}, {"delete", "1000", "soon"},
    };
    usec_t retention = 7;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(retention_read(&cases[i], &retention));
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
