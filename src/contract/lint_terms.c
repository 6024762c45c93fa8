/* SPDX-License-Identifier: Apache-2.0 */
/* What people agree on: who answers, what it means, how fresh, where it flows. */
#include "contract/lint.h"
#include "contract/pattern.h"

#include <stdlib.h>
#include <string.h>

enum { TOPIC_NAME_MAX = 249 };

static void add(const struct linting *linting, const char *id, const char *text)
{
    findings_add(linting->findings, LAYER_LINT, id, linting->type->full_name, linting->place, "%s",
                 text);
}

static bool empty(const char *text)
{
    return !text || !*text;
}

static void lint_descriptions(const struct linting *linting)
{
    const struct message_type *type = linting->type;
    if (!descriptor_set_has_source_info(linting->set)) {
        add(linting, "COMMENTS_ABSENT", "the descriptor set holds no comments");
        return;
    }
    if (empty(linting->said.description) && empty(type->comment))
        add(linting, "DESCRIPTION_MISSING", "nothing says what a row of it is");
    for (unsigned i = 0; i < type->n_fields; i++) {
        const struct field_type *field = &type->fields[i];
        if (empty(field->comment))
            findings_add(linting->findings, LAYER_LINT, "FIELD_DESCRIPTION_MISSING",
                         lint_field_path(linting, field), lint_field_place(linting, field),
                         "field %s has no comment", field->name);
    }
}

void lint_terms(const struct linting *linting)
{
    const struct contract_options *said = &linting->said;
    if (empty(said->owner))
        add(linting, "OWNER_MISSING", "no owner is named");
    if (empty(said->freshness))
        add(linting, "FRESHNESS_MISSING", "no freshness is promised");
    if (said->status == CONTRACT_DEPRECATED && empty(said->sunset))
        add(linting, "STATUS_SUNSET", "it is deprecated, but no sunset says until when");
    if (said->status != CONTRACT_DEPRECATED && !empty(said->sunset))
        add(linting, "STATUS_SUNSET", "it has a sunset, but is not deprecated");
    lint_descriptions(linting);
}

/* ------------------------------------------------------------------------------------- topics */

/* Kafka's own rule (Topic.java): 1 to 249 of [a-zA-Z0-9._-], neither "." nor "..". */
static bool kafka_takes(const char *topic)
{
    size_t length = strlen(topic);
    return length >= 1 && length <= TOPIC_NAME_MAX && strcmp(topic, ".") != 0 &&
           strcmp(topic, "..") != 0 &&
           strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               length;
}

/* The N of a last part ".vN", else 1. */
static unsigned version_of(const char *name)
{
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    size_t digits = *last == 'v' ? strspn(last + 1, "0123456789") : 0;
    return digits && !last[1 + digits] ? (unsigned)strtoul(last + 1, NULL, 10) : 1;
}

static void lint_topic(const struct linting *linting, const char *topic)
{
    struct findings *findings = linting->findings;
    const char *path = linting->type->full_name;
    unsigned major = version_of(linting->type->package);
    if (!kafka_takes(topic)) {
        findings_add(findings, LAYER_LINT, "TOPIC_INVALID", path, linting->place,
                     "Kafka takes no topic named \"%.80s\"", topic);
        return;
    }
    if (!pattern_matches(linting->options->topics, (struct span){topic, strlen(topic)}))
        findings_add(findings, LAYER_LINT, "TOPIC_NAME", path, linting->place,
                     "topic %s is not of the form %s", topic, linting->options->pattern);
    if (version_of(topic) != major)
        findings_add(findings, LAYER_LINT, "TOPIC_VERSION", path, linting->place,
                     "topic %s is of version %u, package %s of version %u", topic,
                     version_of(topic), linting->type->package, major);
}

void lint_topics(const struct linting *linting)
{
    const struct contract_options *said = &linting->said;
    if (!said->n_topics)
        add(linting, "TOPIC_MISSING", "no topic is named");
    for (unsigned i = 0; i < said->n_topics; i++)
        lint_topic(linting, said->topics[i]);
    if (linting->contract && lint_topics_unordered(said->n_topics, linting->contract->version >= 0,
                                                   linting->contract->mode == CONTRACT_APPEND))
        add(linting, "TOPICS_UNORDERED", "one key may come from several topics");
}
