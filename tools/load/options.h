/* SPDX-License-Identifier: Apache-2.0 */
/* options: the command line of pactolus-load. */
#ifndef PACTOLUS_LOAD_OPTIONS_H
#define PACTOLUS_LOAD_OPTIONS_H

#include "kafka/conf.h"
#include "plan.h"

enum { OPTIONS_PROPERTIES_MAX = 32 };

struct load_options {
    const char *topic;
    struct plan plan;
    uint64_t count;   /* 0 = no limit */
    double seconds;   /* 0 = no limit */
    double rate;      /* per second; 0 = as fast as possible */
    int64_t epoch_ms; /* -1 = the wall clock */
    bool json, check; /* check: compare with the high watermarks */
    struct kafka_property properties[OPTIONS_PROPERTIES_MAX];
    unsigned n_properties;
};

/* False after having said what is wrong. --help prints and exits. */
bool options_parse(struct load_options *options, int argc, char **argv);

#endif
