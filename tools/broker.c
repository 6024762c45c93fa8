/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pactolus-broker: an embedded Kafka cluster (librdkafka's mock cluster) as a process of its own,
 * so that the demo and many tests need no Java. It speaks the real protocol on loopback; it keeps
 * nothing, drops what is past 5 MiB or 100,000 batches of a partition, and cannot look up offsets
 * by time.
 */
#include "base/log.h"
#include "base/text.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char usage[] =
    "usage: pactolus-broker [--topic NAME:PARTITIONS]... [--port-file FILE] [--brokers N]\n"
    "                       [--rebalance-delay MS] [--until-eof]\n"
    "\n"
    "An embedded Kafka cluster on loopback, for demo and tests. Runs until SIGTERM or SIGINT.\n"
    "\n"
    "  --topic NAME:PARTITIONS  make a topic (repeatable)\n"
    "  --port-file FILE         write the bootstrap address there, at once or not at all\n"
    "  --brokers N              number of brokers (1)\n"
    "  --rebalance-delay MS     wait before a group's first rebalance (0)\n"
    "  --until-eof              end when standard input ends, too\n"
    "\n"
    "Commands on standard input, one a line, each answered by a line \"ok\" or \"error: ...\":\n"
    "  topic NAME PARTITIONS      make a topic\n"
    "  topic-error NAME CODE      answer questions about the topic with that error; 0 = none\n"
    "  errors API COUNT CODE      fail the next COUNT requests of that API key\n"
    "  down BROKER | up BROKER    cut and restore a broker\n"
    "  rtt BROKER MS              delay its answers\n"
    "  leader TOPIC PARTITION BROKER\n"
    "  coordinator GROUP BROKER\n"
    "  bootstrap                  answers \"ok ADDRESS\"\n"
    "  quit\n";

static rd_kafka_mock_cluster_t *cluster;

/* ---- commands ---- */

/* What follows a command's name: `number` is set where a number is wanted. */
struct word {
    const char *text;
    int number;
};

static bool parse_number(const char *text, int *number)
{
    int64_t value;
    if (!text_parse_int(text, &value) || value < INT_MIN || value > INT_MAX)
        return false;
    *number = (int)value;
    return true;
}

static rd_kafka_resp_err_t run_topic_error(const struct word *words)
{
    rd_kafka_mock_topic_set_error(cluster, words[0].text, (rd_kafka_resp_err_t)words[1].number);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t run_topic(const struct word *words)
{
    return rd_kafka_mock_topic_create(cluster, words[0].text, words[1].number, 1);
}

static rd_kafka_resp_err_t run_errors(const struct word *words)
{
    for (int i = 0; i < words[1].number; i++)
        rd_kafka_mock_push_request_errors(cluster, (int16_t)words[0].number, 1,
                                          (rd_kafka_resp_err_t)words[2].number);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t run_down(const struct word *words)
{
    return rd_kafka_mock_broker_set_down(cluster, words[0].number);
}

static rd_kafka_resp_err_t run_up(const struct word *words)
{
    return rd_kafka_mock_broker_set_up(cluster, words[0].number);
}

static rd_kafka_resp_err_t run_rtt(const struct word *words)
{
    return rd_kafka_mock_broker_set_rtt(cluster, words[0].number, words[1].number);
}

static rd_kafka_resp_err_t run_leader(const struct word *words)
{
    return rd_kafka_mock_partition_set_leader(cluster, words[0].text, words[1].number,
                                              words[2].number);
}

static rd_kafka_resp_err_t run_coordinator(const struct word *words)
{
    return rd_kafka_mock_coordinator_set(cluster, "group", words[0].text, words[1].number);
}

enum { WORDS_MAX = 8 };

/* `form` has a letter for each word: t for text, n for a number. */
static const struct command {
    const char *name, *form;
    rd_kafka_resp_err_t (*run)(const struct word *words);
} commands[] = {
    {"topic", "tn", run_topic},    {"topic-error", "tn", run_topic_error},
    {"errors", "nnn", run_errors}, {"down", "n", run_down},
    {"up", "n", run_up},           {"rtt", "nn", run_rtt},
    {"leader", "tnn", run_leader}, {"coordinator", "tn", run_coordinator},
};

static void answer(const struct command *command, char *const *texts)
{
    struct word words[WORDS_MAX] = {0};
    for (size_t i = 0; command->form[i]; i++) {
        words[i].text = texts[i];
        if (command->form[i] == 'n' && !parse_number(texts[i], &words[i].number)) {
            printf("error: %s is no number\n", texts[i]);
            return;
        }
    }
    rd_kafka_resp_err_t code = command->run(words);
    if (code)
        printf("error: %s\n", rd_kafka_err2str(code));
    else
        printf("ok\n");
}

/* False when the line asks for the end. */
static bool command(char *line)
{
    char *words[WORDS_MAX] = {NULL}, *state = NULL;
    size_t n = 0;
    for (char *word = strtok_r(line, " \t\r\n", &state); word && n < WORDS_MAX;
         word = strtok_r(NULL, " \t\r\n", &state))
        words[n++] = word;
    if (n == 0)
        return true;
    if (strcmp(words[0], "quit") == 0)
        return false;
    if (strcmp(words[0], "bootstrap") == 0) {
        printf("ok %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        return true;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, words[0]) != 0 || strlen(commands[i].form) != n - 1)
            continue;
        answer(&commands[i], words + 1);
        return true;
    }
    printf("error: no such command, or not with %zu words\n", n - 1);
    return true;
}

/* ---- the loop ---- */

struct input {
    char text[4096];
    size_t length;
    bool ended;
};

/* False when the process is to end. */
static bool read_commands(struct input *input)
{
    ssize_t got =
        read(STDIN_FILENO, input->text + input->length, sizeof input->text - 1 - input->length);
    if (got <= 0) {
        input->ended = true;
        return true;
    }
    input->length += (size_t)got;
    input->text[input->length] = 0;
    char *line = input->text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        if (!command(line))
            return false;
    }
    fflush(stdout);
    input->length = strlen(line);
    if (input->length == sizeof input->text - 1)
        input->length = 0; /* a line longer than any command */
    memmove(input->text, line, input->length);
    return true;
}

static void serve(int signals, bool until_eof)
{
    struct input input = {.length = 0};
    for (;;) {
        struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                               {.fd = input.ended ? -1 : STDIN_FILENO, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            return;
        if (fds[1].revents && !read_commands(&input))
            return;
        if (input.ended && until_eof)
            return;
    }
}

/* ---- the start ---- */

struct options {
    const char *port_file;
    char *topics[64];
    int n_topics, brokers, rebalance_delay;
    bool until_eof;
};

static bool natural(const char *option, const char *text, int *number)
{
    if (parse_number(text, number) && *number >= 0)
        return true;
    log_error("--%s %s: a natural number is wanted", option, text);
    return false;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"topic", required_argument, NULL, 't'},
                                          {"port-file", required_argument, NULL, 'p'},
                                          {"brokers", required_argument, NULL, 'b'},
                                          {"rebalance-delay", required_argument, NULL, 'd'},
                                          {"until-eof", no_argument, NULL, 'e'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    options->brokers = 1;
    for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else if (c == 't' && options->n_topics < 64) {
            options->topics[options->n_topics++] = optarg;
        } else if (c == 'p') {
            options->port_file = optarg;
        } else if (c == 'b') {
            if (!natural("brokers", optarg, &options->brokers))
                return false;
        } else if (c == 'd') {
            if (!natural("rebalance-delay", optarg, &options->rebalance_delay))
                return false;
        } else if (c == 'e') {
            options->until_eof = true;
        } else {
            return false;
        }
    }
    return optind == argc && options->brokers > 0;
}

static bool make_topics(const struct options *options)
{
    for (int i = 0; i < options->n_topics; i++) {
        char *colon = strrchr(options->topics[i], ':');
        int partitions;
        if (!colon || !parse_number(colon + 1, &partitions) || partitions <= 0) {
            log_error("--topic %s: NAME:PARTITIONS is wanted", options->topics[i]);
            return false;
        }
        *colon = 0;
        rd_kafka_resp_err_t code =
            rd_kafka_mock_topic_create(cluster, options->topics[i], partitions, 1);
        if (code) {
            log_error("--topic %s: %s", options->topics[i], rd_kafka_err2str(code));
            return false;
        }
    }
    return true;
}

static bool write_address(const char *path)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return false;
    FILE *file = fopen(temporary, "we");
    bool ok = file && fprintf(file, "%s\n", rd_kafka_mock_cluster_bootstraps(cluster)) > 0;
    ok = file && fclose(file) == 0 && ok && rename(temporary, path) == 0;
    if (!ok)
        log_error("cannot write %s: %s", path, strerror(errno));
    return ok;
}

static void silent(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    if (level <= LOG_LEVEL_ERROR)
        log_error("broker: %s: %s", facility, text);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    char why[512];
    sigset_t mask;
    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return ERR_EXIT_USAGE;
    }
    /* Before librdkafka starts its threads, which inherit the mask. */
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int signals = signalfd(-1, &mask, SFD_CLOEXEC);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, silent);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    cluster = client ? rd_kafka_mock_cluster_new(client, options.brokers) : NULL;
    if (signals < 0 || !cluster) {
        log_error("cannot start: %s", client ? strerror(errno) : why);
        return ERR_EXIT_UNAVAILABLE;
    }
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, options.rebalance_delay);
    int code = ERR_EXIT_UNAVAILABLE;
    if (make_topics(&options) && (!options.port_file || write_address(options.port_file))) {
        printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        serve(signals, options.until_eof);
        code = ERR_EXIT_OK;
    }
    if (options.port_file)
        unlink(options.port_file);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client);
    return code;
}
