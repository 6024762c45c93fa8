/* SPDX-License-Identifier: Apache-2.0 */
#include "record/guard.h"

enum {
    DEFAULT_DEPTH = 64,
    DEFAULT_FIELDS = 100000,
    DEFAULT_BYTES = 16 * 1024 * 1024,
};

void drift_count(struct drift *drift, const void *type, int number, bool enumeration)
{
    drift->total++;
    for (unsigned i = 0; i < drift->used; i++) {
        struct drift_entry *entry = &drift->entries[i];
        if (entry->number == number && entry->type == type && entry->enumeration == enumeration) {
            entry->count++;
            return;
        }
    }
    if (drift->used == DRIFT_MAX) {
        drift->others++;
        return;
    }
    drift->entries[drift->used++] = (struct drift_entry){
        .type = type, .number = number, .enumeration = enumeration, .count = 1};
}

void guard_init(struct guard *guard, struct drift *drift)
{
    *guard = (struct guard){
        .limits = {.depth_max = DEFAULT_DEPTH,
                   .field_max = DEFAULT_BYTES,
                   .fields_max = DEFAULT_FIELDS},
        .record_max = DEFAULT_BYTES,
        .drift = drift,
    };
}

static void count_unknown(void *context, const ProtobufCMessageDescriptor *type, unsigned number)
{
    drift_count(context, type, (int)number, false);
}

bool guard_check(const struct guard *guard, const struct message_type *type, struct span payload,
                 enum wire_fault *fault, struct err *err)
{
    if (payload.length > guard->record_max) {
        *fault = WIRE_SIZE;
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA,
                       "payload of %zu bytes is longer than the limit of %zu", payload.length,
                       guard->record_max);
    }
    struct wire_walk walk = {
        .on_unknown = guard->drift ? count_unknown : NULL,
        .context = guard->drift,
    };
    bool ok = wire_check(&walk, &type->pb, payload, &guard->limits);
    *fault = walk.fault;
    if (ok)
        return true;
    if (!walk.field)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "%s, at byte %zu of %s",
                       wire_fault_text(walk.fault), walk.offset, type->full_name);
    return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "%s, at byte %zu of %s, in field %u",
                   wire_fault_text(walk.fault), walk.offset, type->full_name, walk.field);
}

enum reason guard_reason(enum wire_fault fault)
{
    switch (fault) {
    case WIRE_OK:
        return REASON_NONE;
    case WIRE_SIZE:
    case WIRE_FIELDS:
        return REASON_TOO_LARGE;
    case WIRE_DEPTH:
        return REASON_TOO_DEEP;
    case WIRE_UTF8:
    case WIRE_NUL:
        return REASON_TEXT;
    case WIRE_TRUNCATED:
    case WIRE_VARINT:
    case WIRE_TAG:
    case WIRE_GROUP:
    case WIRE_TYPE:
        break;
    }
    return REASON_MALFORMED;
}
