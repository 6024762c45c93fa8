/* SPDX-License-Identifier: Apache-2.0 */
#include "config/redact.h"

#include "base/secret.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_secret(const char *name, size_t length)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    /* A URI may write any letter as %XX. */
    return secret_named(word) || memchr(name, '%', length) != NULL;
}

static const char *skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* The end of a value in key=value form: quoted with escapes, or up to the next space. */
static const char *value_end(const char *at)
{
    bool quoted = *at == '\'';
    at += quoted;
    while (*at && (quoted ? *at != '\'' : !isspace((unsigned char)*at)))
        at += at[0] == '\\' && at[1] ? 2 : 1;
    return at + (quoted && *at);
}

static void redact_pairs(const char *at, struct buf *out)
{
    for (at = skip_space(at); *at; at = skip_space(at)) {
        const char *name = at;
        at += strcspn(at, "= \t\r\n\v\f");
        size_t length = (size_t)(at - name);
        const char *equals = skip_space(at);
        if (out->length)
            buf_putc(out, ' ');
        buf_put(out, name, length);
        if (*equals != '=')
            continue; /* libpq will refuse it */
        const char *value = skip_space(equals + 1);
        at = value_end(value);
        buf_putc(out, '=');
        if (is_secret(name, length))
            buf_puts(out, REDACTED);
        else
            buf_put(out, value, (size_t)(at - value));
    }
}

/* scheme://user:password@host/db?name=value&… */
static void redact_uri(const char *uri, struct buf *out)
{
    const char *begin = strstr(uri, "://") + 3;
    const char *authority_end = begin + strcspn(begin, "/?");
    const char *at = memrchr(begin, '@', (size_t)(authority_end - begin));
    /* A password with a raw slash: libpq looks for the @ before anything else. */
    if (!at)
        at = strchr(begin, '@');
    const char *colon = at ? memchr(begin, ':', (size_t)(at - begin)) : NULL;
    if (colon) {
        buf_put(out, uri, (size_t)(colon + 1 - uri));
        buf_puts(out, REDACTED);
        uri = at;
    }
    const char *query = strchr(uri, '?');
    buf_put(out, uri, query ? (size_t)(query - uri) : strlen(uri));
    while (query && *query) {
        const char *name = query + 1;
        const char *end = name + strcspn(name, "&");
        const char *equals = memchr(name, '=', (size_t)(end - name));
        buf_putc(out, *query);
        if (equals && is_secret(name, (size_t)(equals - name))) {
            buf_put(out, name, (size_t)(equals + 1 - name));
            buf_puts(out, REDACTED);
        } else {
            buf_put(out, name, (size_t)(end - name));
        }
        query = *end ? end : NULL;
    }
}

void redact_conninfo(const char *conninfo, struct buf *out)
{
    if (strncmp(conninfo, "postgresql://", 13) == 0 || strncmp(conninfo, "postgres://", 11) == 0)
        redact_uri(conninfo, out);
    else
        redact_pairs(conninfo, out);
}
