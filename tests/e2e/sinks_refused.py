# SPDX-License-Identifier: Apache-2.0
"""Rows that the database refuses. Confluent ends its task (#721, #998), Redpanda Connect rejects the whole
batch (#2346), Pulsar's session stays aborted (#13942), Debezium learned to write record by record
(debezium/dbz#984). Here each is one dead letter, whatever stands beside it in its batch."""

import random

from harness import Record, equal, expect, test, wait
import model
from semantics import tombstone
from sinks import TEXT_KEY
from sinks_tables import made, stranger, waits_for_lock

SMALL = "add constraint small check (quantity < 100)"


def letters(t):
    """place → (reason, SQLSTATE, attempts)"""
    return {(partition, offset): rest for partition, offset, *rest in t.sql(
        'select partition, "offset", reason, sqlstate, attempts from pactolus.dead_letters')}


def check_refused(t, topic, refused, sqlstate, attempts=1, stream="items", hard=False):
    """Dead letters at exactly these offsets, with their bytes; all other records in the table."""
    messages = t.consume(topic)
    places = {(0, offset) for offset in refused}
    equal(letters(t), {place: ["database", sqlstate, attempts] for place in places}, "dead letters")
    kept = {offset: tuple(None if field is None else bytes(field) for field in fields) for offset, *fields in
            t.sql('select "offset", key, value from pactolus.dead_letters')}
    equal(kept, {m.offset(): (m.key(), m.value()) for m in messages if m.offset() in refused}, "their bytes")
    equal(model.stored_items(t), model.item_states(messages, hard, places), "rows")
    t.check_account(stream, consumed=len(messages), dead_lettered=len(refused))


def refuse(t, history, refused, sqlstate, *ddl, attempts=1, settings=None, **stream):
    """One batch of the history, on a table that somebody has changed by hand."""
    topic, config = made(t, settings=settings, **stream)
    t.produce(topic, history)
    for statement in ddl:
        t.sql(statement)
    t.run_to_end(config)
    check_refused(t, topic, refused, sqlstate, attempts)
    return topic, config


def quantities(*numbers):
    return [model.item_record(f"k{n:03}", quantity=q) for n, q in enumerate(numbers)]


@test
def good_bad_good(t):
    """A CHECK that the middle one of three breaks."""
    refuse(t, quantities(1, 1000, 2), [1], "23514", f"alter table data.items {SMALL}")


@test
def the_first_and_the_last_of_a_batch_are_bad(t):
    refuse(t, quantities(1000, *range(90), 1000), [0, 91], "23514", f"alter table data.items {SMALL}")


@test
def all_of_a_batch_is_bad(t):
    """Nothing is written but letters, and the cursor passes them all."""
    refuse(t, quantities(*range(100, 107)), list(range(7)), "23514", f"alter table data.items {SMALL}")


@test
def one_key_good_and_bad_in_one_batch(t):
    """Debezium's reduction buffer and Flink's keep the last record of a key alone: is that one refused, the
    row of the one before is lost. Batches of one and of all records make the same table, with soft deletes
    and with hard ones."""
    history = [("a", 1), ("a", 1000), ("b", 1000), ("b", 1), ("c", 1), ("c", 1000), ("c", 2), ("d", 1),
               ("d", 1001), ("d", 1002), ("e", None), ("e", 1000), ("f", 1), ("f", None), ("f", 1000),
               ("g", 1000), ("g", None), ("h", 1), ("h", 1000), ("h", None), ("i", 1000)]
    streams, topics = {}, {}
    for deletes in ("soft", "hard"):
        for rows in (1, 1000):
            way = f"{deletes}{rows}"
            topics[way] = t.topic(way, partitions=1)
            streams[way] = t.stream(topics[way], key=TEXT_KEY, deletes=deletes, batch={"rows": rows},
                                    table={"name": way, "view": way})
            t.produce(topics[way], [tombstone(key) if q is None else model.item_record(key, quantity=q)
                                    for key, q in history])
    config = t.config(streams=streams)
    t.migrate(config)
    for way in streams:
        t.sql(f"alter table data.{way} {SMALL}")
    t.run_to_end(config)
    bad = {(0, n) for n, (_, quantity) in enumerate(history) if quantity and quantity >= 1000}
    for way, topic in topics.items():
        equal(model.stored_items(t, f"data.{way}"),
              model.item_states(t.consume(topic), way.startswith("hard"), bad), f"rows of {way}")
        account = t.check_account(way, consumed=len(history))
        # In one batch some bad records give way to later ones of their key, and PostgreSQL never sees them.
        if way.endswith("d1") or way.endswith("t1"):
            equal(account["dead_lettered"], len(bad), f"dead letters of {way}")
        expect(0 < account["dead_lettered"] <= len(bad), "dead letters of", way, account)


