# SPDX-License-Identifier: Apache-2.0
"""Tombstones, versions and append streams: what a record does to its key's row."""

import random

from harness import Record, equal, expect, message_class, test
import model


def tombstone(item_id, partition=None, timestamp=0, headers=()):
    return Record(None, item_id.encode(), headers, timestamp, partition)


def state(t, table="data.items"):
    return {k: (q, deleted) for k, q, deleted in t.sql(
        f"select item_id, quantity, _deleted_at is not null from {table}")}


def apply(t, history, **settings):
    """One topic with the records, applied; the configuration's path."""
    topic = t.topic("items", partitions=1)
    settings.setdefault("key", {"format": "text"})
    table = dict({"view": "items"}, **settings.pop("table", {}))
    config = t.config(streams={"items": t.stream(topic, table=table, **settings)})
    t.produce(topic, history)
    t.migrate(config)
    t.run_to_end(config)
    return topic, config


HISTORY = [("a", 1), ("b", 2), ("a", None), ("c", 3), ("c", None), ("c", 4), ("absent", None)]


def records(history):
    return [tombstone(k) if q is None else model.item_record(k, quantity=q) for k, q in history]


@test
def soft_deletes_hide_and_keep(t):
    apply(t, records(HISTORY))
    equal(state(t), {"a": (1, True), "b": (2, False), "c": (4, False), "absent": (None, True)}, "rows")
    schema = t.value("select view_schema from pactolus.streams")
    equal(t.sql(f"select item_id, quantity from {schema}.items order by 1"), [("b", 2), ("c", 4)], "view")
    t.check_account(consumed=7, dead_lettered=0)


@test
def hard_deletes_clear_the_columns(t):
    apply(t, records(HISTORY), deletes="hard")
    equal(state(t), {"a": (None, True), "b": (2, False), "c": (4, False), "absent": (None, True)}, "rows")
    # The skeleton keeps its place.
    expect(t.value("select _offset from data.items where item_id = 'a'") == 2, "the tombstone's offset")


@test
def batches_of_one_give_the_same_table(t):
    """However the records fall into batches, the table is the same."""
    draw = random.Random(t.id)
    history = [(f"k{draw.randrange(40)}", draw.choice([None, draw.randrange(1000)])) for _ in range(600)]
    topic, _ = apply(t, records(history))
    for rows in (1, 7):
        config = t.config(f"by{rows}", group=f"{t.group}.{rows}", streams={f"by{rows}": t.stream(
            topic, key={"format": "text"}, batch={"rows": rows},
            table={"name": f"by{rows}", "view": f"by{rows}"})})
        t.migrate(config)
        t.run_to_end(config)
        equal(t.checksum(f"data.by{rows}"), t.checksum("data.items"), f"checksum with batches of {rows}")
    last = {}
    for key, quantity in history:
        last[key] = (last.get(key, (None,))[0], True) if quantity is None else (quantity, False)
    equal(state(t), last, "rows")


@test
def deletes_that_are_refused(t):
    apply(t, records(HISTORY), deletes="reject")
    equal({reason for reason, _ in t.letters().values()}, {"tombstone"}, "reasons")
    equal(state(t), {"a": (1, False), "b": (2, False), "c": (4, False)}, "rows")
    t.check_account(consumed=7, dead_lettered=3)


@test
def tombstones_without_a_key_mapping_are_dead_letters(t):
    apply(t, records([("a", 1), ("a", None)]), key={"format": "none"})
    equal([reason for reason, _ in t.letters().values()], ["tombstone"], "reasons")


def revised(item_id, revision, note=""):
    message = message_class("item", "Revised")(item_id=item_id, note=note)
    if revision is not None:
        message.revision = revision
    return Record(message.SerializeToString(), item_id.encode())


REVISED = {"contract": "e2e.v1.Revised", "table": {"version": "revision", "view": "items"}}


@test
def the_greater_version_wins_in_any_order(t):
    draw = random.Random(t.id)
    history = [(f"k{draw.randrange(30)}", draw.randrange(-5, 50), str(n)) for n in range(500)]
    apply(t, [revised(*entry) for entry in history], batch={"rows": 13}, **REVISED)
    wanted = {}
    for key, revision, note in history:
        if key not in wanted or revision >= wanted[key][0]:
            wanted[key] = (revision, note)
    equal({k: (r, n) for k, r, n in t.sql("select item_id, revision, note from data.items")}, wanted, "rows")
    t.check_account(consumed=500, dead_lettered=0)


@test
def a_record_without_its_version_is_a_dead_letter(t):
    apply(t, [revised("a", 1), revised("b", None), revised("c", 0)], **REVISED)
    equal([reason for reason, _ in t.letters().values()], ["version"], "reasons")
    equal(t.rows("data.items"), 2, "rows")


@test
def a_versioned_delete_carries_its_version(t):
    entries = [revised("a", 5), tombstone("a", headers=[("rev", b"4")]), revised("b", 5),
               tombstone("b", headers=[("rev", b"6")]), revised("b", 6, "same version, later"),
               revised("c", 5), tombstone("c", headers=[("rev", b"9")]), revised("c", 8),
               tombstone("d"), tombstone("e", headers=[("rev", b"x")])]
    apply(t, entries, deletes="header:rev", **REVISED)
    equal({k: (v, deleted) for k, v, deleted in t.sql(
        "select item_id, _version, _deleted_at is not null from data.items")},
        {"a": (5, False), "b": (6, False), "c": (9, True)}, "rows")
    equal([reason for reason, _ in t.letters().values()], ["version", "version"], "reasons")


@test
def a_final_delete_outranks_every_version(t):
    apply(t, [revised("a", 5), tombstone("a"), revised("a", 1000)], deletes="final", **REVISED)
    equal(t.sql("select item_id, _deleted_at is not null from data.items"), [("a", True)], "rows")


@test
def soft_deletes_of_a_versioned_stream_are_refused(t):
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, key={"format": "text"}, deletes="soft", **REVISED)})
    result = t.pactolus("check", "--config", config)
    equal(result.code, 78, "exit status")
    expect("deletes" in result.err + result.out, "the message does not name the setting:", result)


@test
def an_append_stream_keeps_every_record(t):
    topic = t.topic("items", partitions=4)
    config = t.config(streams={"items": t.stream(topic, table={"mode": "append", "key": None})})
    t.produce(topic, [model.item_record(f"k{n % 3}", quantity=n) for n in range(1000)])
    t.migrate(config)
    t.run_to_end(config)
    equal(sorted(q for q, in t.sql("select quantity from data.items")), list(range(1000)), "rows")
    t.check_account(consumed=1000, applied=1000)
