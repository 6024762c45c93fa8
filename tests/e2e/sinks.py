# SPDX-License-Identifier: Apache-2.0
"""What the tests and the issue lists of other sinks from Kafka to a database describe: keys, deletes,
values and names. Each test says whose behaviour it is, or who fails at it. The sinks: Confluent's and
Aiven's JDBC connectors, Debezium's JDBC sink, Flink's, Redpanda Connect's sql outputs, RisingWave's and
Pulsar's. What such a sink does with a table that changes stands in sinks_tables.py, what it does with rows
that the database refuses in sinks_refused.py."""

import json
import math

from harness import Record, equal, expect, message_class, test
import model
from semantics import tombstone

TEXT_KEY = {"format": "text"}


def records(history):
    """(item_id, quantity) → records; a quantity of None is a delete."""
    return [tombstone(key) if quantity is None else model.item_record(key, quantity=quantity, note=f"{n}")
            for n, (key, quantity) in enumerate(history)]


def four_ways(t, history):
    """The history with soft and with hard deletes, one record at a time and in one batch: always the
    table of a model that takes record after record."""
    ways = {f"{deletes}{rows}": (deletes, rows) for deletes in ("soft", "hard") for rows in (1, 1000)}
    topics = {way: t.topic(way, partitions=1) for way in ways}
    config = t.config(streams={way: t.stream(
        topics[way], key=TEXT_KEY, deletes=deletes, batch={"rows": rows}, table={"name": way, "view": way})
        for way, (deletes, rows) in ways.items()})
    # All is in Kafka before the daemon starts, in one piece: it is fetched at once and fills one batch.
    for topic in topics.values():
        t.produce(topic, records(history))
    t.migrate(config)
    t.run_to_end(config)
    for way, (deletes, rows) in ways.items():
        equal(model.stored_items(t, f"data.{way}"),
              model.item_states(t.consume(topics[way]), hard=deletes == "hard"), f"rows of {way}")
        account = t.check_account(way, consumed=len(history), dead_lettered=0)
        if way == "hard1000":  # soft deletes may end a batch early; hard ones never do
            equal(account["deduplicated"], len(history) - len(dict(history)), "records folded in one batch")
        if rows == 1:
            equal(account["deduplicated"], 0, f"records folded in batches of one, {way}")


def store(t, history, contract="e2e.v1.Item", descriptors="item", before=None, **settings):
    """One topic of one partition, produced as a whole, then applied. The topic."""
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, contract, descriptors, **settings)})
    t.produce(topic, history)
    t.migrate(config)
    if before:
        before()
    t.run_to_end(config)
    return topic


def check_items(t, topic, hard=False, **wanted):
    messages = t.consume(topic)
    equal(model.stored_items(t), model.item_states(messages, hard), "rows")
    return t.check_account(consumed=len(messages), **wanted)


# --- one key, several times ------------------------------------------------------------------------


@test
def insert_then_delete_in_one_batch(t):
    """Confluent's insertDeleteSameRecord, with both in one write."""
    four_ways(t, [("a", 1), ("b", 2), ("a", None)])


@test
def delete_then_insert_in_one_batch(t):
    """Confluent splits updates from deletes and runs the deletes last (#1562), so it has to write what
    waits before each insert (#1115); Flink's reduce buffer lost such rows (FLINK-18461)."""
    four_ways(t, [("a", None), ("a", 1)])


@test
def delete_then_insert_of_a_row_that_is_there(t):
    """The primary key update of Confluent's #1115: the old key's delete and the new key's insert travel
    together, again and again; and a key that comes back."""
    four_ways(t, [("a", 1), ("a", None), ("b", 1), ("b", None), ("c", 1), ("c", None), ("a", 2)])


@test
def insert_then_delete_then_insert_in_one_batch(t):
    """Confluent's insertDeleteInsertSameRecord, in one write; and once more deleted."""
    four_ways(t, [("a", 1), ("a", None), ("a", 2), ("b", 1), ("b", None), ("b", 2), ("b", None)])


@test
def update_then_delete_in_one_batch(t):
    """A soft delete keeps the values of the update before it; a hard one clears them."""
    four_ways(t, [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("a", None), ("b", 2)])


@test
def one_key_three_times_in_a_batch(t):
    """Debezium's JdbcSinkUnnestBehaviorIT shows unnest without its reduction buffer fail of "cannot
    affect row a second time"; so do Confluent's rewritten batches (#1081)."""
    four_ways(t, [("a", 1), ("a", 2), ("a", 3), ("b", 1)])


@test
def delete_of_an_absent_key(t):
    """Debezium's testShouldDeleteRowWhenDeletesEnabled, for a row that is not there: no error, and the
    delete is remembered."""
    four_ways(t, [("a", 1), ("absent", None), ("b", 2)])