@test
def random_bad_rows_at_every_batch_size(t):
    """Bad rows anywhere among updates and deletes of few keys."""
    draw = random.Random(t.id)
    history = [(f"k{draw.randrange(60)}", draw.choice([None, 1, 2, 3, 1000])) for _ in range(900)]
    streams, topics = {}, {}
    for rows in (1, 3, 64, 1000):
        topics[rows] = t.topic(f"by{rows}", partitions=1)
        # So many bad rows would be a flood; that is another test's.
        streams[f"by{rows}"] = t.stream(topics[rows], key=TEXT_KEY, batch={"rows": rows}, deletes="hard",
                                        flood={"share": 0.0, "consecutive": 0},
                                        table={"name": f"by{rows}", "view": f"by{rows}"})
        t.produce(topics[rows], [tombstone(key) if q is None else model.item_record(key, quantity=q)
                                 for key, q in history])
    config = t.config(streams=streams)
    t.migrate(config)
    for name in streams:
        t.sql(f"alter table data.{name} {SMALL}")
    t.run_to_end(config)
    bad = {(0, n) for n, (_, quantity) in enumerate(history) if quantity == 1000}
    for rows, topic in topics.items():
        equal(model.stored_items(t, f"data.by{rows}"), model.item_states(t.consume(topic), True, bad),
              f"rows in batches of {rows}")
        t.check_account(f"by{rows}", consumed=len(history))


@test
def a_refused_row_leaves_the_session_usable(t):
    """Pulsar's #13942, "current transaction is aborted, commands ignored": batches before and after, in one
    daemon, and no session is lost over it."""
    topic, config = made(t, batch={"rows": 10})
    t.sql(f"alter table data.items {SMALL}")
    daemon = t.daemon(config)
    refused = []
    for n in range(10):
        places = t.produce(topic, quantities(*range(n, n + 20)) + [model.item_record("bad", quantity=100 + n)]
                           + quantities(*range(n + 1, n + 21)))
        refused.append(places[20][1])
        wait(lambda: t.caught_up(topic), f"round {n}")
        if n == 0:
            sessions = set(t.sql("select pid from pg_stat_activity where application_name like 'pactolus%%' "
                                 "and datname = %s", t.database))
    equal(sessions - set(t.sql("select pid from pg_stat_activity")), set(), "sessions that were lost")
    check_refused(t, topic, refused, "23514")
    expect("25P02" not in daemon.text(), "a statement was sent in an aborted transaction")


@test
def every_kind_of_constraint(t):
    """CHECK, exclusion, a second key, by hand: each refuses one row and takes its neighbours."""
    kinds = [("23514", 1, "add check (price is not null)", {"quantity": 1}),
             ("23514", 1, "add check (note <> 'bad')", {"price": 1.0, "note": "bad"}),
             ("23P01", 2, "add exclude using btree (price with =)", {"price": 2.0}),
             ("23505", 2, "add unique (price)", {"price": 2.0})]
    streams, topics = {}, {}
    for n, (_, _, _, bad) in enumerate(kinds):
        topics[n] = t.topic(f"kind{n}", partitions=1)
        streams[f"kind{n}"] = t.stream(topics[n], key=TEXT_KEY,
                                       table={"name": f"kind{n}", "view": f"kind{n}"})
        t.produce(topics[n], [model.item_record("a", price=2.0), model.item_record("b", **bad),
                              model.item_record("c", price=3.0)])
    config = t.config(streams=streams, retry={"attempts": 2})
    t.migrate(config)
    for n, (_, _, ddl, _) in enumerate(kinds):
        t.sql(f"alter table data.kind{n} {ddl}")
    t.run_to_end(config)
    for n, (sqlstate, attempts, ddl, _) in enumerate(kinds):
        equal(t.sql('select "offset", reason, sqlstate, attempts from pactolus.dead_letters where topic = %s',
                    topics[n]), [(1, "database", sqlstate, attempts)], f"dead letters: {ddl}")
        equal(model.stored_items(t, f"data.kind{n}"),
              model.item_states(t.consume(topics[n]), refused={(0, 1)}), f"rows: {ddl}")
        t.check_account(f"kind{n}", consumed=3, dead_lettered=1)


