/* SPDX-License-Identifier: Apache-2.0 */
#include "record/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NANOS_PER_SEC = 1000000000, SECONDS_PER_DAY = 86400 };

static const int64_t timestamp_first = INT64_C(-62135596800); /* 0001-01-01T00:00:00Z */
static const int64_t timestamp_last = INT64_C(253402300799);  /* 9999-12-31T23:59:59Z */
static const int64_t duration_last = INT64_C(315576000000);   /* 10,000 years of 365.25 days */

struct instant instant_of(const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
    const char *base = (const char *)message;
    return (struct instant){*(const int64_t *)(base + fields[0].offset),
                            *(const int32_t *)(base + fields[1].offset)};
}

void instant_store(ProtobufCMessage *message, struct instant instant)
{
    const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
    memcpy((char *)message + fields[0].offset, &instant.seconds, sizeof instant.seconds);
    memcpy((char *)message + fields[1].offset, &instant.nanos, sizeof instant.nanos);
}

bool instant_is_timestamp(struct instant instant)
{
    return instant.seconds >= timestamp_first && instant.seconds <= timestamp_last &&
           instant.nanos >= 0 && instant.nanos < NANOS_PER_SEC;
}

bool instant_is_duration(struct instant instant)
{
    if (instant.seconds < -duration_last || instant.seconds > duration_last ||
        instant.nanos <= -NANOS_PER_SEC || instant.nanos >= NANOS_PER_SEC)
        return false;
    return !(instant.seconds > 0 && instant.nanos < 0) &&
           !(instant.seconds < 0 && instant.nanos > 0);
}

int64_t instant_timestamp_micros(struct instant instant)
{
    return instant.seconds * 1000000 + instant.nanos / 1000; /* nanos are never negative */
}

int64_t instant_duration_micros(struct instant instant)
{
    return instant.seconds * 1000000 + instant.nanos / 1000; /* both of one sign */
}

/* Days since 1970-01-01 to the proleptic Gregorian calendar and back, by counting in eras of 400
 * years (146,097 days) that begin on 1 March, so that the leap day is the last of its year. */
struct date {
    int64_t year;
    unsigned month, day;
};

static struct date date_of_days(int64_t days)
{
    days += 719468; /* from 0000-03-01 to 1970-01-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* 0 = March */
    struct date date = {.day = of_year - (153 * month + 2) / 5 + 1,
                        .month = month < 10 ? month + 3 : month - 9};
    date.year = era * 400 + year + (date.month <= 2);
    return date;
}

static int64_t days_of_date(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned month = date.month > 2 ? date.month - 3 : date.month + 9;
    unsigned of_year = (153 * month + 2) / 5 + date.day - 1;
    return era * 146097 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

static size_t printed(int length)
{
    return (size_t)length;
}

/* ".5" never: 3, 6 or 9 digits, or nothing. */
static size_t put_fraction(char *out, size_t size, unsigned nanos)
{
    if (nanos == 0)
        return 0;
    if (nanos % 1000000 == 0)
        return printed(snprintf(out, size, ".%03u", nanos / 1000000));
    if (nanos % 1000 == 0)
        return printed(snprintf(out, size, ".%06u", nanos / 1000));
    return printed(snprintf(out, size, ".%09u", nanos));
}

size_t instant_timestamp_text(struct instant instant, bool micros, char out[INSTANT_TEXT_MAX])
{
    int64_t days = instant.seconds / SECONDS_PER_DAY;
    int64_t rest = instant.seconds % SECONDS_PER_DAY;
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    struct date date = date_of_days(days);
    unsigned second = (unsigned)rest, nanos = (unsigned)instant.nanos;
    size_t length =
        printed(snprintf(out, INSTANT_TEXT_MAX, "%04d-%02u-%02uT%02u:%02u:%02u", (int)date.year,
                         date.month, date.day, second / 3600, second / 60 % 60, second % 60));
    length +=
        put_fraction(out + length, INSTANT_TEXT_MAX - length, micros ? nanos / 1000 * 1000 : nanos);
    out[length++] = 'Z';
    out[length] = '\0';
    return length;
}

size_t instant_duration_text(struct instant instant, char out[INSTANT_TEXT_MAX])
{
    bool negative = instant.seconds < 0 || instant.nanos < 0;
    uint64_t seconds = (uint64_t)(negative ? -instant.seconds : instant.seconds);
    unsigned nanos = (unsigned)(negative ? -instant.nanos : instant.nanos);
    size_t length =
        printed(snprintf(out, INSTANT_TEXT_MAX, "%s%" PRIu64, negative ? "-" : "", seconds));
    length += put_fraction(out + length, INSTANT_TEXT_MAX - length, nanos);
    out[length++] = 's';
    out[length] = '\0';
    return length;
}

size_t instant_interval_text(struct instant instant, char out[INSTANT_TEXT_MAX])
{
    int64_t micros = instant_duration_micros(instant);
    uint64_t left = (uint64_t)(micros < 0 ? -micros : micros);
    unsigned fraction = (unsigned)(left % 1000000);
    left /= 1000000;
    return printed(snprintf(out, INSTANT_TEXT_MAX, "%s%" PRIu64 ":%02u:%02u.%06u",
                            micros < 0 ? "-" : "", left / 3600, (unsigned)(left / 60 % 60),
                            (unsigned)(left % 60), fraction));
}

/* ---- reading ---- */

struct scan {
    const char *at, *end;
};

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Exactly `digits` digits. */
static bool take_number(struct scan *scan, unsigned digits, unsigned *value)
{
    *value = 0;
    for (; digits; digits--, scan->at++) {
        if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9')
            return false;
        *value = *value * 10 + (unsigned)(*scan->at - '0');
    }
    return true;
}

/* An optional ".d", of 1 to 9 digits. */
static bool take_fraction(struct scan *scan, int32_t *nanos)
{
    int32_t unit = NANOS_PER_SEC;
    *nanos = 0;
    if (!take(scan, '.'))
        return true;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && unit > 1) {
        unit /= 10;
        *nanos += (*scan->at++ - '0') * unit;
    }
    return unit < NANOS_PER_SEC;
}

