/* SPDX-License-Identifier: Apache-2.0 */
/* Where the daemon answers HTTP. */
#include "config/listen.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *shown(const struct listen_address *listen, char out[80])
{
    char host[INET6_ADDRSTRLEN];
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &listen->address, sizeof v4);
    memcpy(&v6, &listen->address, sizeof v6);
    bool six = listen->address.ss_family == AF_INET6;
    inet_ntop(six ? AF_INET6 : AF_INET, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, host,
              sizeof host);
    assert_int_equal(listen->length, six ? sizeof v6 : sizeof v4);
    snprintf(out, 80, "%s %u", host, ntohs(six ? v6.sin6_port : v4.sin_port));
    return out;
}

static void addresses_are_taken(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {{"127.0.0.1:9464", "127.0.0.1 9464"},
                 {"0.0.0.0:1", "0.0.0.0 1"},
                 {"[::1]:65535", "::1 65535"},
                 {":9464", ":: 9464"}};
    struct listen_address listen;
    struct err err;
    char out[80];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(listen_parse(cases[i].text, &listen, &err));
        assert_false(listen.systemd);
        assert_string_equal(shown(&listen, out), cases[i].wanted);
    }
    assert_true(listen_parse("systemd", &listen, &err));
    assert_true(listen.systemd);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "9464",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:94x",
        "localhost:9464",
        "::1:9464",
        "[::1:9464",
        "[127.0.0.1]:9464",
        "[]:9464",
        "systemd:1",
        "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23:1"};
    struct listen_address listen;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        if (listen_parse(cases[i], &listen, &err))
            fail_msg("taken: %s", cases[i]);
        assert_int_equal(err.exit, ERR_EXIT_CONFIG);
        assert_non_null(strstr(err.hint, "127.0.0.1:9464"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
