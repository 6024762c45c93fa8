/* SPDX-License-Identifier: Apache-2.0 */
/* String formats, a row each: what the standards' grammars allow and the nearest thing they do not.
 * Verdicts are those of RFC 3986, 4291, 4007, 6874, 1034, of the HTML standard and of
 * protovalidate's documentation. */
#include "record/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

static const struct {
    enum text_format format;
    const char *text;
    bool holds;
} ROWS[] = {
    {FORMAT_EMAIL, "foo@example.com", true},
    {FORMAT_EMAIL, "a.b+c!#$%&'*/=?^_`{|}~-@x", true},
    {FORMAT_EMAIL, "..@1.2", true}, /* the HTML standard is that generous */
    {FORMAT_EMAIL, "@example.com", false},
    {FORMAT_EMAIL, "foo@", false},
    {FORMAT_EMAIL, "foo", false},
    {FORMAT_EMAIL, "foo@-a.b", false},
    {FORMAT_EMAIL, "foo@a..b", false},
    {FORMAT_EMAIL, "foo@a.", false},
    {FORMAT_EMAIL, "f\xc3\xb6o@a.b", false},
    {FORMAT_EMAIL, "foo@a.b\n", false},
    {FORMAT_EMAIL, "foo@" X60 "xxx", true},
    {FORMAT_EMAIL, "foo@" X60 "xxxx", false},

    {FORMAT_HOSTNAME, "a", true},
    {FORMAT_HOSTNAME, "A-1.example.com.", true},
    {FORMAT_HOSTNAME, "1.a", true},
    {FORMAT_HOSTNAME, "a.1", false},
    {FORMAT_HOSTNAME, "1.2.3.4", false},
    {FORMAT_HOSTNAME, ".", false},
    {FORMAT_HOSTNAME, "a..b", false},
    {FORMAT_HOSTNAME, "-a", false},
    {FORMAT_HOSTNAME, "a-", false},
    {FORMAT_HOSTNAME, "a_b", false},
    {FORMAT_HOSTNAME, X60 "." X60 "." X60 "." X60 ".abcdefghi", true},
    {FORMAT_HOSTNAME, X60 "." X60 "." X60 "." X60 ".abcdefghij", false},

    {FORMAT_IPV4, "0.0.0.0", true},
    {FORMAT_IPV4, "255.255.255.255", true},
    {FORMAT_IPV4, "256.0.0.0", false},
    {FORMAT_IPV4, "1.2.3", false},
    {FORMAT_IPV4, "1.2.3.4.", false},
    {FORMAT_IPV4, "01.2.3.4", false},
    {FORMAT_IPV4, " 1.2.3.4", false},
    {FORMAT_IPV4, "1.2.3.0004", false},
    {FORMAT_IPV4, "::1", false},

    {FORMAT_IPV6, "::", true},
    {FORMAT_IPV6, "::1", true},
    {FORMAT_IPV6, "1::", true},
    {FORMAT_IPV6, "1:2:3:4:5:6:7:8", true},
    {FORMAT_IPV6, "1:2:3:4:5:6:7::", true},
    {FORMAT_IPV6, "ABCD:ef01::", true},
    {FORMAT_IPV6, "::ffff:1.2.3.4", true},
    {FORMAT_IPV6, "1:2:3:4:5:6:1.2.3.4", true},
    {FORMAT_IPV6, "fe80::1%eth0", true},
    {FORMAT_IPV6, "fe80::1%", false},
    {FORMAT_IPV6, "1:2:3:4:5:6:7", false},
    {FORMAT_IPV6, "1:2:3:4:5:6:7:8:9", false},
    {FORMAT_IPV6, "1:2:3:4:5:6:7:8::", false},
    {FORMAT_IPV6, "1:2:3:4:5:6::1.2.3.4", false},
    {FORMAT_IPV6, "1:2:3:4:5:6:7:1.2.3.4", false},
    {FORMAT_IPV6, "1::2::3", false},
    {FORMAT_IPV6, ":::", false},
    {FORMAT_IPV6, ":1", false},
    {FORMAT_IPV6, "1:", false},
    {FORMAT_IPV6, "::1:%x", false},
    {FORMAT_IPV6, "12345::", false},
    {FORMAT_IPV6, "::g", false},
    {FORMAT_IPV6, "::1.2.3", false},
    {FORMAT_IPV6, "::1.2.3.256", false},
    {FORMAT_IPV6, "1.2.3.4", false},

    {FORMAT_IP, "1.2.3.4", true},
    {FORMAT_IP, "::1", true},
    {FORMAT_IP, "localhost", false},
    {FORMAT_ADDRESS, "localhost", true},
    {FORMAT_ADDRESS, "::1", true},
    {FORMAT_ADDRESS, "[::1]", false},

    {FORMAT_IPV4_WITH_PREFIXLEN, "1.2.3.4/24", true},
    {FORMAT_IPV4_WITH_PREFIXLEN, "1.2.3.4/0", true},
    {FORMAT_IPV4_WITH_PREFIXLEN, "1.2.3.4/33", false},
    {FORMAT_IPV4_WITH_PREFIXLEN, "1.2.3.4/04", false},
    {FORMAT_IPV4_WITH_PREFIXLEN, "1.2.3.4/", false},
    {FORMAT_IPV4_WITH_PREFIXLEN, "1.2.3.4", false},
    {FORMAT_IPV6_WITH_PREFIXLEN, "2001:db8::1/128", true},
    {FORMAT_IPV6_WITH_PREFIXLEN, "2001:db8::1/129", false},
    {FORMAT_IPV6_WITH_PREFIXLEN, "fe80::1%x/64", false},
    {FORMAT_IP_WITH_PREFIXLEN, "1.2.3.4/24", true},
    {FORMAT_IP_WITH_PREFIXLEN, "::1/64", true},
    {FORMAT_IPV4_PREFIX, "1.2.3.0/24", true},
    {FORMAT_IPV4_PREFIX, "1.2.3.4/24", false},
    {FORMAT_IPV4_PREFIX, "0.0.0.0/0", true},
    {FORMAT_IPV4_PREFIX, "1.2.3.4/32", true},
    {FORMAT_IPV6_PREFIX, "2001:db8::/32", true},
    {FORMAT_IPV6_PREFIX, "2001:db8::1/127", false},
    {FORMAT_IPV6_PREFIX, "::/0", true},
    {FORMAT_IP_PREFIX, "1.2.0.0/15", true},
    {FORMAT_IP_PREFIX, "1.3.0.0/15", false},

    {FORMAT_URI, "https://user:pw@example.com:8080/a/b;c?d=e/?#f/?", true},
    {FORMAT_URI, "urn:isbn:123", true},
    {FORMAT_URI, "mailto:x@y.z", true},
    {FORMAT_URI, "http:", true},
    {FORMAT_URI, "http://", true},
    {FORMAT_URI, "http://h:", true},
    {FORMAT_URI, "http://[::1]:80/", true},
    {FORMAT_URI, "http://[v1.a:b]", true},
    {FORMAT_URI, "http://[fe80::1%25eth%30]/", true},
    {FORMAT_URI, "http://%c3%a4/", true},
    {FORMAT_URI, "http://%ff/", false}, /* decodes to no UTF-8 */
    {FORMAT_URI, "http://[fe80::1%eth0]/", false},
    {FORMAT_URI, "http://[fe80::1%25]/", false},
    {FORMAT_URI, "http://[::1", false},
    {FORMAT_URI, "http://[v1.]", false},
    {FORMAT_URI, "http://[]", false},
    {FORMAT_URI, "http://[::1]a", false},
    {FORMAT_URI, "http://u@p@h", false},
    {FORMAT_URI, "http://h:a", false},
    {FORMAT_URI, "http://h:80:80", false},
    {FORMAT_URI, "http://a b", false},
    {FORMAT_URI, "http://a/%zz", false},
    {FORMAT_URI, "http://a/%2", false},
    {FORMAT_URI, "http://a#b#c", false},
    {FORMAT_URI, "http://a/[", false},
    {FORMAT_URI, "http://\xc3\xa4", false},
    {FORMAT_URI, "1a:b", false},
    {FORMAT_URI, "://", false},
    {FORMAT_URI, "/a/b", false},
    {FORMAT_URI_REF, "/a/b", true},
    {FORMAT_URI_REF, "", true},
    {FORMAT_URI_REF, "//host/path", true},
    {FORMAT_URI_REF, "?q#f", true},
    {FORMAT_URI_REF, "./1:b", true},
    {FORMAT_URI_REF, "1:b", false},
    {FORMAT_URI_REF, "#f#g", false},
    {FORMAT_URI_REF, "http:///#f#g", false},

    {FORMAT_UUID, "0123abcd-ABCD-0123-0123-0123456789ab", true},
    {FORMAT_UUID, "0123abcd-ABCD-0123-0123-0123456789ag", false},
    {FORMAT_UUID, "0123abcd+ABCD-0123-0123-0123456789ab", false},
    {FORMAT_UUID, "0123abcdABCD012301230123456789ab", false},
    {FORMAT_UUID, "0123abcd-ABCD-0123-0123-0123456789ab\n", false},
    {FORMAT_TUUID, "0123abcdABCD012301230123456789ab", true},
    {FORMAT_TUUID, "0123abcdABCD012301230123456789a-", false},
    {FORMAT_ULID, "01ARZ3NDEKTSV4RRFFQ69G5FAV", true},
    {FORMAT_ULID, "7zzzzzzzzzzzzzzzzzzzzzzzzz", true},
    {FORMAT_ULID, "81ARZ3NDEKTSV4RRFFQ69G5FAV", false},
    {FORMAT_ULID, "01ARZ3NDEKTSV4RRFFQ69G5FAU", false},
    {FORMAT_ULID, "01ARZ3NDEKTSV4RRFFQ69G5FA", false},

    {FORMAT_HOST_AND_PORT, "example.com:80", true},
    {FORMAT_HOST_AND_PORT, "1.2.3.4:65535", true},
    {FORMAT_HOST_AND_PORT, "[::1]:0", true},
    {FORMAT_HOST_AND_PORT, "1.2.3.4:65536", false},
    {FORMAT_HOST_AND_PORT, "example.com:080", false},
    {FORMAT_HOST_AND_PORT, "example.com:", false},
    {FORMAT_HOST_AND_PORT, "example.com", false},
    {FORMAT_HOST_AND_PORT, "::1:80", false},
    {FORMAT_HOST_AND_PORT, "[1.2.3.4]:80", false},
    {FORMAT_HOST_AND_PORT, "[]:80", false},
    {FORMAT_HOST_AND_PORT, ":80", false},

    {FORMAT_PROTOBUF_FQN, "a.b_1.C", true},
    {FORMAT_PROTOBUF_FQN, ".a", false},
    {FORMAT_PROTOBUF_FQN, "a.", false},
    {FORMAT_PROTOBUF_FQN, "a..b", false},
    {FORMAT_PROTOBUF_FQN, "a.1", false},
    {FORMAT_PROTOBUF_DOT_FQN, ".a.b", true},
    {FORMAT_PROTOBUF_DOT_FQN, "a.b", false},
    {FORMAT_PROTOBUF_DOT_FQN, "..a", false},
    {FORMAT_PROTOBUF_DOT_FQN, ".", false},

    {FORMAT_HEADER_NAME, ":method", true},
    {FORMAT_HEADER_NAME, "X-A,b+c.d", true},
    {FORMAT_HEADER_NAME, ":", false},
    {FORMAT_HEADER_NAME, "a b", false},
    {FORMAT_HEADER_NAME, "a:", false},
    {FORMAT_HEADER_NAME_LOOSE, "a b:\x01", true},
    {FORMAT_HEADER_NAME_LOOSE, "a\n", false},
    {FORMAT_HEADER_NAME_LOOSE, "", false},
    {FORMAT_HEADER_VALUE, "a\tb \xc3\xa4", true},
    {FORMAT_HEADER_VALUE, "", true},
    {FORMAT_HEADER_VALUE, "\x7f", false},
    {FORMAT_HEADER_VALUE, "\r", false},
    {FORMAT_HEADER_VALUE_LOOSE, "\x7f\x01", true},
    {FORMAT_HEADER_VALUE_LOOSE, "\r", false},

    {FORMAT_BYTES_IP, "1234", true},
    {FORMAT_BYTES_IP, "12345", false},
    {FORMAT_BYTES_IPV4, "1234567890123456", false},
    {FORMAT_BYTES_IPV6, "1234567890123456", true},
    {FORMAT_BYTES_UUID, "123456789012345", false},
};

static void rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct span text = {ROWS[i].text, strlen(ROWS[i].text)};
        if (format_matches(ROWS[i].format, text) != ROWS[i].holds)
            fail_msg("row %zu: \"%s\" is %s", i, ROWS[i].text, ROWS[i].holds ? "refused" : "taken");
    }
}

/* Only two formats take an empty text, and none reads past a text's end. */
static void empty_and_bounded(void **state)
{
    (void)state;
    for (enum text_format format = FORMAT_NONE + 1; format < FORMAT_COUNT; format++) {
        bool takes_empty = format == FORMAT_URI_REF || format == FORMAT_HEADER_VALUE ||
                           format == FORMAT_HEADER_VALUE_LOOSE;
        assert_int_equal(format_matches(format, (struct span){"", 0}), takes_empty);
    }
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        size_t length = strlen(ROWS[i].text);
        char *exact = malloc(length + 1); /* a block that ends where the text ends */
        assert_non_null(exact);
        for (size_t cut = 0; cut <= length; cut++) {
            char *begin = exact + (length + 1 - cut);
            memcpy(begin, ROWS[i].text, cut);
            (void)format_matches(ROWS[i].format, (struct span){begin, cut});
        }
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(empty_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
