/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/contract.h"

#include "fixture.h"

static struct descriptor_set *all_set, *options_set, *bad_set, *old_set, *mapped_set;

static int setup(void **state)
{
    (void)state;
    all_set = load_set("all_types");
    options_set = load_set("contract_options");
    bad_set = load_set("bad_contracts");
    old_set = load_set("bad_proto2");
    mapped_set = load_set("mapped_types");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    descriptor_set_free(all_set);
    descriptor_set_free(options_set);
    descriptor_set_free(bad_set);
    descriptor_set_free(old_set);
    descriptor_set_free(mapped_set);
    return 0;
}

static struct contract *make(const struct descriptor_set *set, const char *name,
                             const struct contract_overrides *overrides)
{
    struct errs errs = {0};
    struct contract *contract = contract_make(find_type(set, name), overrides, &errs);
    if (!contract)
        fail_msg("%s: %s: %s", name, errs.items[0].place, errs.items[0].text);
    assert_int_equal(errs.count, 0);
    errs_free(&errs);
    return contract;
}

static const struct column *find_column(const struct contract *contract, const char *name)
{
    for (unsigned i = 0; i < contract->n_columns; i++) {
        if (strcmp(contract->columns[i].name, name) == 0)
            return &contract->columns[i];
    }
    fail_msg("no column %s", name);
    return NULL;
}

static void test_options_make_the_contract(void **state)
{
    (void)state;
    struct contract *contract = make(options_set, "pactolus.test.options.v3.Full", NULL);
    assert_string_equal(contract->name, "pactolus.test.options.v3.Full");
    assert_int_equal(contract->n_columns, 5); /* secret is skipped */
    assert_int_equal(contract->n_key, 2);
    assert_string_equal(contract->columns[contract->key[0]].name, "tenant");
    assert_string_equal(contract->columns[contract->key[1]].name, "id");
    assert_int_equal(find_column(contract, "id")->key_position, 1);
    assert_int_equal(find_column(contract, "id")->type->id, TYPE_UUID);
    assert_string_equal(contract->columns[contract->version].name, "rev");
    assert_int_equal(contract->columns[contract->version].type->id, TYPE_BIGINT);
    assert_string_equal(contract->columns[contract->event_time].name, "happened_at");
    const struct column *power = find_column(contract, "power_kw");
    assert_int_equal(power->key_position, -1);
    assert_string_equal(power->comment, "Comment of the field.");
    assert_string_equal(power->unit, "kW");
    assert_string_equal(power->null_means, "not measured");
    assert_string_equal(find_column(contract, "tenant")->unit, "");
    assert_string_equal(contract->schema, "lake");
    assert_string_equal(contract->table, "full_rows");
    assert_string_equal(contract->view_schema, "pactolus_test_options");
    assert_string_equal(contract->view, "full_view");
    assert_string_equal(contract->description, "What it is for");
    assert_int_equal(contract->status, CONTRACT_DEPRECATED);
    assert_int_equal(contract->n_topics, 2);
    assert_non_null(contract->rules);
    contract_free(contract);
}

static void test_defaults(void **state)
{
    (void)state;
    struct contract *contract = make(options_set, "pactolus.test.options.v3.Event", NULL);
    assert_int_equal(contract->mode, CONTRACT_APPEND);
    assert_int_equal(contract->n_key, 0);
    assert_int_equal(contract->version, -1);
    assert_int_equal(contract->event_time, -1);
    assert_string_equal(contract->schema, "data");
    assert_string_equal(contract->table, "pactolus_test_options_event_v3");
    assert_string_equal(contract->view_schema, "pactolus_test_options");
    assert_string_equal(contract->view, "event_v3");
    assert_string_equal(contract->description, "Appended, never updated.");
    assert_string_equal(contract->owner, "");
    contract_free(contract);
}