@test
def deletes_are_idempotent(t):
    """Confluent's idempotentDeletes: the same delete again, in the batch and after it."""
    four_ways(t, [("a", 1), ("a", None), ("a", None), ("b", None), ("b", None), ("a", None)])


@test
def the_same_record_many_times(t):
    """Confluent's idempotentUpsertWithRecordKeyPk and sameRecordNTimes: one row, and the account names
    every copy."""
    copy = model.item_record("a", quantity=7, note="the same", tags=["x"])
    topic = store(t, [copy] * 500, batch={"rows": 50})
    account = check_items(t, topic, dead_lettered=0)
    equal(account["applied"] + account["stale"] + account["deduplicated"], 500, "copies in the account")
    equal(t.rows("data.items"), 1, "rows")


# --- keys ------------------------------------------------------------------------------------------


def line(order, number, **fields):
    message = message_class("sinks", "Line")(order_id=order, line=number, **fields)
    key = message_class("sinks", "LineKey")(order_id=order, line=number)
    return message.SerializeToString(), key.SerializeToString()


LINES = {"key": ["order_id", "line"]}


@test
def a_key_of_several_columns(t):
    """Debezium's composite record keys: each delete meets one row, also where a part of the key is the
    default of its type, and one row's parts are another's in other places."""
    pairs = [("1", 1), ("1", 2), ("2", 1), ("12", 1), ("1", 12), ("1", 0), ("x", -1)]
    history = [Record(*line(*pair, note=f"{pair}")) for pair in pairs]
    history += [Record(None, line("1", 2)[1]), Record(None, line("1", 0)[1]), Record(None, line("9", 9)[1])]
    store(t, history, "e2e.v1.Line", "sinks", table=LINES,
          key={"format": "protobuf", "message": "e2e.v1.LineKey"})
    wanted = {pair: (f"{pair}", pair in (("1", 2), ("1", 0))) for pair in pairs}
    wanted["9", 9] = (None, True)
    equal({(o, n): (note, deleted) for o, n, note, deleted in t.sql(
        "select order_id, line, note, _deleted_at is not null from data.items")}, wanted, "rows")
    t.check_account(consumed=len(history), dead_lettered=0)


@test
def a_key_of_several_columns_as_json(t):
    """The same with a JSON key, its members in any order, as Connect's JsonConverter writes them."""
    history = [Record(line("1", 1, note="one")[0], json.dumps({"line": 1, "order_id": "1"}).encode()),
               Record(line("1", 2, note="two")[0], b' {"order_id":"1",\n"line":2} '),
               Record(None, json.dumps({"order_id": "1", "line": 1}).encode()),
               Record(None, b'{"order_id": "1"}'), Record(None, b'["1", 2]')]
    store(t, history, "e2e.v1.Line", "sinks", table=LINES, key={"format": "json"})
    equal(t.sql("select line, note, _deleted_at is not null from data.items order by 1"),
          [(1, "one", True), (2, "two", False)], "rows")
    equal([t.letters()[place][0] for place in sorted(t.letters())], ["key", "key"], "dead letters")
    t.check_account(consumed=5, dead_lettered=2)


@test
def keys_that_only_look_alike(t):
    """Blanks, case, Unicode forms and signs of LIKE tell keys apart: an upsert meets its own row alone,
    which is what Confluent's #575 asks for."""
    keys = ["a", "A", "a ", " a", "ä", "a\u0308", "ß", "ss", "%", "_", "'", '"', "\\", "a\nb", "NULL", "0",
            "00", "🌍", "x" * 2000]
    history = [model.item_record(key, quantity=n) for n, key in enumerate(keys)]
    history += [tombstone(key) for key in keys[::2]]
    topic = store(t, history, key=TEXT_KEY)
    equal(t.rows("data.items"), len(keys), "rows")
    check_items(t, topic, dead_lettered=0)


