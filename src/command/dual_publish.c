/* SPDX-License-Identifier: Apache-2.0 */
#include "command/dual_publish.h"

#include "base/memory.h"
#include "contract/layout.h"

#include <stdlib.h>
#include <string.h>

/* Where the last part ".vN" of a name begins; its end when it has none. */
static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    size_t digits = *last == 'v' ? strspn(last + 1, "0123456789") : 0;
    if (!digits || last[1 + digits])
        return strlen(name);
    return dot ? (size_t)(dot - name) : 0;
}

static unsigned major_of(const char *package)
{
    char domain[CONTRACT_NAME_MAX + 1];
    unsigned major;
    contract_domain(package, domain, &major);
    return major;
}

char *dual_publish_package(const char *package)
{
    size_t length = stem_length(package);
    return mem_format("%.*s%sv%u", (int)length, package, length ? "." : "", major_of(package) + 1);
}

char *dual_publish_topic(const char *topic, unsigned major)
{
    return mem_format("%.*s.v%u", (int)stem_length(topic), topic, major);
}

/* Contracts that write one table must agree; what is not the same may be added. */
static bool one_table(const struct contract *old, const struct contract *changed)
{
    const struct contract *both[] = {old, changed};
    struct errs errs = {0};
    struct layout *layout = layout_make(both, 2, &errs);
    bool agree = layout != NULL;
    layout_free(layout);
    errs_free(&errs);
    return agree;
}

void dual_publish_steps(const struct contract *old, const struct contract *changed,
                        char *steps[DUAL_PUBLISH_STEPS])
{
    const struct message_type *type = old->message;
    const char *message = type->full_name + (*type->package ? strlen(type->package) + 1 : 0);
    unsigned major = major_of(type->package) + 1;
    char *package = dual_publish_package(type->package);
    const char *topic = old->n_topics ? old->topics[0] : "the topic";
    char *next =
        old->n_topics ? dual_publish_topic(topic, major) : mem_format("a topic ….v%u", major);
    steps[0] = mem_format("leave %s as it is; copy it into package %s and make the change there",
                          old->name, package);
    steps[1] = mem_format("make the topic %s; the new message goes there, and only there", next);
    steps[2] = mem_format("let producers write both: %s to %s and %s.%s to %s", old->name, topic,
                          package, message, next);
    if (one_table(old, changed))
        steps[3] = mem_format("read both topics into %s.%s by one stream (topics with contract "
                              "%s and %s.%s): they agree on key and types, and the new topic's "
                              "version ranks above",
                              old->schema, old->table, old->name, package, message);
    else
        steps[3] = mem_format("read the new topic by a stream of its own: its table and view stand "
                              "beside %s.%s, as the two do not agree on key or types",
                              old->view_schema, old->view);
    steps[4] = mem_format("mark %s deprecated: status: DEPRECATED sunset: \"YYYY-MM-DD\", and move "
                          "its readers",
                          old->name);
    steps[5] = mem_format("retire it on evidence: when `contract readers` names nobody and "
                          "`pactolus status` shows nothing new from %s",
                          topic);
    free(package);
    free(next);
}
