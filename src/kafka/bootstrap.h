/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bootstrap: find the brokers again. Since 2.10 librdkafka forgets brokers that metadata does not
 * list. A cluster whose brokers are all fenced for a moment lists none; when two such answers come
 * together, the second one cancels the re-bootstrap that the first one brought about, for good: the
 * client knows no broker any more, and asks for none (seen in 2.14.2;
 * https://github.com/confluentinc/librdkafka/issues/5301). So after the client has said that all
 * brokers are down, its bootstrap servers are added again, a few times. Where they are known that
 * does nothing.
 *
 * Belongs to one client and to the thread that polls it.
 */
#ifndef PACTOLUS_KAFKA_BOOTSTRAP_H
#define PACTOLUS_KAFKA_BOOTSTRAP_H

#include "base/clock.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct bootstrap {
    usec_t due;   /* of the next try; 0 = the brokers are not sought */
    usec_t wait;  /* from it to the one after */
    usec_t until; /* no try after it */
};

/* The client says that all brokers are down: seek them from in five seconds on, for five minutes. */
void bootstrap_lost(struct bootstrap *bootstrap, usec_t now);
/* Is it time for a try? The next one is twice as far off, a minute at most. */
bool bootstrap_due(struct bootstrap *bootstrap, usec_t now);
/* bootstrap_due, and the try. Never blocks; to be called as often as the client is polled. */
void bootstrap_turn(struct bootstrap *bootstrap, rd_kafka_t *client, usec_t now);

#endif
