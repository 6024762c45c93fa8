# SPDX-License-Identifier: Apache-2.0
"""Tables that an operator has partitioned: what waits, what is refused, what is left to the database."""

import re

from harness import equal, expect, test, wait
import model

SECONDS_2026 = 1767225600  # 2026-01-01T00:00:00Z


def partitioned(t, by, columns=("item_id", "quantity"), partitions=4, others=None, kafka=None,
                **settings):
    """A stream whose table was made by hand, from the statement that `migrate` would run, with
    PARTITION BY; then migrated. (topic, config)."""
    topic = t.topic("items", partitions=partitions)
    config = t.config(kafka=kafka or {}, streams={
        "items": t.stream(topic, table={"key": list(columns)}, **settings), **(others or {})})
    plan = t.must("migrate", "--dry-run", "--config", config).out
    statement = re.search(r'CREATE TABLE "data"\."items".*?\);', plan, re.S).group(0)
    t.sql("create schema data")
    t.sql(re.sub(r"WITH \(fillfactor.*", f"PARTITION BY {by}", statement))
    t.migrate(config)
    return topic, config


def span(t, name, low, high):
    t.sql(f"create table data.{name} partition of data.items for values from ({low}) to ({high})")


def item(item_id, quantity, **fields):
    return model.item_record(item_id, quantity=quantity, **fields)


def ids(t):
    return [i for i, in t.sql("select item_id from data.items order by 1")]


@test
def a_hole_between_partitions_waits(t):
    """A record for a partition between others is not refused: it is applied once that is made."""
    calm = t.topic("calm")
    topic, config = partitioned(t, "range (quantity)", partitions=1, others={
        "calm": t.stream(calm, table={"name": "calm", "view": "calm"})})
    span(t, "low", 0, 100)
    span(t, "high", 200, 300)
    daemon = t.daemon(config)
    t.produce(topic, [item("a", 1), item("b", 250), item("hole", 150), item("c", 2)])
    wait(lambda: "no partition" in daemon.text(), "the missing partition to be told")
    line = [line for line in daemon.text().splitlines() if "no partition" in line][0]
    expect("data.items" in line and "hint: make the partition" in line, "the line:", line)
    # It halts nothing, and other streams go on.
    t.produce(calm, [item("c", 1)])
    wait(lambda: t.caught_up(calm), "the other stream's row")
    equal(t.sql("select distinct state from pactolus.streams"), [("running",)], "states")
    equal(t.letters(), {}, "dead letters")
    span(t, "middle", 100, 200)
    wait(lambda: t.caught_up(topic), "the rows")
    equal(ids(t), ["a", "b", "c", "hole"], "rows")
    t.check_account(consumed=4, applied=4, dead_lettered=0)
    equal(daemon.stop(), 0, "exit status")
    expect(daemon.text().count("no partition") <= 3, "it was told at every attempt:", daemon.text())


@test
def what_lies_outside_is_a_dead_letter(t):
    """Below the lowest bound, at the highest and above: refused before any SQL, with the range."""
    topic, config = partitioned(t, "range (quantity)", partitions=1, key={"format": "json"})
    span(t, "low", -5, 100)
    span(t, "high", 200, 300)
    t.daemon(config)

    def record(name, quantity, value=True):
        made = item(name, quantity)
        made.key = b'{"item_id": "%s", "quantity": %d}' % (name.encode(), quantity)
        made.value = made.value if value else None
        return made
    t.produce(topic, [record("a", -5), record("below", -6), record("b", 299), record("at", 300),
                      record("above", 2 ** 62), record("gone", 999, value=False), record("c", 0)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(ids(t), ["a", "b", "c"], "rows")
    detail = ("column quantity is outside the partitions that have been made, which hold what is "
              "from -5 to before 300")
    equal(t.letters(), {(0, n): ("value", detail) for n in (1, 3, 4, 5)}, "dead letters")
    equal(t.value("select count(*) from pactolus.dead_letters where sqlstate <> ''"), 0, "refused by SQL")
    t.check_account(consumed=7, applied=3, dead_lettered=4)


@test
def a_partition_made_a_moment_ago_takes_its_records(t):
    """What the known range refuses is judged by a fresh one: never a dead letter for a record that
    was written after its partition was made."""
    topic, config = partitioned(t, "range (quantity)")
    span(t, "p0", 0, 10)
    t.daemon(config)
    t.produce(topic, [item("first", 1)])
    wait(lambda: t.caught_up(topic), "the first row")
    for n in range(1, 30):
        span(t, f"p{n}", n * 10, n * 10 + 10)
        t.produce(topic, [item(f"i{n}", n * 10 + k) for k in range(4)])
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=117, applied=117, dead_lettered=0)


@test
def many_records_outside_cost_few_looks(t):
    """Thousands of them, in every partition of the topic, between sound ones."""
    topic, config = partitioned(t, "range (quantity)", flood={"share": 0, "consecutive": 0})
    span(t, "p0", 0, 10)
    t.produce(topic, [item(f"i{n}", 5 if n % 2 else 10 + n) for n in range(20000)])
    daemon = t.daemon(config, "--set", "log_level=debug")
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=20000, applied=10000, dead_lettered=10000)
    looks = daemon.text().count("looked for the partitions")
    expect(2 <= looks < 100, "10,000 records outside cost", looks, "looks")


