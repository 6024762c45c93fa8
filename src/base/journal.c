/* SPDX-License-Identifier: Apache-2.0 */
#include "base/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void journal_field(struct buf *entry, const char *name, const char *value)
{
    size_t length = strlen(value);
    if (!memchr(value, '\n', length)) {
        buf_printf(entry, "%s=%s\n", name, value);
        return;
    }
    uint64_t size = htole64(length);
    buf_printf(entry, "%s\n", name);
    buf_put(entry, &size, sizeof size);
    buf_put(entry, value, length);
    buf_putc(entry, '\n');
}

void journal_number(struct buf *entry, const char *name, long long value)
{
    buf_printf(entry, "%s=%lld\n", name, value);
}

bool journal_send(const char *path, const struct buf *entry)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof to.sun_path)
        return false;
    memcpy(to.sun_path, path, length + 1);
    /* A socket for each entry: entries are few, and no state is kept that journald's restart or a
     * fork could spoil. */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ssize_t sent;
    do
        sent = sendto(fd, entry->data, entry->length, MSG_NOSIGNAL, (const struct sockaddr *)&to,
                      sizeof to);
    while (sent < 0 && errno == EINTR);
    close(fd);
    return sent == (ssize_t)entry->length;
}
