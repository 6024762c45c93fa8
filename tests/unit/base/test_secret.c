/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/pactolus-secret-XXXXXX";

static void put(const char *name, const char *text, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static const char *at(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void reads(const char *place, enum secret_part part, const char *wanted)
{
    struct err err = ERR_INIT;
    char *secret = secret_read(place, part, &err);
    if (!secret)
        fail_msg("%s: %s", place, err.text);
    assert_string_equal(secret, wanted);
    secret_free(secret);
}

static void refuses(const char *place, enum secret_part part, const char *words)
{
    struct err err = ERR_INIT;
    assert_null(secret_read(place, part, &err));
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    if (!strstr(err.text, words))
        fail_msg("%s: %s", place, err.text);
    assert_null(strstr(err.text, "s3cret"));
}

static void a_line_or_all_of_a_file(void **state)
{
    (void)state;
    put("two", "s3cret\nmore\n", 0600);
    put("empty", "\ns3cret\n", 0600);
    put("nothing", "", 0600);
    reads(at("two"), SECRET_LINE, "s3cret");
    reads(at("two"), SECRET_WHOLE, "s3cret\nmore\n");
    refuses(at("empty"), SECRET_LINE, "empty first line");
    refuses(at("nothing"), SECRET_WHOLE, "is empty");
    refuses(at("none"), SECRET_LINE, "cannot read");
}

static void files_open_to_others_are_refused(void **state)
{
    (void)state;
    put("open", "s3cret\n", 0644);
    refuses(at("open"), SECRET_LINE, "others");
    assert_true(secret_kept(0600, 7, 7));
    assert_true(secret_kept(0400, 7, 7));
    assert_true(secret_kept(0640, 0, 7));
    assert_true(secret_kept(0600, 0, 0));
    assert_false(secret_kept(0640, 7, 7));
    assert_false(secret_kept(0660, 0, 7));
    assert_false(secret_kept(0644, 0, 7));
    assert_false(secret_kept(0604, 7, 7));
    assert_false(secret_kept(0600, 8, 7)); /* somebody else's, who may write what he likes */
}

static void credentials_come_from_their_folder(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    refuses("credential:pg", SECRET_LINE, "nobody passes credentials");
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    put("pg", "s3cret\n", 0440); /* as systemd makes them with an ACL */
    reads("credential:pg", SECRET_LINE, "s3cret");
    refuses("credential:../pg", SECRET_LINE, "plain name");
    refuses("credential:", SECRET_LINE, "plain name");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_file_written_anew_has_another_sign(void **state)
{
    (void)state;
    char before[SECRET_SIGN], same[SECRET_SIGN], after[SECRET_SIGN];
    put("turned", "one\n", 0600);
    secret_sign(at("turned"), before);
    secret_sign(at("turned"), same);
    put("turned.new", "two\n", 0600);
    char from[128];
    snprintf(from, sizeof from, "%s", at("turned.new"));
    assert_int_equal(rename(from, at("turned")), 0);
    secret_sign(at("turned"), after);
    assert_string_equal(before, same);
    assert_string_not_equal(before, after);
    secret_sign(at("gone"), after);
    assert_string_equal(after, "");
}

static void places_are_told_from_values(void **state)
{
    (void)state;
    assert_string_equal(secret_place("file:/a/b"), "/a/b");
    assert_string_equal(secret_place("credential:x"), "credential:x");
    assert_null(secret_place("hunter2"));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"two", "empty", "nothing", "open", "pg", "turned"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(at(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_or_all_of_a_file),
        cmocka_unit_test(files_open_to_others_are_refused),
        cmocka_unit_test(credentials_come_from_their_folder),
        cmocka_unit_test(a_file_written_anew_has_another_sign),
        cmocka_unit_test(places_are_told_from_values),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