@test
def records_of_no_bytes(t):
    """An empty value is no delete, which Debezium's and Aiven's handling of tombstones (#287) has to tell:
    it is a message whose fields all have their defaults. It lacks its key in a table with one, and is a
    row in a stream that appends."""
    topic = t.topic("items", partitions=1)
    appended = t.topic("appended", partitions=1)
    config = t.config(streams={
        "items": t.stream(topic, key=TEXT_KEY),
        "appended": t.stream(appended, table={"name": "appended", "view": "appended", "mode": "append",
                                              "key": None})})
    places = t.produce(topic, [model.item_record("a", quantity=1), Record(b"", b"a"), Record(b"", b""),
                               Record(None, b""), model.item_record("b")])
    t.produce(appended, [Record(b""), Record(b"", b"k")])
    t.migrate(config)
    t.run_to_end(config)
    letters = t.letters()
    equal([place in letters for place in places], [False, True, True, True, False], "dead letters")
    equal({letters[place][0] for place in places[1:4]}, {"key"}, "reasons")
    equal(t.sql("select item_id, quantity, _deleted_at is null from data.items order by 1"),
          [("a", 1, True), ("b", 0, True)], "rows")
    equal(t.sql("select item_id, quantity, note, price, colour, tags from data.appended"),
          [("", 0, "", None, "COLOUR_UNSPECIFIED", [])] * 2, "rows of the stream that appends")
    t.check_account(consumed=5, dead_lettered=3)
    t.check_account("appended", consumed=2, applied=2)


# --- values ----------------------------------------------------------------------------------------


@test
def null_unset_and_default(t):
    """What Confluent needed replace.null.with.default for (#1432, #1433): unset is NULL where the contract
    tells presence, the type's default elsewhere, and the column's default in the database never."""
    history = [model.item_record("unset"),
               model.item_record("zero", quantity=0, note="", price=0.0, made_at={}),
               model.item_record("was", quantity=5, note="set", price=2.5, tags=["t"]),
               model.item_record("was")]
    topic = store(t, history, before=lambda: t.sql(
        "alter table data.items alter price set default 9, alter note set default 'nothing', "
        "alter made_at set default now()"))
    check_items(t, topic, dead_lettered=0)
    equal({k: (p, m) for k, p, m in t.sql("select item_id, price, made_at is null from data.items")},
          {"unset": (None, True), "zero": (0.0, False), "was": (None, True)}, "presence")


@test
def empty_text_is_not_null(t):
    """Empty text stays empty and text that spells null stays text, alone and in lists, as in the type
    mapping tests of Debezium for PostgreSQL."""
    words = ["", " ", "NULL", "null", "\\N", "{}", "None", "\t"]
    topic = store(t, [model.item_record(f"k{n}", note=word, tags=[word, ""]) for n, word in enumerate(words)])
    check_items(t, topic, dead_lettered=0)
    equal(t.value("select count(*) from data.items where note is null"), 0, "notes that became NULL")
    equal(t.value("select count(*) from data.items where note = ''"), 1, "empty notes")


@test
def values_that_would_be_sql(t):
    """Values travel as parameters: quotes, comments and placeholders are text."""
    words = ["'); drop table data.items; --", "$1", "?", ":name", "%s", "/*", "\\'", "E'\\\\'", "${x}"]
    topic = store(t, [model.item_record(word, note=word, tags=[word]) for word in words], key=TEXT_KEY)
    check_items(t, topic, dead_lettered=0)


@test
def numbers_at_their_ends_anywhere_in_a_batch(t):
    """Debezium binds by the first row of a batch and failed where an infinity came later
    (debezium/dbz#1658): each extreme comes first, last and between."""
    ends = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, None]
    integers = [2 ** 63 - 1, -2 ** 63, 0, -1]
    history = []
    for n, price in enumerate(ends * 3 + ends[::-1]):
        fields = {} if price is None else {"price": price}
        history.append(model.item_record(f"k{n}", quantity=integers[n % 4], **fields))
    topic = store(t, history)
    check_items(t, topic, dead_lettered=0)
    equal(t.value("select count(*) from data.items where price = 'NaN'"), 4, "NaN")


@test
def settings_of_the_servers_sessions_change_no_value(t):
    """Times shift by the database's or the worker's time zone in Confluent's connector (#921, #950, #1398);
    here neither TimeZone nor DateStyle nor any other default of a session decides."""
    moments = [0, -1, 1, -62135596800, 253402300799, 1711846799, 1711846800, 1729990799, -2208988800]
    settings = ("timezone = 'Asia/Kathmandu'", "datestyle = 'German, DMY'", "search_path = ''",
                "intervalstyle = 'sql_standard'", "bytea_output = 'escape'", "extra_float_digits = -10",
                "standard_conforming_strings = off", "default_transaction_isolation = 'serializable'")
    history = [model.item_record(f"{seconds}.{nanos:09}", made_at={"seconds": seconds, "nanos": nanos},
                                 price=0.1, note="a\\b")
               for seconds in moments for nanos in (0, 1_000, 999_999_000)]
    # This test's own session was opened before and keeps the defaults.
    topic = store(t, history, before=lambda: [
        t.sql(f'alter database "{t.database}" set {setting}') for setting in settings])
    check_items(t, topic, dead_lettered=0)
    equal(t.value("select to_char(made_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from data.items "
                  "where item_id = '-1.000001000'"), "1969-12-31 23:59:59.000001", "before 1970")


