# SPDX-License-Identifier: Apache-2.0
"""Tables that are filled anew beside the live one, and take its place while daemons write and people read."""

import contextlib
import re
import signal
import subprocess
import time

import confluent_kafka.admin

from background import Background
from harness import Record, equal, expect, test, varint, wait
import live
import membership
import model
import together


def newest(t):
    return t.value("select max(rebuild_id) from pactolus.rebuilds")


def state(t):
    return t.value("select state from pactolus.rebuilds order by rebuild_id desc limit 1")


class Running:
    """A verb that runs on while the test does other things."""

    def __init__(self, t, *arguments):
        self.out = t.folder / f"verb{time.monotonic_ns()}.out"
        with open(self.out, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen([t.world.program("pactolus"), *map(str, arguments)], stdout=out,
                                            stderr=subprocess.STDOUT)

    def text(self):
        return self.out.read_text(encoding="utf-8")

    def says(self, words):
        def said():
            expect(words in self.text() or self.process.poll() is None, "the verb ended:", self.text())
            return words in self.text()
        wait(said, words)

    def ends(self, code=0):
        wait(lambda: self.process.poll() is not None, "the verb to end")
        equal(self.process.returncode, code, f"exit status of the verb, which said\n{self.text()}\n")
        return self.text()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class Reader(Background):
    """Reads a query of key and number again and again: no number may fall, no key may go. `judge`: what else
    must hold of the rows."""

    def __init__(self, t, query, judge=None, every=0.0):
        super().__init__()
        self.t, self.query, self.judge, self.every = t, query, judge, every
        self.seen, self.looks, self.longest = {}, 0, 0.0

    def look(self, cursor):
        began = time.monotonic()
        cursor.execute(self.query)
        rows = cursor.fetchall()
        self.longest = max(self.longest, time.monotonic() - began)
        now = {row[0]: row[1] for row in rows}
        older = [(key, was, now.get(key)) for key, was in self.seen.items() if now.get(key, -1) < was]
        expect(not older, f"{len(older)} rows are older than before:", older[:5])
        self.seen = now
        self.looks += 1
        if self.judge:
            self.judge(rows)

    def work(self):
        with contextlib.closing(self.t.connect()) as connection, connection.cursor() as cursor:
            while not self.ended.wait(self.every):
                self.look(cursor)


def nothing_to_do(t, config):
    result = t.must("migrate", "--dry-run", "--config", config)
    expect("nothing to do" in result.out, "migrate finds something to do:", result.out)


def check_items(t, topic, wanted=None):
    """The table is what the topic says."""
    wait(lambda: t.caught_up(topic), "everything to be applied")
    rows = {id: (quantity, note) for id, quantity, note in t.sql(
        "select item_id, quantity, coalesce(note, '') from data.items where _deleted_at is null")}
    wanted = wanted if wanted is not None else model.items(t.consume(topic))
    equal(len(rows), len(wanted), "rows")
    wrong = [(key, row, wanted.get(key)) for key, row in rows.items() if row != wanted.get(key)]
    equal(wrong[:5], [], "rows that are not the topic's last")


def more(flow, records=1000):
    before = flow.number
    wait(lambda: flow.number >= before + records, "more records")


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
                  "where d.refobjid = %s and d.classid = 'pg_rewrite'::regclass", was), 0, "views on the old table")
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
        equal(t.value("select count(*) from shop.orders where amount >= %s", FAR), 0, "mended before the swap")

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
    equal(t.value("select count(*) from shop.orders where fee <> amount + %s", FAR), 0, "rows by the new names")
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


# --- stopped, given up -----------------------------------------------------------------------------


