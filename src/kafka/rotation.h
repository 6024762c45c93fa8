/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rotation: a password that is changed in its file is taken by the client that runs: librdkafka uses
 * it when it logs in next, and what is connected stays so. Only SASL's password; keys and
 * certificates are read when a client is made.
 */
#ifndef PACTOLUS_KAFKA_ROTATION_H
#define PACTOLUS_KAFKA_ROTATION_H

#include "base/secret.h"
#include "kafka/conf.h"

#include <librdkafka/rdkafka.h>

struct rotation {
    char *user, *place;     /* owned; place NULL: nothing to look at */
    char sign[SECRET_SIGN]; /* of the file as it was taken last */
};

/* To be begun before the client is made: a change in between is then seen. */
void rotation_begin(struct rotation *rotation, const struct kafka_options *options);
/* Look at the file, and take the password if it was written anew; logs that, or why not. */
void rotation_look(struct rotation *rotation, rd_kafka_t *client);
void rotation_end(struct rotation *rotation);

#endif
