/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text too long for its field is cut: an error message must never fail itself. */
static void fill(char *field, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void fill(char *field, size_t size, const char *format, va_list args)
{
    if (vsnprintf(field, size, format, args) < 0)
        field[0] = '\0';
}

bool err_set(struct err *err, enum err_class class, enum err_exit exit, const char *format, ...)
{
    if (!err)
        return false;
    /* The arguments may point into the error that is replaced ("…: %s", err->text). */
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    fill(text, sizeof text, format, args);
    va_end(args);
    err_clear(err);
    err->class = class;
    err->exit = exit;
    memcpy(err->text, text, sizeof text);
    return false;
}

bool err_place(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    char place[sizeof err->place];
    va_list args;
    va_start(args, format);
    fill(place, sizeof place, format, args);
    va_end(args);
    memcpy(err->place, place, sizeof place);
    return false;
}

bool err_hint(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    char hint[sizeof err->hint];
    va_list args;
    va_start(args, format);
    fill(hint, sizeof hint, format, args);
    va_end(args);
    memcpy(err->hint, hint, sizeof hint);
    return false;
}

void err_clear(struct err *err)
{
    if (!err)
        return;
    err->class = ERR_NONE;
    err->exit = ERR_EXIT_OK;
    err->rule = NULL;
    err->sqlstate[0] = err->place[0] = err->text[0] = err->hint[0] = '\0';
}

const char *err_class_name(enum err_class class)
{
    switch (class) {
    case ERR_NONE:
        return "none";
    case ERR_RETRY:
        return "retry";
    case ERR_REJECT:
        return "reject";
    case ERR_HALT:
        return "halt";
    }
    return "none";
}

void errs_add(struct errs *errs, const struct err *err)
{
    if (errs->count == errs->capacity) {
        errs->capacity = errs->capacity ? errs->capacity * 2 : 8;
        errs->items = mem_grow(errs->items, errs->capacity, sizeof *errs->items);
    }
    errs->items[errs->count++] = *err;
}

void errs_free(struct errs *errs)
{
    free(errs->items);
    *errs = (struct errs){0};
}
