# SPDX-License-Identifier: Apache-2.0
"""What a delete leaves of a person: nothing that is personal, and nothing at all when its time is over."""

import random
import re
import time

from harness import compile_contract, equal, expect, test, wait
import model
from people import DAY
from semantics import REVISED, apply, revised, tombstone

REFUSED, UNAVAILABLE = 65, 69


def items(t, topic, classified=("note", "tags"), **settings):
    settings.setdefault("key", {"format": "text"})
    settings["columns"] = {field: {"classification": "personal"} for field in classified}
    table = dict({"view": "items"}, **settings.pop("table", {}))
    return t.stream(topic, table=table, **settings)


@test
def a_soft_delete_blanks_what_is_personal(t):
    """Deleted in the same batch, in a later one, and back again; the other columns stay as they were."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": items(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(key, quantity=n, note=f"name {key}", tags=["private"])
                      for n, key in enumerate("abc")] + [tombstone("a"), tombstone("absent")])
    t.run_to_end(config)
    t.produce(topic, [tombstone("b"), model.item_record("a", quantity=9, note="again")])
    t.run_to_end(config)
    rows = "select item_id, quantity, note, tags, _deleted_at is not null from data.items order by 1"
    equal(t.sql(rows), [("a", 9, "again", [], False), ("absent", None, None, None, True),
                        ("b", 1, None, None, True), ("c", 2, "name c", ["private"], False)], "rows")
    t.check_account(consumed=7, dead_lettered=0)


@test
def blanking_does_not_depend_on_batches(t):
    """However records fall into batches: the same table, and nothing personal in a deleted row."""
    draw = random.Random(t.id)
    topic = t.topic(partitions=3)
    t.produce(topic, [tombstone(key) if draw.random() < 0.4 else
                      model.item_record(key, quantity=n, note=f"person {n}", tags=[str(n)])
                      for n, key in enumerate(f"k{draw.randrange(40)}" for _ in range(800))])
    sums = set()
    for rows in (1, 7, 1000):
        name = f"by{rows}"
        config = t.config(name, group=f"{t.group}.{rows}", streams={name: items(
            t, topic, batch={"rows": rows}, table={"name": name, "view": name})})
        t.migrate(config)
        t.run_to_end(config)
        t.sql(f"update data.{name} set _loaded_at = 'epoch'")
        sums.add(t.checksum(f"data.{name}"))
        equal(t.value(f"select count(*) from data.{name} where _deleted_at is not null and "
                      "(note is not null or tags is not null)"), 0, "persons in deleted rows")
        expect(t.value(f"select count(*) from data.{name} where _deleted_at is not null and "
                       "quantity is not null") > 0, "the other columns went too")
    equal(len(sums), 1, "tables")


@test
def a_final_delete_blanks_too(t):
    settings = dict(REVISED, columns={"note": {"classification": "secret"}})
    apply(t, [revised("a", 5, "secret"), revised("b", 1, "stays"), tombstone("a"), revised("a", 9, "late")],
          deletes="final", batch={"rows": 1}, **settings)
    equal(t.sql("select item_id, note, _deleted_at is not null from data.items order by 1"),
          [("a", None, True), ("b", "stays", False)], "rows")


def maintain(t, config, *more):
    return t.must("maintain", "--config", config, *more).out


@test
def what_was_deleted_before_it_was_classified_is_blanked(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": items(t, topic, classified=())})
    t.migrate(config)
    t.produce(topic, [model.item_record(key, quantity=1, note=f"name {key}") for key in "abc"])
    t.run_to_end(config)
    t.produce(topic, [tombstone("a"), tombstone("b")])
    t.run_to_end(config)
    equal(maintain(t, config, "--execute"), "items: deleted rows 0 removed, 0 blanked\n", "unclassified")
    config = t.config(streams={"items": items(t, topic, classified=("note",))})
    t.migrate(config)
    expect("items: deleted rows 0 to remove, 2 to blank" in maintain(t, config, "--dry-run"), "dry run")
    equal(t.value("select count(*) from data.items where note is not null"), 3, "notes after the dry run")
    expect("0 removed, 2 blanked" in maintain(t, config, "--execute", "items"), "execute")
    equal(t.sql("select item_id, note, quantity from data.items order by 1"),
          [("a", None, 1), ("b", None, 1), ("c", "name c", 1)], "rows")
    expect("0 removed, 0 blanked" in maintain(t, config, "--execute"), "once more")


def purging(t, topic, after, **settings):
    return t.config(streams={"items": items(t, topic, table={"purge_deleted_after": after}, **settings)})


@test
def deleted_rows_are_removed_when_their_time_is_over(t):
    """By both times: when the key was deleted, and when that was written."""
    topic = t.topic(partitions=1)
    config = purging(t, topic, "10d")
    t.migrate(config)
    now = int(time.time() * 1000)
    t.produce(topic, [model.item_record(f"k{n}", quantity=n, timestamp=now - 30 * DAY) for n in range(3000)] +
              [tombstone(f"k{n}", timestamp=now - 20 * DAY) for n in range(0, 3000, 2)] +
              [tombstone(f"k{n}", timestamp=now - DAY) for n in range(1, 3000, 4)])
    t.run_to_end(config)
    beyond = ("--below-retention",)
    # Deleted long ago, but written just now: records from before may still be on their way.
    expect("0 removed" in maintain(t, config, "--execute", *beyond), "what was written just now is removed")
    t.sql("update data.items set _loaded_at = now() - interval '11 days'")
    expect("1,500 to remove" in maintain(t, config, "--dry-run", *beyond), "dry run")
    equal(t.rows("data.items"), 3000, "rows after the dry run")
    expect("1,500 removed" in maintain(t, config, "--execute", *beyond), "execute")
    equal(t.sql("select count(*), count(_deleted_at) from data.items"), [(1500, 750)], "rows")
    equal(t.value("select count(*) from e2e.items"), 750, "rows of the view")


@test
def partitions_are_maintained_each(t):
    topic = t.topic(partitions=1)
    config = purging(t, topic, "1ms", classified=("note",))
    plan = t.must("migrate", "--dry-run", "--config", config).out
    create, = re.findall(r"CREATE TABLE \"data\"\.\"items\".*?;", plan, re.S)
    t.sql("create schema data")
    t.sql(re.sub(r"WITH \(fillfactor = 80\)", "PARTITION BY HASH (item_id)", create))
    for n in range(3):
        t.sql(f"create table data.items_{n} partition of data.items "
              f"for values with (modulus 3, remainder {n})")
    t.migrate(config)
    t.produce(topic, [model.item_record(f"k{n}", note="x") for n in range(60)] +
              [tombstone(f"k{n}") for n in range(30)])
    t.run_to_end(config)
    expect("30 removed" in maintain(t, config, "--execute", "--below-retention"), "execute")
    equal(t.sql("select count(*), count(_deleted_at) from data.items"), [(30, 0)], "rows")


@test(real_kafka=True)
def a_purge_that_would_bring_rows_back_is_refused(t):
    """Whoever reads a topic again meets records that are older than the delete."""
    topic = t.topic(partitions=1, retention_ms=3_000_000, segment_ms=600_000)
    config = purging(t, topic, "30m")
    t.migrate(config)
    refused = t.pactolus("maintain", "--dry-run", "--config", config)
    equal(refused.code, REFUSED, "exit status")
    expect(topic in refused.err and "1 h" in refused.err.replace("60 min", "1 h"), refused.err)
    expect("0 to remove" in maintain(t, config, "--dry-run", "--below-retention"), "it is said to be right")
    expect("0 to remove" in maintain(t, purging(t, topic, "2h"), "--dry-run"), "longer than the topic keeps")
    forever = t.topic("forever", partitions=1, cleanup_policy="compact")
    refused = t.pactolus("maintain", "--execute", "--config", purging(t, forever, "365d"))
    equal(refused.code, REFUSED, "exit status for a compacted topic")
    expect("forever" in refused.err, refused.err)


@test
def nothing_is_removed_on_a_guess(t):
    """Whoever cannot ask how long records are kept removes nothing, and blanks all the same."""
    topic = t.topic(partitions=1)
    config = purging(t, topic, "1ms", classified=())
    t.migrate(config)
    t.produce(topic, [model.item_record(key, note="x") for key in "abc"])
    t.run_to_end(config)
    t.produce(topic, [tombstone("a"), tombstone("b")])
    t.run_to_end(config)
    streams = {"items": items(t, topic, table={"purge_deleted_after": "1ms"}, classified=("note",))}
    config = t.config(streams=streams, kafka={"bootstrap_servers": "localhost:1"})
    t.migrate(config)
    unsure = t.pactolus("maintain", "--execute", "--config", config)
    equal(unsure.code, UNAVAILABLE, f"exit status: {unsure}")
    expect("0 removed, 2 blanked" in unsure.out and "--below-retention" in unsure.err, unsure)
    equal(t.sql("select item_id, note from data.items order by 1"), [("a", None), ("b", None), ("c", "x")],
          "rows")
    expect("2 removed, 0 blanked" in maintain(t, config, "--execute", "--below-retention"), "execute")


TWO = """\
syntax = "proto3";
package lab.v1;
import "pactolus/options.proto";
message One {
  option (pactolus.contract) = { key: "id" table: "things" view: "things" purge_deleted_after: "1ms" };
  string id = 1;
}
message Two {
  option (pactolus.contract) = { key: "id" table: "things" view: "things" %s };
  string id = 1;
}
"""


@test
def all_contracts_of_a_table_must_agree_to_a_purge(t):
    """A row does not tell whose it is: what one contract never gives up stays."""
    topics = [t.topic(name, partitions=1) for name in ("one", "two")]

    def settings(name, said):
        source = t.folder / f"{name}.proto"
        source.write_text(TWO % said)
        out = compile_contract(t.folder / f"{name}.binpb", source)
        return t.config(name, streams={"items": {
            "descriptors": str(out), "key": {"format": "text"}, "accept_skew": True,
            "topics": [{"name": topic, "contract": contract} for topic, contract in
                       zip(topics, ("lab.v1.One", "lab.v1.Two"))]}})

    config = settings("silent", "")
    t.migrate(config)
    t.produce(topics[0], [tombstone("a"), tombstone("b")])
    t.produce(topics[1], [tombstone("c")])
    t.run_to_end(config)
    expect("0 removed" in maintain(t, config, "--execute", "--below-retention"), "one of two has said it")
    expect("3 removed" in maintain(t, settings("agreed", 'purge_deleted_after: "2ms"'), "--execute",
                                   "--below-retention"), "both have said it")
    equal(t.rows("data.things"), 0, "rows")


@test
def maintaining_beside_a_running_daemon(t):
    """Rows come back while they are being removed: what stands, stands."""
    topic = t.topic(partitions=2)
    config = purging(t, topic, "1ms", classified=("note",))
    t.migrate(config)
    t.daemon(config)
    draw = random.Random(t.id)
    last, number, removed = {}, 0, 0
    for _ in range(30):
        records = []
        for _ in range(200):
            key, number = f"k{draw.randrange(150)}", number + 1
            dead = draw.random() < 0.5
            last[key] = None if dead else number
            records.append(tombstone(key) if dead else model.item_record(key, quantity=number, note="x"))
        t.produce(topic, records)
        out = maintain(t, config, "--execute", "--below-retention")
        removed += int(re.search(r"rows ([\d,]+) removed", out).group(1).replace(",", ""))
    wait(lambda: t.caught_up(topic), "all records")
    expect(removed > 0, "nothing was removed meanwhile")
    equal(dict(t.sql("select item_id, quantity from e2e.items")),
          {key: n for key, n in last.items() if n is not None}, "the view")
    t.check_account(consumed=6000, dead_lettered=0)
