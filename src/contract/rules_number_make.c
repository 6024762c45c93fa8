/* SPDX-License-Identifier: Apache-2.0 */
/* Makes checks and their sentences of what rules_number.c read. */
#include "base/clock.h"
#include "contract/rules_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ── sentences ─────────────────────────────────────────────────────────────────────────────── */

static void print_time(struct buf *out, const struct family *family, whole nanoseconds)
{
    whole seconds = nanoseconds / 1000000000, nanos = nanoseconds % 1000000000;
    char text[32];

    if (family->form == FORM_TIMESTAMP && nanos % 1000 == 0 && seconds >= -62135596800 &&
        seconds <= 253402300799) {
        buf_puts(out, clock_text((usec_t)(nanoseconds / 1000), text));
        return;
    }
    if (nanoseconds < 0)
        buf_putc(out, '-');
    buf_printf(out, "%llu", (unsigned long long)(seconds < 0 ? -seconds : seconds));
    if (nanos)
        buf_printf(out, ".%09u", (unsigned)(nanos < 0 ? -nanos : nanos));
    buf_putc(out, 's');
}

/* The shortest form that reads back as the same number. */
static void print_real(struct buf *out, const struct family *family, double value)
{
    char text[40];
    bool narrow = family->form == FORM_FLOAT;

    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (narrow ? (float)back >= (float)value && (float)back <= (float)value
                   : back >= value && back <= value)
            break;
    }
    buf_puts(out, text);
}

static void print_number(struct buf *out, const struct family *family, struct number number)
{
    if (number_is_real(family))
        print_real(out, family, number.real);
    else if (number_is_time(family))
        print_time(out, family, number.whole);
    else if (family->form == FORM_BOOL)
        buf_puts(out, number.whole ? "true" : "false");
    else if (number.whole < 0)
        buf_printf(out, "%lld", (long long)number.whole);
    else
        buf_printf(out, "%llu", (unsigned long long)number.whole);
}

static const char *keep_sentence(struct build *build, struct buf *text)
{
    const char *kept = arena_string(&build->rules->arena, text->data, text->length);
    buf_free(text);
    return kept;
}

static const char *sentence_of_list(struct reading *reading, const char *begin,
                                    const struct number_list *list)
{
    struct buf text = BUF_INIT;

    buf_puts(&text, begin);
    for (unsigned i = 0; i < list->count; i++) {
        buf_puts(&text, i ? ", " : "");
        print_number(&text, reading->family, list->items[i]);
    }
    buf_putc(&text, ']');
    return keep_sentence(reading->build, &text);
}

static const char *sentence_of_range(struct reading *reading, enum role low, enum role high,
                                     bool gap)
{
    struct buf text = BUF_INIT;

    buf_puts(&text, "must be ");
    if (low) {
        buf_puts(&text, low == ROLE_GT ? "greater than " : "greater than or equal to ");
        print_number(&text, reading->family, reading->value[low]);
    }
    if (low && high)
        buf_puts(&text, gap ? " or " : " and ");
    if (high) {
        buf_puts(&text, high == ROLE_LT ? "less than " : "less than or equal to ");
        print_number(&text, reading->family, reading->value[high]);
    }
    return keep_sentence(reading->build, &text);
}

/* ── checks ────────────────────────────────────────────────────────────────────────────────── */

static void make_const(struct reading *reading, struct check_list *list)
{
    struct number value = reading->value[ROLE_CONST];
    bool real = number_is_real(reading->family);
    struct check *check =
        build_check(reading->build, list, real ? CHECK_REAL_CONST : CHECK_WHOLE_RANGE,
                    reading->family->name, "const");
    struct buf text = BUF_INIT;

    if (real)
        check->real.lo = value.real;
    else
        check->range.lo = check->range.hi = value.whole;
    buf_puts(&text, "must equal ");
    print_number(&text, reading->family, value);
    check->message = keep_sentence(reading->build, &text);
}

