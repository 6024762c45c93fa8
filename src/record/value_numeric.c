/* SPDX-License-Identifier: Apache-2.0 */
#include "record/value_forms.h"

/* numeric_recv wants int16 each: how many digits, weight of the first (a power of 10,000), sign,
 * digits after the point, then the digits. Trailing zero digits are left out, so that equal numbers
 * have equal bytes. */
size_t value_numeric_u64(uint64_t value, char out[VALUE_NUMERIC_MAX])
{
    uint16_t digits[5]; /* least first: 10000^5 > 2^64 */
    unsigned count = 0, zeros = 0;
    for (; value; value /= 10000)
        digits[count++] = (uint16_t)(value % 10000);
    while (zeros < count && digits[zeros] == 0)
        zeros++;
    be16_store(out, (uint16_t)(count - zeros));
    be16_store(out + 2, (uint16_t)(count ? count - 1 : 0));
    be16_store(out + 4, 0);
    be16_store(out + 6, 0);
    char *at = out + 8;
    for (unsigned i = count; i > zeros; i--, at += 2)
        be16_store(at, digits[i - 1]);
    return (size_t)(at - out);
}