@test
def records_wait_for_late_maintenance(t):
    """The partition of the middle is missing for long. Its records, in all partitions of the topic, wait
    through many looks and a kill -9, without a dead letter or a halt; once it is made they all pass."""
    topic, config = partitioned(t, "range (quantity)", flood={"consecutive": 1},
                                kafka={"session_timeout_ms": 1500, "heartbeat_interval_ms": 300})
    span(t, "low", 0, 100)
    span(t, "high", 200, 300)
    t.produce(topic, [item(f"i{n}", n) for n in range(300)])
    for _ in range(2):
        daemon = t.daemon(config, "--set", "log_level=debug")
        wait(lambda: daemon.text().count("looked for the partitions") >= 5, "looks in vain")
        expect("no partition" in daemon.text(), "the missing partition is not told:", daemon.text())
        equal(t.value("select state from pactolus.streams"), "running", "state")
        equal(t.letters(), {}, "dead letters")
        daemon.kill()
    t.daemon(config)
    span(t, "middle", 100, 200)
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.rows("data.items"), 300, "rows")
    t.check_account(consumed=300, applied=300, dead_lettered=0)


@test
def late_maintenance_is_a_flood_and_resume_applies_everything(t):
    """Nobody made the next partition: the stream halts soon. The partition made, `resume` applies what was
    refused meanwhile, by a look of its own."""
    topic, config = partitioned(t, "range (quantity)", partitions=1, flood={"consecutive": 20})
    span(t, "p0", 0, 10)
    t.produce(topic, [item(f"i{n}", n) for n in range(500)])  # all there at the first look
    t.daemon(config)
    state = "select state from pactolus.streams"
    wait(lambda: t.value(state) == "halted", "the halt")
    span(t, "p1", 10, 500)
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic) and t.rows("data.items") == 500, "all rows")
    equal(t.value("select count(*) from pactolus.dead_letters where state = 'open'"), 0, "open dead letters")
    t.check_account()


