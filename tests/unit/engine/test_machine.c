/* SPDX-License-Identifier: Apache-2.0 */
/* The state tables: complete names, no state that cannot be reached or left, no event of no use;
 * and docs/states.md is what they draw. */
#include "engine/machines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STATES_MAX = 32 };

/* States that are the end, and why. */
static const struct {
    const char *machine, *state;
} ends[] = {
    {"cursor", "released"},    /* freed at once */
    {"membership", "closing"}, /* the process ends */
};

static bool is_end(const struct machine *machine, int state)
{
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(ends[i].machine, machine->name) == 0 &&
            strcmp(ends[i].state, machine->states[state]) == 0)
            return true;
    return false;
}

static void names_are_complete(const struct machine *machine)
{
    for (int i = 0; i < machine->n_states; i++) {
        assert_non_null(machine->states[i]);
        assert_true(machine->states[i][0]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(machine->states[i], machine->states[j]);
    }
    for (int i = 0; i < machine->n_events; i++) {
        assert_non_null(machine->events[i]);
        assert_true(machine->events[i][0]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(machine->events[i], machine->events[j]);
    }
    assert_true(machine->start >= 0 && machine->start < machine->n_states);
}

static void rows_are_sound(const struct machine *machine)
{
    for (int i = 0; i < machine->n_rows; i++) {
        const struct machine_row *row = &machine->rows[i];
        assert_true(row->state >= 0 && row->state < machine->n_states);
        assert_true(row->event >= 0 && row->event < machine->n_events);
        assert_true(row->next >= 0 && row->next < machine->n_states);
        assert_non_null(row->comment);
        assert_true(strlen(row->comment) > 3);
        for (int j = 0; j < i; j++)
            if (machine->rows[j].state == row->state && machine->rows[j].event == row->event)
                fail_msg("%s: two rows for %s in %s", machine->name, machine->events[row->event],
                         machine->states[row->state]);
        assert_ptr_equal(machine_find(machine, row->state, row->event), row);
    }
}

static void every_state_is_reached(const struct machine *machine)
{
    bool reached[STATES_MAX] = {false};
    assert_true(machine->n_states <= STATES_MAX);
    reached[machine->start] = true;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < machine->n_rows; i++) {
            const struct machine_row *row = &machine->rows[i];
            if (reached[row->state] && !reached[row->next])
                reached[row->next] = more = true;
        }
    }
    for (int i = 0; i < machine->n_states; i++)
        if (!reached[i])
            fail_msg("%s: state %s is never reached", machine->name, machine->states[i]);
}

static void every_state_is_left(const struct machine *machine)
{
    for (int state = 0; state < machine->n_states; state++) {
        bool left = false;
        for (int i = 0; i < machine->n_rows; i++)
            left |= machine->rows[i].state == state && machine->rows[i].next != state;
        if (left == is_end(machine, state))
            fail_msg("%s: state %s is %s", machine->name, machine->states[state],
                     left ? "called an end, and left" : "never left");
    }
}

static void every_event_is_used(const struct machine *machine)
{
    for (int event = 0; event < machine->n_events; event++) {
        bool used = false;
        for (int i = 0; i < machine->n_rows; i++)
            used |= machine->rows[i].event == event;
        if (!used)
            fail_msg("%s: event %s is never used", machine->name, machine->events[event]);
    }
}

static void for_all(void (*judge)(const struct machine *machine))
{
    unsigned n = 0;
    for (; machines_all[n]; n++)
        judge(machines_all[n]);
    assert_int_equal(n, 3);
}

static void all_machines_have_complete_names(void **state)
{
    (void)state;
    for_all(names_are_complete);
}

static void all_rows_are_sound(void **state)
{
    (void)state;
    for_all(rows_are_sound);
}

static void all_states_are_reached(void **state)
{
    (void)state;
    for_all(every_state_is_reached);
}

static void all_states_are_left(void **state)
{
    (void)state;
    for_all(every_state_is_left);
}

static void all_events_are_used(void **state)
{
    (void)state;
    for_all(every_event_is_used);
}

/* ---- firing ---- */

static int rung, seen;

static void ring(void *self)
{
    rung++;
    seen = *(int *)self; /* the state has moved before the action runs */
}

static const char *const names[] = {"off", "on"};
static const struct machine_row two_rows[] = {
    {0, 0, 1, ring, "switched on"},
    {1, 1, 0, NULL, "switched off"},
};
static const struct machine lamp = {.name = "lamp",
                                    .states = names,
                                    .events = names,
                                    .n_states = 2,
                                    .n_events = 2,
                                    .rows = two_rows,
                                    .n_rows = 2};

static void firing_moves_and_then_acts(void **state)
{
    (void)state;
    int at = 0;
    machine_fire(&lamp, &at, 0, &at);
    assert_int_equal(at, 1);
    assert_int_equal(rung, 1);
    assert_int_equal(seen, 1);
    machine_fire(&lamp, &at, 1, &at);
    assert_int_equal(at, 0);
    assert_int_equal(rung, 1);
    assert_null(machine_find(&lamp, 1, 0));
}

/* ---- the page ---- */

static char *read_page(size_t *length)
{
    FILE *file = fopen(PACTOLUS_SOURCE_DIR "/docs/states.md", "r");
    char *text = calloc(1, 65536);
    assert_non_null(file);
    *length = fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static void the_page_is_what_the_tables_say(void **state)
{
    (void)state;
    size_t drawn_length, page_length;
    char *drawn, *page = read_page(&page_length);
    FILE *out = open_memstream(&drawn, &drawn_length);
    assert_non_null(out);
    machines_page(out);
    fclose(out);
    if (drawn_length != page_length || memcmp(drawn, page, page_length) != 0)
        fail_msg("docs/states.md is not what the tables say: scripts/states");
    free(drawn);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_machines_have_complete_names),
        cmocka_unit_test(all_rows_are_sound),
        cmocka_unit_test(all_states_are_reached),
        cmocka_unit_test(all_states_are_left),
        cmocka_unit_test(all_events_are_used),
        cmocka_unit_test(firing_moves_and_then_acts),
        cmocka_unit_test(the_page_is_what_the_tables_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
