/* SPDX-License-Identifier: Apache-2.0 */
/* dlq list: how many letters, of which stream and reason, since when; and each on a line. */
#include "base/text.h"
#include "command/dlq_topic.h"
#include "command/dlq_view.h"
#include "command/member.h"
#include "command/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500 };

struct options {
    struct setup setup;
    struct dlq_words words;
    bool json, each;
    int64_t limit;
};

struct listing {
    const struct options *options;
    struct dlq dlq;
    struct letters_group *groups;
    unsigned n_groups, capacity; /* capacity: of a topic's groups, which are owned */
    struct buf letters;          /* --each: lines, or JSON objects behind commas */
    int64_t n_letters;
};

/* ---- letters, one by one ---- */

static void add_line(struct listing *listing, const struct letter *letter)
{
    char place[DLQ_PLACE_TEXT];
    struct buf *out = &listing->letters;
    size_t start = out->length;
    buf_printf(out, "%-8" PRId64 " %-12s %-12s %-2d %-27s %s  %s", letter->id, letter->stream,
               letter->reason, (int)letter->attempts, letter->first_failed,
               dlq_place(letter, place), letter->detail);
    for (size_t i = start; i < out->length; i++)
        if ((unsigned char)out->data[i] < ' ' || out->data[i] == 127)
            out->data[i] = '?';
    buf_putc(out, '\n');
}

static void add_object(struct listing *listing, const struct letter *letter)
{
    char place[DLQ_PLACE_TEXT];
    struct buf *out = &listing->letters;
    buf_puts(out, out->length ? ",{" : "{");
    if (letter->id)
        member_number(out, "id", letter->id);
    dlq_place(letter, place);
    member_text(out, "place", place);
    member_text(out, "stream", letter->stream);
    member_text(out, "state", letter->state);
    member_text(out, "reason", letter->reason);
    member_text(out, "detail", letter->detail);
    member_text(out, "sqlstate", letter->sqlstate);
    member_text(out, "first_failed", letter->first_failed);
    member_text(out, "last_failed", letter->last_failed);
    member_number(out, "attempts", letter->attempts);
    buf_putc(out, '}');
}

static void add_letter(struct listing *listing, const struct letter *letter)
{
    if (!listing->options->each || listing->n_letters >= listing->options->limit)
        return;
    listing->n_letters++;
    if (listing->options->json)
        add_object(listing, letter);
    else
        add_line(listing, letter);
}

/* ---- the ledger ---- */

static bool read_each(struct listing *listing, struct err *err)
{
    struct dlq *dlq = &listing->dlq;
    struct letters_page page = {.max = PAGE, .max_bytes = (size_t)8 << 20};
    struct arena arena;
    struct letter *list;
    unsigned n = 0;
    bool good = true;
    arena_init(&arena, 65536);
    do {
        arena_reset(&arena, 65536);
        good = letters_read(dlq->conn, &dlq->filter, &page, &arena, &list, &n, err);
        for (unsigned i = 0; good && i < n; i++)
            add_letter(listing, &list[i]);
        if (good && n)
            page.after = list[n - 1].id;
    } while (good && n && listing->n_letters < listing->options->limit);
    arena_free(&arena);
    return good;
}

static bool read_ledger(struct listing *listing, struct errs *errs)
{
    struct dlq *dlq = &listing->dlq;
    struct err err = ERR_INIT;
    if (letters_count(dlq->conn, &dlq->filter, &dlq->arena, &listing->groups, &listing->n_groups,
                      &err) &&
        (!listing->options->each || read_each(listing, &err)))
        return true;
    errs_add(errs, &err);
    return false;
}

/* ---- a topic ---- */

static struct letters_group *group_of(struct listing *listing, const struct letter *letter)
{
    struct arena *arena = &listing->dlq.arena;
    for (unsigned i = 0; i < listing->n_groups; i++)
        if (strcmp(listing->groups[i].stream, letter->stream) == 0 &&
            strcmp(listing->groups[i].reason, letter->reason) == 0)
            return &listing->groups[i];
    if (listing->n_groups == listing->capacity) {
        listing->capacity = 2 * listing->capacity + 16;
        listing->groups = mem_grow(listing->groups, listing->capacity, sizeof *listing->groups);
    }
    struct letters_group *group = &listing->groups[listing->n_groups++];
    *group = (struct letters_group){
        .stream = arena_string(arena, letter->stream, strlen(letter->stream)),
        .reason = arena_string(arena, letter->reason, strlen(letter->reason)),
        .state = "relayed",
        .oldest = "",
        .newest = "",
    };
    return group;
}

