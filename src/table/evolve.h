/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evolve: what a change of a contract does to its table and to those who read it: the layer table
 * of `contract diff`. Neither wire nor names notice a column that stands still, a unit that is
 * another, or a key in another order.
 *
 * Columns are matched by where their values come from (the field's number), as records are. Values
 * in jsonb columns are compared member by member, since queries name those too. Whatever the rules
 * here let pass is put to the comparator that `migrate` uses (table/compare): what it refuses is a
 * finding.
 */
#ifndef PACTOLUS_TABLE_EVOLVE_H
#define PACTOLUS_TABLE_EVOLVE_H

#include "contract/contract.h"
#include "contract/finding.h"

/* Borrows both for the call. */
void evolve_contract(const struct contract *old, const struct contract *new,
                     struct findings *findings);

/* evolve_member.c: the members of a jsonb column, and the names that an enum's values are stored
 * by. `path` names the column or member. */
void evolve_members(const struct message_type *old, const struct message_type *new,
                    const char *path, struct findings *findings);
void evolve_enum(const struct enum_type *old, const struct enum_type *new, const char *path,
                 const char *place, struct findings *findings);

#endif
