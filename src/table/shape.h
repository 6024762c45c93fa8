/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape: what the table and its views must look like, as data. One form serves three: what the
 * contract wants (shape_want), what the live catalog has (postgres/catalog fills one), and the
 * comparison of both (table/compare). A shape owns its strings.
 */
#ifndef PACTOLUS_TABLE_SHAPE_H
#define PACTOLUS_TABLE_SHAPE_H

#include "contract/layout.h"

struct shape_column {
    char *name;
    char *type;    /* as format_type() prints it: "bigint", "numeric(20,0)", "text[]" */
    char *comment; /* "" if none */
    char *zero;    /* wanted shapes: SQL literal of the value that old records have; NULL = none */
    bool not_null;
    bool has_default; /* live shapes: a default, identity or generated column */
    bool partitions;  /* live shapes: part of the partition key, whose type PostgreSQL keeps */
};

/* A right on a live view, or on one of its columns. */
struct shape_grant {
    char *role;      /* "" = PUBLIC */
    char *privilege; /* "SELECT" */
    char *column;    /* "" = the whole view */
    bool grantable;
};

/* What a live view has beside its columns' names. Types and options are always known; the rest,
 * which a view that is dropped and made anew must get back, when it may come to that (`known`). */
struct shape_view {
    char **types; /* of the columns, in order; NULL in wanted shapes: those of the table */
    unsigned n_types;
    char *options; /* "security_barrier=true", "" = none; NULL: there is no view */
    bool known;
    char *owner; /* "" = the role that asks */
    char *comment;
    char **comments; /* of the columns, in order */
    unsigned n_comments;
    struct shape_grant *grants; /* the owner's own left out */
    unsigned n_grants;
    char **defaults; /* roles to which a new view would give rights by default privileges */
    unsigned n_defaults;
    char *print; /* of all that it has to get back (ddl_view_print) */
    char **users; /* what is built on it: "reports.daily", "trigger …" */
    unsigned n_users;
};

/* A role that may read the views. Wanted shapes: all true. */
struct shape_reader {
    char *role;
    bool exists, usage, view, view_all;
};

struct shape {
    char *schema, *table;
    struct shape_column *columns;
    unsigned n_columns;
    char **key; /* column names of the primary key, in order */
    unsigned n_key;
    char *key_constraint; /* its name: "<table>_pkey", cut to 63 bytes */
    char **required;      /* columns with CHECK (_deleted_at IS NOT NULL OR col IS NOT NULL) */
    unsigned n_required;
    char **unvalidated; /* live shapes: those of them that rows from before may break */
    unsigned n_unvalidated;
    char *comment;
    char *view_schema, *view; /* the view; its <view>_all twin is implied */
    char **view_columns;      /* the view's columns, in order */
    unsigned n_view_columns;
    char **view_all_columns; /* those of <view>_all */
    unsigned n_view_all_columns;
    struct shape_view view_has, view_all_has; /* live shapes */
    char **users;                             /* live shapes: what is built on the table itself */
    unsigned n_users;
    struct shape_reader *readers;             /* live shapes: as many as wanted, in that order */
    unsigned n_readers;
    /* Live shapes; true in wanted ones. */
    bool schema_exists, view_schema_exists, exists, view_exists, view_all_exists;
};

/* The shape that the layout asks for. shape_free releases it. */
struct shape *shape_want(const struct layout *layout);
void shape_free(struct shape *shape);
/* These roles shall read the views too. The daemon leaves that out: it needs no readers. */
void shape_want_readers(struct shape *shape, const char *const *roles, unsigned n);

/* NULL when the shape has no such column. */
const struct shape_column *shape_column(const struct shape *shape, const char *name);

enum { SHAPE_NAME_MAX = 63 }; /* bytes of an identifier: NAMEDATALEN - 1 */

/* "<table>_<column>_<suffix>" (column NULL: "<table>_<suffix>"), as constraints are named. One that
 * would pass 63 bytes is cut at a character and ends in a hash of the whole: PostgreSQL would cut
 * it silently, and two columns could meet. */
void shape_constraint_name(const char *table, const char *column, const char *suffix,
                           char out[SHAPE_NAME_MAX + 1]);
/* "<view>_all", cut in the same way. */
void shape_view_all(const char *view, char out[SHAPE_NAME_MAX + 1]);

/* Append a copy of `name` to a list of names. */
void shape_names_add(char ***names, unsigned *count, const char *name);
bool shape_names_have(char *const *names, unsigned count, const char *name);
void shape_names_free(char **names, unsigned count);

#endif
