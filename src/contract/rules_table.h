/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_table: the compiled form of rules, shared by contract/rules, which makes it, and
 * record/validate, which runs it. Internal to those two.
 *
 * A message type has an array of fields to judge, each with the offset of its value in an unpacked
 * protobuf-c message; a field has an array of checks, one for each rule. Rule ids and the sentences
 * for people are made once, at compile time, so that a violation only copies them and the
 * description of the rules (contract fingerprint) is the sentences in order.
 *
 * Everything is allocated in the rules' arena and immutable once compiled.
 */
#ifndef PACTOLUS_CONTRACT_RULES_TABLE_H
#define PACTOLUS_CONTRACT_RULES_TABLE_H

#include "base/memory.h"
#include "contract/pattern.h"
#include "contract/rules.h"

/* Integers of every width and times in nanoseconds fit one type, so that one set of comparisons
 * serves them all. */
__extension__ typedef __int128 whole;
#define WHOLE_MAX ((whole)(((unsigned __int128)1 << 127) - 1))
#define WHOLE_MIN (-WHOLE_MAX - 1)

/* How a value lies in memory. */
enum load {
    LOAD_BOOL,
    LOAD_INT32, /* int32, sint32, sfixed32, enum */
    LOAD_UINT32,
    LOAD_INT64,
    LOAD_UINT64,
    LOAD_FLOAT,
    LOAD_DOUBLE,
    LOAD_STRING,
    LOAD_BYTES,
    LOAD_MESSAGE,
};

enum text_format {
    FORMAT_NONE = 0,
    FORMAT_EMAIL,
    FORMAT_HOSTNAME,
    FORMAT_IP,
    FORMAT_IPV4,
    FORMAT_IPV6,
    FORMAT_URI,
    FORMAT_URI_REF,
    FORMAT_ADDRESS,
    FORMAT_UUID,
    FORMAT_TUUID,
    FORMAT_ULID,
    FORMAT_IP_WITH_PREFIXLEN,
    FORMAT_IPV4_WITH_PREFIXLEN,
    FORMAT_IPV6_WITH_PREFIXLEN,
    FORMAT_IP_PREFIX,
    FORMAT_IPV4_PREFIX,
    FORMAT_IPV6_PREFIX,
    FORMAT_HOST_AND_PORT,
    FORMAT_PROTOBUF_FQN,
    FORMAT_PROTOBUF_DOT_FQN,
    FORMAT_HEADER_NAME,
    FORMAT_HEADER_NAME_LOOSE,
    FORMAT_HEADER_VALUE,
    FORMAT_HEADER_VALUE_LOOSE,
    /* Of bytes: the length decides. */
    FORMAT_BYTES_IP,
    FORMAT_BYTES_IPV4,
    FORMAT_BYTES_IPV6,
    FORMAT_BYTES_UUID,
    FORMAT_COUNT,
};

enum check_code {
    CHECK_WHOLE_RANGE, /* range: lo ≤ v ≤ hi; const too */
    CHECK_WHOLE_GAP,   /* range: not (hi < v < lo): the exclusive ranges */
    CHECK_WHOLE_IN,
    CHECK_WHOLE_NOT_IN,
    CHECK_REAL_CONST, /* real.lo */
    CHECK_REAL_RANGE,
    CHECK_REAL_GAP,
    CHECK_REAL_IN,
    CHECK_REAL_NOT_IN,
    CHECK_REAL_FINITE,
    CHECK_BEFORE_NOW, /* not later than now */
    CHECK_AFTER_NOW,
    CHECK_WITHIN, /* range.hi nanoseconds around now */
    CHECK_ENUM_DEFINED,
    CHECK_POINTS, /* size: code points of text */
    CHECK_BYTES,  /* size: bytes of text or bytes */
    CHECK_TEXT_CONST,
    CHECK_TEXT_PREFIX,
    CHECK_TEXT_SUFFIX,
    CHECK_TEXT_CONTAINS,
    CHECK_TEXT_NOT_CONTAINS,
    CHECK_TEXT_IN,
    CHECK_TEXT_NOT_IN,
    CHECK_PATTERN,
    CHECK_FORMAT, /* an empty text fails under the rule id with "_empty" appended */
    CHECK_COUNT,  /* size: items of a list, pairs of a map */
    CHECK_UNIQUE,
};