@test(real_kafka=True)
def a_rebuild_goes_on_after_a_kill_and_leaves_nothing_when_aborted(t):
    topic = t.topic("items", partitions=4)
    config = t.config(streams={"items": t.stream(topic)}, kafka={"topic_metadata_refresh_interval_ms": 300})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"item-{n % 3000}", quantity=n) for n in range(20000)])
    t.daemon(config)
    wait(lambda: t.caught_up(topic), "everything to be applied")
    dry = t.must("rebuild", "items", "--dry-run", "--config", config).out
    expect("reads 20,000 offsets of 4 partitions" in dry, "the plan says", dry)
    equal(t.value("select count(*) from pactolus.rebuilds"), 0, "rebuilds after a dry run")
    with Running(t, "rebuild", "items", "--execute", "--rate", 4000, "--config", config) as verb:
        wait(lambda: newest(t) and t.rows("data.items_rebuild_1") > 500, "some rows")
        other = t.pactolus("rebuild", "items", "--execute", "--config", config)
        equal(other.code, 65, f"exit status of a second rebuild: {other}")
        expect("--resume 1" in other.err, "no way out is told:", other.err)
        busy = t.pactolus("rebuild", "--abort", 1, "--config", config)
        equal(busy.code, 75, f"exit status of an abort while it runs: {busy}")
        equal(t.sql("select stream from pactolus.freshness"), [("items",)], "streams that people see")
        expect("/rebuild-" not in t.must("status", "--config", config).out, "status shows the rebuild")
        verb.kill()
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": t.kafka.bootstrap})
    admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, 6)])[topic].result(30)
    wait(lambda: t.partitions(topic) == 6 and t.leads(topic), "more partitions")
    t.producers.clear()  # the one that there is knows four
    t.produce(topic, [model.item_record(f"late-{n}", quantity=n, partition=4 + n % 2) for n in range(500)])
    wait(lambda: t.caught_up(topic), "the live stream to read the new partitions")
    done = t.value("select sum(consumed) from pactolus.cursors c join pactolus.rebuilds r on "
                   "r.shadow_id = c.stream_id")
    expect(0 < done < 20000, "it was not killed in the middle:", done)
    t.must("rebuild", "--resume", 1, "--require-equal", "--no-swap", "--config", config)
    t.check_account("items/rebuild-1", consumed=20500, dead_lettered=0)
    equal(t.checksum("data.items_rebuild_1"), t.checksum("data.items"), "the rebuilt table")
    t.must("rebuild", "--abort", 1, "--config", config)
    equal(t.value("select to_regclass('data.items_rebuild_1')"), None, "the table")
    equal(t.value("select count(*) from pactolus.cursors c join pactolus.rebuilds r "
                  "on r.shadow_id = c.stream_id"), 0, "cursors")
    equal(t.pactolus("rebuild", "--swap", 1, "--config", config).code, 65, "exit status of a late swap")
    expect("aborted" in t.must("rebuild", "--list", "--config", config).out, "the list lacks it")
    check_items(t, topic)
    t.check_account("items", consumed=20500, dead_lettered=0)


@test(real_kafka=True)
def a_log_that_was_cut_needs_the_live_rows(t):
    """What Kafka deleted can only be copied; the log wins where it has more."""
    topic = t.topic("items", partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record(f"item-{n}", quantity=n, partition=n % 2) for n in range(12000)])
    wait(lambda: t.caught_up(topic), "everything to be applied")
    for partition in range(2):
        membership.delete_records(t, topic, partition, 4000)
    refused = t.pactolus("rebuild", "items", "--execute", "--config", config)
    equal(refused.code, 65, f"exit status: {refused}")
    expect("no longer reaches the table's first offset: 0 to 3999" in refused.err, "it says", refused.err)
    t.produce(topic, [model.item_record(f"item-{n}", quantity=-n) for n in range(0, 12000, 7)])
    seeded = t.must("rebuild", "items", "--execute", "--seed-from-live", "--require-equal", "--config",
                    config)
    expect("copied 12,000 live rows" in seeded.out, "it says", seeded.out)
    wanted = {f"item-{n}": (-n if n % 7 == 0 else n, "") for n in range(12000)}
    check_items(t, topic, wanted)
    equal(t.checksum("data.items"), t.checksum("data.items_old_1"), "the rebuilt table")
    t.check_account("items", dead_lettered=0)
    expect(daemon.alive(), "the daemon has ended")


@test(real_kafka=True)
def a_topic_made_anew_ends_a_rebuild_that_had_not_read_it(t):
    """Its old rows can only be copied from then on."""
    topic, config, daemon = membership.begin_anew(t)
    t.produce(topic, [model.item_record(f"old-{n}", quantity=n) for n in range(5000)])
    wait(lambda: t.caught_up(topic), "everything to be applied")
    with Running(t, "rebuild", "items", "--execute", "--rate", 500, "--config", config) as verb:
        wait(lambda: newest(t) and t.rows("data.items_rebuild_1") > 100, "some rows")
        membership.recreate(t, topic, 2)
        text = verb.ends(65)
    expect("made anew before its log was read to the end" in text, "it says", text)
    t.must("rebuild", "--abort", 1, "--config", config)
    t.produce(topic, [model.item_record(f"new-{n}", quantity=n) for n in range(1000)])
    wait(lambda: t.caught_up(topic), "the new topic's records")
    refused = t.pactolus("rebuild", "items", "--execute", "--config", config)
    expect(refused.code == 65 and "topics that were made anew" in refused.err, "without the old rows:", refused)
    t.must("rebuild", "items", "--execute", "--seed-from-live", "--require-equal", "--config", config)
    equal(t.checksum("data.items"), t.checksum(f"data.items_old_{newest(t)}"), "the rebuilt table")
    t.check_account("items", dead_lettered=0)
    expect(daemon.alive(), "the daemon has ended")


