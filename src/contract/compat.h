/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat: what a change of a .proto does to those who read its bytes (layer wire) and its names
 * (layer names). Pure; borrows both schemas for the call.
 *
 * The layer wire is Confluent's Protobuf compatibility as Schema Registry judges it since June 2026
 * (the oneof logic before that was another), quirks and all: one walk gives typed differences, and
 * the table of rules says which of them are compatible. Its quirks, which docs/contract-diff.md
 * lists for people:
 *   - fields are matched by number, nested types by name; imported types are followed through the
 *     fields that use them, and compare by their name without the package;
 *   - labels are compared only where both are written, so in proto3 `int32 x` → `repeated int32 x`
 *     passes while `optional int32 x` → `repeated int32 x` does not; those of messages never are;
 *   - groups, extensions, options, json_name, defaults and reservations are not looked at.
 */
#ifndef PACTOLUS_CONTRACT_COMPAT_H
#define PACTOLUS_CONTRACT_COMPAT_H

#include "contract/finding.h"
#include "contract/schema.h"

/* Two versions of one file. */
struct compat_pair {
    const struct schema *old_schema, *new_schema;
    const struct schema_file *old_file, *new_file;
};

/* Which way the bytes go. BACKWARD: the new schema reads old data; FORWARD: the reverse. */
enum compat_direction { COMPAT_BACKWARD, COMPAT_FORWARD };

/* `notes`: the compatible differences too. */
void compat_wire(const struct compat_pair *pair, enum compat_direction direction, bool notes,
                 struct findings *findings);
void compat_names(const struct compat_pair *pair, struct findings *findings);

#endif