static void test_all_types_become_columns(void **state)
{
    (void)state;
    const char *key[] = {"f_int64"};
    struct contract_overrides overrides = {.contract = {.key = key, .n_key = 1}};
    struct contract *contract = make(all_set, "pactolus.test.v1.AllTypes", &overrides);
    /* tree has three columns more, c_tree two: they need not say whether they are set twice; and
     * there is the case of choice */
    assert_int_equal(contract->n_columns, contract->message->n_fields + 4 + 3 + 1);
    for (unsigned i = 1; i < contract->n_columns; i++) {
        const struct column *a = &contract->columns[i - 1], *b = &contract->columns[i];
        assert_true((a->depth ? a->path[0] : a->field)->pb->id <=
                    (b->depth ? b->path[0] : b->field)->pb->id);
    }
    assert_false(find_column(contract, "f_int32")->nullable);
    assert_true(find_column(contract, "o_int32")->nullable);
    assert_true(find_column(contract, "at")->nullable);
    assert_true(find_column(contract, "c_int32")->nullable);
    assert_false(find_column(contract, "r_int32")->nullable);
    assert_true(find_column(contract, "r_int32")->array);
    assert_true(find_column(contract, "r_at")->array);
    assert_false(find_column(contract, "trees")->array);
    assert_false(find_column(contract, "m_string")->array);
    assert_false(find_column(contract, "r_w_string")->wrapper);
    assert_true(find_column(contract, "w_int64")->wrapper);
    assert_true(find_column(contract, "w_int64")->nullable);
    contract_free(contract);
}

static void test_configuration_wins(void **state)
{
    (void)state;
    char key_field[] = "id", table[] = "other", column_name[] = "leistung", field[] = "power";
    const char *key[] = {key_field};
    struct column_override columns[] = {
        {.field = field, .options = {.name = column_name}, .place = "a.conf:3"},
        {.field = "secret", .options = {.skip = false, .skip_said = true}},
        {.field = "happened_at", .options = {.skip = true, .skip_said = true}},
    };
    struct contract_overrides overrides = {
        .contract = {.key = key, .n_key = 1, .table = table, .status_said = true},
        .columns = columns,
        .n_columns = 3};
    struct errs errs = {0};
    const struct message_type *type = find_type(options_set, "pactolus.test.options.v3.Full");
    assert_null(contract_make(type, &overrides, &errs)); /* event_time names what is skipped now */
    assert_int_equal(errs.count, 1);
    assert_contains(errs.items[0].text,
                    "event time happened_at of pactolus.test.options.v3.Full: an option skips");
    errs_free(&errs);

    overrides.n_columns = 2;
    struct contract *contract = make(options_set, type->full_name, &overrides);
    memset(key_field, 'x', 2), memset(table, 'x', 5), memset(column_name, 'x', 8);
    assert_int_equal(contract->n_key, 1);
    assert_string_equal(contract->columns[contract->key[0]].name, "id");
    assert_string_equal(contract->table, "other");
    assert_string_equal(contract->schema, "lake");
    assert_int_equal(contract->status, CONTRACT_ACTIVE);
    assert_string_equal(find_column(contract, "leistung")->unit, "kW"); /* not said: the .proto's */
    assert_int_equal(find_column(contract, "secret")->type->id, TYPE_TEXT);
    contract_free(contract);
}

static void expect_faults(const struct descriptor_set *set, const char *name, unsigned count,
                          const char *part)
{
    struct errs errs = {0};
    struct contract *contract = contract_make(find_type(set, name), NULL, &errs);
    if (contract)
        fail_msg("%s was taken", name);
    bool found = false;
    for (unsigned i = 0; i < errs.count; i++) {
        found |= strstr(errs.items[i].text, part) != NULL;
        assert_int_equal(errs.items[i].class, ERR_HALT);
        assert_int_equal(errs.items[i].exit, ERR_EXIT_CONFIG);
        assert_contains(errs.items[i].place, ".proto:");
    }
    if (!found || errs.count != count)
        fail_msg("%s: %u faults, first: %s; wanted: %s", name, errs.count, errs.items[0].text,
                 part);
    errs_free(&errs);
}