static bool take(void *context, struct topic_letter *found, struct err *err)
{
    (void)err;
    struct listing *listing = context;
    const struct letter *letter = &found->letter;
    struct letters_group *group = group_of(listing, letter);
    struct arena *arena = &listing->dlq.arena;
    group->letters++;
    group->bytes += (int64_t)(letter->key.length + letter->value.length);
    /* RFC 3339 in UTC: the order of texts is the order of times. */
    if (!*group->oldest || strcmp(letter->first_failed, group->oldest) < 0)
        group->oldest = arena_string(arena, letter->first_failed, strlen(letter->first_failed));
    if (strcmp(letter->first_failed, group->newest) > 0)
        group->newest = arena_string(arena, letter->first_failed, strlen(letter->first_failed));
    add_letter(listing, letter);
    return true;
}

/* ---- telling ---- */

static void print_text(const struct listing *listing)
{
    char letters[32], waiting[32], bytes[32];
    if (!listing->n_groups) {
        printf("no letters\n");
        return;
    }
    printf("%-12s %-10s %-12s %10s %10s %10s  %-27s %s\n", "STREAM", "STATE", "REASON", "LETTERS",
           "TO RELAY", "SIZE", "OLDEST", "NEWEST");
    for (unsigned i = 0; i < listing->n_groups; i++) {
        const struct letters_group *group = &listing->groups[i];
        printf("%-12s %-10s %-12s %10s %10s %10s  %-27s %s\n", group->stream, group->state,
               group->reason, text_thousands(group->letters, letters),
               text_thousands(group->waiting, waiting), text_bytes(group->bytes, bytes),
               group->oldest, group->newest);
    }
    if (listing->letters.length)
        printf("\n%-8s %-12s %-12s %-2s %-27s %s\n%s", "LETTER", "STREAM", "REASON", "N",
               "FIRST FAILED", "PLACE", listing->letters.data);
}

static void print_json(const struct listing *listing)
{
    struct buf out = BUF_INIT;
    buf_puts(&out, "{\"groups\":[");
    for (unsigned i = 0; i < listing->n_groups; i++) {
        const struct letters_group *group = &listing->groups[i];
        buf_puts(&out, i ? ",{" : "{");
        member_text(&out, "stream", group->stream);
        member_text(&out, "state", group->state);
        member_text(&out, "reason", group->reason);
        member_text(&out, "oldest", group->oldest);
        member_text(&out, "newest", group->newest);
        member_number(&out, "letters", group->letters);
        member_number(&out, "to_relay", group->waiting);
        member_number(&out, "bytes", group->bytes);
        buf_putc(&out, '}');
    }
    buf_putc(&out, ']');
    if (listing->options->each)
        buf_printf(&out, ",\"letters\":[%s]", listing->letters.data ? listing->letters.data : "");
    printf("%s}\n", out.data);
    buf_free(&out);
}

static int list(const struct options *options)
{
    struct errs errs = {0};
    struct listing listing = {.options = options};
    const char *topic = options->words.from_topic;
    if (dlq_open(&listing.dlq, &options->setup, &options->words, topic ? 0 : DLQ_LEDGER, &errs)) {
        struct dlq_topic reading = {
            .dlq = &listing.dlq, .topic = topic, .each = take, .context = &listing};
        if (topic ? dlq_topic_read(&reading, &errs) : read_ledger(&listing, &errs)) {
            if (options->json)
                print_json(&listing);
            else
                print_text(&listing);
        }
    }
    fflush(stdout);
    int code = report_errs(&errs);
    if (listing.capacity)
        free(listing.groups);
    buf_free(&listing.letters);
    dlq_close(&listing.dlq);
    errs_free(&errs);
    return code;
}

int dlq_list(int argc, char **argv)
{
    struct options options = {.limit = 50, .words = {.state = "open"}};
    const struct args_option table[] = {
        DLQ_OPTIONS(&options.words),
        DLQ_STATE_OPTION(&options.words),
        DLQ_TOPIC_OPTION(&options.words),
        {'e', "each", NULL, ARGS_FLAG, &options.each, "every letter on a line, too"},
        {'n', "limit", "N", ARGS_NUMBER, &options.limit, "at most so many lines (50)"},
        {'j', "json", NULL, ARGS_FLAG, &options.json, "as one JSON object"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "dlq list",
        .usage = "[LETTER…] [OPTION…]",
        .summary = "how many dead letters there are, by stream and reason, since when",
        .options = table,
        .examples = "pactolus dlq list\n"
                    "pactolus dlq list --stream payments --since 2h --each\n"
                    "pactolus dlq list --from-topic payments.payment.captured.dlq --json\n",
        .exits = "0   told\n64  words that mean nothing\n69  database or broker out of reach\n"
                 "77  the database refuses us\n78  the configuration is wrong\n",
        .operands_max = DLQ_OPERANDS_MAX,
    };
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &options.words.n_operands, &code)) {
        options.words.operands = argv;
        code = list(&options);
    }
    dlq_words_free(&options.words);
    setup_free(&options.setup);
    return code;
}
