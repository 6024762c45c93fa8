/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicates in lists and among the keys of maps, in n·log n and without hashing: nobody can
 * choose items that make it slow. */
#include "record/validate_value.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEW = 16,   /* items compared each with each */
    SOME = 192, /* items sorted on the stack; qsort_r allocates past 1,024 bytes */
};

const void *items_at(const struct items *items, size_t i)
{
    if (items->entries)
        return ((const char *const *)(const void *)items->first)[i] + items->key_offset;
    return items->first + i * items->stride;
}

static int compare_reals(double a, double b)
{
    bool a_odd = a != a, b_odd = b != b; /* NaN sorts last */

    if (a_odd || b_odd)
        return a_odd - b_odd;
    return (a > b) - (a < b);
}

static int compare(const struct items *items, size_t i, size_t k)
{
    const struct value_rules rules = {.load = items->load};
    struct value a = {0}, b = {0};

    value_load(&a, &rules, items_at(items, i));
    value_load(&b, &rules, items_at(items, k));
    if (items->load == LOAD_FLOAT || items->load == LOAD_DOUBLE)
        return compare_reals(a.real, b.real);
    if (items->load != LOAD_STRING && items->load != LOAD_BYTES)
        return (a.whole > b.whole) - (a.whole < b.whole);
    size_t shorter = a.text.length < b.text.length ? a.text.length : b.text.length;
    int order = memcmp(a.text.data, b.text.data, shorter);
    return order ? order : (a.text.length > b.text.length) - (a.text.length < b.text.length);
}

static bool same(const struct items *items, size_t i, size_t k)
{
    struct value value;
    const struct value_rules rules = {.load = items->load};

    if (compare(items, i, k) != 0)
        return false;
    if (items->load != LOAD_FLOAT && items->load != LOAD_DOUBLE)
        return true;
    value_load(&value, &rules, items_at(items, i));
    return value.real >= value.real; /* not NaN */
}

/* Equal items in their order of appearance. */
static int compare_indexes(const void *a, const void *b, void *items)
{
    unsigned i = *(const unsigned *)a, k = *(const unsigned *)b;
    int order = compare(items, i, k);

    return order ? order : (i > k) - (i < k);
}

static void sort(const struct items *items, unsigned *indexes)
{
    struct items context = *items;

    for (size_t i = 0; i < items->count; i++)
        indexes[i] = (unsigned)i;
    qsort_r(indexes, items->count, sizeof *indexes, compare_indexes, &context);
}

static bool few_distinct(const struct items *items)
{
    for (size_t i = 1; i < items->count; i++)
        for (size_t k = 0; k < i; k++)
            if (same(items, i, k))
                return false;
    return true;
}

bool items_distinct(const struct items *items)
{
    unsigned room[SOME], *indexes = room;
    bool distinct = true;

    if (items->count <= FEW)
        return few_distinct(items);
    if (items->count > SOME)
        indexes = mem_zero(items->count, sizeof *indexes);
    sort(items, indexes);
    for (size_t i = 1; i < items->count && distinct; i++)
        distinct = !same(items, indexes[i - 1], indexes[i]);
    if (indexes != room)
        free(indexes);
    return distinct;
}

unsigned *items_last(const struct items *items, size_t *count)
{
    unsigned *indexes = mem_zero(items->count + 1, sizeof *indexes);

    *count = 0;
    sort(items, indexes);
    for (size_t i = 0; i < items->count; i++)
        if (i + 1 == items->count || !same(items, indexes[i], indexes[i + 1]))
            indexes[(*count)++] = indexes[i];
    return indexes;
}