@test
def a_value_that_its_unique_index_has_already(t):
    """Debezium documents that a second unique constraint fails the write (debezium/dbz#2403), MySQL's upsert
    changes the other row (Confluent #575): here the row that came first keeps the value."""
    topic, config = refuse(
        t, quantities(1, 2, 3, 2, 4), [3], "23505", "alter table data.items add unique (quantity)",
        attempts=3, settings={"retry": {"attempts": 3}})
    # It moves on once the value is free, and the key of the refused record takes later ones.
    t.produce(topic, [model.item_record("k001", quantity=20), model.item_record("k003", quantity=30)])
    t.run_to_end(config)
    check_refused(t, topic, [3], "23505", 3)


@test
def a_parent_that_arrives_later(t):
    """Confluent's #920: the task ends at a foreign key whose parent is still on its way. Here the row waits
    for some attempts, its neighbours of the batch with it, and lands when the parent has come."""
    topic, config = made(t, settings={"retry": {"attempts": 1000, "base": "10ms", "cap": "50ms"}})
    t.sql("create table data.parents (item_id text primary key)")
    t.sql("insert into data.parents values ('a'), ('c')")
    t.sql("alter table data.items add foreign key (item_id) references data.parents")
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record(key) for key in "abc"])
    wait(lambda: "23503" in daemon.text(), "the child to be refused")
    equal((t.rows("data.items"), t.letters()), (0, {}), "rows and letters while the parent is missing")
    t.sql("insert into data.parents values ('b')")
    wait(lambda: t.caught_up(topic), "the rows")
    check_refused(t, topic, [], "23503")


@test
def a_deferred_constraint(t):
    """It speaks at COMMIT, where no row is to blame any more: still one letter, for the right row."""
    refuse(t, [model.item_record(key) for key in "abcdefgh"], [4], "23503",
           "create table data.parents (item_id text primary key)",
           "insert into data.parents select chr(n) from generate_series(97, 104) n where n <> 101",
           "alter table data.items add foreign key (item_id) references data.parents "
           "deferrable initially deferred", attempts=2, settings={"retry": {"attempts": 2}})


@test
def a_trigger_that_raises(t):
    """Its own SQLSTATE too: plain exceptions could pass and are tried again, check violations are not."""
    refuse(t, quantities(1, 13, 2, 3), [1], "P0001",
           """create function no() returns trigger language plpgsql as $$ begin
              if new.quantity = 13 then raise exception 'not this one'; end if; return new; end $$""",
           "create trigger no before insert or update on data.items for each row execute function no()",
           attempts=3, settings={"retry": {"attempts": 3}})


@test
def a_delete_that_is_refused(t):
    """A trigger that protects a row: the tombstone is the dead letter, with its key and without a value."""
    refuse(t, [model.item_record("a"), model.item_record("b"), tombstone("a"), tombstone("b"),
               model.item_record("c")], [2], "23001",
           """create function keep() returns trigger language plpgsql as $$ begin
              if new.item_id = 'a' and new._deleted_at is not null then
                  raise exception 'a stays' using errcode = 'restrict_violation';
              end if; return new; end $$""",
           "create trigger keep before insert or update on data.items for each row execute function keep()")


@test
def values_that_a_retyped_column_cannot_hold(t):
    """Text too long for a varchar(n), numbers too large for an integer: PostgreSQL's 22001 and 22003, on
    columns that somebody has narrowed under a running daemon (Confluent lists both in #721)."""
    topic, config = made(t)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a", quantity=1, note="one")])
    wait(lambda: t.caught_up(topic), "the first row")
    for view, in t.sql("select format('%I.%I', schemaname, viewname) from pg_views where definition like "
                       "'%data.items%'"):
        t.sql(f"drop view if exists {view} cascade")
    t.sql("alter table data.items alter note type varchar(5), alter quantity type integer")
    places = t.produce(topic, [model.item_record("b", note="12345"), model.item_record("c", note="123456"),
                               model.item_record("d", quantity=2 ** 31), model.item_record("a", quantity=2)])
    wait(lambda: t.caught_up(topic) or t.value("select reason from pactolus.streams where state = 'halted'"),
         "the rows")
    equal(t.value("select state || reason from pactolus.streams"), "running", "the stream")
    equal(letters(t), {places[1]: ["database", "22001", 1], places[2]: ["database", "22003", 1]}, "letters")
    equal(model.stored_items(t), model.item_states(t.consume(topic), refused=places[1:3]), "rows")
    t.check_account(consumed=5, dead_lettered=2)
    expect(daemon.alive(), "the daemon died")


