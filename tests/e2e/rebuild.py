# SPDX-License-Identifier: Apache-2.0
"""Tables that are filled anew beside the live one, and take its place while daemons write and people read."""

import contextlib
import re
import subprocess
import time

from background import Background
from harness import Record, equal, expect, test, varint, wait
import live
import model
from rebuilds import Reader, Running, check_items, more, newest, nothing_to_do, state
import together


@test(real_kafka=True)
def a_rebuild_takes_the_live_tables_place_and_gives_it_back(t):
    """Two daemons write, an analyst keeps the view open, others read: nobody meets an older row."""
    topic, config, flow, *_ = together.begin(t)
    t.sql("create role " + t.id)
    try:
        with flow, Reader(t, "select item_id, quantity from e2e.item_v1") as reader, \
                contextlib.closing(t.connect()) as analyst:
            exchange(t, topic, config, flow, analyst)
        expect(reader.looks > 20, "the reader saw little:", reader.looks)
        expect(reader.longest < 5, f"a reader waited {reader.longest:.1f} s")
        check_items(t, topic)
        t.check_account("items", dead_lettered=0)
        t.check_account(f"items/rebuild-{newest(t)}", dead_lettered=0)
        nothing_to_do(t, config)
        back(t, topic, config)
    finally:
        t.sql(f"drop owned by {t.id}")
        t.sql(f"drop role {t.id}")


DRESS = """select c.relname, pg_get_userbyid(c.relowner), c.relacl::text, c.reloptions,
                  obj_description(c.oid, 'pg_class'),
                  (select array_agg(i.indexrelid::regclass::text || pg_get_indexdef(i.indexrelid) order by 1)
                     from pg_index i where i.indrelid = c.oid),
                  (select array_agg(k.conname || pg_get_constraintdef(k.oid) order by k.conname)
                     from pg_constraint k where k.conrelid = c.oid),
                  (select array_agg(concat_ws(' ', a.attname, col_description(a.attrelid, a.attnum), a.attacl)
                                    order by a.attnum)
                     from pg_attribute a where a.attrelid = c.oid and a.attnum > 0)
             from pg_class c where c.oid in ('data.items'::regclass, 'e2e.item_v1'::regclass,
                                             'e2e.item_v1_all'::regclass) order by 1"""


def exchange(t, topic, config, flow, analyst):
    t.sql(f"grant select, insert on data.items to {t.id}; grant select (item_id) on e2e.item_v1 to {t.id};"
          "create index items_by_note on data.items (note) where quantity > 3;"
          "alter table data.items set (autovacuum_vacuum_scale_factor = 0.07);"
          "create view e2e.mine as select item_id from e2e.item_v1;"
          "alter view e2e.item_v1 set (security_barrier = true)")
    dressed, was = t.sql(DRESS), t.value("select 'data.items'::regclass::oid")
    more(flow)
    analyst.autocommit = False
    cursor = analyst.cursor()
    cursor.execute("select count(*) from e2e.item_v1")
    seen = cursor.fetchone()
    with Running(t, "rebuild", "items", "--execute", "--require-equal", "--reason", "tried", "--config",
                 config) as verb:
        verb.says("waiting for the views: process")
        text = verb.text()
        expect("values   equal" in text and "places   equal" in text, "the comparison says", text)
        verb.kill()
    with Running(t, "rebuild", "--swap", newest(t), "--config", config) as verb:
        verb.says("waiting for the views: process")
        more(flow)
        equal(t.value("select 'data.items'::regclass::oid"), was, "the live table")
        equal(state(t), "ready", "state")
        cursor.execute("select count(*) from e2e.item_v1")
        expect(cursor.fetchone() >= seen, "the analyst sees less")
        analyst.commit()
        verb.ends()
    expect(t.value("select 'data.items'::regclass::oid") != was, "the live table is the old one")
    equal(t.value("select count(*) from pg_depend d join pg_rewrite r on r.oid = d.objid "
                  "where d.refobjid = %s and d.classid = 'pg_rewrite'::regclass", was), 0,
          "views on the old table")
    equal(t.sql(DRESS), dressed, "owner, rights, options, indexes, checks and comments")
    equal(state(t), "swapped", "state")
    before = t.rows("data.items_old_1")
    more(flow, 3000)
    equal(t.rows("data.items_old_1"), before, "rows of the old table")
    wait(lambda: not t.value("select exists (select from pactolus.unattended)"), "daemons to claim again")


