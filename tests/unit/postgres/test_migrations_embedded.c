/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations inside the binary are those of migrations/, byte for byte and in order. */
#include "base/buf.h"
#include "migrations_embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

static int is_sql(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".sql") == 0;
}

static void check_same(const struct embedded_migration *migration)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s/migrations/%s", PACTOLUS_SOURCE_DIR, migration->name);
    FILE *file = fopen(path.data, "r");
    assert_non_null(file);
    char block[4096];
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        buf_put(&text, block, got);
    fclose(file);
    assert_int_equal(strlen(migration->sql), text.length);
    assert_memory_equal(migration->sql, text.data, text.length);
    buf_free(&path);
    buf_free(&text);
}

static void embedded_as_they_are(void **state)
{
    (void)state;
    struct dirent **files;
    int count = scandir(PACTOLUS_SOURCE_DIR "/migrations", &files, is_sql, alphasort);
    assert_true(count > 0);
    assert_int_equal(migrations_embedded_count, count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(migrations_embedded[i].name, files[i]->d_name);
        check_same(&migrations_embedded[i]);
        free(files[i]);
    }
    free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedded_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