@test
def a_key_too_long_for_its_index(t):
    """54000, "index row size exceeds maximum": no constraint, no value, and still this record alone."""
    draw = random.Random(1)
    long = "".join(chr(draw.randrange(0x4E00, 0x9FA0)) for _ in range(6000))
    refuse(t, [model.item_record("a"), model.item_record(long), model.item_record("b")], [1], "54000")


@test
def broken_and_refused_records_in_one_batch(t):
    """Letters of either kind keep their own reasons, and the relay sends both."""
    dlq = t.topic("dlq", partitions=1)
    topic, config = made(t, dlq={"topic": dlq})
    t.sql(f"alter table data.items {SMALL}")
    places = t.produce(topic, [model.item_record("a", quantity=1), model.broken_record(b"x"),
                               model.item_record("b", quantity=1000), Record(None, None),
                               model.item_record("c", quantity=1001), model.item_record("d", quantity=2)])
    t.run_to_end(config)
    equal({place: reason for place, (reason, *_) in letters(t).items()},
          {places[1]: "malformed", places[2]: "database", places[3]: "key", places[4]: "database"}, "reasons")
    sent = {int(dict(m.headers())["__connect.errors.offset"]): m for m in t.consume(dlq)}
    equal(sorted(sent), [1, 2, 3, 4], "offsets in the DLQ topic")
    equal(dict(sent[2].headers())["pactolus.sqlstate"], b"23514", "the header pactolus.sqlstate")
    originals = {m.offset(): m for m in t.consume(topic)}
    for offset, message in sent.items():
        equal((message.key(), message.value()), (originals[offset].key(), originals[offset].value()), "bytes")
    equal(t.sql("select item_id, quantity from data.items order by 1"), [("a", 1), ("d", 2)], "rows")
    t.check_account(consumed=6, applied=2, dead_lettered=4)


def hang_in_isolation(t):
    """A daemon whose isolation hangs in its middle: 'bad' is refused at once, 'slow' waits for a lock that
    a stranger has. (topic, configuration, daemon, stranger)"""
    topic, config = made(t, settings={"kafka": {"session_timeout_ms": 2000, "heartbeat_interval_ms": 300}})
    t.sql(f"alter table data.items {SMALL}")
    t.sql("""create function slow() returns trigger language plpgsql as $$ begin
             if new.item_id = 'slow' then perform pg_advisory_xact_lock(42); end if; return new; end $$""")
    t.sql("create trigger slow before insert on data.items for each row execute function slow()")
    other = stranger(t, "select pg_advisory_lock(42)")
    t.produce(topic, [model.item_record(key, quantity=1000 if key == "bad" else 1)
                      for key in ("a", "bad", "c", "d", "slow", "z", "a")])
    return topic, config, t.daemon(config), other


@test
def a_connection_lost_in_mid_isolation(t):
    """The session ends with some rows written and one refused: all is rolled back and done again, and the
    bad record has one letter."""
    topic, config, daemon, other = hang_in_isolation(t)
    for _ in range(3):
        ended = wait(lambda: waits_for_lock(t), "the isolation to hang")
        equal((t.rows("data.items"), t.letters()), (0, {}), "what half an isolation left")
        t.sql("select pg_terminate_backend(%s, 10000)", ended)
    other.close()
    wait(lambda: t.caught_up(topic), "the rows")
    check_refused(t, topic, [1], "23514")
    expect(daemon.alive(), "the daemon died")


@test
def a_daemon_killed_in_mid_isolation(t):
    """The same with kill -9, and a second daemon that does it all again."""
    topic, config, daemon, other = hang_in_isolation(t)
    wait(lambda: waits_for_lock(t), "the isolation to hang")
    daemon.kill()
    other.close()
    t.run_to_end(config)
    check_refused(t, topic, [1], "23514")
