/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb is run with a sink in place, which gets the tables that it would have parsed by. */
#include "command/generate.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct describing {
    struct args_sink args; /* first */
    struct described *all;
    unsigned n;
};

struct family_sink {
    struct verb_sink sink; /* first */
    const struct verb_family *found;
};

static char *copy(const char *text)
{
    return text ? mem_string(text) : NULL;
}

/* The tables stand on the stack of the verb: they are copied. */
static void take_args(struct args_sink *sink, const struct args *args)
{
    struct describing *describing = (struct describing *)sink;
    struct described *one = &describing->all[describing->n - 1];
    one->usage = copy(args->usage);
    one->summary = copy(args->summary);
    one->examples = copy(args->examples);
    one->exits = copy(args->exits);
    for (const struct args_option *option = args->options; option->name; option++) {
        one->options = mem_grow(one->options, one->n_options + 2, sizeof *one->options);
        one->options[one->n_options++] = (struct described_option){
            option->letter, copy(option->name), copy(option->value), copy(option->text)};
    }
    one->options = mem_grow(one->options, one->n_options + 1, sizeof *one->options);
    one->options[one->n_options++] =
        (struct described_option){'h', copy("help"), NULL, copy("this text")};
}

static void take_family(struct verb_sink *sink, const struct verb_family *family)
{
    struct family_sink *self = (struct family_sink *)sink;
    self->found = family;
}

static void ask(struct describing *describing, struct family_sink *families,
                const struct verb *verb, const char *before)
{
    describing->all = mem_grow(describing->all, describing->n + 1, sizeof *describing->all);
    struct described *one = &describing->all[describing->n++];
    *one = (struct described){.verb = verb};
    snprintf(one->name, sizeof one->name, "%s%s%s", before ? before : "", before ? " " : "",
             verb->name);
    char own[64];
    snprintf(own, sizeof own, "%s", verb->name);
    char *argv[] = {own, NULL};
    families->found = NULL;
    verb->run(1, argv);
    const struct verb_family *family = families->found;
    one = &describing->all[describing->n - 1];
    assert(family || one->options); /* it parses its options before it does anything */
    if (!family)
        return;
    one->family = true;
    one->text = copy(family->text);
    one->usage = mem_string("VERB [OPTION…]");
    one->summary = copy(verb->summary);
    for (const struct verb *below = family->table; below->name; below++)
        ask(describing, families, below, verb->name);
}

struct described *describe_all(unsigned *n)
{
    struct describing describing = {.args = {take_args}};
    struct family_sink families = {{take_family}, NULL};
    args_describe(&describing.args);
    verbs_describe(&families.sink);
    for (const struct verb *verb = verbs_table(); verb->name; verb++)
        ask(&describing, &families, verb, NULL);
    args_describe(NULL);
    verbs_describe(NULL);
    *n = describing.n;
    return describing.all;
}

void described_free(struct described *all, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < all[i].n_options; k++) {
            free(all[i].options[k].name);
            free(all[i].options[k].value);
            free(all[i].options[k].text);
        }
        free(all[i].options);
        free(all[i].usage);
        free(all[i].summary);
        free(all[i].examples);
        free(all[i].exits);
        free(all[i].text);
    }
    free(all);
}