static void test_bad_contracts_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        unsigned count;
        const char *part;
    } rows[] = {
        {"NoKey", 1, "has no key"},
        {"UnknownKey", 1, "key payment_ids: pactolus.test.bad.v1.UnknownKey has no such field"},
        {"FloatKey", 1, "key id of pactolus.test.bad.v1.FloatKey: floating-point"},
        {"RepeatedKey", 1, "it is repeated"},
        {"MapKey", 1, "it is a map"},
        {"MessageKey", 1, "it is a message"},
        {"KeyTwice", 1, "it is named twice"},
        {"SkippedKey", 1, "an option skips that field"},
        {"AppendWithKey", 1, "appends, so it has no key"},
        {"TimestampVersion", 1, "version field changed_at of"},
        {"TextVersion", 1, "is not an integer"},
        {"KeyVersion", 1, "is part of the key"},
        {"IntegerEventTime", 1, "is not a Timestamp"},
        {"TwoColumnsOfOneName", 1, "field name and field title of"},
        {"Collisions", 3, "field address.street and field address_street of"},
        {"Collisions", 3, "the presence of address and field address_present of"},
        {"Collisions", 3, "oneof address.kind and field address_kind of"},
        {"LongNestedNames", 1,
         "field a_message_name_of_thirty_two_byt.another_name_of_thirty_two_"},
        {"NestedKeys", 5, "key inner of pactolus.test.bad.v1.NestedKeys: it is a message"},
        {"NestedKeys", 5,
         "key inner.no_key.id of pactolus.test.bad.v1.NestedKeys: a message around"},
        {"NestedKeys", 5, "key inner.ratio of pactolus.test.bad.v1.NestedKeys: floating-point"},
        {"NestedKeys", 5, "key inner.idd: pactolus.test.bad.v1.NestedKeys has no such field"},
        {"NestedKeys", 5, "key choice of pactolus.test.bad.v1.NestedKeys: it is a oneof"},
        {"BareDecimal", 3, "field rate is a google.type.Decimal"},
        {"BareDecimal", 3, "field wide cannot be a column of type numeric(1001,2)"},
        {"BareDecimal", 3, "field open cannot be a column of type numeric"},
        {"ReservedColumns", 2, "names that begin with an underscore"},
        {"ReservedColumns", 2, "PostgreSQL keeps that name"},
        {"LongNames", 3, "at most 63 are allowed"},
        {"LongNames", 3, "view (with its twin)"},
        {"ReservedSchema", 1, "the schema pg_catalog is reserved"},
        {"BadTypeOverride", 1, "cannot be a column of type uuid"},
        {"BadTerms", 4, "freshness \"5\""},
        {"BadTerms", 4, "sunset \"tomorrow\""},
        {"BadTerms", 4, "purge_deleted_after \"0s\""},
        {"BadClassification", 2, "no classification \"pii\", which mail of"},
        {"BadClassification", 2, "no classification \"Personal\", which home of"},
        {"NoFields", 1, "no field to make a column of"},
        {"Several", 4, "key idd"},
        {"Several", 4, "version field ratio"},
        {"Several", 4, "event time when"},
        {"Several", 4, "google.type.Decimal"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[128];
        snprintf(name, sizeof name, "pactolus.test.bad.v1.%s", rows[i].message);
        expect_faults(bad_set, name, rows[i].count, rows[i].part);
    }
    /* no key either, since these files do without our options */
    expect_faults(old_set, "pactolus.test.bad.v2.HasGroup", 2, "field part is a group");
    expect_faults(old_set, "pactolus.test.bad.v2.HasExtension", 2, "field more is an extension");
}

static void test_hints_and_places(void **state)
{
    (void)state;
    struct errs errs = {0};
    assert_null(contract_make(find_type(bad_set, "pactolus.test.bad.v1.UnknownKey"), NULL, &errs));
    assert_string_equal(errs.items[0].hint, "did you mean payment_id?");
    assert_null(
        contract_make(find_type(bad_set, "pactolus.test.bad.v1.TimestampVersion"), NULL, &errs));
    assert_contains(errs.items[1].hint, "a Timestamp loses its nanoseconds: use an integer");
    assert_contains(errs.items[1].place, "bad_contracts.proto:");

    const char *key[] = {"no"};
    struct column_override columns[] = {
        {.field = "ids", .options = {.name = "x"}, .place = "b.conf:7"},
        {.field = "id", .options = {.name = ""}, .place = "b.conf:8"},
    };
    struct contract_overrides overrides = {.contract = {.key = key, .n_key = 1},
                                           .place = "b.conf:5",
                                           .columns = columns,
                                           .n_columns = 2};
    errs_free(&errs);
    memset(&errs, 0, sizeof errs);
    assert_null(contract_make(find_type(bad_set, "pactolus.test.bad.v1.NoKey"), &overrides, &errs));
    assert_int_equal(errs.count, 3);
    assert_string_equal(errs.items[0].place, "b.conf:8");
    assert_contains(errs.items[0].text, "empty name");
    assert_string_equal(errs.items[1].place, "b.conf:7");
    assert_contains(errs.items[1].text, "has no field ids");
    assert_string_equal(errs.items[1].hint, "did you mean id?");
    assert_string_equal(errs.items[2].place, "b.conf:5");
    errs_free(&errs);
}

