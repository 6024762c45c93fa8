/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/rotation.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Names are given with dots or with underscores. */
static bool is(const char *name, const char *first, const char *second)
{
    size_t length = strlen(first);
    return strlen(name) == length + 1 + strlen(second) && strncmp(name, first, length) == 0 &&
           (name[length] == '.' || name[length] == '_') && strcmp(name + length + 1, second) == 0;
}

void rotation_begin(struct rotation *rotation, const struct kafka_options *options)
{
    const char *user = NULL, *place = NULL;
    *rotation = (struct rotation){0};
    for (unsigned i = 0; i < options->n_properties; i++) {
        const struct kafka_property *property = &options->properties[i];
        if (is(property->name, "sasl", "username"))
            user = property->value;
        else if (is(property->name, "sasl", "password"))
            place = secret_place(property->value);
    }
    if (!user || !place)
        return;
    rotation->user = mem_string(user);
    rotation->place = mem_string(place);
    secret_sign(place, rotation->sign);
}

void rotation_end(struct rotation *rotation)
{
    free(rotation->user);
    free(rotation->place);
    *rotation = (struct rotation){0};
}

void rotation_look(struct rotation *rotation, rd_kafka_t *client)
{
    char sign[SECRET_SIGN];
    struct err err = ERR_INIT;
    if (!rotation->place)
        return;
    secret_sign(rotation->place, sign);
    /* Gone for a moment, as while it is written: what is known goes on. */
    if (!sign[0] || strcmp(sign, rotation->sign) == 0)
        return;
    memcpy(rotation->sign, sign, sizeof sign);
    char *password = secret_read(rotation->place, SECRET_LINE, &err);
    if (!password) {
        log_err(LOG_LEVEL_WARNING, "kafka: the password stays as it was", &err);
        return;
    }
    rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(client, rotation->user, password);
    secret_free(password);
    if (error)
        log_warning("kafka: the password stays as it was: %s", rd_kafka_error_string(error));
    else
        log_notice("kafka: took the new password of %s", rotation->user);
    rd_kafka_error_destroy(error);
}
