/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal: decimal numbers of any sign and point, exactly, as text and in PostgreSQL's binary form.
 * Pure.
 */
#ifndef PACTOLUS_RECORD_DECIMAL_H
#define PACTOLUS_RECORD_DECIMAL_H

#include "base/buf.h"

enum {
    DECIMAL_DIGITS_MAX = 1000, /* significant ones; PostgreSQL's greatest precision */
    DECIMAL_BINARY_MAX = 8 + 2 * (DECIMAL_DIGITS_MAX / 4 + 2),
    DECIMAL_TEXT_MAX = DECIMAL_DIGITS_MAX + 16,
};

/* digits × 10^exponent; neither first nor last digit is a zero, and zero has none (and no sign). */
struct decimal {
    bool negative;
    unsigned count;
    int exponent;
    char digits[DECIMAL_DIGITS_MAX]; /* '0' … '9' */
};

/* google/type/decimal.proto's form: a sign, digits with a point somewhere, an exponent; the empty
 * text is 0. False for anything else, for more digits than fit, and for an exponent past ±10,000
 * (of a number that is not zero). */
bool decimal_parse(struct span text, struct decimal *decimal);

/* units + nanos / 10⁹, of one sign. */
void decimal_of_money(int64_t units, int32_t nanos, struct decimal *decimal);

/* Can numeric(precision, scale) hold it without rounding? */
bool decimal_fits(const struct decimal *decimal, unsigned precision, unsigned scale);

/* numeric_recv's form, with `scale` digits shown behind the point; only of what fits. Equal numbers
 * have equal bytes. Returns the length. */
size_t decimal_binary(const struct decimal *decimal, unsigned scale, char out[DECIMAL_BINARY_MAX]);
/* "-12e-3": what PostgreSQL's numeric_in reads. Returns the length. */
size_t decimal_text(const struct decimal *decimal, char out[DECIMAL_TEXT_MAX]);

#endif