def back(t, topic, config):
    """Nothing of what came since the swap is lost."""
    told = t.must("rebuild", "--rollback", newest(t), "--dry-run", "--config", config).out
    expect("are read again" in told and "nothing was changed" in told, "a dry rollback says", told)
    with together.Flow(t, topic) as flow:
        more(flow)
        t.must("rebuild", "--rollback", newest(t), "--config", config)
        more(flow)
    equal(state(t), "rolled_back", "state")
    wait(lambda: t.caught_up(topic), "everything to be applied")
    check_items(t, topic)
    t.check_account("items", dead_lettered=0)
    nothing_to_do(t, config)
    equal(t.value("select to_regclass('data.items_old_1') is null and "
                  "to_regclass('data.items_rebuild_1') is not null"), True, "the tables bear their names")
    again = t.pactolus("rebuild", "--rollback", newest(t), "--config", config)
    equal(again.code, 65, f"exit status of a second rollback: {again}")
    t.must("rebuild", "--drop-old", newest(t), "--config", config)
    equal(t.value("select to_regclass('data.items_rebuild_1')"), None, "the table that was kept")


# --- another contract ------------------------------------------------------------------------------

WRONG = "string id = 1; int64 amount = 2; int64 fee = 3;"
RIGHT = "string id = 1; int64 fee = 2; int64 amount = 3;"
FAR = 1_000_000  # field 3 is so much more than field 2


def order(number):
    """The same bytes under either contract: only the names of fields 2 and 3 are exchanged."""
    name = f"o{number % 4000}".encode()
    numbers = b"\x10" + varint(number) + b"\x18" + varint(number + FAR)
    return Record(b"\x0a" + varint(len(name)) + name + numbers, name)


class Orders(together.Flow):
    def produce(self, count):
        self.t.produce(self.topic, [order(n) for n in range(self.number, self.number + count)])


@test(real_kafka=True)
def a_rebuild_mends_a_mapping(t):
    """From the swap on nobody meets a row that the wrong contract wrote, though a host has the old file."""
    topic = t.topic("orders", partitions=6)
    wrong, right = live.contract(t, WRONG, "first"), live.contract(t, RIGHT, "second")
    hosts = [live.Host(t, f"host{n}", topic, wrong) for n in range(2)]
    desk = live.Host(t, "desk", topic, right)
    t.migrate(hosts[0].config)
    with Orders(t, topic) as flow:
        live.begin(t, hosts)
        more(flow)
        hosts[0].put(right)
        refused = t.pactolus("rebuild", "orders", "--execute", "--require-equal", "--config", desk.config)
        equal(refused.code, 65, f"exit status: {refused}")
        expect(re.search(r"key o\d+: live .*@\d+, rebuilt .*@\d+; differs: (fee, amount|amount, fee)",
                         refused.out), "no sample of what differs:", refused.out)
        equal(t.value("select count(*) from shop.orders where amount >= %s", FAR), 0,
              "mended before the swap")

        def judge(rows):
            worse = [row for row in rows if row[2] != row[1] + FAR]
            expect(not worse, "rows that the wrong contract wrote:", worse[:5])
        t.must("rebuild", "--swap", newest(t), "--config", desk.config)
        with Reader(t, "select id, fee, amount from shop.orders", judge):
            wait(hosts[0].took, "the first daemon to take the contract")
            more(flow)
            wait(lambda: "rebuilt for another contract" in hosts[1].daemon.text(), "the other to complain")
            hosts[1].put(right)
            wait(hosts[1].took, "the other to take it")
            more(flow)
        expect(hosts[1].daemon.alive() and hosts[0].daemon.alive(), "a daemon has ended")
    wait(lambda: t.caught_up(topic), "everything to be applied")
    equal(t.letters(), {}, "dead letters")
    t.check_account("orders", consumed=flow.number, dead_lettered=0)
    nothing_to_do(t, desk.config)
    equal([column for column, in t.sql("select column_name from pactolus.columns order by position")],
          ["id", "fee", "amount"], "columns as the contract in force has them")
    mapping_goes_back(t, topic, hosts, desk, wrong)


