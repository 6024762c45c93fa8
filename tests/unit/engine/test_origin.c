/* SPDX-License-Identifier: Apache-2.0 */
/* The note that goes to Kafka with each offset: what is written is read, and nothing else is. */
#include "engine/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123abcd-0123-4567-89ab-0123456789ab"

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct origin out = {{ID, "18446744073709551615", UINT32_MAX}, INT64_MAX, INT64_MAX}, in;
    char note[COMMIT_NOTE];
    origin_write(&out, note);
    assert_true(strlen(note) < COMMIT_NOTE - 1); /* the longest is whole */
    assert_true(origin_parse(note, &in));
    assert_string_equal(in.database.id, ID);
    assert_string_equal(in.database.system, "18446744073709551615");
    assert_true(in.database.timeline == UINT32_MAX);
    assert_true(in.log == INT64_MAX && in.fence == INT64_MAX);
    *out.database.system = '\0'; /* a role that may not see it */
    origin_write(&out, note);
    assert_true(origin_parse(note, &in));
    assert_string_equal(in.database.system, "");
}

static void other_notes_are_not_ours(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "",
        "pactolus",
        "pactolus " ID,
        "pactolus " ID " 1",
        "pactolus " ID " 1 2 3",
        "pactolus " ID " 1 2 3 ",
        "pactolus " ID " 1 2 3 4 5",
        "pactolus " ID " 1 2 3 -4",
        "pactolus " ID " 1 2 3 0123456789012345678901234567",
        "pactolus " ID " 1 x",
        "pactolus 0123abcd 1 2",
        "pactolus " ID "0 1 2",
        "Pactolus " ID " 1 2",
        "somebody's own note",
    };
    struct origin origin;
    for (unsigned i = 0; i < sizeof notes / sizeof *notes; i++)
        assert_false(origin_parse(notes[i], &origin));
    assert_true(origin_parse("pactolus " ID " 1 2", &origin));
    assert_true(origin.log == 1 && origin.fence == 2 && origin.database.timeline == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(other_notes_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
