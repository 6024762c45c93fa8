/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/bootstrap.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>

/* The client's own re-bootstrap, where it works, is faster. */
static const usec_t first_wait = 5 * USEC_PER_SEC, longest_wait = 60 * USEC_PER_SEC,
                    patience = 300 * USEC_PER_SEC;

void bootstrap_lost(struct bootstrap *bootstrap, usec_t now)
{
    bootstrap->until = now + patience;
    if (bootstrap->due)
        return;
    bootstrap->wait = first_wait;
    bootstrap->due = now + first_wait;
}

bool bootstrap_due(struct bootstrap *bootstrap, usec_t now)
{
    if (!bootstrap->due || now < bootstrap->due)
        return false;
    bootstrap->wait = bootstrap->wait < longest_wait / 2 ? 2 * bootstrap->wait : longest_wait;
    bootstrap->due = now < bootstrap->until ? now + bootstrap->wait : 0;
    return true;
}

static char *servers_of(rd_kafka_t *client)
{
    static const char name[] = "bootstrap.servers";
    size_t size = 0;
    if (rd_kafka_conf_get(rd_kafka_conf(client), name, NULL, &size) != RD_KAFKA_CONF_OK)
        return NULL;
    char *servers = mem_zero(size + 1, 1);
    if (rd_kafka_conf_get(rd_kafka_conf(client), name, servers, &size) == RD_KAFKA_CONF_OK)
        return servers;
    free(servers);
    return NULL;
}

void bootstrap_turn(struct bootstrap *bootstrap, rd_kafka_t *client, usec_t now)
{
    if (!bootstrap_due(bootstrap, now))
        return;
    char *servers = servers_of(client);
    if (servers) {
        int n = rd_kafka_brokers_add(client, servers);
        log_debug("kafka: seeking the brokers at %s (%d)", servers, n);
    }
    free(servers);
}