static void test_fingerprint(void **state)
{
    (void)state;
    const char *name = "pactolus.test.options.v3.Full";
    struct contract *a = make(options_set, name, NULL), *b = make(options_set, name, NULL);
    assert_int_equal(strlen(a->fingerprint), 64);
    assert_string_equal(a->fingerprint, b->fingerprint);
    contract_free(b);
    const char *key[] = {"id", "tenant"}; /* the other way round */
    struct column_override renamed = {.field = "power", .options = {.name = "p"}};
    struct column_override retyped = {.field = "id", .options = {.type = "text"}};
    struct column_override described = {.field = "power", .options = {.unit = "MW"}};
    const struct {
        struct contract_overrides overrides;
        bool same;
    } rows[] = {
        {{.contract = {.key = key, .n_key = 2}}, false},
        {{.contract = {.table = "t"}}, false},
        {{.contract = {.schema = "s"}}, false},
        {{.columns = &renamed, .n_columns = 1}, false},
        {{.columns = &retyped, .n_columns = 1}, false},
        {{.columns = &described, .n_columns = 1}, true},
        {{.contract = {.owner = "other", .description = "other"}}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b = make(options_set, name, &rows[i].overrides);
        assert_int_equal(strcmp(a->fingerprint, b->fingerprint) == 0, rows[i].same);
        contract_free(b);
    }
    contract_free(a);
}

struct wanted {
    const char *name, *origin, *sql;
    bool nullable;
    int depth, part;
};

static void test_messages_become_columns(void **state)
{
    (void)state;
    static const struct wanted wanted[] = {
        {"id", "id", "text", false, 0, PART_VALUE},
        {"address_present", "address", "boolean", false, 0, PART_PRESENCE},
        {"address_street", "address.street", "text", true, 1, PART_VALUE},
        {"address_city", "address.city", "text", true, 1, PART_VALUE},
        {"address_lines", "address.lines", "text", true, 1, PART_VALUE},
        {"address_place_present", "address.place", "boolean", false, 1, PART_PRESENCE},
        {"address_place_at_latitude", "address.place.at.latitude", "double precision", true, 3,
         PART_LATITUDE},
        {"address_place_at_longitude", "address.place.at.longitude", "double precision", true, 3,
         PART_LONGITUDE},
        {"address_place_height", "address.place.height", "integer", true, 2, PART_VALUE},
        {"address_which", "address.kind", "text", true, 1, PART_CASE},
        {"address_flat", "address.flat", "text", true, 1, PART_VALUE},
        {"address_floor", "address.floor", "integer", true, 1, PART_VALUE},
        {"address_since", "address.since", "timestamp with time zone", true, 1, PART_VALUE},
        {"bill_present", "billing", "boolean", false, 0, PART_PRESENCE},
        {"bill_street", "billing.street", "text", true, 1, PART_VALUE},
        {"whole", "whole", "jsonb", true, 0, PART_VALUE},
        {"level1_level2_level3_present", "level1.level2.level3", "boolean", false, 2,
         PART_PRESENCE},
        {"level1_level2_level3_level4", "level1.level2.level3.level4", "jsonb", true, 3,
         PART_VALUE},
        {"level1_level2_level3_text", "level1.level2.level3.text", "text", true, 3, PART_VALUE},
        {"payment", "payment", "text", true, 0, PART_CASE},
        {"card_number", "card.number", "text", true, 1, PART_VALUE},
        {"iban", "iban", "text", true, 0, PART_VALUE},
        {"cash", "cash", "boolean", false, 0, PART_PRESENCE},
        {"day", "day", "date", true, 0, PART_VALUE},
        {"partial_day", "partial_day", "text", true, 0, PART_VALUE},
        {"opens", "opens", "time without time zone", true, 0, PART_VALUE},
        {"price", "price", "numeric(28,9)", true, 0, PART_VALUE},
        {"price_currency", "price.currency_code", "text", true, 1, PART_VALUE},
        {"rate", "rate", "numeric(12,4)", true, 0, PART_VALUE},
        {"rate_text", "rate_text", "text", true, 0, PART_VALUE},
        {"valid", "valid", "tstzrange", true, 0, PART_VALUE},
        {"phone", "phone", "jsonb", true, 0, PART_VALUE},
        {"days", "days", "jsonb", false, 0, PART_VALUE},
        {"mask", "mask", "text", true, 1, PART_VALUE},
        {"nothing", "nothing", "boolean", false, 0, PART_PRESENCE},
        {"anything", "anything", "jsonb", true, 0, PART_VALUE},
        {"host", "host", "inet", false, 0, PART_VALUE},
        {"network", "network", "cidr", false, 0, PART_VALUE},
        {"amounts", "amounts", "numeric(6,2)", false, 0, PART_VALUE},
        {"tree_label", "tree.label", "text", true, 1, PART_VALUE},
        {"tree_twin", "tree.twin", "jsonb", true, 1, PART_VALUE},
        {"tree_branch_tree", "tree.branch.tree", "jsonb", true, 2, PART_VALUE},
        {"tree_branch_mapped", "tree.branch.mapped", "jsonb", true, 2, PART_VALUE},
        {"hollow_present", "hollow", "boolean", false, 0, PART_PRESENCE},
    };
    struct contract *contract = make(mapped_set, "pactolus.test.mapped.v1.Mapped", NULL);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct column *column = find_column(contract, wanted[i].name);
        assert_string_equal(column->origin, wanted[i].origin);
        assert_string_equal(column->type->sql, wanted[i].sql);
        if (column->nullable != wanted[i].nullable || (int)column->depth != wanted[i].depth ||
            (int)column->part != wanted[i].part)
            fail_msg("column %s", wanted[i].name);
    }
    assert_int_equal(find_column(contract, "rate")->precision, 12);
    assert_int_equal(find_column(contract, "rate")->scale, 4);
    assert_int_equal(find_column(contract, "price")->scale, 9);
    assert_true(find_column(contract, "mask")->array);
    assert_true(find_column(contract, "address_lines")->array);
    assert_string_equal(find_column(contract, "address_street")->comment, "Street and number.");
    assert_string_equal(find_column(contract, "address_place_height")->classification, "personal");
    assert_string_equal(find_column(contract, "bill_street")->classification, "");
    contract_free(contract);
}