def mapping_goes_back(t, topic, hosts, desk, wrong):
    """Rolled back, the old contract is in force: daemons with the new one write nothing."""
    refused = t.pactolus("rebuild", "--rollback", newest(t), "--patience", "1s", "--config", desk.config)
    equal(refused.code, 0, f"exit status: {refused}")
    for host in hosts:
        wait(lambda: "rebuilt for another contract" in host.daemon.text(), "the daemon to say what it lacks")
    t.produce(topic, [order(n) for n in range(100)])
    for host in hosts:
        host.put(wrong)
    wait(lambda: t.caught_up(topic), "everything to be applied")
    equal(t.value("select count(*) from shop.orders where fee <> amount + %s", FAR), 0,
          "rows by the new names")
    t.check_account("orders", dead_lettered=0)
    nothing_to_do(t, hosts[0].config)


@test(real_kafka=True)
def a_column_gets_another_type_and_its_old_one_back(t):
    """A text becomes a number: its views are made anew, with all that they had."""
    topic = t.topic("items", partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    desk = t.config("desk", streams={"items": t.stream(topic, columns={"note": {"type": "numeric(12,2)"}})})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"item-{n}", quantity=n, note=f"{n}.50") for n in range(500)])
    t.run_to_end(config)
    t.sql("grant select on e2e.item_v1 to public; comment on column e2e.item_v1.note is 'said by hand'")
    refused = t.pactolus("rebuild", "items", "--execute", "--config", desk)
    equal(refused.code, 65, f"exit status: {refused}")
    expect("column note is text, and would become numeric(12,2)" in refused.err, "it says", refused.err)
    t.sql("create view public.built as select note from e2e.item_v1")
    refused = t.pactolus("rebuild", "items", "--execute", "--retype", "--config", desk)
    expect(refused.code == 65 and "public.built" in refused.err, "what is built on the view:", refused)
    t.sql("drop view public.built")
    told = t.must("rebuild", "items", "--execute", "--retype", "--config", desk).out
    expect("not compared: note (text → numeric(12,2))" in told, "the comparison says", told)
    equal(t.value("select sum(note) = 500 * 499 / 2 + 250 from e2e.item_v1"), True, "the numbers")

    def rights():
        return t.sql("select has_table_privilege('public', 'e2e.item_v1', 'select'), pg_typeof(note)::text, "
                     "col_description('e2e.item_v1'::regclass, 3) from e2e.item_v1 limit 1")
    equal(rights(), [(True, "numeric", "said by hand")], "rights, type and comment")
    nothing_to_do(t, desk)
    t.run_to_end(desk)
    t.must("rebuild", "--rollback", newest(t), "--config", desk)
    equal(rights(), [(True, "text", "said by hand")], "rights, type and comment after the rollback")
    nothing_to_do(t, config)
    t.produce(topic, [model.item_record("item-1", quantity=2, note="no number")])
    t.run_to_end(config)
    equal(t.value("select note from e2e.item_v1 where item_id = 'item-1'"), "no number", "a text")
    t.check_account("items", dead_lettered=0)


# --- the long one ----------------------------------------------------------------------------------


