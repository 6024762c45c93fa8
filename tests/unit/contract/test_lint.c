/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/contracts/cases.lint cannot say: the configuration's overrides, and paths of faults.
 */
#include "contract/lint.h"

#include "contract/pattern.h"
#include "fixture.h"

static struct pattern *pattern_of(const char *text)
{
    char reason[200];
    struct pattern *pattern =
        pattern_open((struct span){text, strlen(text)}, reason, sizeof reason);
    assert_non_null(pattern);
    return pattern;
}

static unsigned told(const struct findings *findings, const char *rule)
{
    unsigned count = 0;
    for (unsigned i = 0; i < findings->count; i++)
        count += strcmp(findings->items[i].rule->id, rule) == 0;
    return count;
}

static void what_the_configuration_says_counts(void **state)
{
    struct descriptor_set *set = load_set("compat_old");
    const struct message_type *type = find_type(set, "compat.Order");
    static const char *const key[] = {"order_id"}, *const topics[] = {"shop.order.changed"};
    struct contract_overrides overrides = {.contract = {.key = key,
                                                        .n_key = 1,
                                                        .topics = topics,
                                                        .n_topics = 1,
                                                        .owner = "shop",
                                                        .freshness = "5m",
                                                        .description = "orders"}};
    struct lint_options options = {.pattern = LINT_TOPIC_PATTERN};
    struct pattern *pattern = pattern_of(LINT_TOPIC_PATTERN);
    struct findings without, with;
    (void)state;
    options.topics = pattern;
    findings_init(&without);
    findings_init(&with);
    lint_contract(set, type, &options, &without);
    options.overrides = &overrides;
    lint_contract(set, type, &options, &with);
    assert_int_equal(told(&without, "KEY_MISSING"), 1);
    assert_int_equal(told(&without, "OWNER_MISSING"), 1);
    assert_int_equal(told(&without, "FRESHNESS_MISSING"), 1);
    assert_int_equal(findings_count(&with, FINDING_ERROR), 0);
    assert_int_equal(told(&with, "TOPIC_MISSING"), 0);
    assert_int_equal(told(&with, "FIELD_DESCRIPTION_MISSING"), type->n_fields);
    findings_free(&without);
    findings_free(&with);
    pattern_close(pattern);
    descriptor_set_free(set);
}

static void topics_of_the_agreed_form(void **state)
{
    static const char *const good[] = {"shop.order.changed", "shop.order.changed.v2", "a.b.c-d_e"};
    static const char *const bad[] = {"orders", "shop.order", "shop.order.changed.v", "A.b.c",
                                      "shop.order.changed.v2.dlq"};
    struct pattern *pattern = pattern_of(LINT_TOPIC_PATTERN);
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pattern_matches(pattern, (struct span){good[i], strlen(good[i])}));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pattern_matches(pattern, (struct span){bad[i], strlen(bad[i])}));
    pattern_close(pattern);
}

static void clocks_decide_between_topics_of_unversioned_upserts(void **state)
{
    (void)state;
    assert_true(lint_topics_unordered(2, false, false));
    assert_false(lint_topics_unordered(1, false, false));
    assert_false(lint_topics_unordered(2, true, false));
    assert_false(lint_topics_unordered(2, false, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_configuration_says_counts),
        cmocka_unit_test(topics_of_the_agreed_form),
        cmocka_unit_test(clocks_decide_between_topics_of_unversioned_upserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
