/* SPDX-License-Identifier: Apache-2.0 */
#include "record/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t put_text(char out[NUMBER_TEXT_MAX], const char *text)
{
    size_t length = strlen(text);
    memcpy(out, text, length + 1);
    return length;
}

/* NaN and infinities; 0 for all other values. */
static size_t put_special(double value, char out[NUMBER_TEXT_MAX])
{
    if (isnan(value))
        return put_text(out, "NaN");
    if (isinf(value))
        return put_text(out, value < 0 ? "-Infinity" : "Infinity");
    return 0;
}

/* A library may be used under any locale: its decimal point is the one odd character. */
static size_t with_point(char *text, int length)
{
    size_t keep = 0;
    for (int i = 0; i < length; i++) {
        if (strchr("+-0123456789e", text[i]))
            text[keep++] = text[i];
        else if (keep == 0 || text[keep - 1] != '.')
            text[keep++] = '.'; /* a decimal point may take several bytes */
    }
    text[keep] = '\0';
    return keep;
}

/* Every double of DBL_DIG digits reads back, unless it is subnormal: those have fewer. */
size_t number_double_text(double value, char out[NUMBER_TEXT_MAX])
{
    size_t special = put_special(value, out);
    if (special)
        return special;
    int length = 0;
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        length = snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return with_point(out, length);
}

size_t number_float_text(float value, char out[NUMBER_TEXT_MAX])
{
    size_t special = put_special((double)value, out);
    if (special)
        return special;
    int length = 0;
    for (int digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; digits <= FLT_DECIMAL_DIG; digits++) {
        length = snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    return with_point(out, length);
}

bool number_parse_integer(struct span text, struct integer *integer)
{
    const char *at = text.data, *end = text.data + text.length;
    integer->negative = at < end && *at == '-';
    integer->magnitude = 0;
    at += integer->negative;
    if (at == end || (*at == '0' && (end - at > 1 || integer->negative)))
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9' ||
            __builtin_mul_overflow(integer->magnitude, 10, &integer->magnitude) ||
            __builtin_add_overflow(integer->magnitude, (uint64_t)(*at - '0'), &integer->magnitude))
            return false;
    }
    return true;
}

bool number_to_signed(struct integer integer, int64_t least, int64_t greatest, int64_t *value)
{
    if (integer.magnitude > (uint64_t)INT64_MAX + integer.negative)
        return false;
    *value = (int64_t)(integer.negative ? 0 - integer.magnitude : integer.magnitude);
    return *value >= least && *value <= greatest;
}

bool number_to_unsigned(struct integer integer, uint64_t greatest, uint64_t *value)
{
    *value = integer.magnitude;
    return (!integer.negative || integer.magnitude == 0) && integer.magnitude <= greatest;
}

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? up to the NUL. */
static bool is_json_number(const char *at)
{
    const char *digits = at + (*at == '-');
    at = skip_digits(digits);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    if (*at == '.') {
        digits = at + 1;
        at = skip_digits(digits);
        if (at == digits)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        digits = at + 1 + (at[1] == '+' || at[1] == '-');
        at = skip_digits(digits);
        if (at == digits)
            return false;
    }
    return *at == '\0';
}

bool number_parse_double(struct span text, double *value)
{
    char copy[512]; /* no sensible number is longer */
    if (span_is(text, "NaN") || span_is(text, "Infinity") || span_is(text, "-Infinity")) {
        *value = *text.data == 'N' ? (double)NAN : *text.data == 'I' ? HUGE_VAL : -HUGE_VAL;
        return true;
    }
    if (text.length >= sizeof copy || memchr(text.data, 0, text.length))
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    if (!is_json_number(copy))
        return false;
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!locale)
        return false;
    *value = strtod_l(copy, NULL, locale);
    freelocale(locale);
    return isfinite(*value);
}
