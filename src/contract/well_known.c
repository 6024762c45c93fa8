/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/well_known.h"

#include <stddef.h>
#include <string.h>

enum { SHAPE_FIELDS_MAX = 6 };

struct shape_field {
    const char *name;
    ProtobufCType type;
    bool repeated, map;
    const char *message; /* full name for message fields; NULL = not looked at */
};

struct shape {
    const char *full_name;
    enum well_known kind;
    unsigned n_fields; /* numbered 1 … n */
    struct shape_field fields[SHAPE_FIELDS_MAX];
};

#define WRAPPER(name, type)                                                                        \
    {                                                                                              \
        "google.protobuf." name, WELL_KNOWN_WRAPPER, 1,                                            \
        {                                                                                          \
            {                                                                                      \
                "value", PROTOBUF_C_TYPE_##type, false, false, NULL                                \
            }                                                                                      \
        }                                                                                          \
    }

/* clang-format off */
static const struct shape shapes[] = {
    {"google.protobuf.Timestamp", WELL_KNOWN_TIMESTAMP, 2,
     {{"seconds", PROTOBUF_C_TYPE_INT64, false, false, NULL},
      {"nanos", PROTOBUF_C_TYPE_INT32, false, false, NULL}}},
    {"google.protobuf.Duration", WELL_KNOWN_DURATION, 2,
     {{"seconds", PROTOBUF_C_TYPE_INT64, false, false, NULL},
      {"nanos", PROTOBUF_C_TYPE_INT32, false, false, NULL}}},
    WRAPPER("DoubleValue", DOUBLE),
    WRAPPER("FloatValue", FLOAT),
    WRAPPER("Int64Value", INT64),
    WRAPPER("UInt64Value", UINT64),
    WRAPPER("Int32Value", INT32),
    WRAPPER("UInt32Value", UINT32),
    WRAPPER("BoolValue", BOOL),
    WRAPPER("StringValue", STRING),
    WRAPPER("BytesValue", BYTES),
    {"google.protobuf.Struct", WELL_KNOWN_STRUCT, 1,
     {{"fields", PROTOBUF_C_TYPE_MESSAGE, false, true, "google.protobuf.Struct.FieldsEntry"}}},
    {"google.protobuf.Value", WELL_KNOWN_VALUE, 6,
     {{"null_value", PROTOBUF_C_TYPE_ENUM, false, false, NULL},
      {"number_value", PROTOBUF_C_TYPE_DOUBLE, false, false, NULL},
      {"string_value", PROTOBUF_C_TYPE_STRING, false, false, NULL},
      {"bool_value", PROTOBUF_C_TYPE_BOOL, false, false, NULL},
      {"struct_value", PROTOBUF_C_TYPE_MESSAGE, false, false, "google.protobuf.Struct"},
      {"list_value", PROTOBUF_C_TYPE_MESSAGE, false, false, "google.protobuf.ListValue"}}},
    {"google.protobuf.ListValue", WELL_KNOWN_LIST_VALUE, 1,
     {{"values", PROTOBUF_C_TYPE_MESSAGE, true, false, "google.protobuf.Value"}}},
    {"google.protobuf.Any", WELL_KNOWN_ANY, 2,
     {{"type_url", PROTOBUF_C_TYPE_STRING, false, false, NULL},
      {"value", PROTOBUF_C_TYPE_BYTES, false, false, NULL}}},
    {"google.protobuf.FieldMask", WELL_KNOWN_FIELD_MASK, 1,
     {{"paths", PROTOBUF_C_TYPE_STRING, true, false, NULL}}},
    {"google.protobuf.Empty", WELL_KNOWN_EMPTY, 0, {{0}}},
    {"google.type.Date", WELL_KNOWN_DATE, 3,
     {{"year", PROTOBUF_C_TYPE_INT32, false, false, NULL},
      {"month", PROTOBUF_C_TYPE_INT32, false, false, NULL},
      {"day", PROTOBUF_C_TYPE_INT32, false, false, NULL}}},
    {"google.type.TimeOfDay", WELL_KNOWN_TIME_OF_DAY, 4,
     {{"hours", PROTOBUF_C_TYPE_INT32, false, false, NULL},
      {"minutes", PROTOBUF_C_TYPE_INT32, false, false, NULL},
      {"seconds", PROTOBUF_C_TYPE_INT32, false, false, NULL},
      {"nanos", PROTOBUF_C_TYPE_INT32, false, false, NULL}}},
    {"google.type.Money", WELL_KNOWN_MONEY, 3,
     {{"currency_code", PROTOBUF_C_TYPE_STRING, false, false, NULL},
      {"units", PROTOBUF_C_TYPE_INT64, false, false, NULL},
      {"nanos", PROTOBUF_C_TYPE_INT32, false, false, NULL}}},
    {"google.type.Decimal", WELL_KNOWN_DECIMAL, 1,
     {{"value", PROTOBUF_C_TYPE_STRING, false, false, NULL}}},
    {"google.type.LatLng", WELL_KNOWN_LAT_LNG, 2,
     {{"latitude", PROTOBUF_C_TYPE_DOUBLE, false, false, NULL},
      {"longitude", PROTOBUF_C_TYPE_DOUBLE, false, false, NULL}}},
    {"google.type.Interval", WELL_KNOWN_INTERVAL, 2,
     {{"start_time", PROTOBUF_C_TYPE_MESSAGE, false, false, "google.protobuf.Timestamp"},
      {"end_time", PROTOBUF_C_TYPE_MESSAGE, false, false, "google.protobuf.Timestamp"}}},
};
/* clang-format on */

