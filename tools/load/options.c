/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "base/text.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: pactolus-load --bootstrap ADDRESS --topic TOPIC [OPTION]...\n"
    "\n"
    "Produces payments (payments.v1.Payment). A record depends on the seed and its number only.\n"
    "Ends after --count records or --seconds, or at SIGINT or SIGTERM, and waits for the brokers.\n"
    "\n"
    "  --count N            records to produce\n"
    "  --seconds S          for how long\n"
    "  --rate R             records per second (0: as fast as possible)\n"
    "  --keys K             draw the keys from K that begin at --first-key (0: every record a new\n"
    "                       key)\n"
    "  --updates SHARE      share of records on existing keys: those of --keys, or else those "
    "that\n"
    "                       this load made before; the others are new keys behind them\n"
    "  --first-key N        number of the first key (0)\n"
    "  --tombstones SHARE   share of records without a value\n"
    "  --broken SHARE       share of broken records, all kinds in turn\n"
    "  --broken-kinds LIST  only these: truncated,garbage,varint,nested,utf8,nul,type,timestamp,\n"
    "                       key-unset,empty,key-other,tombstone-no-key,index\n"
    "  --framing NAME       raw (default) or confluent\n"
    "  --schema-id N        of confluent framing (1)\n"
    "  --seed N             (1)\n"
    "  --epoch MS           record i is created at MS + i instead of now, Kafka's timestamp too\n"
    "  --json               a summary on standard output\n"
    "  --no-check           other producers write too: do not compare with the high watermarks\n"
    "  -X NAME=VALUE        a librdkafka property\n"
    "\n"
    "exit status: 0 all acknowledged; 65 the log does not hold what was produced; 69 not "
    "delivered\n";

enum {
    OPTION_BOOTSTRAP = 256,
    OPTION_TOPIC,
    OPTION_COUNT,
    OPTION_SECONDS,
    OPTION_RATE,
    OPTION_KEYS,
    OPTION_UPDATES,
    OPTION_FIRST_KEY,
    OPTION_TOMBSTONES,
    OPTION_BROKEN,
    OPTION_KINDS,
    OPTION_FRAMING,
    OPTION_SCHEMA_ID,
    OPTION_SEED,
    OPTION_EPOCH,
    OPTION_JSON,
    OPTION_NO_CHECK,
};

static const struct option longs[] = {
    {"bootstrap", required_argument, NULL, OPTION_BOOTSTRAP},
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"keys", required_argument, NULL, OPTION_KEYS},
    {"updates", required_argument, NULL, OPTION_UPDATES},
    {"first-key", required_argument, NULL, OPTION_FIRST_KEY},
    {"tombstones", required_argument, NULL, OPTION_TOMBSTONES},
    {"broken", required_argument, NULL, OPTION_BROKEN},
    {"broken-kinds", required_argument, NULL, OPTION_KINDS},
    {"framing", required_argument, NULL, OPTION_FRAMING},
    {"schema-id", required_argument, NULL, OPTION_SCHEMA_ID},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"epoch", required_argument, NULL, OPTION_EPOCH},
    {"json", no_argument, NULL, OPTION_JSON},
    {"no-check", no_argument, NULL, OPTION_NO_CHECK},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static bool whole_of(const char *text, int64_t min, int64_t *value)
{
    return text_parse_int(text, value) && *value >= min;
}

static bool real_of(const char *text, double max, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*value) && *value >= 0 && *value <= max;
}

static bool kinds_of(struct plan *plan, const char *list)
{
    plan->n_kinds = 0;
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        enum broken kind = broken_parse(at, length);
        if (kind == BROKEN_COUNT || plan->n_kinds == BROKEN_COUNT)
            return false;
        plan->kinds[plan->n_kinds++] = kind;
        at += length + (at[length] == ',');
    }
    return plan->n_kinds > 0;
}

static bool property_of(struct load_options *options, char *text)
{
    char *value = strchr(text, '=');
    if (!value || options->n_properties == OPTIONS_PROPERTIES_MAX)
        return false;
    *value++ = 0;
    options->properties[options->n_properties++] =
        (struct kafka_property){text, value, "command line"};
    return true;
}

static bool unsigned_of(const char *text, uint64_t *out)
{
    int64_t value;
    bool ok = whole_of(text, 0, &value);
    *out = ok ? (uint64_t)value : 0;
    return ok;
}

static bool one(struct load_options *options, int option, char *text)
{
    struct plan *plan = &options->plan;
    uint64_t id;
    switch (option) {
    case OPTION_BOOTSTRAP:
        options->properties[options->n_properties++] =
            (struct kafka_property){"bootstrap.servers", text, "--bootstrap"};
        return options->n_properties < OPTIONS_PROPERTIES_MAX;
    case OPTION_TOPIC:
        options->topic = text;
        return *text != 0;
    case OPTION_COUNT:
        return unsigned_of(text, &options->count);
    case OPTION_SECONDS:
        return real_of(text, 1e9, &options->seconds);
    case OPTION_RATE:
        return real_of(text, 1e8, &options->rate);
    case OPTION_KEYS:
        return unsigned_of(text, &plan->keys);
    case OPTION_UPDATES:
        return real_of(text, 1, &plan->updates);
    case OPTION_FIRST_KEY:
        return unsigned_of(text, &plan->first_key);
    case OPTION_TOMBSTONES:
        return real_of(text, 1, &plan->tombstones);
    case OPTION_BROKEN:
        return real_of(text, 1, &plan->broken);
    case OPTION_KINDS:
        return kinds_of(plan, text);
    case OPTION_FRAMING:
        plan->confluent = strcmp(text, "confluent") == 0;
        return plan->confluent || strcmp(text, "raw") == 0;
    case OPTION_SCHEMA_ID:
        if (!unsigned_of(text, &id) || id > INT32_MAX)
            return false;
        plan->schema_id = (uint32_t)id;
        return true;
    case OPTION_SEED:
        return unsigned_of(text, &plan->seed);
    case OPTION_EPOCH:
        return whole_of(text, 0, &options->epoch_ms);
    case OPTION_JSON:
        options->json = true;
        return true;
    case OPTION_NO_CHECK:
        options->check = false;
        return true;
    case 'X':
        return property_of(options, text);
    default:
        return false;
    }
}

/* All kinds; without the framing's prefix the index is no kind of its own. */
static void default_kinds(struct plan *plan)
{
    if (plan->n_kinds > 0)
        return;
    for (int kind = 0; kind < BROKEN_COUNT; kind++)
        if (kind != BROKEN_INDEX || plan->confluent)
            plan->kinds[plan->n_kinds++] = (enum broken)kind;
}

bool options_parse(struct load_options *options, int argc, char **argv)
{
    int index = 0;
    *options =
        (struct load_options){.epoch_ms = -1, .check = true, .plan = {.seed = 1, .schema_id = 1}};
    for (int option; (option = getopt_long(argc, argv, "hX:", longs, &index)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        if (option == '?')
            return false; /* getopt has said it */
        if (!one(options, option, optarg)) {
            fprintf(stderr, "pactolus-load: %s%s: not a value of it: %s\n",
                    option == 'X' ? "" : "--", option == 'X' ? "-X" : longs[index].name, optarg);
            return false;
        }
    }
    default_kinds(&options->plan);
    bool complete = options->topic && options->n_properties > 0 && optind == argc;
    if (!complete)
        fputs("pactolus-load: --bootstrap and --topic are wanted, and no operands (--help)\n",
              stderr);
    return complete;
}
