/* SPDX-License-Identifier: Apache-2.0 */
#include "record/validate_value.h"

#include "base/text.h"
#include "record/format.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { NANOS_PER_USEC = 1000, NANOS_PER_SEC = 1000000000 };

size_t load_size(enum load load)
{
    switch (load) {
    case LOAD_BOOL:
        return sizeof(protobuf_c_boolean);
    case LOAD_INT32:
    case LOAD_UINT32:
    case LOAD_FLOAT:
        return 4;
    case LOAD_INT64:
    case LOAD_UINT64:
    case LOAD_DOUBLE:
        return 8;
    case LOAD_BYTES:
        return sizeof(ProtobufCBinaryData);
    case LOAD_STRING:
    case LOAD_MESSAGE:
        break;
    }
    return sizeof(void *);
}

static void load_scalar(struct value *value, enum load load, const void *at)
{
    const ProtobufCBinaryData *bytes;
    const char *text;

    switch (load) {
    case LOAD_BOOL:
        value->whole = *(const protobuf_c_boolean *)at != 0;
        break;
    case LOAD_INT32:
        value->whole = *(const int32_t *)at;
        break;
    case LOAD_UINT32:
        value->whole = *(const uint32_t *)at;
        break;
    case LOAD_INT64:
        value->whole = *(const int64_t *)at;
        break;
    case LOAD_UINT64:
        value->whole = *(const uint64_t *)at;
        break;
    case LOAD_FLOAT:
        value->real = (double)*(const float *)at;
        break;
    case LOAD_DOUBLE:
        value->real = *(const double *)at;
        break;
    case LOAD_STRING:
        text = *(const char *const *)at;
        value->text = text ? (struct span){text, strlen(text)} : (struct span){"", 0};
        break;
    case LOAD_BYTES:
        bytes = at;
        value->text = bytes->data ? (struct span){(const char *)bytes->data, bytes->len}
                                  : (struct span){"", 0};
        break;
    case LOAD_MESSAGE:
        break;
    }
}

void value_load(struct value *value, const struct value_rules *rules, const void *at)
{
    static const struct value zero = {.text = {"", 0}};

    if (rules->load != LOAD_MESSAGE) {
        load_scalar(value, rules->load, at);
        return;
    }
    const char *message = *(const char *const *)at;
    if (!message || rules->form == MESSAGE_PLAIN) {
        *value = zero;
        return;
    }
    load_scalar(value, rules->inner, message + rules->inner_offset);
    if (rules->form == MESSAGE_TIME)
        value->whole = value->whole * NANOS_PER_SEC +
                       *(const int32_t *)(const void *)(message + rules->nanos_offset);
}

bool value_is_zero(enum load load, const void *at, whole zero)
{
    struct value value;

    switch (load) {
    case LOAD_FLOAT:
    case LOAD_DOUBLE:
        load_scalar(&value, load, at);
        return fpclassify(value.real) == FP_ZERO;
    case LOAD_STRING:
    case LOAD_BYTES:
        load_scalar(&value, load, at);
        return value.text.length == 0;
    case LOAD_MESSAGE:
        return *(const void *const *)at == NULL;
    default:
        load_scalar(&value, load, at);
        return value.whole == zero;
    }
}