@test
def more_values_than_a_statement_has_parameters(t):
    """10,000 rows of 13 columns are 130,000 values; 65,535 parameters is what the protocol can number, on
    which JDBC batches and Redpanda's VALUES lists break (pgjdbc#1311)."""
    history = [model.item_record(f"k{n}", quantity=n, note=f"note {n}", price=n / 7, tags=["a", "b"])
               for n in range(20_000)]
    topic = store(t, history, batch={"rows": 10_000, "bytes": "64MiB"})
    check_items(t, topic, applied=20_000)


@test
def a_large_value_among_small_ones(t):
    """Values of half a megabyte, compressible and not, between rows of a few bytes."""
    big = "".join(chr(33 + (n * n * 7919) % 90) for n in range(500_000))
    topic = store(t, [model.item_record("a"), model.item_record("b", note="x" * 700_000),
                      model.item_record("c", note=big), model.item_record("d")])
    check_items(t, topic, applied=4)


# --- names -----------------------------------------------------------------------------------------


def awkward(select, **fields):
    return message_class("sinks", "Awkward")(select=select, **fields)


@test
def words_that_sql_keeps_for_itself(t):
    """Table, columns, key and stream may be reserved words; Confluent and RisingWave have settings for
    quoting, and issues about them (#455, #786)."""
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"order": t.stream(topic, "e2e.v1.Awkward", "sinks", key=TEXT_KEY, table={
        "key": ["select"], "schema": "user", "name": "order", "view": "table"})})
    first = awkward("a", order=1, user=True, table="t", group=["g"])
    t.produce(topic, [Record(first.SerializeToString(), b"a"),
                      Record(awkward("b", order=2).SerializeToString(), b"b"), Record(None, b"b"),
                      Record(awkward("a", order=3, mixedCase="C").SerializeToString(), b"a")])
    t.migrate(config)
    t.run_to_end(config)
    equal(t.sql('select "select", "order", "mixedCase", "user", "table", "group", _deleted_at is not null '
                'from "user"."order" order by 1'),
          [("a", 3, "C", None, "", [], False), ("b", 2, "", None, "", [], True)], "rows")
    t.check_account("order", consumed=4, dead_lettered=0)


@test
def names_with_capitals_quotes_and_unicode(t):
    """The like of Debezium's UnicodeTableNamingStrategyTest and of Confluent's #221, where a dot in a name
    became part of it: names are what the configuration says, letter by letter."""
    schema, table, view = 'Größe "1"', "Мир.items; --", "It's 100%"
    columns = {"order": {"name": 'a"b'}, "mixedCase": {"name": "ÜBER"}, "table": {"name": "世界"},
               "user": {"name": "with blank"}, "group": {"name": "$1"}}
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(
        topic, "e2e.v1.Awkward", "sinks", key=TEXT_KEY, columns=columns,
        table={"key": ["select"], "schema": schema, "name": table, "view": view})})
    t.produce(topic, [Record(awkward("k", order=n, mixedCase="m", user=False, table="t",
                                     group=["g"]).SerializeToString(), b"k") for n in range(3)]
              + [Record(None, b"gone")])
    t.migrate(config)
    t.run_to_end(config)
    name = '"Größe ""1"""."Мир.items; --"'
    equal(t.sql('select "select", "a""b", "ÜBER", "with blank", "世界", "$1", _deleted_at is null '
                f"from {name} order by 1"),
          [("gone", None, None, None, None, None, False), ("k", 2, "m", False, "t", ["g"], True)], "rows")
    schema = t.value("select view_schema from pactolus.streams")
    equal(t.sql(f'select "a""b" from "{schema}"."It\'s 100%"'), [(2,)], "the view")
    t.check_account(consumed=4, dead_lettered=0)
    # Nothing to do any more: what is there is recognised.
    dry = t.must("migrate", "--dry-run", "--config", config)
    expect("add column" not in dry.out and "create table" not in dry.out, "migrate would do it again:", dry)


@test
def a_table_of_the_same_name_in_another_schema(t):
    """Confluent's #221, RisingWave's #10418: without the schema in its name the table that the search path
    finds first is taken."""
    def decoys():
        mine = f'"{t.value("select current_user")}"'
        t.sql(f"create schema if not exists {mine}")
        for schema in ("public", mine):
            t.sql(f"create table {schema}.items (item_id text primary key, wrong text)")

    topic = store(t, records([("a", 1), ("b", 2)]), key=TEXT_KEY, before=decoys)
    check_items(t, topic, applied=2)
    equal(t.rows("public.items"), 0, "rows in the table that is not ours")