/* One check for both bounds. A lower bound above the upper one means the outside of the two. */
static void make_range(struct reading *reading, struct check_list *list)
{
    enum role low = reading->said[ROLE_GT] ? ROLE_GT : reading->said[ROLE_GTE] ? ROLE_GTE : 0;
    enum role high = reading->said[ROLE_LT] ? ROLE_LT : reading->said[ROLE_LTE] ? ROLE_LTE : 0;
    bool real = number_is_real(reading->family);
    struct number lo = reading->value[low], hi = reading->value[high];
    bool gap = low && high && (real ? hi.real < lo.real : hi.whole < lo.whole);
    char rule[24];

    if (!low && !high)
        return;
    snprintf(rule, sizeof rule, "%s%s%s%s",
             low == ROLE_GT ? "gt"
             : low          ? "gte"
                            : "",
             low && high ? "_" : "",
             high == ROLE_LT ? "lt"
             : high          ? "lte"
                             : "",
             gap ? "_exclusive" : "");
    enum check_code code = real ? (gap ? CHECK_REAL_GAP : CHECK_REAL_RANGE)
                                : (gap ? CHECK_WHOLE_GAP : CHECK_WHOLE_RANGE);
    struct check *check = build_check(reading->build, list, code, reading->family->name, rule);
    if (real) {
        check->real.lo = low ? lo.real : -(double)INFINITY;
        check->real.hi = high ? hi.real : (double)INFINITY;
        check->real.lo_open = low == ROLE_GT;
        check->real.hi_open = high == ROLE_LT;
    } else { /* whole numbers have neighbours: every bound becomes inclusive */
        check->range.lo = low ? lo.whole + (low == ROLE_GT) : WHOLE_MIN;
        check->range.hi = high ? hi.whole - (high == ROLE_LT) : WHOLE_MAX;
    }
    check->message = sentence_of_range(reading, low, high, gap);
}

static void make_list(struct reading *reading, const struct number_list *numbers, bool in,
                      struct check_list *list)
{
    bool real = number_is_real(reading->family);
    enum check_code code = real ? (in ? CHECK_REAL_IN : CHECK_REAL_NOT_IN)
                                : (in ? CHECK_WHOLE_IN : CHECK_WHOLE_NOT_IN);

    if (!numbers->count)
        return;
    struct check *check =
        build_check(reading->build, list, code, reading->family->name, in ? "in" : "not_in");
    if (real) {
        double *items = build_alloc(reading->build, numbers->count * sizeof *items);
        for (unsigned i = 0; i < numbers->count; i++)
            items[i] = numbers->items[i].real;
        check->reals.items = items;
        check->reals.count = numbers->count;
    } else {
        whole *items = build_alloc(reading->build, numbers->count * sizeof *items);
        for (unsigned i = 0; i < numbers->count; i++)
            items[i] = numbers->items[i].whole;
        check->wholes.items = items;
        check->wholes.count = numbers->count;
    }
    check->message =
        sentence_of_list(reading, in ? "must be in list [" : "must not be in list [", numbers);
}

static void make_now(struct reading *reading, struct check_list *list)
{
    struct build *build = reading->build;
    struct check *check;

    if (reading->said[ROLE_LT_NOW]) {
        check = build_check(build, list, CHECK_BEFORE_NOW, "timestamp", "lt_now");
        check->message = "must be less than now";
    }
    if (reading->said[ROLE_GT_NOW]) {
        check = build_check(build, list, CHECK_AFTER_NOW, "timestamp", "gt_now");
        check->message = "must be greater than now";
    }
    if (reading->said[ROLE_WITHIN]) {
        struct buf text = BUF_INIT;
        check = build_check(build, list, CHECK_WITHIN, "timestamp", "within");
        check->range.hi = reading->value[ROLE_WITHIN].whole;
        buf_puts(&text, "must be within ");
        print_time(&text, &(struct family){.form = FORM_DURATION}, check->range.hi);
        buf_puts(&text, " of now");
        check->message = keep_sentence(build, &text);
    }
}

void number_checks(struct reading *reading, const struct enum_type *enumeration,
                   struct check_list *list)
{
    struct check *check;

    if (reading->said[ROLE_DEFINED_ONLY]) {
        check = build_check(reading->build, list, CHECK_ENUM_DEFINED, "enum", "defined_only");
        check->enumeration = enumeration;
        check->message = "must be one of the defined enum values";
    }
    if (reading->said[ROLE_CONST])
        make_const(reading, list);
    make_range(reading, list);
    make_now(reading, list);
    make_list(reading, &reading->in, true, list);
    make_list(reading, &reading->not_in, false, list);
    if (reading->said[ROLE_FINITE]) {
        check =
            build_check(reading->build, list, CHECK_REAL_FINITE, reading->family->name, "finite");
        check->message = "must be finite";
    }
}
