/* SPDX-License-Identifier: Apache-2.0 */
#include "config/moment.h"

#include "base/text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Exactly `digits` digits; moves `at` behind them. */
static bool take(const char **at, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* ".250" in microseconds; at most six digits. */
static bool take_fraction(const char **at, int *microseconds)
{
    int unit = 100000;
    *microseconds = 0;
    if (!take_char(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
        if (unit == 0)
            return false;
        *microseconds += (**at - '0') * unit;
    }
    return true;
}

/* "Z", "+02:00" or nothing, which is UTC. */
static bool take_zone(const char **at, int *seconds_east)
{
    int hours, minutes, sign = **at == '-' ? -1 : 1;
    *seconds_east = 0;
    if (take_char(at, 'Z') || !**at)
        return true;
    if (!take_char(at, '+') && !take_char(at, '-'))
        return false;
    if (!take(at, 2, &hours) || !take_char(at, ':') || !take(at, 2, &minutes))
        return false;
    *seconds_east = sign * (hours * 3600 + minutes * 60);
    return hours <= 14 && minutes <= 59;
}

static bool take_time(const char **at, struct tm *day, int *microseconds, int *seconds_east)
{
    *microseconds = *seconds_east = 0;
    if (!**at)
        return true;
    if (!take_char(at, 'T') && !take_char(at, ' '))
        return false;
    if (!take(at, 2, &day->tm_hour) || !take_char(at, ':') || !take(at, 2, &day->tm_min))
        return false;
    if (take_char(at, ':') && (!take(at, 2, &day->tm_sec) || !take_fraction(at, microseconds)))
        return false;
    return take_zone(at, seconds_east);
}

bool moment_parse(const char *text, usec_t *wall)
{
    struct tm day = {0};
    const char *at = text;
    int microseconds, seconds_east;
    if (!take(&at, 4, &day.tm_year) || !take_char(&at, '-') || !take(&at, 2, &day.tm_mon) ||
        !take_char(&at, '-') || !take(&at, 2, &day.tm_mday) ||
        !take_time(&at, &day, &microseconds, &seconds_east) || *at)
        return false;
    if (day.tm_year < 1970 || day.tm_hour > 23 || day.tm_min > 59 || day.tm_sec > 59)
        return false;
    struct tm normal = {.tm_year = day.tm_year - 1900,
                        .tm_mon = day.tm_mon - 1,
                        .tm_mday = day.tm_mday,
                        .tm_hour = day.tm_hour,
                        .tm_min = day.tm_min,
                        .tm_sec = day.tm_sec};
    struct tm said = normal;
    time_t seconds = timegm(&normal);
    /* timegm takes February 30th for March; then what it normalised is not what was said. */
    if (normal.tm_mon != said.tm_mon || normal.tm_mday != said.tm_mday)
        return false;
    *wall = ((usec_t)seconds - seconds_east) * USEC_PER_SEC + microseconds;
    return *wall >= 0;
}

/* Digits up to a letter; `microseconds` of `unit` each. Seconds may have a fraction. */
static bool take_amount(const char **at, usec_t *microseconds, char *letter)
{
    const int64_t most = 100000LL * 24 * 3600; /* in seconds; a day's worth of each unit fits */
    int64_t whole = 0;
    int fraction = 0;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if ((whole = whole * 10 + (**at - '0')) > most)
            return false;
    if (*at == start || !take_fraction(at, &fraction))
        return false;
    *letter = **at;
    if (fraction && *letter != 'S')
        return false;
    *microseconds = whole * USEC_PER_SEC + fraction;
    return *letter != 0;
}

/* The units in their order, each at most once: "D", then behind a T "H", "M", "S". */
static bool iso_duration(const char *at, usec_t *duration)
{
    static const char letters[] = "DHMS";
    static const int64_t seconds[] = {86400, 3600, 60, 1};
    const usec_t most = 100000LL * 86400 * USEC_PER_SEC;
    int next = 0;
    usec_t total = 0, amount, part;
    bool time = false, behind = false;
    if (!take_char(&at, 'P') || !*at)
        return false;
    while (*at) {
        if (!time && take_char(&at, 'T')) {
            time = true;
            behind = true; /* something must follow */
            next = 1;
            continue;
        }
        char letter;
        if (!take_amount(&at, &amount, &letter))
            return false;
        const char *found = strchr(letters + next, letter);
        if (!found || (letter != 'D' && !time) || (letter == 'D' && time))
            return false;
        next = (int)(found - letters) + 1;
        if (__builtin_mul_overflow(amount, seconds[found - letters], &part) || part > most ||
            (total += part) > most)
            return false;
        at++;
        behind = false;
    }
    *duration = total;
    return !behind;
}

bool moment_duration(const char *text, usec_t *duration)
{
    const usec_t most = 100000LL * 86400 * USEC_PER_SEC;
    if (*text == 'P')
        return iso_duration(text, duration);
    return text_parse_duration(text, duration) && *duration >= 0 && *duration <= most;
}
