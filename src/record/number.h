/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number: numbers as text, independent of the locale. Pure; parsers return false for what is
 * malformed.
 */
#ifndef PACTOLUS_RECORD_NUMBER_H
#define PACTOLUS_RECORD_NUMBER_H

#include "base/buf.h"

enum { NUMBER_TEXT_MAX = 40 };

/* The shortest decimal that reads back as the same value; "NaN", "Infinity", "-Infinity". Returns
 * the length. */
size_t number_double_text(double value, char out[NUMBER_TEXT_MAX]);
size_t number_float_text(float value, char out[NUMBER_TEXT_MAX]);

/* An integer in its one canonical form: an optional '-' and digits, no leading zero, no '+', no
 * "-0" (two texts of one number would be two keys of one row). */
struct integer {
    bool negative;
    uint64_t magnitude;
};
bool number_parse_integer(struct span text, struct integer *integer);

/* A number in JSON's grammar, "NaN", "Infinity" or "-Infinity"; false for anything else and for
 * what is past a double's range. */
bool number_parse_double(struct span text, double *value);

/* Into a range; false when outside. */
bool number_to_signed(struct integer integer, int64_t least, int64_t greatest, int64_t *value);
bool number_to_unsigned(struct integer integer, uint64_t greatest, uint64_t *value);

#endif
