/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for people: kind, bounds and sizes as the reference and the messages name them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/option.h"

#include <inttypes.h>

void option_measure_text(const struct option *option, int64_t value, struct buf *out)
{
    static const struct unit {
        const char *name;
        int64_t size;
    } sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}},
      durations[] = {{"d", 86400 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
                     {"m", 60 * USEC_PER_SEC},    {"s", USEC_PER_SEC},
                     {"ms", USEC_PER_MS},         {"us", 1}};
    const struct unit *unit = option->kind == OPTION_SIZE ? sizes : durations;
    while (value && value % unit->size != 0)
        unit++;
    buf_printf(out, "%" PRId64 "%s", value / unit->size, value ? unit->name : "");
}

static void bounds_text(const struct option *option, struct buf *out)
{
    char low[32], high[32];
    if (!option_bounded(option))
        return;
    if (option->kind == OPTION_SIZE || option->kind == OPTION_DURATION) {
        buf_puts(out, ", ");
        option_measure_text(option, option->min, out);
        buf_puts(out, " to ");
        option_measure_text(option, option->max, out);
    } else if (option->kind == OPTION_NUMBER) {
        buf_printf(out, ", %s to %s", text_thousands(option->min, low),
                   text_thousands(option->max, high));
    } else if (option->kind == OPTION_TEXT || option->kind == OPTION_NAMES) {
        buf_printf(out, ", at most %" PRId64 " bytes%s", option->max,
                   option->kind == OPTION_NAMES ? " each" : "");
    }
}

static void choices_text(const struct option *option, struct buf *out)
{
    for (const struct option_choice *choice = option->choices; choice->name; choice++)
        buf_printf(out, "%s\"%s\"",
                   choice == option->choices ? ""
                   : choice[1].name          ? ", "
                                             : " or ",
                   choice->name);
}

void option_kind_text(const struct option *option, struct buf *out)
{
    static const char *const names[] = {
        [OPTION_TEXT] = "text",
        [OPTION_PATH] = "path",
        [OPTION_NUMBER] = "whole number",
        [OPTION_SIZE] = "size with a unit (\"4MiB\")",
        [OPTION_DURATION] = "duration with a unit (\"60s\")",
        [OPTION_SHARE] = "share from 0 to 1 (0.05 or \"5%\")",
        [OPTION_SWITCH] = "true or false",
        [OPTION_NAMES] = "list of texts",
        [OPTION_START] = "\"earliest\", \"latest\" or a time",
        [OPTION_DELETES] = "\"soft\", \"hard\", \"final\", \"header:NAME\" or \"reject\"",
        [OPTION_KAFKA] = "block",
        [OPTION_PROPERTIES] = "list of blocks",
        [OPTION_STREAMS] = "block of blocks",
        [OPTION_TOPICS] = "list of texts or blocks",
        [OPTION_COLUMNS] = "block of blocks",
    };
    if (option->choices) {
        choices_text(option, out);
        return;
    }
    buf_puts(out, names[option->kind]);
    bounds_text(option, out);
}