/* One rule. */
struct check {
    enum check_code code;
    const char *id;      /* "int32.gt_lte" */
    const char *message; /* "must be greater than 0 and less than or equal to 10" */
    union {
        struct {
            whole lo, hi; /* inclusive */
        } range;
        struct {
            double lo, hi;
            bool lo_open, hi_open; /* the bound itself is outside */
        } real;
        struct {
            uint64_t min, max; /* inclusive */
        } size;
        struct {
            const whole *items;
            unsigned count;
        } wholes;
        struct {
            const double *items;
            unsigned count;
        } reals;
        struct {
            const struct span *items;
            unsigned count;
        } texts;
        struct span text;
        const struct pattern *pattern;
        const struct enum_type *enumeration;
        enum text_format format;
    };
};

struct type_rules;

/* What is judged of one value: a singular field, an item, a map's key or value. */
struct value_rules {
    enum load load;
    enum message_form {
        MESSAGE_PLAIN, /* `message` is walked */
        MESSAGE_WRAPPER,
        MESSAGE_TIME,      /* Timestamp, Duration: nanoseconds from two fields */
    } form;                /* when load is LOAD_MESSAGE */
    enum load inner;       /* MESSAGE_WRAPPER: how field 1 lies there */
    unsigned inner_offset; /* of field 1: the wrapper's value, a time's seconds */
    unsigned nanos_offset; /* MESSAGE_TIME */
    bool ignored;          /* IGNORE_ALWAYS */
    bool skip_zero;        /* IGNORE_IF_ZERO_VALUE on items, keys and values */
    whole zero;            /* an enum's zero is its first declared number */
    const struct check *checks;
    unsigned n_checks;
    const struct type_rules *message; /* rules of the message's own fields, else NULL */
};

enum presence {
    PRESENCE_ALWAYS,  /* proto2 required */
    PRESENCE_VALUE,   /* none: set means not zero */
    PRESENCE_FLAG,    /* a flag beside the value */
    PRESENCE_POINTER, /* set when the pointer is not NULL (nor the default's) */
    PRESENCE_CASE,    /* member of a oneof */
    PRESENCE_COUNT,   /* list or map: set when not empty */
};

struct field_rules {
    const struct field_type *field;
    unsigned offset, quantifier; /* where value and presence lie in the message */
    enum presence presence;
    bool required;
    bool always;                       /* judge the value even when it is not set */
    struct value_rules value;          /* of the value, an item, or a map's values */
    struct value_rules key;            /* of a map's keys */
    unsigned key_offset, value_offset; /* in a map's entry */
    const struct check *list;          /* of the list or map as a whole */
    unsigned n_list;
};

/* A oneof of the .proto of which one member must be set. */
struct oneof_rules {
    const struct oneof_type *oneof;
    unsigned quantifier;
};

/* A oneof that a message option declares: at most one of `fields`, one at least if required. */
struct set_rules {
    const struct field_rules *fields; /* only presence matters */
    unsigned n_fields;
    bool required;
    const char *message;
};

struct type_rules {
    const struct message_type *type;
    bool active; /* a rule is here or below */
    struct field_rules *fields;
    unsigned n_fields;
    struct set_rules *sets;
    unsigned n_sets;
    struct oneof_rules *oneofs;
    unsigned n_oneofs;
    /* Stands for a map value that the wire left out. NULL when fields of it are required. */
    ProtobufCMessage *empty;
};

struct rules {
    struct arena arena;
    struct type_rules **types; /* the first is that of the contract's own message */
    unsigned n_types, types_capacity;
    struct pattern **patterns;
    unsigned n_patterns, patterns_capacity;
    unsigned count;
};

#endif
