/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ddl: the statements that make and change a table and its views, as text. All append whole
 * statements, each ended by a semicolon and a line end, so that several make one step, which runs
 * in one transaction. Names are quoted; comments travel as literals.
 */
#ifndef PACTOLUS_TABLE_DDL_H
#define PACTOLUS_TABLE_DDL_H

#include "base/buf.h"
#include "table/shape.h"

/* CREATE SCHEMA IF NOT EXISTS: several migrations may run at once. */
void ddl_schema(struct buf *out, const char *schema);
/* The table with key, checks and comments. */
void ddl_table(struct buf *out, const struct shape *want);
/* A column, empty in the rows that are there, or (required) with the zero value that reading the
 * old records again would give. That stays its default: a daemon that runs with the contract of
 * before writes rows without it. The check is not yet put to the rows (ddl_validate). */
void ddl_add_column(struct buf *out, const struct shape *want, const struct shape_column *column,
                    bool required);
/* The CHECK that `column` has a value in rows that are not deleted: of rows that come (add), of
 * those that are there (validate, under a lock that stops neither readers nor writers); a query
 * that counts those that break it. */
void ddl_add_required(struct buf *out, const struct shape *want, const char *column);
void ddl_validate(struct buf *out, const struct shape *want, const char *column);
void ddl_count_broken(struct buf *out, const struct shape *want, const char *column);
void ddl_drop_required(struct buf *out, const struct shape *want, const char *column);
void ddl_rename_key(struct buf *out, const struct shape *want, const char *from);
/* CREATE OR REPLACE VIEW with these columns and their comments. The view named `want->view` hides
 * deleted rows; any other name is the <view>_all twin. */
void ddl_view(struct buf *out, const struct shape *want, const char *name, char *const *columns,
              unsigned n_columns);
/* The options of a live view ("" or NULL: none). CREATE OR REPLACE VIEW takes them away. */
void ddl_view_options(struct buf *out, const struct shape *want, const char *name,
                      const char *options);
/* Columns of other types (table/widen). PostgreSQL puts every check of such a column to all rows
 * again, while nobody can read or write: the checks of `checked` (a part of `columns`) are made
 * anew for rows that come, and ddl_validate is due. */
void ddl_widen(struct buf *out, const struct shape *want, const struct shape_column *const *columns,
               unsigned n, char *const *checked, unsigned n_checked);
/* A query for the print of what a view made anew has to get back, without its last semicolon. */
void ddl_view_print(struct buf *out, const char *schema, const char *name);
/* DROP VIEW, which fails when anything is built on it, and when the view has another print than
 * `print` (NULL: unknown): a plan may be old when it runs. And what a view made anew gets back:
 * rights, options, owner, and comments that the contract does not give. */
void ddl_drop_view(struct buf *out, const struct shape *want, const char *name, const char *print);
void ddl_restore_view(struct buf *out, const struct shape *want, const char *name,
                      char *const *columns, const struct shape_view *had);
/* What `have` lacks of a reader's rights. */
void ddl_grant_reader(struct buf *out, const struct shape *want, const struct shape_reader *have);
/* COMMENT ON the table and both views; on a column of all three. */
void ddl_comment_relations(struct buf *out, const struct shape *want);
void ddl_comment_column(struct buf *out, const struct shape *want,
                        const struct shape_column *column);

#endif