@test
def a_default_partition_takes_all(t):
    """With one nothing is outside, and it may come while the daemon runs."""
    topic, config = partitioned(t, "range (quantity)")
    span(t, "p0", 0, 10)
    t.daemon(config)
    t.produce(topic, [item("a", 1), item("refused", 10)])
    wait(lambda: t.caught_up(topic), "the first rows")
    t.sql("create table data.rest partition of data.items default")
    t.produce(topic, [item("b", 10), item("c", -2 ** 63), item("d", 2 ** 63 - 1)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(ids(t), ["a", "b", "c", "d"], "rows")
    t.check_account(consumed=5, applied=4, dead_lettered=1)


@test
def a_partition_that_is_taken_away_leaves_nobody_waiting(t):
    """A record waits in a hole; then the range shrinks, and it lies outside."""
    topic, config = partitioned(t, "range (quantity)", partitions=1)
    span(t, "low", 0, 100)
    span(t, "high", 200, 300)
    daemon = t.daemon(config)
    t.produce(topic, [item("a", 1), item("hole", 150), item("b", 2)])
    wait(lambda: "no partition" in daemon.text(), "the missing partition to be told")
    equal(t.letters(), {}, "dead letters")
    t.sql("drop table data.high")
    wait(lambda: t.caught_up(topic), "the rows")
    equal(ids(t), ["a", "b"], "rows")
    t.check_account(consumed=3, applied=2, dead_lettered=1)


@test
def times_are_compared_as_times(t):
    """A record of the year 9999 in a table of months, and updates within a month."""
    topic, config = partitioned(t, "range (made_at)", columns=("item_id", "made_at"))
    span(t, "january", "'2026-01-01'", "'2026-02-01'")
    span(t, "february", "'2026-02-01'", "'2026-03-01'")

    def made(item_id, seconds, nanos=0, quantity=1):
        message = model.item(item_id, quantity=quantity)
        message.made_at.seconds, message.made_at.nanos = seconds, nanos
        record = item(item_id, quantity)
        record.value = message.SerializeToString()
        record.partition = 0
        return record
    last = SECONDS_2026 + (31 + 28) * 86400 - 1
    t.daemon(config)
    t.produce(topic, [made("first", SECONDS_2026), made("last", last, 999_999_999),
                      made("early", SECONDS_2026 - 1, 999_999_999), made("late", last + 1),
                      made("9999", 253402300799), made("first", SECONDS_2026, quantity=2)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.sql("select item_id, quantity from data.items order by 1"), [("first", 2), ("last", 1)], "rows")
    detail = ("column made_at is outside the partitions that have been made, which hold what is "
              "from 2026-01-01T00:00:00Z to before 2026-03-01T00:00:00Z")
    equal(t.letters(), {(0, n): ("value", detail) for n in (2, 3, 4)}, "dead letters")
    t.check_account(consumed=6, dead_lettered=3)


@test
def updates_and_deletes_reach_their_partitions(t):
    """Keys that come again, stale ones and tombstones, over two runs: exact as in a plain table."""
    topic, config = partitioned(t, "range (quantity)", key={"format": "json"})
    for n in range(4):
        span(t, f"p{n}", n * 10, n * 10 + 10)

    def record(n):
        made = item(f"i{n % 97}", n % 97 % 40, note=f"n{n}")
        made.key = b'{"item_id": "i%d", "quantity": %d}' % (n % 97, n % 97 % 40)
        if n % 13 == 0:
            made.value = None
        return made
    for part in (range(3000), range(3000, 6000)):
        t.produce(topic, [record(n) for n in part])
        t.run_to_end(config)
    wanted = {}
    for message in t.consume(topic):
        wanted.setdefault(message.key(), []).append((message.offset(), message.value()))
    kind = type(model.item("x"))
    alive = {kind.FromString(v).item_id: kind.FromString(v).note
             for v in (max(found)[1] for found in wanted.values()) if v is not None}
    equal(dict(t.sql("select item_id, note from data.items where _deleted_at is null")), alive, "rows")
    equal(t.rows("data.items"), len(wanted), "rows with deleted ones")
    t.check_account(consumed=6000, dead_lettered=0)


@test
def other_ways_of_partitioning_are_the_databases_matter(t):
    """LIST: no range is known, so a value that no partition takes waits for one."""
    topic, config = partitioned(t, "list (quantity)", partitions=1)
    t.sql("create table data.one partition of data.items for values in (1)")
    daemon = t.daemon(config)
    t.produce(topic, [item("a", 1), item("b", 2 ** 60)])
    wait(lambda: "no partition" in daemon.text(), "the missing partition to be told")
    equal(t.letters(), {}, "dead letters")
    t.sql("create table data.two partition of data.items for values in (1152921504606846976)")
    wait(lambda: t.caught_up(topic), "the rows")
    equal(ids(t), ["a", "b"], "rows")
    t.check_account(consumed=2, applied=2, dead_lettered=0)


@test
def hash_partitions_and_nested_ones_work(t):
    """HASH takes everything; of partitions that are partitioned again the top level counts."""
    topic, config = partitioned(t, "hash (item_id)")
    for n in range(2):
        t.sql(f"create table data.h{n} partition of data.items for values with (modulus 2, remainder {n}) "
              "partition by range (quantity)")
        t.sql(f"create table data.h{n}_all partition of data.h{n} for values from (minvalue) to (maxvalue)")
    t.produce(topic, [item(f"i{n % 50}", n % 50) for n in range(500)])
    t.run_to_end(config)
    equal(t.rows("data.items"), 50, "rows")
    t.check_account(consumed=500, dead_lettered=0)


@test
def a_table_without_any_partition_waits_for_the_first(t):
    topic, config = partitioned(t, "range (quantity)", partitions=1)
    daemon = t.daemon(config)
    t.produce(topic, [item("a", 1)])
    wait(lambda: "no partition" in daemon.text(), "the missing partition to be told")
    span(t, "p0", 0, 10)
    wait(lambda: t.caught_up(topic), "the row")
    t.check_account(consumed=1, applied=1, dead_lettered=0)


@test
def a_table_becomes_partitioned_under_a_running_daemon(t):
    """The operator swaps the table; statements that fit it are used from then on."""
    topic = t.topic("items")
    config = t.config(streams={"items": t.stream(topic, table={"key": ["item_id", "quantity"]})})
    t.migrate(config)
    t.daemon(config)
    for _ in range(2):  # the second finds its keys there, and upserts from then on
        t.produce(topic, [item(f"i{n}", n) for n in range(50)])
        wait(lambda: t.caught_up(topic), "the rows before")
    connection = t.connect()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("alter table data.items rename to p0")
        cursor.execute("create table data.items (like data.p0 including all) partition by range (quantity)")
        cursor.execute("alter table data.items attach partition data.p0 for values from (0) to (100)")
    connection.commit()
    t.produce(topic, [item(f"i{n}", n) for n in range(100)] + [item("outside", 100)])
    wait(lambda: t.caught_up(topic), "the rows after")
    equal(t.rows("data.items"), 100, "rows")
    t.check_account(consumed=201, dead_lettered=1)


@test
def a_bad_row_and_a_hole_in_one_batch(t):
    """What PostgreSQL refuses is isolated in a partitioned table too; a hole makes that wait."""
    topic, config = partitioned(t, "range (quantity)", partitions=1)
    span(t, "low", 0, 100)
    span(t, "high", 200, 300)
    t.sql("alter table data.items add constraint noted check (note <> 'bad')")
    records = [item(f"i{n}", n, note="bad" if n == 7 else "good") for n in range(50)]
    t.produce(topic, [*records, item("hole", 150)])
    daemon = t.daemon(config)
    wait(lambda: "no partition" in daemon.text(), "the missing partition to be told")
    equal(t.letters(), {}, "dead letters before the partition is there")
    span(t, "middle", 100, 200)
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.sql('select "offset", reason, sqlstate from pactolus.dead_letters'), [(7, "database", "23514")],
          "dead letters")
    t.check_account(consumed=51, applied=50, dead_lettered=1)


@test
def check_and_migrate_accept_a_partitioned_table(t):
    """Same columns and key: nothing to do. Another key: refused as for any table."""
    topic, config = partitioned(t, "range (quantity)")
    expect("is as the contract wants it" in t.must("check", "--connect", "--config", config).out,
           "check does not say so")
    again = t.must("migrate", "--dry-run", "--config", config).out
    expect("create table" not in again.lower(), "migrate would still do something:", again)
    # A column that the contract gains is added to all partitions.
    span(t, "p0", 0, 10)
    t.sql("alter table data.items drop column tags cascade")
    t.migrate(config)
    equal(t.columns("data.p0")[-1], "tags", "the partition's new column")
    other = t.config(name="other", streams={"items": t.stream(topic)})
    refused = t.pactolus("migrate", "--dry-run", "--config", other)
    expect(refused.code == 65 and "the primary key is (item_id, quantity)" in refused.err,
           "other key:", refused)


@test
def an_outage_decides_nothing(t):
    """A record that the known range refuses is held while the catalog cannot be asked: if its partition
    is there when it can be, the record is applied."""
    t.own_postgres()
    topic, config = partitioned(t, "range (quantity)", partitions=1)
    span(t, "p0", 0, 10)
    daemon = t.daemon(config)
    t.produce(topic, [item("a", 1)])
    wait(lambda: t.caught_up(topic), "the first row")
    t.postgres.stop(immediate=True)
    t.produce(topic, [item("late", 10), item("b", 2), item("outside", 100)])
    wait(lambda: "partitions:" in daemon.text(), "the look that fails")
    daemon.freeze()
    t.postgres.start()
    span(t, "p1", 10, 20)
    daemon.thaw()
    wait(lambda: t.caught_up(topic), "the rows")
    equal(ids(t), ["a", "b", "late"], "rows")
    t.check_account(consumed=4, applied=3, dead_lettered=1)