static bool is_date(struct date date)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;
    return date.month >= 1 && date.month <= 12 && date.day >= 1 &&
           date.day <= (unsigned)lengths[date.month - 1] + (leap && date.month == 2);
}

static bool take_date(struct scan *scan, struct date *date)
{
    unsigned year;
    if (!take_number(scan, 4, &year) || !take(scan, '-') || !take_number(scan, 2, &date->month) ||
        !take(scan, '-') || !take_number(scan, 2, &date->day))
        return false;
    date->year = year;
    return is_date(*date);
}

bool instant_days(int32_t year, int32_t month, int32_t day, int32_t *days)
{
    if (year < 1 || year > 9999 || month < 1 || day < 1)
        return false;
    struct date date = {.year = year, .month = (unsigned)month, .day = (unsigned)day};
    *days = (int32_t)days_of_date(date);
    return is_date(date);
}

bool instant_parse_date(struct span text, int32_t *days)
{
    struct scan scan = {text.data, text.data + text.length};
    struct date date;
    return take_date(&scan, &date) && scan.at == scan.end &&
           instant_days((int32_t)date.year, (int32_t)date.month, (int32_t)date.day, days);
}

/* "Z" or "+02:00". */
static bool take_offset(struct scan *scan, int64_t *seconds)
{
    unsigned hours, minutes;
    *seconds = 0;
    if (take(scan, 'Z') || take(scan, 'z'))
        return true;
    bool west = take(scan, '-');
    if ((!west && !take(scan, '+')) || !take_number(scan, 2, &hours) || !take(scan, ':') ||
        !take_number(scan, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    if (west)
        *seconds = -*seconds;
    return true;
}

bool instant_parse_timestamp(struct span text, struct instant *instant)
{
    struct scan scan = {text.data, text.data + text.length};
    struct date date;
    unsigned hour, minute, second;
    int64_t offset;
    if (!take_date(&scan, &date) || !(take(&scan, 'T') || take(&scan, 't')) ||
        !take_number(&scan, 2, &hour) || !take(&scan, ':') || !take_number(&scan, 2, &minute) ||
        !take(&scan, ':') || !take_number(&scan, 2, &second) ||
        !take_fraction(&scan, &instant->nanos) || !take_offset(&scan, &offset) ||
        scan.at != scan.end || hour > 23 || minute > 59 || second > 59)
        return false;
    instant->seconds = days_of_date(date) * SECONDS_PER_DAY +
                       (int64_t)(hour * 3600 + minute * 60 + second) - offset;
    return instant_is_timestamp(*instant);
}

bool instant_parse_duration(struct span text, struct instant *instant)
{
    struct scan scan = {text.data, text.data + text.length};
    bool negative = take(&scan, '-');
    const char *first = scan.at;
    instant->seconds = 0;
    for (; scan.at < scan.end && *scan.at >= '0' && *scan.at <= '9'; scan.at++) {
        instant->seconds = instant->seconds * 10 + (*scan.at - '0');
        if (instant->seconds > duration_last)
            return false;
    }
    if (scan.at == first || !take_fraction(&scan, &instant->nanos) || !take(&scan, 's') ||
        scan.at != scan.end)
        return false;
    if (negative) {
        instant->seconds = -instant->seconds;
        instant->nanos = -instant->nanos;
    }
    return instant_is_duration(*instant);
}