static bool same_text(struct span a, struct span b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static bool ends_with(struct span text, struct span end)
{
    return text.length >= end.length &&
           memcmp(text.data + text.length - end.length, end.data, end.length) == 0;
}

static bool in_wholes(const struct check *check, whole value)
{
    for (unsigned i = 0; i < check->wholes.count; i++)
        if (check->wholes.items[i] == value)
            return true;
    return false;
}

static bool same_real(double a, double b)
{
    return a >= b && a <= b; /* -0 is 0, NaN is nothing */
}

static bool in_reals(const struct check *check, double value)
{
    for (unsigned i = 0; i < check->reals.count; i++)
        if (same_real(check->reals.items[i], value))
            return true;
    return false;
}

static bool in_texts(const struct check *check, struct span text)
{
    for (unsigned i = 0; i < check->texts.count; i++)
        if (same_text(check->texts.items[i], text))
            return true;
    return false;
}

static bool above_low(const struct check *check, double value)
{
    return check->real.lo_open ? value > check->real.lo : value >= check->real.lo;
}

static bool below_high(const struct check *check, double value)
{
    return check->real.hi_open ? value < check->real.hi : value <= check->real.hi;
}

static bool within(uint64_t size, const struct check *check)
{
    return size >= check->size.min && size <= check->size.max;
}

/* Code points need counting only when the bytes leave it open: a code point has 1 to 4 bytes. */
static bool points_within(struct span text, const struct check *check)
{
    if (text.length < check->size.min)
        return false;
    if (text.length <= check->size.max && text.length / 4 >= check->size.min)
        return true;
    return within(text_utf8_count(text.data, text.length), check);
}

static bool pattern_holds(const struct check *check, struct span text)
{
    return text_utf8_valid(text.data, text.length) && pattern_matches(check->pattern, text);
}

bool check_holds(const struct check *check, const struct value *value, int64_t now)
{
    struct span text = value->text;
    whole clock;

    switch (check->code) {
    case CHECK_WHOLE_RANGE:
        return value->whole >= check->range.lo && value->whole <= check->range.hi;
    case CHECK_WHOLE_GAP:
        return value->whole >= check->range.lo || value->whole <= check->range.hi;
    case CHECK_WHOLE_IN:
        return in_wholes(check, value->whole);
    case CHECK_WHOLE_NOT_IN:
        return !in_wholes(check, value->whole);
    case CHECK_REAL_CONST:
        return same_real(value->real, check->real.lo);
    case CHECK_REAL_RANGE:
        return above_low(check, value->real) && below_high(check, value->real);
    case CHECK_REAL_GAP:
        return above_low(check, value->real) || below_high(check, value->real);
    case CHECK_REAL_IN:
        return in_reals(check, value->real);
    case CHECK_REAL_NOT_IN:
        return !in_reals(check, value->real);
    case CHECK_REAL_FINITE:
        return isfinite(value->real);
    case CHECK_BEFORE_NOW:
        return value->whole <= (whole)now * NANOS_PER_USEC;
    case CHECK_AFTER_NOW:
        return value->whole >= (whole)now * NANOS_PER_USEC;
    case CHECK_WITHIN:
        clock = (whole)now * NANOS_PER_USEC;
        return value->whole >= clock - check->range.hi && value->whole <= clock + check->range.hi;
    case CHECK_ENUM_DEFINED:
        return enum_type_name(check->enumeration, (int)value->whole) != NULL;
    case CHECK_POINTS:
        return points_within(text, check);
    case CHECK_BYTES:
        return within(text.length, check);
    case CHECK_TEXT_CONST:
        return same_text(text, check->text);
    case CHECK_TEXT_PREFIX:
        return text.length >= check->text.length &&
               memcmp(text.data, check->text.data, check->text.length) == 0;
    case CHECK_TEXT_SUFFIX:
        return ends_with(text, check->text);
    case CHECK_TEXT_CONTAINS:
        return memmem(text.data, text.length, check->text.data, check->text.length) != NULL;
    case CHECK_TEXT_NOT_CONTAINS:
        return memmem(text.data, text.length, check->text.data, check->text.length) == NULL;
    case CHECK_TEXT_IN:
        return in_texts(check, text);
    case CHECK_TEXT_NOT_IN:
        return !in_texts(check, text);
    case CHECK_PATTERN:
        return pattern_holds(check, text);
    case CHECK_FORMAT:
        return format_matches(check->format, text);
    case CHECK_COUNT:
    case CHECK_UNIQUE:
        break;
    }
    assert(false && "a check that is not of a single value");
    return false;
}
