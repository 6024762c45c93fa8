/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_build: what the parts of contract/rules share while they compile. Internal to them.
 *
 * Each part reads one family of rule messages from option bytes. An option that is written in
 * several pieces in the .proto arrives in several pieces: an embedded message that occurs twice
 * means both, merged (build_merged), a scalar that occurs twice means the last.
 */
#ifndef PACTOLUS_CONTRACT_RULES_BUILD_H
#define PACTOLUS_CONTRACT_RULES_BUILD_H

#include "contract/rules_table.h"
#include "contract/wire.h"

enum {
    RULES_OPTION = 1159, /* buf.validate's extension of field, message and oneof options */
    RULES_PREDEFINED_FIRST = 1000, /* extensions of rule messages: predefined rules */
};

struct build {
    struct rules *rules;
    struct errs *errs;
    const struct message_type *type; /* being compiled */
    const struct field_type *field;  /* being compiled, NULL for the message's own rules */
    const char *part;                /* "", ".items", ".keys", ".values": for messages */
    unsigned failures;
    struct type_rules **index; /* open addressing by type, so that linking stays linear */
    size_t index_size;         /* a power of two, at least twice the types */
};

/* The checks of one value while they are collected; build_checks_done moves them into the arena. */
struct check_list {
    struct check *items;
    unsigned count, capacity;
};

/* Add an error about what is being compiled: "field shop.Order.total: text". Always false. */
bool build_error(struct build *build, const char *hint, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same for a rule that exists in protovalidate and that this engine does not enforce. */
bool build_unsupported(struct build *build, const char *rule);
/* The same for a field number that rule message `family` does not have. */
bool build_unknown(struct build *build, const char *family, unsigned number);
/* The same for bytes that are not a rule message. */
bool build_malformed(struct build *build, const char *family);

/* All occurrences of embedded message `number` in `bytes`, one after the other (which is how
 * Protobuf merges). data is NULL when there is none. False (reported) on malformed bytes. */
bool build_merged(struct build *build, struct span bytes, unsigned number, struct span *merged);

/* Zeroed memory of the rules' arena, aligned for a `whole`. */
void *build_alloc(struct build *build, size_t bytes);

/* A new check at the end of the list, zeroed. `id` is copied as "family.rule". */
struct check *build_check(struct build *build, struct check_list *list, enum check_code code,
                          const char *family, const char *rule);
/* The checks in the arena; the list is emptied. Counts them. */
const struct check *build_checks_done(struct build *build, struct check_list *list,
                                      unsigned *count);
/* The sentence in the arena. */
const char *build_sentence(struct build *build, const char *format, ...) PRINTF_LIKE(2, 3);

/* The types' worklist: the rules of `type`, compiled later if they are not yet. */
struct type_rules *build_type(struct build *build, const struct message_type *type);

/* rules_number.c: rules of a scalar number, a bool, an enum, a Timestamp or a Duration.
 * `number` is the rule message's field number in FieldRules. */
bool build_number(struct build *build, unsigned number, struct span bytes,
                  const struct enum_type *enumeration, struct check_list *list);
/* rules_text.c */
bool build_string(struct build *build, struct span bytes, struct check_list *list);
bool build_bytes(struct build *build, struct span bytes, struct check_list *list);
/* rules_field.c: the rules of one field, whatever its kind. `in_set`: a member of a oneof that a
 * message option declares, which is judged only when set. False when nothing is to be judged, or on
 * an error, which is reported. */
bool build_field(struct build *build, const struct field_type *field, bool in_set,
                 struct field_rules *out);
/* Report an unsupported field (group, extension) that carries rules. */
void build_refuse(struct build *build, const struct field_type *field);

/* rules_place.c: where the value of `field` lies and how its presence is told. */
void build_place(const struct field_type *field, struct field_rules *out);
/* How a value of `field` lies, be it the field itself or an item of it. */
void build_place_value(const struct field_type *field, struct value_rules *out);
/* The rule message that fits a value of `field` (an item, if it is repeated), as its number in
 * FieldRules. 0: none, it is a message without rules of its own. */
unsigned build_rule_that_fits(const struct field_type *field);

/* rules_message.c: the oneofs that options of the message declare, and its oneofs that must be set.
 * `members` has a flag for each field of the type, set for members of a declared oneof. */
bool build_sets(struct build *build, struct type_rules *rules, bool *members);
void build_oneofs(struct build *build, struct type_rules *rules);

#endif
