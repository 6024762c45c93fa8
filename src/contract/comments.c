/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/comments.h"

#include <stdlib.h>
#include <string.h>

typedef Google__Protobuf__SourceCodeInfo__Location location;

static int compare_path(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b)
{
    for (size_t i = 0; i < n_a && i < n_b; i++) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return n_a == n_b ? 0 : n_a < n_b ? -1 : 1;
}

static int compare_locations(const void *a, const void *b)
{
    const location *x = *(const location *const *)a;
    const location *y = *(const location *const *)b;
    return compare_path(x->path, x->n_path, y->path, y->n_path);
}

void comments_init(struct comments *comments, const Google__Protobuf__SourceCodeInfo *info)
{
    comments->sorted = NULL;
    comments->count = info ? info->n_location : 0;
    if (comments->count == 0)
        return;
    comments->sorted = mem_zero(comments->count, sizeof *comments->sorted);
    for (size_t i = 0; i < comments->count; i++)
        comments->sorted[i] = info->location[i];
    qsort(comments->sorted, comments->count, sizeof *comments->sorted, compare_locations);
}

void comments_free(struct comments *comments)
{
    free(comments->sorted);
    comments->sorted = NULL;
    comments->count = 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Each line without the blanks around it; no empty lines before the first or after the last. */
static const char *tidy(const char *text, struct arena *arena)
{
    size_t length = strlen(text), used = 0, keep = 0;
    char *out = arena_alloc(arena, length + 1);
    for (const char *line = text, *end; line < text + length; line = end + 1) {
        end = strchrnul(line, '\n');
        const char *from = line, *to = end;
        while (from < to && is_blank(*from))
            from++;
        while (to > from && is_blank(to[-1]))
            to--;
        if (used > 0)
            out[used++] = '\n';
        memcpy(out + used, from, (size_t)(to - from));
        used += (size_t)(to - from);
        if (to > from)
            keep = used;
        else if (keep == 0)
            used = 0;
    }
    out[keep] = '\0';
    return out;
}

const char *comments_find(const struct comments *comments, const int *path, size_t length,
                          struct arena *arena, int *line)
{
    size_t low = 0, high = comments->count;
    *line = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const location *at = comments->sorted[middle];
        int order = compare_path(path, length, at->path, at->n_path);
        if (order == 0) {
            if (at->n_span >= 3 && at->span[0] >= 0 && at->span[0] < INT32_MAX)
                *line = at->span[0] + 1;
            const char *text = at->leading_comments ? at->leading_comments : at->trailing_comments;
            return text ? tidy(text, arena) : "";
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return "";
}
