/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_known: the messages of google.type that are columns. The loader has checked their shapes,
 * so fields are found by position. Ranges are those of the comments in google/type's .proto files.
 */
#include "base/clock.h"
#include "record/decimal.h"
#include "record/instant.h"
#include "record/value_forms.h"

#include <stdio.h>
#include <string.h>

enum { NANOS = 1000000000 };

/* The fields of google.type.Date, TimeOfDay and Money. */
enum { DATE_YEAR, DATE_MONTH, DATE_DAY };
enum { TIME_HOURS, TIME_MINUTES, TIME_SECONDS, TIME_NANOS };
enum { MONEY_UNITS = 1, MONEY_NANOS };

static const ProtobufCMessage *known(const struct source *source)
{
    return *(ProtobufCMessage *const *)source->at;
}

static const void *part(const ProtobufCMessage *message, unsigned index)
{
    return (const char *)message + message->descriptor->fields[index].offset;
}

static int32_t number(const ProtobufCMessage *message, unsigned index)
{
    return *(const int32_t *)part(message, index);
}

bool value_date(const struct source *source, struct cell *cell)
{
    const ProtobufCMessage *date = known(source);
    int32_t days;
    if (!instant_days(number(date, DATE_YEAR), number(date, DATE_MONTH), number(date, DATE_DAY),
                      &days))
        return value_refuse(source->err, source->column,
                            "no date of the years 1 to 9999 (type = \"text\" takes partial ones)");
    value_put32(cell, source->arena, (uint32_t)(days - INSTANT_DAYS_2000));
    return true;
}

/* ISO 8601: "2026-05-17", "2026-05", "2026", and without a year "--05-17". */
bool value_date_text(const struct source *source, struct cell *cell)
{
    const ProtobufCMessage *date = known(source);
    int32_t year = number(date, DATE_YEAR), month = number(date, DATE_MONTH),
            day = number(date, DATE_DAY), days;
    /* what is left out is put as what it may be at most: 29 February of a leap year, the first */
    bool good = (year || month) && (month || !day) && (year || day) &&
                instant_days(year ? year : 2000, month ? month : 1, day ? day : 1, &days);
    if (!good)
        return value_refuse(source->err, source->column,
                            "neither a date of the years 1 to 9999, nor a month, year or "
                            "anniversary");
    char text[32];
    int length =
        !year    ? snprintf(text, sizeof text, "--%02d-%02d", (int)month, (int)day)
        : !month ? snprintf(text, sizeof text, "%04d", (int)year)
        : !day   ? snprintf(text, sizeof text, "%04d-%02d", (int)year, (int)month)
                 : snprintf(text, sizeof text, "%04d-%02d-%02d", (int)year, (int)month, (int)day);
    value_put(cell, arena_string(source->arena, text, (size_t)length), (size_t)length);
    return true;
}

/* 24:00:00 is the end of a day, for PostgreSQL too. A leap second is refused: PostgreSQL would make
 * another time of it. */
bool value_time(const struct source *source, struct cell *cell)
{
    const ProtobufCMessage *time = known(source);
    int32_t hours = number(time, TIME_HOURS), minutes = number(time, TIME_MINUTES),
            seconds = number(time, TIME_SECONDS), nanos = number(time, TIME_NANOS);
    bool good = hours >= 0 && hours <= 24 && minutes >= 0 && minutes < 60 && seconds >= 0 &&
                seconds < 60 && nanos >= 0 && nanos < NANOS &&
                (hours < 24 || (minutes == 0 && seconds == 0 && nanos == 0));
    if (!good)
        return value_refuse(source->err, source->column,
                            "no time from 00:00:00 to 24:00:00 (there is no second 60 here)");
    int64_t whole = ((int64_t)hours * 60 + minutes) * 60 + seconds;
    value_put64(cell, source->arena, (uint64_t)(whole * 1000000 + nanos / 1000));
    return true;
}

static bool put_money(const struct source *source, struct cell *cell)
{
    const ProtobufCMessage *money = known(source);
    int64_t units = *(const int64_t *)part(money, MONEY_UNITS);
    int32_t nanos = number(money, MONEY_NANOS);
    if (nanos <= -NANOS || nanos >= NANOS || (units > 0 && nanos < 0) || (units < 0 && nanos > 0))
        return value_refuse(source->err, source->column,
                            "nanos of the amount past 999999999, or of another sign than units");
    struct decimal decimal;
    decimal_of_money(units, nanos, &decimal);
    value_put_decimal(cell, source->arena, &decimal, TYPE_MONEY_SCALE);
    return true;
}

/* The text of a google.type.Decimal, or a string's own. */
static const char *decimal_source(const struct source *source)
{
    const char *text = source->kind == PROTOBUF_C_TYPE_MESSAGE
                           ? *(char *const *)part(known(source), 0)
                           : *(char *const *)source->at;
    return text ? text : "";
}