/* A configuration names nested fields with hyphens, since libconfig has no dots in names. */
static void test_overrides_of_nested_fields(void **state)
{
    (void)state;
    struct column_override columns[] = {
        {.field = "address-street", .options = {.name = "road"}},
        {.field = "address.place", .options = {.type = "jsonb"}},
        {.field = "billing", .options = {.skip = true, .skip_said = true}},
        {.field = "level1", .options = {.type = "jsonb"}},
        {.field = "payment", .options = {.name = "paid_by"}},
        {.field = "price-currency_code", .options = {.name = "unit"}},
        {.field = "position-latitude", .options = {.name = "lat"}},
    };
    struct contract_overrides overrides = {.columns = columns, .n_columns = 7};
    struct contract *contract = make(mapped_set, "pactolus.test.mapped.v1.Mapped", &overrides);
    assert_string_equal(find_column(contract, "address_road")->origin, "address.street");
    assert_int_equal(find_column(contract, "address_place")->type->id, TYPE_JSONB);
    assert_int_equal(find_column(contract, "level1")->type->id, TYPE_JSONB);
    assert_int_equal(find_column(contract, "paid_by")->part, PART_CASE);
    assert_string_equal(find_column(contract, "price_unit")->type->sql, "text");
    assert_int_equal(find_column(contract, "position_lat")->part, PART_LATITUDE);
    for (unsigned i = 0; i < contract->n_columns; i++)
        assert_null(strstr(contract->columns[i].name, "bill"));
    contract_free(contract);

    /* Options that nothing would heed are faults. */
    struct column_override idle[] = {
        {.field = "whole-street", .options = {.name = "road"}, .place = "c.conf:1"},
        {.field = "address-strreet", .options = {.name = "road"}, .place = "c.conf:2"},
    };
    struct errs errs = {0};
    overrides = (struct contract_overrides){.columns = idle, .n_columns = 2};
    assert_null(
        contract_make(find_type(mapped_set, "pactolus.test.mapped.v1.Mapped"), &overrides, &errs));
    assert_int_equal(errs.count, 2);
    assert_contains(errs.items[0].text, "field whole-street of");
    assert_contains(errs.items[0].text, "has no column of its own");
    assert_string_equal(errs.items[1].hint, "did you mean street?");
    errs_free(&errs);
}

