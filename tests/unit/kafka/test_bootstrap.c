/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap: a client that has forgotten all brokers finds them again. The broker is a thread that
 * speaks as much of Kafka's protocol as a client needs to ask for metadata, and lies when told. */
#include "kafka/bootstrap.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ASKERS = 24, STORMS_MAX = 20, SOCKETS_MAX = 64, FRAME_MAX = 4096, DEADLINE_S = 30 };
enum { API_METADATA = 3, API_VERSIONS = 18, UNSUPPORTED_VERSION = 35, LEADER_NOT_AVAILABLE = 5 };

/* ---- the broker ---- */

/* The library sizes a buffer by the length of the answer, and a short name leaves too little. */
static const char topic[] = "a.topic.with.a.name.that.is.as.long.as.those.of.large.companies.are."
                            "with.its.domain.its.entity.its.type.of.event.and.its.version.v1";

struct asked {
    int socket;
    int32_t correlation;
};

struct broker {
    pthread_t thread;
    int port;
    struct pollfd sockets[SOCKETS_MAX]; /* the first listens */
    nfds_t n_sockets;
    struct asked held[ASKERS];
    unsigned n_held;
    atomic_uint
        hold; /* so many questions for metadata are held back, and answered together: none */
    atomic_uint asked; /* questions for metadata */
    atomic_bool over;
};

struct reply {
    unsigned char data[FRAME_MAX];
    size_t length;
};

static void put(struct reply *reply, int bytes, int64_t value)
{
    while (bytes-- > 0)
        reply->data[reply->length++] = (unsigned char)((uint64_t)value >> (8 * bytes));
}

static void put_text(struct reply *reply, const char *text)
{
    put(reply, 2, (int64_t)strlen(text));
    memcpy(reply->data + reply->length, text, strlen(text));
    reply->length += strlen(text);
}

static struct reply begin(int32_t correlation)
{
    struct reply reply = {.length = 4};
    put(&reply, 4, correlation);
    return reply;
}

/* Who has closed the connection meanwhile wants no answer. */
static void say(int socket, struct reply *reply)
{
    size_t length = reply->length;
    reply->length = 0;
    put(reply, 4, (int64_t)(length - 4));
    if (send(socket, reply->data, length, MSG_NOSIGNAL) < 0)
        return;
}

static void say_versions(int socket, int32_t correlation, int version)
{
    static const int apis[][2] = {{API_METADATA, 1}, {API_VERSIONS, 0}};
    struct reply reply = begin(correlation);
    put(&reply, 2, version > 0 ? UNSUPPORTED_VERSION : 0);
    put(&reply, 4, 2);
    for (unsigned i = 0; i < 2; i++) {
        put(&reply, 2, apis[i][0]);
        put(&reply, 2, apis[i][1]);
        put(&reply, 2, apis[i][1]);
    }
    say(socket, &reply);
}

static void say_metadata(const struct broker *broker, const struct asked *asked, bool listed)
{
    struct reply reply = begin(asked->correlation);
    put(&reply, 4, listed);
    if (listed) {
        put(&reply, 4, 1);
        put_text(&reply, "127.0.0.1");
        put(&reply, 4, broker->port);
        put(&reply, 2, -1); /* no rack */
    }
    put(&reply, 4, listed ? 1 : -1); /* the controller */
    put(&reply, 4, 1);
    put(&reply, 2, LEADER_NOT_AVAILABLE);
    put_text(&reply, topic);
    put(&reply, 1, 0);
    put(&reply, 4, 0);
    say(asked->socket, &reply);
}

static void take_metadata(struct broker *broker, const struct asked *asked)
{
    atomic_fetch_add(&broker->asked, 1);
    if (atomic_load(&broker->hold) == 0) {
        broker->n_held = 0;
        say_metadata(broker, asked, true);
        return;
    }
    broker->held[broker->n_held++] = *asked;
    if (broker->n_held < atomic_load(&broker->hold))
        return;
    atomic_store(&broker->hold, 0);
    for (unsigned i = 0; i < broker->n_held; i++)
        say_metadata(broker, &broker->held[i], false);
    broker->n_held = 0;
}

static bool read_all(int socket, unsigned char *data, size_t length)
{
    return recv(socket, data, length, MSG_WAITALL) == (ssize_t)length;
}

/* One request: length, API, version, correlation; the rest is passed over. */
static bool serve(struct broker *broker, int socket)
{
    unsigned char frame[FRAME_MAX];
    if (!read_all(socket, frame, 4))
        return false;
    size_t length = be32_load(frame);
    if (length < 8 || length > sizeof frame || !read_all(socket, frame, length))
        return false;
    unsigned api = be16_load(frame), version = be16_load(frame + 2);
    struct asked asked = {socket, (int32_t)be32_load(frame + 4)};
    if (api == API_VERSIONS)
        say_versions(socket, asked.correlation, (int)version);
    else if (api == API_METADATA)
        take_metadata(broker, &asked);
    return true;
}

