/* SPDX-License-Identifier: Apache-2.0 */
#include "record/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXPONENT_MAX = 10000 };

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* One digit of the significand; zeros before the first other one do not count, those behind are
 * held back until another digit follows. */
static bool put_digit(struct decimal *decimal, char digit, unsigned *zeros)
{
    if (digit == '0') {
        *zeros += decimal->count > 0;
        return true;
    }
    if (*zeros >= DECIMAL_DIGITS_MAX - decimal->count)
        return false;
    memset(decimal->digits + decimal->count, '0', *zeros);
    decimal->count += *zeros;
    *zeros = 0;
    decimal->digits[decimal->count++] = digit;
    return true;
}

/* The digits and the point; `point` is then the power of ten of the last digit that was read. */
static bool take_significand(const char **at, const char *end, struct decimal *decimal,
                             int64_t *point)
{
    unsigned zeros = 0;
    bool any = false, behind = false;
    for (;; (*at)++) {
        if (!behind && *at < end && **at == '.') {
            behind = true;
        } else if (is_digit(*at, end)) {
            any = true;
            *point -= behind;
            if (!put_digit(decimal, **at, &zeros))
                return false;
        } else {
            *point += zeros;
            return any;
        }
    }
}

static bool take_exponent(const char **at, const char *end, int64_t *exponent)
{
    bool negative = false, any = false;
    if (*at == end || (**at != 'e' && **at != 'E'))
        return true;
    (*at)++;
    if (*at < end && (**at == '-' || **at == '+'))
        negative = *(*at)++ == '-';
    int64_t value = 0;
    for (; is_digit(*at, end); (*at)++) {
        any = true;
        if (value <= INT32_MAX) /* far past every limit: no need to know by how much */
            value = value * 10 + (**at - '0');
    }
    *exponent += negative ? -value : value;
    return any;
}

bool decimal_parse(struct span text, struct decimal *decimal)
{
    const char *at = text.data, *end = text.data + text.length;
    int64_t exponent = 0;
    decimal->negative = false;
    decimal->count = 0;
    decimal->exponent = 0;
    if (text.length == 0)
        return true;
    if (*at == '-' || *at == '+')
        decimal->negative = *at++ == '-';
    if (!take_significand(&at, end, decimal, &exponent) || !take_exponent(&at, end, &exponent) ||
        at != end)
        return false;
    if (decimal->count == 0) {
        decimal->negative = false;
        return true;
    }
    decimal->exponent = (int)exponent;
    return exponent >= -EXPONENT_MAX && exponent <= EXPONENT_MAX;
}

void decimal_of_money(int64_t units, int32_t nanos, struct decimal *decimal)
{
    char text[40];
    bool negative = units < 0 || nanos < 0;
    int length = snprintf(text, sizeof text, "%s%" PRIu64 ".%09" PRIu32, negative ? "-" : "",
                          units < 0 ? 0 - (uint64_t)units : (uint64_t)units,
                          nanos < 0 ? 0 - (uint32_t)nanos : (uint32_t)nanos);
    (void)decimal_parse((struct span){text, (size_t)length}, decimal);
}

bool decimal_fits(const struct decimal *decimal, unsigned precision, unsigned scale)
{
    if (decimal->count == 0)
        return true;
    return decimal->exponent >= -(int)scale &&
           (int)decimal->count + decimal->exponent <= (int)(precision - scale);
}

/* Digit at that power of ten. */
static unsigned digit_at(const struct decimal *decimal, int power)
{
    int index = (int)decimal->count - 1 - (power - decimal->exponent);
    return index < 0 || index >= (int)decimal->count ? 0 : (unsigned)(decimal->digits[index] - '0');
}

static int floor4(int power)
{
    return power >= 0 ? power / 4 : -((3 - power) / 4);
}

/* numeric_recv wants int16 each: how many base-10000 digits, the weight of the first, sign, digits
 * behind the point, then the digits, none of them a leading or trailing zero. */
size_t decimal_binary(const struct decimal *decimal, unsigned scale, char out[DECIMAL_BINARY_MAX])
{
    enum { NEGATIVE = 0x4000 };
    int first = 0, last = 1; /* weights */
    if (decimal->count) {
        first = floor4((int)decimal->count - 1 + decimal->exponent);
        last = floor4(decimal->exponent);
    }
    be16_store(out, (uint16_t)(first - last + 1));
    be16_store(out + 2, (uint16_t)first);
    be16_store(out + 4, decimal->negative ? NEGATIVE : 0);
    be16_store(out + 6, (uint16_t)scale);
    char *at = out + 8;
    for (int weight = first; weight >= last; weight--, at += 2) {
        unsigned digits = 0;
        for (int power = 4 * weight + 3; power >= 4 * weight; power--)
            digits = digits * 10 + digit_at(decimal, power);
        be16_store(at, (uint16_t)digits);
    }
    return (size_t)(at - out);
}

size_t decimal_text(const struct decimal *decimal, char out[DECIMAL_TEXT_MAX])
{
    if (decimal->count == 0) {
        memcpy(out, "0", 2);
        return 1;
    }
    int length = snprintf(out, DECIMAL_TEXT_MAX, "%s%.*se%d", decimal->negative ? "-" : "",
                          (int)decimal->count, decimal->digits, decimal->exponent);
    return (size_t)length;
}
