/* SPDX-License-Identifier: Apache-2.0 */
/* The layers wire and names on one change; tests/contracts has one change for each rule. */
#include "contract/compat.h"

#include "fixture.h"

#include <stdlib.h>

static struct schema *open_schema(const char *stem)
{
    char path[512];
    static char bytes[1 << 20];
    struct err err = ERR_INIT;
    snprintf(path, sizeof path, "%s/%s.binpb", PACTOLUS_DESCRIPTORS, stem);
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct schema *schema = schema_open((struct span){bytes, length}, &err);
    assert_non_null(schema);
    return schema;
}

struct change {
    struct schema *old, *new;
    struct compat_pair pair;
    struct findings findings;
};

static void open_change(struct change *change, const char *old, const char *new)
{
    char name[64];
    change->old = open_schema(old);
    change->new = open_schema(new);
    snprintf(name, sizeof name, "%s.proto", old);
    change->pair.old_schema = change->old;
    change->pair.old_file = schema_file(change->old, name);
    snprintf(name, sizeof name, "%s.proto", new);
    change->pair.new_schema = change->new;
    change->pair.new_file = schema_file(change->new, name);
    assert_non_null(change->pair.old_file);
    assert_non_null(change->pair.new_file);
    findings_init(&change->findings);
}

static void close_change(struct change *change)
{
    findings_free(&change->findings);
    schema_free(change->old);
    schema_free(change->new);
}

/* How often the rule was told; `place` (may be NULL) gets where the last time. */
static unsigned told(const struct change *change, const char *rule, const char *path,
                     const char **place)
{
    unsigned count = 0;
    for (unsigned i = 0; i < change->findings.count; i++) {
        const struct finding *finding = &change->findings.items[i];
        if (strcmp(finding->rule->id, rule) != 0 || strcmp(finding->path, path) != 0)
            continue;
        if (place)
            *place = finding->place;
        count++;
    }
    return count;
}

static void what_does_not_change_says_nothing(void **state)
{
    static const char *const stems[] = {"all_types", "proto2_types", "record_types", "compat_old"};
    (void)state;
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        struct change change;
        open_change(&change, stems[i], stems[i]);
        compat_wire(&change.pair, COMPAT_BACKWARD, true, &change.findings);
        compat_wire(&change.pair, COMPAT_FORWARD, true, &change.findings);
        compat_names(&change.pair, &change.findings);
        assert_int_equal(change.findings.count, 0);
        close_change(&change);
    }
}

static void the_wire_names_rule_element_and_line(void **state)
{
    struct change change;
    const char *place = NULL;
    (void)state;
    open_change(&change, "compat_old", "compat_new");
    compat_wire(&change.pair, COMPAT_BACKWARD, true, &change.findings);
    assert_int_equal(told(&change, "FIELD_SCALAR_KIND_CHANGED", "compat.Order.total", &place), 1);
    assert_string_equal(place, "compat_new.proto:9");
    assert_int_equal(told(&change, "FIELD_SCALAR_KIND_CHANGED", "compat.Order.counts", NULL), 1);
    assert_int_equal(told(&change, "ONEOF_FIELD_REMOVED", "compat.Order.cash", &place), 1);
    assert_string_equal(place, "compat_new.proto:7"); /* what is gone: the message's */
    assert_int_equal(told(&change, "FIELD_NAME_CHANGED", "compat.Order.orderId", NULL), 1);
    assert_int_equal(told(&change, "FIELD_ADDED", "compat.Order.extra", NULL), 1);
    assert_int_equal(told(&change, "ENUM_CONST_CHANGED", "compat.Kind.KIND_LARGE", NULL), 1);
    assert_int_equal(change.findings.count, 6);
    close_change(&change);
}

static void forward_sees_the_change_from_the_other_side(void **state)
{
    struct change change;
    const char *place = NULL;
    (void)state;
    open_change(&change, "compat_old", "compat_new");
    compat_wire(&change.pair, COMPAT_FORWARD, false, &change.findings);
    assert_int_equal(told(&change, "FIELD_SCALAR_KIND_CHANGED", "compat.Order.total", &place), 1);
    assert_string_equal(place, "compat_new.proto:9"); /* still where somebody changes something */
    assert_int_equal(told(&change, "FIELD_SCALAR_KIND_CHANGED", "compat.Order.counts", NULL), 1);
    assert_int_equal(change.findings.count, 2); /* no notes; a member more is no harm */
    close_change(&change);
}

static void names_are_json_and_code(void **state)
{
    struct change change;
    (void)state;
    open_change(&change, "compat_old", "compat_new");
    compat_names(&change.pair, &change.findings);
    assert_int_equal(told(&change, "FIELD_NAME_CHANGED", "compat.Order.orderId", NULL), 1);
    assert_int_equal(told(&change, "JSON_NAME_CHANGED", "compat.Order.orderId", NULL), 0);
    assert_int_equal(told(&change, "JSON_FORM_CHANGED", "compat.Order.counts", NULL), 1);
    assert_int_equal(told(&change, "NUMBER_NOT_RESERVED", "compat.Order.cash", NULL), 1);
    assert_int_equal(told(&change, "NAME_NOT_RESERVED", "compat.Order.cash", NULL), 1);
    assert_int_equal(told(&change, "ENUM_VALUE_NAME_CHANGED", "compat.Kind.KIND_LARGE", NULL), 1);
    assert_int_equal(change.findings.count, 5);
    close_change(&change);
}

static void a_schema_is_what_was_written(void **state)
{
    struct schema *schema = open_schema("compat_old");
    const struct schema_type *order = schema_find(schema, ".compat.Order");
    struct arena arena;
    (void)state;
    arena_init(&arena, 1024);
    assert_non_null(order);
    assert_string_equal(order->local_name, "Order");
    assert_string_equal(schema_place(order, -1, &arena), "compat_old.proto:7");
    assert_string_equal(schema_place(order, 0, &arena), "compat_old.proto:8");
    assert_string_equal(schema_json_name(order->message->field[0], &arena), "orderId");
    assert_true(schema_in_oneof(order->message->field[2]));
    assert_true(schema_is_map(schema, order->message->field[5]));
    assert_false(schema_in_oneof(order->message->field[6])); /* optional makes no oneof */
    assert_ptr_equal(schema_field_type(schema, order->message->field[4]), order);
    assert_true(schema_find(schema, "compat.Order.CountsEntry")->map_entry);
    assert_null(schema_find(schema, "compat.Nothing"));
    assert_false(order->file->imported);
    arena_free(&arena);
    schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_change_says_nothing),
        cmocka_unit_test(the_wire_names_rule_element_and_line),
        cmocka_unit_test(forward_sees_the_change_from_the_other_side),
        cmocka_unit_test(names_are_json_and_code),
        cmocka_unit_test(a_schema_is_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
