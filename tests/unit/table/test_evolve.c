/* SPDX-License-Identifier: Apache-2.0 */
/* The layer table where the change is the configuration's; tests/contracts has those of a .proto.
 */
#include "table/evolve.h"

#include "../contract/fixture.h"

#include <stdlib.h>

struct world {
    struct descriptor_set *set;
    const struct message_type *type;
    struct contract *old;
    struct findings findings;
};

static const char *const key[] = {"order_id"};

static struct contract *make(const struct world *world, const struct column_override *columns,
                             unsigned n, const char *version)
{
    struct contract_overrides overrides = {
        .contract = {.key = key, .n_key = 1, .version_field = version},
        .columns = columns,
        .n_columns = n,
    };
    struct errs errs = {0};
    struct contract *contract = contract_make(world->type, &overrides, &errs);
    if (!contract)
        fail_msg("%s", errs.items[0].text);
    errs_free(&errs);
    return contract;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->set = load_set("compat_old");
    world->type = find_type(world->set, "compat.Order");
    world->old = make(world, NULL, 0, NULL);
    findings_init(&world->findings);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    findings_free(&world->findings);
    contract_free(world->old);
    descriptor_set_free(world->set);
    free(world);
    return 0;
}

static void compare(struct world *world, const struct column_override *columns, unsigned n,
                    const char *version)
{
    struct contract *new = make(world, columns, n, version);
    evolve_contract(world->old, new, &world->findings);
    contract_free(new);
}

static void a_contract_agrees_with_itself(void **state)
{
    struct world *world = *state;
    compare(world, NULL, 0, NULL);
    assert_int_equal(world->findings.count, 0);
}

static void a_column_renamed_by_configuration(void **state)
{
    struct world *world = *state;
    struct column_override column = {.field = "total", .options = {.name = "sum"}};
    compare(world, &column, 1, NULL);
    assert_int_equal(world->findings.count, 1);
    assert_string_equal(world->findings.items[0].rule->id, "COLUMN_RENAMED");
    assert_string_equal(world->findings.items[0].path, "compat.Order.total");
    assert_string_equal(world->findings.items[0].place, "compat_old.proto:9");
    assert_contains(world->findings.items[0].advice, "name: \"total\"");
}

static void a_column_that_takes_another_s_name(void **state)
{
    struct world *world = *state;
    struct column_override columns[] = {{.field = "card", .options = {.name = "cash"}},
                                        {.field = "cash", .options = {.name = "card"}}};
    compare(world, columns, 2, NULL);
    assert_int_equal(world->findings.count, 2);
    assert_string_equal(world->findings.items[0].rule->id, "COLUMN_SOURCE_CHANGED");
    assert_string_equal(world->findings.items[1].rule->id, "COLUMN_SOURCE_CHANGED");
}

static void a_version_field_that_comes(void **state)
{
    struct world *world = *state;
    compare(world, NULL, 0, "note_id");
    assert_int_equal(world->findings.count, 1);
    assert_string_equal(world->findings.items[0].rule->id, "VERSION_CHANGED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_contract_agrees_with_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_column_renamed_by_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(a_column_that_takes_another_s_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_version_field_that_comes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