static void test_roles_may_stand_in_messages(void **state)
{
    (void)state;
    struct contract *contract = make(mapped_set, "pactolus.test.mapped.v1.NestedRoles", NULL);
    assert_string_equal(contract->columns[contract->key[0]].name, "head_id");
    assert_string_equal(contract->columns[contract->version].name, "head_revision");
    assert_string_equal(contract->columns[contract->event_time].name, "head_at");
    contract_free(contract);
    contract = make(mapped_set, "pactolus.test.mapped.v1.DateKey", NULL);
    assert_int_equal(contract->columns[contract->key[0]].type->id, TYPE_DATE);
    contract_free(contract);
}

static void expect_domain(const char *package, const char *domain, unsigned major)
{
    char out[CONTRACT_NAME_MAX + 1];
    unsigned number = 99;
    contract_domain(package, out, &number);
    assert_string_equal(out, domain);
    assert_int_equal(number, major);
}

static void test_domains(void **state)
{
    (void)state;
    expect_domain("payments.v1", "payments", 1);
    expect_domain("shop.orders.v12", "shop_orders", 12);
    expect_domain("shop.orders", "shop_orders", 1);
    expect_domain("payments", "payments", 1);
    expect_domain("v3", "", 3);
    expect_domain("", "", 1);
    expect_domain("pay.v1beta1", "pay_v1beta1", 1);
    expect_domain("pay.v", "pay_v", 1);
    expect_domain("pay.version1", "pay_version1", 1);
    expect_domain("pay.v99999999999", "pay_v99999999999", 1);
}

static void test_examples(void **state)
{
    (void)state;
    struct descriptor_set *payments = load_set("payment"), *debian = load_set("package"),
                          *shop = load_set("order");
    const char *payment_key[] = {"payment_id"}, *package_key[] = {"package", "architecture"};
    struct contract_overrides overrides = {.contract = {.key = payment_key, .n_key = 1}};
    struct contract *contract = make(payments, "payments.v1.Payment", &overrides);
    assert_string_equal(contract->table, "payments_payment_v1");
    assert_string_equal(contract->view_schema, "payments");
    assert_string_equal(contract->view, "payment_v1");
    assert_int_equal(contract->n_columns, 8);
    contract_free(contract);
    overrides.contract.key = package_key;
    overrides.contract.n_key = 2;
    contract = make(debian, "debian.v1.Package", &overrides);
    assert_int_equal(find_column(contract, "depends")->type->id, TYPE_JSONB);
    assert_true(find_column(contract, "tags")->array);
    contract_free(contract);
    contract = make(shop, "shop.v1.Order", NULL);
    assert_string_equal(contract->columns[contract->version].name, "revision");
    assert_int_equal(contract->columns[contract->key[0]].type->id, TYPE_UUID);
    assert_string_equal(find_column(contract, "email")->classification, "personal");
    contract_free(contract);
    descriptor_set_free(payments);
    descriptor_set_free(debian);
    descriptor_set_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_make_the_contract),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_types_become_columns),
        cmocka_unit_test(test_configuration_wins),
        cmocka_unit_test(test_bad_contracts_are_named),
        cmocka_unit_test(test_hints_and_places),
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_messages_become_columns),
        cmocka_unit_test(test_overrides_of_nested_fields),
        cmocka_unit_test(test_roles_may_stand_in_messages),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