/* A string without a text is no number; a Decimal without one is 0, as its .proto says. */
bool value_decimal(const struct column *column, struct span text, bool empty_is_zero,
                   struct decimal *decimal, struct err *err)
{
    if ((text.length == 0 && !empty_is_zero) || !decimal_parse(text, decimal))
        return value_refuse(err, column, "text is no decimal number of at most 1000 digits");
    return decimal_fits(decimal, column->precision, column->scale) ||
           value_refuse(err, column, "number has more digits than the column");
}

bool value_numeric(const struct source *source, struct cell *cell)
{
    bool message = source->kind == PROTOBUF_C_TYPE_MESSAGE;
    if (message && message_type_of(known(source))->well_known == WELL_KNOWN_MONEY)
        return put_money(source, cell);
    struct decimal decimal;
    const char *text = decimal_source(source);
    if (!value_decimal(source->column, (struct span){text, strlen(text)}, message, &decimal,
                       source->err))
        return false;
    value_put_decimal(cell, source->arena, &decimal, source->column->scale);
    return true;
}

bool value_decimal_text(const struct source *source, struct cell *cell)
{
    const char *text = decimal_source(source);
    value_put(cell, text, strlen(text));
    return true;
}

void value_put_decimal(struct cell *cell, struct arena *arena, const struct decimal *decimal,
                       unsigned scale)
{
    char bytes[DECIMAL_BINARY_MAX];
    size_t length = decimal_binary(decimal, scale, bytes);
    value_put(cell, arena_copy(arena, bytes, length), length);
}

/* range_recv: a byte of flags, then each bound with its length before it. */
bool value_tstzrange(const struct source *source, struct cell *cell)
{
    enum { EMPTY = 0x01, LOWER_INCLUSIVE = 0x02, NO_LOWER = 0x08, NO_UPPER = 0x10 };
    const ProtobufCMessage *interval = known(source);
    char *at = arena_alloc(source->arena, 1 + 2 * 12), *end = at + 1;
    int64_t bounds[2] = {0, 0};
    bool set[2];
    for (unsigned i = 0; i < 2; i++) {
        const ProtobufCMessage *bound = *(ProtobufCMessage *const *)part(interval, i);
        set[i] = bound != NULL;
        if (!bound)
            continue;
        struct instant instant = instant_of(bound);
        if (!instant_is_timestamp(instant))
            return value_refuse(source->err, source->column,
                                "a bound outside years 1 to 9999, or nanos outside 0 to 999999999");
        bounds[i] = instant_timestamp_micros(instant) - USEC_2000;
        be32_store(end, 8);
        be64_store(end + 4, (uint64_t)bounds[i]);
        end += 12;
    }
    if (set[0] && set[1] && bounds[0] > bounds[1])
        return value_refuse(source->err, source->column, "the start lies after the end");
    *at = (char)((set[0] ? LOWER_INCLUSIVE : NO_LOWER) | (set[1] ? 0 : NO_UPPER));
    if (set[0] && set[1] && bounds[0] == bounds[1]) {
        *at = EMPTY;
        end = at + 1;
    }
    value_put(cell, at, (size_t)(end - at));
    return true;
}

/* ---- parts ---- */

/* An angle within its range; NaN is in none. */
static bool put_angle(const struct column *column, const ProtobufCMessage *holder, double most,
                      struct arena *arena, struct cell *cell, struct err *err)
{
    const void *at = (const char *)holder + column->field->pb->offset;
    double angle = *(const double *)at;
    if (!(angle >= -most && angle <= most))
        return value_refuse(err, column,
                            most > 90 ? "longitude outside -180 to 180"
                                      : "latitude outside -90 to 90");
    value_put64(cell, arena, *(const uint64_t *)at);
    return true;
}

bool value_part(const struct column *column, const ProtobufCMessage *holder, struct arena *arena,
                struct cell *cell, struct err *err)
{
    static const char bytes[2] = {0, 1};
    const struct field_type *field = column->field;
    switch (column->part) {
    case PART_PRESENCE:
        value_put(cell, &bytes[message_has(holder, field)], 1);
        return true;
    case PART_CASE: {
        uint32_t set = *(const uint32_t *)((const char *)holder + field->pb->quantifier_offset);
        const struct field_type *member =
            set ? message_type_field_number(message_type_of(holder), set) : NULL;
        *cell = (struct cell){NULL, -1};
        if (member)
            value_put(cell, member->name, strlen(member->name));
        return true;
    }
    case PART_LATITUDE:
        return put_angle(column, holder, 90, arena, cell, err);
    case PART_LONGITUDE:
        return put_angle(column, holder, 180, arena, cell, err);
    case PART_VALUE:
    case PART_COUNT:
        break;
    }
    return value_refuse(err, column, "a column of no known part");
}
