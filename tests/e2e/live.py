# SPDX-License-Identifier: Apache-2.0
"""Contracts that change under daemons that run: nobody starts one again, and no record is lost for it."""

import contextlib
import os
import re
import shutil
import threading

from background import Background
from harness import Record, compile_contract, equal, expect, test, varint, wait
import together

FIRST = "string id = 1; int64 amount = 2;"
SECOND = FIRST + "optional string channel = 3;"
PLAIN = FIRST + "string channel = 3;"


def contract(t, fields, name):
    """The descriptor set of an Order with these fields."""
    source = t.folder / f"{name}.proto"
    source.write_text(f'syntax = "proto3";\npackage shop.v1;\nmessage Order {{ {fields} }}\n')
    return compile_contract(t.folder / f"{name}.binpb", source)


class Host:
    """A host has a configuration and a descriptor file of its own."""

    def __init__(self, t, name, topic, descriptors, **settings):
        self.t, self.file = t, t.folder / f"{name}-host.binpb"
        self.put(descriptors)
        self.config = t.config(name, streams={"orders": {
            "descriptors": self.file, "topics": [{"name": topic, "contract": "shop.v1.Order"}],
            "table": {"key": ["id"], "schema": "data", "name": "orders", "view": "orders"}}}, **settings)
        self.daemon = None

    def put(self, descriptors):
        """In place at once, as install does."""
        beside = self.file.with_suffix(".new")
        shutil.copy(descriptors, beside)
        os.replace(beside, self.file)

    def start(self):
        self.daemon = self.t.daemon(self.config)

    def took(self):
        return self.daemon.text().count("took the contract shop.v1.Order")

    def complaints(self):
        """Whatever is no plain news: a batch that failed, a lock that was waited for too long, a halt."""
        return [line for line in self.daemon.text().splitlines() if re.match(r"\S+ (error|warning) ", line)]


def order(number, channel):
    out = b"\x0a" + varint(len(f"o{number}")) + f"o{number}".encode() + b"\x10" + varint(number + 1)
    if channel:
        content = f"c{number}".encode()
        out += b"\x1a" + varint(len(content)) + content
    return Record(out, f"o{number}".encode())


class Flow(together.Flow):
    """Orders of either contract, one after the other. `switched`: the first of the new one; None = none yet."""

    def __init__(self, t, topic):
        super().__init__(t, topic)
        self.new, self.switched = threading.Event(), None

    def produce(self, count):
        new = self.new.is_set()
        if new and self.switched is None:
            self.switched = self.number
        self.t.produce(self.topic, [order(n, new) for n in range(self.number, self.number + count)])

    def goes_on(self, records=1000):
        """Records that are produced from now on become rows."""
        before = self.t.rows("data.orders")
        wait(lambda: self.t.rows("data.orders") >= before + records, "rows")


class Migrating(Background):
    """`migrate --execute`, again while the locks cannot be had (75)."""

    def __init__(self, t, host, *more):
        super().__init__()
        self.t, self.words, self.result = t, ("migrate", "--execute", "--config", host.config, *more), None

    def work(self):
        while not self.ended.is_set() and (self.result is None or self.result.code == 75):
            self.result = self.t.pactolus(*self.words)

    def end(self):
        self.join()
        equal(self.result.code, 0, f"exit status of migrate: {self.result}")


def owners(t):
    return set(together.owners(t))


def blocked(t, analyst):
    """When the statement that waits for the analyst began; None when none does."""
    return t.value("select query_start from pg_stat_activity where datname = current_database() and "
                   "%s = any (pg_blocking_pids(pid))", analyst.info.backend_pid)


def check(t, topic, flow, taken, unset=None):
    """Every order is there. Those from `taken` on have a channel, those of the first contract none."""
    wait(lambda: t.caught_up(topic), "everything to be applied")
    rows = {int(id[1:]): (amount, channel) for id, amount, channel in t.sql("select * from shop.orders")}
    equal(len(rows), flow.number, "rows")
    wrong = [(n, row) for n, row in rows.items() if row[0] != n + 1 or
             row[1] not in ({unset} if n < flow.switched else {f"c{n}"} if n >= taken else {unset, f"c{n}"})]
    equal(wrong[:10], [], f"rows not as produced (switched at {flow.switched}, taken at {taken})")
    equal(t.letters(), {}, "dead letters")
    t.check_account("orders", consumed=flow.number, applied=flow.number, dead_lettered=0, stale=0)


