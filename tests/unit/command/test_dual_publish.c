/* SPDX-License-Identifier: Apache-2.0 */
#include "command/dual_publish.h"

#include "../contract/fixture.h"

#include <stdlib.h>

static void check(char *made, const char *wanted)
{
    assert_string_equal(made, wanted);
    free(made);
}

static void the_next_version_has_the_next_names(void **state)
{
    (void)state;
    check(dual_publish_package("shop.v1"), "shop.v2");
    check(dual_publish_package("shop.orders.v9"), "shop.orders.v10");
    check(dual_publish_package("shop"), "shop.v2");
    check(dual_publish_package("shop.v1beta1"), "shop.v1beta1.v2");
    check(dual_publish_topic("shop.order.changed", 2), "shop.order.changed.v2");
    check(dual_publish_topic("shop.order.changed.v2", 3), "shop.order.changed.v3");
    check(dual_publish_topic("shop.order.version", 2), "shop.order.version.v2");
}

static struct contract *make(const struct message_type *type, const char *field)
{
    const char *const key[] = {field};
    struct contract_overrides overrides = {.contract = {.key = key, .n_key = 1}};
    struct errs errs = {0};
    struct contract *contract = contract_make(type, &overrides, &errs);
    assert_non_null(contract);
    errs_free(&errs);
    return contract;
}

static void one_table_when_they_agree_else_two(void **state)
{
    struct descriptor_set *set = load_set("compat_old");
    const struct message_type *type = find_type(set, "compat.Order");
    struct contract *old = make(type, "order_id"), *same = make(type, "order_id");
    struct contract *other = make(type, "total");
    char *steps[DUAL_PUBLISH_STEPS];
    (void)state;
    dual_publish_steps(old, same, steps);
    assert_contains(steps[0], "compat.v2");
    assert_contains(steps[3], "into data.compat_order_v1 by one stream");
    for (int i = 0; i < DUAL_PUBLISH_STEPS; i++)
        free(steps[i]);
    dual_publish_steps(old, other, steps);
    assert_contains(steps[3], "a stream of its own");
    for (int i = 0; i < DUAL_PUBLISH_STEPS; i++)
        free(steps[i]);
    contract_free(old);
    contract_free(same);
    contract_free(other);
    descriptor_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_version_has_the_next_names),
        cmocka_unit_test(one_table_when_they_agree_else_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
