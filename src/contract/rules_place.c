/* SPDX-License-Identifier: Apache-2.0 */
/* Where the values of a field lie in an unpacked message, and which rule message fits them. */
#include "contract/rules_build.h"

/* Field numbers of FieldRules for messages with rules of their own. */
enum { FIELD_ANY = 20, FIELD_DURATION = 21, FIELD_TIMESTAMP = 22, FIELD_FIELD_MASK = 28 };

/* By the field's type: the number of its rule message in FieldRules, and how the value lies. */
static const struct {
    unsigned char rule, load;
} SCALARS[] = {
    [PROTOBUF_C_TYPE_FLOAT] = {1, LOAD_FLOAT},     [PROTOBUF_C_TYPE_DOUBLE] = {2, LOAD_DOUBLE},
    [PROTOBUF_C_TYPE_INT32] = {3, LOAD_INT32},     [PROTOBUF_C_TYPE_INT64] = {4, LOAD_INT64},
    [PROTOBUF_C_TYPE_UINT32] = {5, LOAD_UINT32},   [PROTOBUF_C_TYPE_UINT64] = {6, LOAD_UINT64},
    [PROTOBUF_C_TYPE_SINT32] = {7, LOAD_INT32},    [PROTOBUF_C_TYPE_SINT64] = {8, LOAD_INT64},
    [PROTOBUF_C_TYPE_FIXED32] = {9, LOAD_UINT32},  [PROTOBUF_C_TYPE_FIXED64] = {10, LOAD_UINT64},
    [PROTOBUF_C_TYPE_SFIXED32] = {11, LOAD_INT32}, [PROTOBUF_C_TYPE_SFIXED64] = {12, LOAD_INT64},
    [PROTOBUF_C_TYPE_BOOL] = {13, LOAD_BOOL},      [PROTOBUF_C_TYPE_STRING] = {14, LOAD_STRING},
    [PROTOBUF_C_TYPE_BYTES] = {15, LOAD_BYTES},    [PROTOBUF_C_TYPE_ENUM] = {16, LOAD_INT32},
    [PROTOBUF_C_TYPE_MESSAGE] = {0, LOAD_MESSAGE},
};

/* Which rule message fits a value of `field` (an item, if it is repeated). */
unsigned build_rule_that_fits(const struct field_type *field)
{
    if (!field->message)
        return SCALARS[field->pb->type].rule;
    switch (field->message->well_known) {
    case WELL_KNOWN_WRAPPER:
        return SCALARS[field->message->fields[0].pb->type].rule;
    case WELL_KNOWN_TIMESTAMP:
        return FIELD_TIMESTAMP;
    case WELL_KNOWN_DURATION:
        return FIELD_DURATION;
    case WELL_KNOWN_ANY:
        return FIELD_ANY;
    case WELL_KNOWN_FIELD_MASK:
        return FIELD_FIELD_MASK;
    default:
        return 0;
    }
}

void build_place_value(const struct field_type *field, struct value_rules *out)
{
    const struct message_type *message = field->message;

    out->load = SCALARS[field->pb->type].load;
    if (field->enumeration && field->enumeration->n_values)
        out->zero = field->enumeration->values[0].number;
    if (!message)
        return;
    if (message->well_known == WELL_KNOWN_WRAPPER) {
        out->form = MESSAGE_WRAPPER;
        out->inner = SCALARS[message->fields[0].pb->type].load;
        out->inner_offset = message->fields[0].pb->offset;
    } else if (message->well_known == WELL_KNOWN_TIMESTAMP ||
               message->well_known == WELL_KNOWN_DURATION) {
        out->form = MESSAGE_TIME;
        out->inner = LOAD_INT64;
        out->inner_offset = message->fields[0].pb->offset;
        out->nanos_offset = message->fields[1].pb->offset;
    }
}

static enum presence presence_of(const struct field_type *field)
{
    const ProtobufCFieldDescriptor *pb = field->pb;

    if (pb->label == PROTOBUF_C_LABEL_REPEATED)
        return PRESENCE_COUNT;
    if (pb->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return PRESENCE_CASE;
    if (pb->label == PROTOBUF_C_LABEL_REQUIRED)
        return PRESENCE_ALWAYS;
    if (pb->type == PROTOBUF_C_TYPE_MESSAGE)
        return PRESENCE_POINTER;
    if (!field->presence)
        return PRESENCE_VALUE;
    return pb->type == PROTOBUF_C_TYPE_STRING ? PRESENCE_POINTER : PRESENCE_FLAG;
}

void build_place(const struct field_type *field, struct field_rules *out)
{
    out->field = field;
    out->offset = field->pb->offset;
    out->quantifier = field->pb->quantifier_offset;
    out->presence = presence_of(field);
    build_place_value(field, &out->value);
}
