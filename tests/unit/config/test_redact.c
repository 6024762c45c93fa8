/* SPDX-License-Identifier: Apache-2.0 */
#include "config/redact.h"

#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void hides_passwords_in_conninfo(void **state)
{
    static const struct {
        const char *conninfo, *shown;
    } rows[] = {
        {"", ""},
        {"dbname=a user=b", "dbname=a user=b"},
        {"dbname=a password=s3cret user=b", "dbname=a password=[redacted] user=b"},
        {"password = 's3 c\\'ret' user=b", "password=[redacted] user=b"},
        {"PASSWORD=s3cret", "PASSWORD=[redacted]"},
        {"sslpassword=s3cret sslmode=require", "sslpassword=[redacted] sslmode=require"},
        {"password='s3cret", "password=[redacted]"},
        {"password=a\\ s3cret user=b", "password=[redacted] user=b"},
        {"postgresql://u:s3cret@h:5432/d?sslmode=require",
         "postgresql://u:[redacted]@h:5432/d?sslmode=require"},
        {"postgres://u@h/d?password=s3cret&user=x", "postgres://u@h/d?password=[redacted]&user=x"},
        {"postgres://h/d?p%61ssword=s3cret", "postgres://h/d?p%61ssword=[redacted]"},
        {"postgresql://u:s3@cret@h/d", "postgresql://u:[redacted]@h/d"},
        {"postgresql://u:s3/cret@h/d", "postgresql://u:[redacted]@h/d"},
        {"postgresql://h:5432,i:5433/d", "postgresql://h:5432,i:5433/d"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = BUF_INIT;
        redact_conninfo(rows[i].conninfo, &out);
        assert_string_equal(out.data ? out.data : "", rows[i].shown);
        buf_free(&out);
    }
}

static void knows_secret_properties(void **state)
{
    static const char *const secret[] = {"sasl.password",
                                         "ssl.key.password",
                                         "ssl.key.pem",
                                         "ssl.certificate.pem",
                                         "sasl.oauthbearer.config",
                                         "sasl.oauthbearer.client.secret",
                                         "userinfo",
                                         "SASL_PASSWORD",
                                         "sasl.oauthbearer.assertion.private.key.passphrase"};
    static const char *const open[] = {"bootstrap.servers",
                                       "sasl.username",
                                       "ssl.ca.location",
                                       "client.id",
                                       "ssl.key.location",
                                       "sasl.kerberos.keytab",
                                       "ssl.keystore.location",
                                       "socket.keepalive.enable",
                                       "sasl.oauthbearer.token.endpoint.url"};
    (void)state;
    for (unsigned i = 0; i < sizeof secret / sizeof *secret; i++)
        assert_true(secret_named(secret[i]));
    for (unsigned i = 0; i < sizeof open / sizeof *open; i++)
        assert_false(secret_named(open[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_passwords_in_conninfo),
        cmocka_unit_test(knows_secret_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