@test(real_kafka=True)
def a_swap_takes_the_dead_letters_over(t):
    """What the rebuild applied is solved; what only the rebuild could not apply is open, and relayed."""
    topic, dlq = t.topic("items", partitions=2), t.topic("items.dlq", partitions=1)
    relayed = {"topic": dlq}
    strict = t.config("strict", streams={"items": t.stream(topic, key={"format": "text"}, dlq=relayed)})
    loose = t.config("loose", streams={"items": t.stream(topic, dlq=relayed)})
    t.migrate(strict)
    daemon = t.daemon(strict)
    records = [model.item_record(f"item-{n}", quantity=n) for n in range(2000)]
    for record in records[::100]:
        record.key = b"another"
    t.produce(topic, records + [model.broken_record()])
    wait(lambda: t.caught_up(topic), "everything to be applied")

    def letters():
        return dict(t.sql("select d.state, count(*) from pactolus.dead_letters d join pactolus.streams s "
                          "using (stream_id) where s.name = 'items' group by 1"))
    equal(letters(), {"open": 21}, "letters")
    equal(daemon.stop(), 0, "exit status")
    t.must("rebuild", "items", "--execute", "--config", loose)
    equal(letters(), {"open": 1, "redriven": 20}, "letters after a rebuild that minds no keys")
    equal(t.rows("data.items"), 2000, "rows")
    t.must("rebuild", "--rollback", 1, "--config", loose)
    equal((letters(), t.rows("data.items")), ({"open": 21}, 1980), "letters and rows after the rollback")
    t.must("rebuild", "items", "--execute", "--config", loose)
    equal((letters(), t.rows("data.items")), ({"open": 1, "redriven": 20}, 2000), "letters and rows")
    t.must("rebuild", "items", "--execute", "--config", strict)
    equal((letters(), t.rows("data.items")), ({"open": 21}, 1980), "letters and rows of a strict rebuild")
    t.run_to_end(strict)
    wait(lambda: not t.value("select count(*) from pactolus.dead_letters where relayed_at is null"),
         "the relay")
    equal(t.value("select count(*) from pactolus.dead_letters d join pactolus.rebuilds r on "
                  "r.shadow_id = d.stream_id"), 0, "letters that rebuilds keep")


@test(real_kafka=True)
def what_would_not_come_along_is_refused(t):
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    unread = t.pactolus("rebuild", "items", "--execute", "--config", config)
    expect(unread.code == 65 and "no daemon has read" in unread.err, "an unread stream:", unread)
    t.produce(topic, [model.item_record("one", quantity=1)])
    t.run_to_end(config)
    t.sql("create view public.raw as select * from data.items;"
          "create function public.nothing() returns trigger language plpgsql as 'begin return new; end';"
          "create trigger looks before insert on data.items for each row execute function public.nothing()")
    refused = t.pactolus("rebuild", "items", "--execute", "--config", config)
    equal(refused.code, 65, f"exit status: {refused}")
    for words in ("public.raw is built on the table itself", "trigger looks"):
        expect(words in refused.err, f"it does not tell {words}:", refused.err)
    equal(t.value("select count(*) from pactolus.rebuilds"), 0, "rebuilds")
    for wrong in (["items"], ["items", "--dry-run", "--execute"], ["--swap", "1", "--list"], [],
                  ["nothing", "--execute"]):
        equal(t.pactolus("rebuild", *wrong, "--config", config).code, 64, f"exit status of rebuild {wrong}")


# --- the long one ----------------------------------------------------------------------------------


class Delays(Background):
    """How old records are when they are applied (ms), second by second."""

    def __init__(self, t):
        super().__init__()
        self.t, self.found = t, []

    def work(self):
        with contextlib.closing(self.t.connect()) as connection, connection.cursor() as cursor:
            while not self.ended.wait(0.1):
                cursor.execute("select extract(epoch from max(c.consumed_at - to_timestamp(c.order_ts / 1000.0))) "
                               "* 1000 from pactolus.cursors c join pactolus.streams s using (stream_id) where "
                               "s.rebuild_of is null and c.consumed_at > now() - interval '1 second'")
                delay, = cursor.fetchone()
                if delay is not None:
                    self.found.append((time.monotonic(), float(delay)))

    def between(self, begin, end):
        found = sorted(delay for at, delay in self.found if begin <= at < end)
        return {"looks": len(found), **{f"p{p}": round(found[len(found) * p // 100]) for p in (50, 99) if found}}


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
    view = t.value("select format('%I.%I', view_schema, view_name) from pactolus.streams where name = 'payments'")
    loading = subprocess.Popen([t.world.program("pactolus-load"), "--bootstrap", t.kafka.bootstrap, "--topic",
                                topic, "--rate", str(rate), "--seconds", "3600", "--keys", str(rows), "--updates",
                                "0.9", "--no-check"], stdout=subprocess.DEVNULL)
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
    time.sleep(20)  # a stretch of its own, to compare with: no condition ends it
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
