/* SPDX-License-Identifier: Apache-2.0 */
#include "base/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void entries_are_lines_of_fields(void **state)
{
    (void)state;
    struct buf entry = BUF_INIT;
    journal_field(&entry, "MESSAGE", "hello");
    journal_number(&entry, "PACTOLUS_OFFSET", -1);
    assert_string_equal(entry.data, "MESSAGE=hello\nPACTOLUS_OFFSET=-1\n");
    buf_free(&entry);
}

/* A line end in a value must not begin another field. */
static void line_ends_forge_no_field(void **state)
{
    (void)state;
    static const char wanted[] = "MESSAGE\n\x05\0\0\0\0\0\0\0a\nP=0\n";
    struct buf entry = BUF_INIT;
    journal_field(&entry, "MESSAGE", "a\nP=0");
    assert_int_equal(entry.length, sizeof wanted - 1);
    assert_memory_equal(entry.data, wanted, sizeof wanted - 1);
    buf_free(&entry);
}

static void one_datagram_each(void **state)
{
    (void)state;
    char folder[] = "/tmp/pactolus-journal-XXXXXX", got[256];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buf entry = BUF_INIT;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    journal_field(&entry, "MESSAGE", "hello");
    assert_false(journal_send(address.sun_path, &entry)); /* nobody listens */
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(journal_send(address.sun_path, &entry));
    ssize_t length = recv(fd, got, sizeof got, MSG_DONTWAIT);
    assert_int_equal(length, entry.length);
    assert_memory_equal(got, entry.data, entry.length);
    buf_free(&entry);
    close(fd);
    unlink(address.sun_path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_lines_of_fields),
        cmocka_unit_test(line_ends_forge_no_field),
        cmocka_unit_test(one_datagram_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