static void *run(void *context)
{
    struct broker *broker = context;
    while (!atomic_load(&broker->over)) {
        if (poll(broker->sockets, broker->n_sockets, 20) <= 0)
            continue;
        for (nfds_t i = broker->n_sockets; i-- > 1;)
            if (broker->sockets[i].revents && !serve(broker, broker->sockets[i].fd)) {
                close(broker->sockets[i].fd);
                broker->sockets[i] = broker->sockets[--broker->n_sockets];
            }
        if (broker->sockets[0].revents && broker->n_sockets < SOCKETS_MAX)
            broker->sockets[broker->n_sockets++] =
                (struct pollfd){.fd = accept(broker->sockets[0].fd, NULL, NULL), .events = POLLIN};
    }
    return NULL;
}

static void broker_open(struct broker *broker)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *broker = (struct broker){.port = ntohs(address.sin_port), .n_sockets = 1};
    broker->sockets[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    assert_int_equal(pthread_create(&broker->thread, NULL, run, broker), 0);
}

static void broker_close(struct broker *broker)
{
    atomic_store(&broker->over, true);
    pthread_join(broker->thread, NULL);
    while (broker->n_sockets)
        close(broker->sockets[--broker->n_sockets].fd);
}

/* ---- the client ---- */

static rd_kafka_t *client_open(const struct broker *broker)
{
    char servers[32], why[256];
    snprintf(servers, sizeof servers, "127.0.0.1:%d", broker->port);
    const char *const settings[][2] = {{"bootstrap.servers", servers},
                                       {"reconnect.backoff.ms", "10"},
                                       {"reconnect.backoff.max.ms", "50"},
                                       {"topic.metadata.refresh.fast.interval.ms", "10"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (unsigned i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_int_equal(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why),
                         0);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(client);
    return client;
}

/* Does the client get an answer of a broker? */
static bool answered(rd_kafka_t *client, int patience_ms)
{
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(client, 0, NULL, &metadata, patience_ms))
        return false;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

static void *ask(void *client)
{
    answered(client, 1000);
    return NULL;
}

/* All ask at once, and are told together that there is no broker. */
static void storm(struct broker *broker, rd_kafka_t *client)
{
    pthread_t askers[ASKERS];
    atomic_store(&broker->hold, ASKERS / 2);
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask, client), 0);
    for (unsigned i = 0; i < ASKERS; i++)
        pthread_join(askers[i], NULL);
    atomic_store(&broker->hold, 0);
}

static void forgotten_brokers_are_found_again(void **state)
{
    struct broker broker;
    struct bootstrap bootstrap = {0};
    (void)state;
    broker_open(&broker);
    rd_kafka_t *client = client_open(&broker);
    assert_true(answered(client, DEADLINE_S * 1000));
    /* A library that does not forget them for good answers after each. */
    bool lost = false;
    for (unsigned i = 0; i < STORMS_MAX && !lost; i++) {
        storm(&broker, client);
        lost = !answered(client, 3000);
    }
    printf("the client %s\n", lost ? "has forgotten its brokers" : "finds its brokers by itself");
    bootstrap_lost(&bootstrap, USEC_PER_SEC);
    bootstrap_turn(&bootstrap, client, 6 * USEC_PER_SEC);
    assert_true(answered(client, DEADLINE_S * 1000));
    rd_kafka_destroy(client);
    broker_close(&broker);
}

/* ---- when ---- */

static void they_are_sought_for_a_while_and_ever_less(void **state)
{
    const usec_t start = 100 * USEC_PER_SEC;
    const int tries[] = {5, 15, 35, 75, 135, 195, 255, 315};
    struct bootstrap bootstrap = {0};
    unsigned n = 0;
    (void)state;
    assert_false(bootstrap_due(&bootstrap, start));
    bootstrap_lost(&bootstrap, start);
    for (int second = 0; second <= 1000; second++)
        if (bootstrap_due(&bootstrap, start + second * USEC_PER_SEC)) {
            assert_true(n < sizeof tries / sizeof *tries);
            assert_int_equal(second, tries[n++]);
        }
    assert_int_equal(n, sizeof tries / sizeof *tries);
    /* The client says it again and again while they are away: that hastens nothing. */
    bootstrap_lost(&bootstrap, start);
    for (int second = 0; second < 4; second++)
        bootstrap_lost(&bootstrap, start + second * USEC_PER_SEC);
    assert_false(bootstrap_due(&bootstrap, start + 5 * USEC_PER_SEC - 1));
    assert_true(bootstrap_due(&bootstrap, start + 5 * USEC_PER_SEC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgotten_brokers_are_found_again),
        cmocka_unit_test(they_are_sought_for_a_while_and_ever_less),
    };
    return cmocka_run_group_tests_name("bootstrap", tests, NULL, NULL);
}
