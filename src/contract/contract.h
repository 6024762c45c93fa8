/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract: a message type with its options, as columns. Immutable once made; shared by the
 * pipeline, the table's shape and the tools. It borrows the descriptor set, which must outlive it.
 */
#ifndef PACTOLUS_CONTRACT_CONTRACT_H
#define PACTOLUS_CONTRACT_CONTRACT_H

#include "contract/descriptor.h"
#include "contract/type.h"

enum {
    CONTRACT_COLUMNS_MAX = 500,
    CONTRACT_KEY_MAX = 8,
    CONTRACT_NAME_MAX = 63,
    CONTRACT_DEPTH_MAX = 3, /* messages around a field that is a column; deeper ones are jsonb */
};

enum contract_mode { CONTRACT_UPSERT = 0, CONTRACT_APPEND };
enum contract_status { CONTRACT_ACTIVE = 0, CONTRACT_DRAFT, CONTRACT_DEPRECATED };

/* What options or configuration say about one column. All strings borrowed; NULL = not said. */
struct column_options {
    const char *name, *type, *unit, *classification, *null_means;
    bool skip, skip_said;
};

/* What options or configuration say about a contract. NULL / 0 = not said. */
struct contract_options {
    const char *const *topics;
    unsigned n_topics;
    const char *const *key;
    unsigned n_key;
    const char *version_field, *event_time, *schema, *table, *view;
    enum contract_mode mode;
    bool mode_said;
    const char *owner, *notify, *sunset, *freshness, *retention, *description;
    const char *purge_deleted_after;
    enum contract_status status;
    bool status_said;
};

/* Overrides from the configuration: they win over the .proto's options, field by field. */
struct column_override {
    const char *field; /* the field's name, a oneof's, or a path of them: "address-street" or
                          "address.street" (no name holds a hyphen or a dot) */
    struct column_options options;
    const char *place; /* file:line, for messages; may be NULL */
};
struct contract_overrides {
    struct contract_options contract;
    const char *place; /* file:line of what is said about the contract, for messages; may be NULL */
    const struct column_override *columns;
    unsigned n_columns;
};

/* What of its field a column holds. */
enum column_part {
    PART_VALUE = 0, /* the field's value */
    PART_PRESENCE,  /* boolean: is the message set? Never NULL: false below an unset one */
    PART_CASE,      /* text: the name of the field that a oneof holds; NULL when it holds none */
    PART_LATITUDE,  /* of a google.type.LatLng: a double with a range */
    PART_LONGITUDE,
    PART_COUNT,
};

struct column {
    const char *name;        /* the column's name, at most 63 bytes */
    const char *origin;      /* the path in the message: "address.street"; of a case column that of
                                the oneof */
    const struct type *type; /* of the column, or of its elements */
    unsigned short precision, scale; /* of TYPE_NUMERIC */
    bool array;                      /* one-dimensional array of `type` */
    bool nullable; /* presence exists, here or around: NULL means unset. Key columns are NOT NULL
                      whatever this says: unset there is a dead letter */
    const struct field_type *field; /* where the value comes from; PART_CASE: the oneof's first */
    const struct field_type *const *path; /* the messages around the field, outermost first */
    unsigned depth;                       /* how many; 0: the field is the contract's own */
    enum column_part part;
    bool wrapper;     /* field is a wrapper message: the value is its field 1 */
    int key_position; /* 0… in the primary key, -1 if not */
    const char *comment, *unit, *classification, *null_means; /* "" if none */
};

struct rules; /* contract/rules: validation rules compiled from buf.validate options */

struct contract {
    const struct message_type *message;
    const char *name;             /* the message's full name */
    const struct column *columns; /* by field number; those of a message in its place */
    unsigned n_columns;
    unsigned key[CONTRACT_KEY_MAX]; /* indexes into columns, in key order */
    unsigned n_key;                 /* 0 for append contracts */
    int version;                    /* index into columns, -1 without */
    int event_time;                 /* index into columns, -1 without */
    enum contract_mode mode;
    enum contract_status status;
    const char *const *topics; /* may be empty: the stream's configuration names them */
    unsigned n_topics;
    const char *schema, *table;                                                /* of the table */
    const char *view_schema, *view;                                            /* of the view */
    const char *owner, *notify, *sunset, *freshness, *retention, *description; /* "" if none */
    const char *purge_deleted_after;                                           /* "" if never */
    const struct rules *rules; /* never NULL; may be empty */
    char fingerprint[65];      /* SHA-256, hex, of everything that shapes rows and table */
};

/* Make the contract of `type`; `overrides` may be NULL and is not kept. Everything wrong is
 * reported at once into `errs` (each with the .proto's file:line or the configuration's place, and
 * a hint): no key on an upsert contract, float or repeated or message key, unknown key or version
 * field, version that is not an integer, unsupported type, two columns of one name (also with a
 * bookkeeping column: names that begin with an underscore are ours), a name over 63 bytes, a name
 * that PostgreSQL reserves, unknown field in an override or an option that nothing heeds, malformed
 * sunset, freshness, retention or purge_deleted_after, a classification that is none. NULL then.
 * contract_free releases it.
 *
 * Defaults: columns are named as their fields; schema "data", table "<domain>_<message>_v<major>",
 * view schema "<domain>" ("public" without one), view "<message>_v<major>" (contract_domain; the
 * message in snake case, a nested one behind the messages around it). */
struct contract *contract_make(const struct message_type *type,
                               const struct contract_overrides *overrides, struct errs *errs);
void contract_free(struct contract *contract);

/* Options as read from the message's and the field's own option bytes. Strings are copied into
 * memory that `options_free` releases (the union of what both calls made). */
struct options_memory;
struct options_memory *options_open(void);
bool options_of_message(struct options_memory *memory, const struct message_type *type,
                        struct contract_options *options, struct err *err) MUST_CHECK;
bool options_of_field(struct options_memory *memory, const struct field_type *field,
                      struct column_options *options, struct err *err) MUST_CHECK;
bool options_of_oneof(struct options_memory *memory, const struct oneof_type *oneof,
                      struct column_options *options, struct err *err) MUST_CHECK;
void options_close(struct options_memory *memory);
/* Does the message carry our option at all? */
bool options_declared(const struct message_type *type);

/* Domain and major version of a package. The version is a last part "v" + digits, 1 when there is
 * none; the domain is what stands before it, with dots as underscores: "payments.v1" → "payments",
 * 1; "shop.orders.v2" → "shop_orders", 2; "shop.orders" → "shop_orders", 1; "v3" → "", 3;
 * "pay.v1beta1" → "pay_v1beta1", 1 (a beta never shares a table with its v1).
 * `domain` needs CONTRACT_NAME_MAX + 1 bytes; a longer one is cut. */
void contract_domain(const char *package, char *domain, unsigned *major);

#endif