def hosts(t, topic, count=2, fields=SECOND):
    """Hosts with the first contract, the table made; and the next contract's descriptor set."""
    first = contract(t, FIRST, "first")
    made = [Host(t, f"host{n}", topic, first) for n in range(count)]
    t.migrate(made[0].config)
    return made, contract(t, fields, "second")


def begin(t, daemons):
    for number, host in enumerate(daemons, 1):
        host.start()
        wait(lambda: len(owners(t)) == number, f"{number} daemons to share the partitions")
    return owners(t)


def goes_live_under_load(t, fields, unset):
    """While producers write, an analyst holds a transaction open on the view, and two daemons run."""
    topic = t.topic("orders", partitions=6)
    daemons, second = hosts(t, topic, fields=fields)
    with Flow(t, topic) as flow, contextlib.closing(t.connect()) as analyst:
        before = begin(t, daemons)
        flow.goes_on()
        analyst.set_session(isolation_level="REPEATABLE READ", autocommit=False)
        cursor = analyst.cursor()
        cursor.execute("select count(*), sum(amount) from shop.orders")
        seen = cursor.fetchall()
        for host in daemons:
            host.put(second)
        migrating = Migrating(t, daemons[0], "--set", "database.lock_timeout=200ms").start()
        # It gives way and tries again, and rows come all the while.
        tries = set()
        while len(tries) < 3:
            tries.add(wait(lambda: blocked(t, analyst), "migrate to wait for the analyst", every=0.005))
            flow.goes_on(100)
        flow.new.set()
        flow.goes_on()
        cursor.execute("select count(*), sum(amount) from shop.orders")
        equal(cursor.fetchall(), seen, "what the analyst sees in one transaction")
        analyst.commit()
        migrating.end()
        for host in daemons:
            wait(host.took, "the daemon to take the contract")
        taken = flow.number + 100  # the flow may be about to send the next hundred
        wait(lambda: flow.number > taken + 2000, "records of the new contract")
        cursor.execute("select count(nullif(channel, '')) from shop.orders")
        expect(cursor.fetchone()[0] > 0, "the analyst sees no channel")
        analyst.commit()
    check(t, topic, flow, taken, unset)
    for host in daemons:
        expect(host.daemon.alive(), "a daemon has ended")
        equal(host.took(), 1, "times that it took the contract")
        equal(host.complaints(), [], "what the daemon complains of")
    equal(owners(t), before, "owners: the daemons are the same")


@test(real_kafka=True)
def an_additive_change_goes_live_under_load(t):
    goes_live_under_load(t, SECOND, None)


@test(real_kafka=True)
def a_required_field_goes_live_under_load(t):
    """A field without presence: daemons of the first contract write what it has when it is unset."""
    goes_live_under_load(t, PLAIN, "")


@test(real_kafka=True)
def hosts_get_the_new_file_one_after_the_other(t):
    """The one that has the old file goes on with the old contract, says so once, and looks again."""
    topic = t.topic("orders", partitions=4)
    daemons, second = hosts(t, topic)
    with Flow(t, topic) as flow:
        before = begin(t, daemons)
        flow.goes_on()
        daemons[1].put(second)
        t.migrate(daemons[1].config)
        wait(daemons[1].took, "the first to take the contract")
        wait(lambda: "not the contract that migrate noted" in daemons[0].daemon.text(), "the other to say so")
        flow.new.set()
        wait(lambda: t.value("select count(channel) from shop.orders") > 500, "rows with a channel")
        wait(lambda: t.value("select count(*) from shop.orders where channel is null and amount > %s",
                             flow.switched) > 500, "rows without, of the other daemon")
        daemons[0].put(second)
        wait(daemons[0].took, "the other to take the contract")
        taken = flow.number + 100
        wait(lambda: flow.number > taken + 1000, "records of the new contract")
    check(t, topic, flow, taken)
    equal(daemons[1].complaints(), [], "complaints of the first")
    equal(len(daemons[0].complaints()), 1, f"complaints of the other: {daemons[0].complaints()}")
    equal(owners(t), before, "owners: the daemons are the same")