static const struct shape *find_shape(const char *full_name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].full_name, full_name) == 0)
            return &shapes[i];
    }
    return NULL;
}

enum well_known well_known_kind(const char *full_name)
{
    static const char others[] = "google.type.";
    const struct shape *shape = find_shape(full_name);
    if (shape)
        return shape->kind;
    return strncmp(full_name, others, sizeof others - 1) == 0 ? WELL_KNOWN_GOOGLE_TYPE
                                                              : WELL_KNOWN_NONE;
}

/* Value's members share a oneof, all others stand alone; the entry of Struct.fields maps text to
 * Value. Labels must be those of proto3, since they decide how the value lies in memory. */
static bool field_fits(const struct shape *shape, const struct shape_field *want,
                       const struct field_type *have, unsigned number)
{
    bool value = shape->kind == WELL_KNOWN_VALUE;
    ProtobufCLabel label =
        want->type == PROTOBUF_C_TYPE_MESSAGE ? PROTOBUF_C_LABEL_OPTIONAL : PROTOBUF_C_LABEL_NONE;
    if (have->pb->id != number || strcmp(have->name, want->name) != 0 ||
        have->pb->type != want->type || have->repeated != want->repeated || have->map != want->map)
        return false;
    if (value != (have->oneof_index == 0) || (!value && have->oneof_index != -1))
        return false;
    if (!value && !have->repeated && !have->map && have->pb->label != label)
        return false;
    if (want->message && strcmp(have->message->full_name, want->message) != 0)
        return false;
    if (!want->map)
        return true;
    const struct field_type *entry = have->message->fields;
    return entry[0].pb->type == PROTOBUF_C_TYPE_STRING && entry[1].message &&
           strcmp(entry[1].message->full_name, "google.protobuf.Value") == 0;
}

bool well_known_check(const struct message_type *type, struct err *err)
{
    const struct shape *shape = find_shape(type->full_name);
    if (!shape)
        return true;
    bool fits = type->n_fields == shape->n_fields;
    for (unsigned i = 0; fits && i < shape->n_fields; i++)
        fits = field_fits(shape, &shape->fields[i], &type->fields[i], i + 1);
    if (fits)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "message %s has not the fields of the well-known type of that name", type->full_name);
    err_place(err, "%s", type->file);
    return err_hint(err, "use the google/protobuf/*.proto that come with protoc, and the "
                         "google/type/*.proto of googleapis");
}