class Delays(Background):
    """How old records are when they are applied (ms), second by second."""

    QUERY = """select extract(epoch from max(c.consumed_at - to_timestamp(c.order_ts / 1000.0))) * 1000
                 from pactolus.cursors c join pactolus.streams s using (stream_id)
                where s.rebuild_of is null and c.consumed_at > now() - interval '1 second'"""

    def __init__(self, t):
        super().__init__()
        self.t, self.found = t, []

    def work(self):
        with contextlib.closing(self.t.connect()) as connection, connection.cursor() as cursor:
            while not self.ended.wait(0.1):
                cursor.execute(self.QUERY)
                delay, = cursor.fetchone()
                if delay is not None:
                    self.found.append((time.monotonic(), float(delay)))

    def between(self, begin, end):
        found = sorted(delay for at, delay in self.found if begin <= at < end)
        return {"looks": len(found),
                **{f"p{p}": round(found[len(found) * p // 100]) for p in (50, 99) if found}}


@test(full_only=True, real_kafka=True)
def five_million_rows_are_rebuilt_under_load(t):
    """And exchanged while analysts query, and given back. Prints what it took."""
    rows, rate = 5_000_000, 1000
    topic = t.topic("payments", partitions=6)
    config = t.config(streams={"payments": t.payments(topic)}, kafka=together.KAFKA)
    t.migrate(config)
    t.load(topic, rows)
    daemons = [t.daemon(config) for _ in range(2)]
    wait(lambda: t.caught_up(topic), "everything to be applied", 1800, every=1)
    view = t.value("select format('%I.%I', view_schema, view_name) from pactolus.streams "
                   "where name = 'payments'")
    loading = subprocess.Popen([t.world.program("pactolus-load"), "--bootstrap", t.kafka.bootstrap,
                                "--topic", topic, "--rate", str(rate), "--seconds", "3600", "--keys",
                                str(rows), "--updates", "0.9", "--no-check"], stdout=subprocess.DEVNULL)
    try:
        with Delays(t) as delays, Reader(t, f"select 1, count(*) from {view}", every=2) as reader:
            rebuild_under_load(t, config, rows, delays)
    finally:
        loading.terminate()
        loading.wait()
    wait(lambda: t.caught_up(topic), "everything to be applied", 600, every=0.5)
    t.check_account("payments", dead_lettered=0)
    t.check_account("payments/rebuild-1", dead_lettered=0)
    expect(reader.looks > 5 and all(d.alive() for d in daemons), "a daemon has ended, or nobody read")
    print(f"longest query of an analyst: {reader.longest:.1f} s of {reader.looks}", flush=True)


def lives(t):
    """The live stream applies what comes."""
    return t.value("select count(*) from pactolus.cursors c join pactolus.streams s using (stream_id) where "
                   "s.rebuild_of is null and c.consumed_at > clock_timestamp() - interval '1 second'") == 6


def timed(t, config, *arguments):
    """Runs the verb, prints what it says; when it began and ended."""
    began = time.monotonic()
    result = t.pactolus("rebuild", *arguments, "--config", config, seconds=3600)
    equal(result.code, 0, f"exit status: {result}")
    ended = time.monotonic()
    print(f"rebuild {' '.join(map(str, arguments))}: {ended - began:.1f} s\n{result.out}", flush=True)
    return began, ended


def rebuild_under_load(t, config, rows, delays):
    calm = time.monotonic()
    wait(lambda: len(delays.found) >= 200, "delays to compare with", every=0.5)
    began, filled = timed(t, config, "payments", "--execute", "--no-swap")
    print("delays of live records, ms: before", delays.between(calm, began), "while it filled",
          delays.between(began, filled), flush=True)
    _, swapped = timed(t, config, "--swap", 1)
    expect(t.rows("data.payments") >= rows, "rows are missing")
    wait(lambda: lives(t), "the live stream to go on", every=0.01)
    print(f"the live stream went on {time.monotonic() - swapped:.2f} s after the verb's end; delays around "
          "the swap:", delays.between(filled, time.monotonic()), flush=True)
    timed(t, config, "--rollback", 1)
    wait(lambda: lives(t), "the live stream to go on", every=0.01)
