/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat_internal: what compat_wire.c (files, types, oneofs) and compat_field.c (one field) share.
 * Nobody else includes it.
 */
#ifndef PACTOLUS_CONTRACT_COMPAT_INTERNAL_H
#define PACTOLUS_CONTRACT_COMPAT_INTERNAL_H

#include "contract/compat.h"

#define LABEL_IS(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

/* Fields of a type are what Google names so; "original" is the writer's, "update" the reader's. */
struct compat_walk {
    const struct schema *original, *update;
    bool update_is_new; /* BACKWARD; else FORWARD, and the original is the new one */
    bool notes;
    struct findings *findings;
    unsigned bad; /* incompatible differences so far */
    const struct schema_type *within[DESCRIPTOR_DEPTH_MAX * 8];
    unsigned n_within; /* messages of the original that are being compared, against circles */
};

/* What is compared now, for paths and places: either may be NULL, not both. */
struct compat_spot {
    const struct schema_type *original, *update;
    int original_at, update_at; /* index of the field or value, -1: the type itself */
};

/* The name of a type's field or value; NULL for the type itself. */
const char *compat_element(const struct schema_type *type, int at);
/* Note a difference, or not: as its rule and the walk want it. `text` is borrowed for the call. */
void compat_differ(struct compat_walk *walk, const struct compat_spot *spot, const char *id,
                   const char *text);
/* A group is not looked at: no rule speaks of groups. */
bool compat_is_group(const field_proto *field);
/* Type and label of a field, or of a map's key or value (without labels). */
void compat_field(struct compat_walk *walk, const struct compat_spot *spot,
                  const field_proto *original, const field_proto *update, bool labels);
/* All of a message; nothing when it is being compared already. */
void compat_message(struct compat_walk *walk, const struct schema_type *original,
                    const struct schema_type *update);

#endif
