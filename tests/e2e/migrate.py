# SPDX-License-Identifier: Apache-2.0
"""Contracts that change under tables, views, readers and daemons that are there."""

import contextlib
import hashlib
import pathlib
import subprocess

import psycopg2

from background import Call
from harness import ROOT, Record, administer, compile_contract, equal, expect, test, varint, wait

DATA, TEMPORARY, CONFIG = 65, 75, 78

FIRST = "string id = 1; int64 amount = 2; string price = 3; string net = 4; optional string note = 5;"
SECOND = FIRST + "string colour = 6; optional int64 weight = 7; repeated string tags = 8;"
NARROW = {"price": {"type": "numeric(6,2)"}, "net": {"type": "cidr"}}
WIDE = {"price": {"type": "numeric(12,2)"}, "net": {"type": "inet"}}


def contract(t, fields, name):
    """The descriptor set of an Order with these fields."""
    source = t.folder / f"{name}.proto"
    source.write_text('syntax = "proto3";\npackage shop.v1;\n// An order.\n'
                      f"message Order {{ {fields} }}\n")
    return str(compile_contract(t.folder / f"{name}.binpb", source))


def config(t, topic, fields, columns, name, readers=None, **settings):
    """A configuration of one stream with this contract."""
    table = {"key": ["id"], "schema": "data", "name": "orders", "view": "orders"}
    if readers:
        table["readers"] = readers
    return t.config(name, streams={"orders": {
        "descriptors": contract(t, fields, name), "topics": [{"name": topic, "contract": "shop.v1.Order"}],
        "table": table, "columns": columns}}, **settings)


def order(number, **fields):
    """An order as a producer of either contract writes it."""
    out = b""
    for at, field in enumerate(("id", "amount", "price", "net", "note", "colour", "weight"), 1):
        content = {"id": f"o{number}", "amount": number + 1, "price": "12.50", "net": "10.0.0.0/8",
                   **fields}.get(field)
        if isinstance(content, int):
            out += varint(at << 3) + varint(content)
        elif content is not None:
            out += varint(at << 3 | 2) + varint(len(content)) + content.encode()
    return Record(out, f"o{number}".encode())


def tool(t, name):
    return str(pathlib.Path(f"/usr/lib/postgresql/{t.world.version}/bin") / name)


def run_sql(t, conninfo, text):
    """Through psql, as a person would."""
    path = t.folder / "plan.sql"
    path.write_text(text)
    done = subprocess.run([tool(t, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-f",
                           str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    equal(done.returncode, 0, f"psql: {done.stdout[-2000:]}")


def catalog(t, conninfo):
    """All that the database is made of, and what the control schema says of contracts."""
    dump = subprocess.run([tool(t, "pg_dump"), "-s", "-d", conninfo], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    # Newer ones put a random word into every dump.
    lines = [line for line in dump.splitlines() if line and not line.startswith(("--", "\\"))]
    with contextlib.closing(psycopg2.connect(conninfo)) as connection, connection.cursor() as cursor:
        for query in ("select version, name, checksum, applied_by from pactolus.migrations order by 1",
                      "select fingerprint, name, md5(descriptors) from pactolus.contracts order by 1",
                      "select stream_id, consumer_group, name, schema_name, table_name, view_schema, "
                      "view_name, contracts, fingerprint from pactolus.streams order by 1",
                      "select stream_id, fingerprint, contracts, changed_by from pactolus.stream_contracts "
                      "order by stream_id, since"):
            cursor.execute(query)
            lines += [repr(row) for row in cursor.fetchall()]
    return lines


@contextlib.contextmanager
def clone(t, template=None):
    """Another database, empty or like `template`: its conninfo."""
    name = f"{t.database}_clone"[-63:]
    for connection in t.connections.values():
        connection.close()
    administer(t.postgres, f'create database "{name}" template "{template or "template1"}"')
    try:
        yield t.postgres.conninfo(name)
    finally:
        administer(t.postgres, f'drop database "{name}" with (force)')


def same_catalogs(t, one, other):
    mine, theirs = catalog(t, one), catalog(t, other)
    if mine != theirs:
        differ = sorted(set(mine) ^ set(theirs))
        expect(False, "the catalogs differ:", *differ[:20])
    expect(any("orders_all" in line for line in mine), "no views in the dump")


@contextlib.contextmanager
def role(t, name):
    administer(t.postgres, f'create role "{name}"')
    try:
        yield name
    finally:
        t.sql(f'drop owned by "{name}"; drop role "{name}"')


# --- what is printed is what runs --------------------------------------------------------------------


@test
def the_sql_that_is_printed_is_the_sql_that_runs(t):
    """Through psql on a copy, the plan gives the same catalog as --execute: from nothing, and for a
    change with new columns, wider ones, checks, views made anew, and readers."""
    topic = t.topic(partitions=1)
    with role(t, f"{t.id}_reader") as reader:
        first = config(t, topic, FIRST, NARROW, "first")
        with clone(t) as copy:
            run_sql(t, copy, t.must("migrate", "--dry-run", "--config", first).out)
            t.migrate(first)
            same_catalogs(t, t.conninfo, copy)
            done = t.must("migrate", "--dry-run", "--config", first, "--set", f"database.conninfo={copy}")
            expect("nothing to do" in done.out, done)
        t.produce(topic, [order(n) for n in range(5)])
        t.run_to_end(first)
        t.sql(f'grant select (id) on shop.orders to "{reader}"')
        second = config(t, topic, SECOND, WIDE, "second", readers=[reader])
        with clone(t, t.database) as copy:
            plan = t.must("migrate", "--dry-run", "--config", second).out
            for words in ("ADD COLUMN", "DROP VIEW", "TYPE numeric(12,2)", "GRANT USAGE", "NOT VALID",
                          "VALIDATE CONSTRAINT", "note_contract", "lock_timeout"):
                expect(words in plan, f"the plan lacks {words}:", plan)
            run_sql(t, copy, plan)
            t.migrate(second)
            same_catalogs(t, t.conninfo, copy)
        again = t.must("migrate", "--dry-run", "--config", second)
        expect("nothing to do" in again.out, again)


@test
def a_line_end_in_a_name_makes_no_statement_of_it(t):
    """Names stand in the plan's comments too."""
    topic = t.topic(partitions=1)
    with role(t, f"{t.id}\ncreate table public.intruder ();--"[-63:]) as odd:
        settings = config(t, topic, FIRST, NARROW, "first", readers=[odd])
        plan = t.must("migrate", "--dry-run", "--config", settings).out
        expect("create table public.intruder ();--" in plan, plan)
        run_sql(t, t.conninfo, plan)
        equal(t.value("select to_regclass('public.intruder')"), None, "a table of that name")
        equal(t.value("select has_table_privilege(%s, 'shop.orders', 'select')", odd), True, "its right")
        t.sql(f'drop owned by "{odd}"')


# --- changes that go live ----------------------------------------------------------------------------


@test
def an_additive_change_goes_live_past_an_analyst(t):
    """An analyst's open transaction on the view holds the change up, not the records: migrate says who
    it is and ends with 75, and goes on when it is run again. The daemon of the contract of before runs
    all the while and loses nothing, with columns that it does not know."""
    topic = t.topic(partitions=2)
    patience = {"database": {"lock_timeout": "100ms"}}
    first = config(t, topic, FIRST, NARROW, "first", **patience)
    second = config(t, topic, SECOND, NARROW, "second", **patience)
    t.migrate(first)
    daemon = t.daemon(first)
    t.produce(topic, [order(n) for n in range(50)])
    wait(lambda: t.caught_up(topic), "the first rows")
    analyst = t.connect()
    analyst.autocommit = False
    analyst.cursor().execute("select count(*) from shop.orders")
    migrating = Call(lambda: t.pactolus("migrate", "--execute", "--config", second)).start()
    lots = 0
    while migrating.alive():
        t.produce(topic, [order(n) for n in range(50 + 10 * lots, 60 + 10 * lots)])
        lots += 1
        wait(lambda: t.caught_up(topic), "rows while migrate waits")
    blocked = migrating.result()
    equal(blocked.code, TEMPORARY, f"exit status: {blocked}")
    for words in (f"process {analyst.info.backend_pid} ", "select count(*) from shop.orders", "hint:"):
        expect(words in blocked.err, f"the message lacks {words!r}:", blocked)
    equal("colour" in t.columns("data.orders"), False, "a column behind the analyst's back")
    analyst.commit()
    t.migrate(second)
    expect("colour" in t.columns("shop.orders"), "the view", t.columns("shop.orders"))
    # Still the first contract's daemon, on the second one's table.
    total = 50 + 10 * lots
    t.produce(topic, [order(n) for n in range(total - 20, total + 20)])
    wait(lambda: t.caught_up(topic), "rows in the new table")
    expect(daemon.alive(), "the daemon has ended")
    equal(daemon.stop(), 0, "exit status")
    t.check_account("orders", dead_lettered=0)
    equal(t.rows("shop.orders"), total + 20, "rows")
    equal(t.sql("select distinct colour, weight, tags from shop.orders"), [("", None, [])], "what it left")
    # It may even have to start again before all daemons have the new contract.
    t.produce(topic, [order(n) for n in range(total + 20, total + 25)])
    t.run_to_end(first)
    equal(t.rows("shop.orders"), total + 25, "rows of the one that started again")
    equal(t.value("select state from pactolus.streams"), "running", "state")
    t.produce(topic, [order(0, colour="red", weight=7)])
    t.run_to_end(second)
    equal(t.sql("select colour, weight from shop.orders where id = 'o0'"), [("red", 7)], "the new columns")
    t.check_account("orders", dead_lettered=0)


@test
def what_migrate_refuses_no_daemon_runs(t):
    """A contract that lacks a field of the one in force would leave its column empty: nobody has agreed
    to that. One that was in force before may, until its daemons are replaced."""
    topic = t.topic(partitions=1)
    second = config(t, topic, SECOND, NARROW, "second")
    t.migrate(second)
    t.produce(topic, [order(n, colour="red") for n in range(3)])
    first = config(t, topic, FIRST, NARROW, "first")
    refused = t.pactolus("migrate", "--execute", "--config", first)
    equal(refused.code, DATA, f"exit status: {refused}")
    stopped = t.pactolus("run", "--until", "end", "--config", first)
    equal(stopped.code, DATA, f"exit status: {stopped}")
    expect("would lose column" in stopped.err, stopped)
    equal(t.rows("data.orders"), 0, "rows")
    t.run_to_end(second)
    equal(t.value("select count(*) from data.orders where colour = 'red'"), 3, "rows")


@test
def a_plan_that_was_stopped_goes_on(t):
    """What was applied before a lock could not be had is not done again."""
    topic, other = t.topic("one", 1), t.topic("other", 1)

    def both(fields, name):
        streams = {key: {"descriptors": contract(t, fields, name), "topics": [{"name": at, "contract":
                                                                              "shop.v1.Order"}],
                         "table": {"key": ["id"], "schema": "data", "name": key, "view": key}}
                   for key, at in (("free", other), ("held", topic))}
        return t.config(name, streams=streams, database={"lock_timeout": "50ms"})

    first, second = both(FIRST, "first"), both(SECOND, "second")
    t.migrate(first)
    analyst = t.connect()
    analyst.autocommit = False
    analyst.cursor().execute("select * from shop.held")
    stopped = t.pactolus("migrate", "--execute", "--config", second)
    equal(stopped.code, TEMPORARY, f"exit status: {stopped}")
    expect("applied   free: add column data.free.colour text" in stopped.out, stopped)
    analyst.rollback()
    rest = t.must("migrate", "--execute", "--config", second)
    expect("free" not in rest.out and "applied   held: add column data.held.colour text" in rest.out, rest)


@test
def wider_columns_go_live_under_a_daemon(t):
    """numeric(6,2) to (12,2) and cidr to inet: no row is touched, and neither the daemon nor the readers
    lose anything."""
    topic = t.topic(partitions=1)
    with role(t, f"{t.id}_reader") as reader:
        first = config(t, topic, FIRST, NARROW, "first")
        second = config(t, topic, FIRST, WIDE, "second")
        t.migrate(first)
        t.sql(f'grant usage on schema shop to "{reader}"; grant select on shop.orders to "{reader}"')
        daemon = t.daemon(first)
        t.produce(topic, [order(n) for n in range(20)])
        wait(lambda: t.caught_up(topic), "rows")
        file = "select pg_relation_filenode('data.orders')"
        before = t.value(file)
        t.migrate(second)
        equal(t.value(file), before, "the table's file")
        t.produce(topic, [order(n) for n in range(10, 30)])
        wait(lambda: t.caught_up(topic), "rows after it")
        equal(daemon.stop(), 0, "exit status")
        t.produce(topic, [order(98)])
        t.run_to_end(first)
        t.produce(topic, [order(99, price="123456789.01", net="10.1.2.3/8")])
        t.run_to_end(second)
        equal(t.sql("select price::text, net::text from shop.orders where id = 'o99'"),
              [("123456789.01", "10.1.2.3/8")], "values that were too wide")
        t.check_account("orders", dead_lettered=0)
        equal(t.rows("data.orders"), 32, "rows")
        t.sql(f'set role "{reader}"')
        equal(t.rows("shop.orders"), 32, "rows for the reader")
        t.sql("reset role")


@test
def what_is_built_on_a_view_stops_a_plan_before_it_begins(t):
    """Whole or not at all: nothing is changed, the views are named, and so is the way out."""
    topic = t.topic(partitions=1)
    t.migrate(config(t, topic, FIRST, NARROW, "first"))
    t.sql("create view shop.daily as select price from shop.orders; "
          "create view public.monthly as select price from shop.daily")
    second = config(t, topic, SECOND, WIDE, "second")
    before = t.columns("data.orders")
    refused = t.pactolus("migrate", "--execute", "--config", second)
    equal(refused.code, DATA, f"exit status: {refused}")
    for words in ("shop.daily", "public.monthly", "new major version"):
        expect(words in refused.err, f"the message lacks {words}:", refused)
    equal(t.columns("data.orders"), before, "columns")
    t.sql("drop view public.monthly; drop view shop.daily")
    t.migrate(second)


@test
def rows_that_break_a_check_hold_up_nothing_else(t):
    topic = t.topic(partitions=1)
    first = config(t, topic, FIRST, NARROW, "first")
    t.migrate(first)
    t.produce(topic, [order(n) for n in range(3)] + [order(7, note="sound")])
    t.run_to_end(first)
    second = config(t, topic, SECOND.replace("optional string note", "string note"), NARROW, "second")
    broken = t.pactolus("migrate", "--execute", "--config", second)
    equal(broken.code, DATA, f"exit status: {broken}")
    expect("orders_note_required" in broken.err and "rows that break the check: 3" in broken.err, broken)
    valid = "select conname, convalidated from pg_constraint where conrelid = 'data.orders'::regclass " \
            "and contype = 'c' and conname ~ 'note|colour' order by 1"
    equal(t.sql(valid), [("orders_colour_required", True), ("orders_note_required", False)], "checks")
    # The contract is in force; what was broken stays broken until somebody mends it.
    t.produce(topic, [order(n) for n in range(10, 13)])
    t.run_to_end(second)
    t.check_account("orders", dead_lettered=0)
    equal(t.pactolus("migrate", "--execute", "--config", second).code, DATA, "exit status of another run")
    t.sql("update data.orders set note = '' where note is null")
    t.migrate(second)
    equal(t.sql(valid), [("orders_colour_required", True), ("orders_note_required", True)], "checks")


@test
def readers_are_let_in_by_the_configuration(t):
    topic = t.topic(partitions=1)
    name = f"{t.id}_analyst"
    wanted = config(t, topic, FIRST, NARROW, "readers", readers=[name])
    missing = t.pactolus("migrate", "--execute", "--config", wanted)
    equal(missing.code, DATA, f"exit status: {missing}")
    expect(f"create role {name}" in missing.err, missing)
    equal(t.sql("select nspname from pg_namespace where nspname in ('pactolus', 'data')"), [], "schemas")
    with role(t, name):
        t.migrate(wanted)
        t.produce(topic, [order(1)])
        t.run_to_end(wanted)
        t.sql(f'set role "{name}"')
        equal([t.rows("shop.orders"), t.rows("shop.orders_all")], [1, 1], "rows")
        try:
            t.sql("select * from data.orders")
            expect(False, "the reader reads the table")
        except psycopg2.errors.InsufficientPrivilege:
            pass
        t.sql("reset role")
        expect("nothing to do" in t.must("migrate", "--execute", "--config", wanted).out, "a second run")
        t.sql(f'revoke select on shop.orders_all from "{name}"')
        again = t.must("migrate", "--dry-run", "--config", wanted).out
        equal([line for line in again.splitlines() if line.startswith("GRANT")],
              [f'GRANT SELECT ON "shop"."orders_all" TO "{name}";'], "grants")


@test
def every_contract_of_a_stream_is_kept(t):
    """Which it had since when, with the descriptors that it was read from."""
    topic = t.topic(partitions=1)
    first, second = (config(t, topic, fields, NARROW, name) for fields, name in
                     ((FIRST, "first"), (SECOND, "second")))
    t.migrate(first)
    t.migrate(second)
    t.migrate(second)
    kept = t.sql("select c.descriptors, h.changed_by, h.fingerprint = s.fingerprint "
                 "from pactolus.stream_contracts h join pactolus.streams s using (stream_id) "
                 "join pactolus.contracts c on c.fingerprint = any (h.contracts) order by h.since")
    equal([(bytes(set_), now) for set_, _, now in kept],
          [((t.folder / f"{name}.binpb").read_bytes(), name == "second") for name in ("first", "second")],
          "what is kept")
    expect(all("(" in who for _, who, _ in kept), "who did it:", kept)


# --- programs and databases of different ages --------------------------------------------------------


def migrations():
    return sorted((ROOT / "migrations").glob("*.sql"))


@test
def a_database_one_migration_behind_is_refused_at_the_start(t):
    topic = t.topic(partitions=1)
    settings = config(t, topic, FIRST, NARROW, "first")
    *older, newest = migrations()
    for path in older:
        run_sql(t, t.conninfo, path.read_text())
        t.sql("insert into pactolus.migrations (version, name, checksum) values (%s, %s, %s)",
              int(path.name[:4]), path.stem, hashlib.sha256(path.read_bytes()).hexdigest())
    for verb in (("run", "--until", "end"), ("check", "--connect")):
        refused = t.pactolus(*verb, "--config", settings)
        equal(refused.code, CONFIG, f"exit status of {verb[0]}: {refused}")
        expect("pactolus migrate" in refused.err, refused)
    done = t.must("migrate", "--execute", "--config", settings).out
    expect(newest.stem in done and older[-1].stem not in done, done)
    t.produce(topic, [order(1)])
    t.run_to_end(settings)
    equal(t.rows("data.orders"), 1, "rows")


def migrate_ahead(t):
    """What a newer program's migrations may do: they add."""
    t.sql("alter table pactolus.streams add column later text not null default 'x'; "
          "alter table pactolus.cursors add column later integer; "
          "alter table pactolus.accounts add column later bigint not null default 0; "
          "create table pactolus.later (one integer)")
    t.sql("insert into pactolus.migrations (version, name, checksum) values (%s, 'later', 'x')",
          len(migrations()) + 1)


@test
def a_daemon_runs_on_a_newer_control_schema(t):
    """Databases are migrated before their daemons are replaced, one by one: those of before run on."""
    topic = t.topic(partitions=1)
    settings = config(t, topic, FIRST, NARROW, "first")
    t.migrate(settings)
    daemon = t.daemon(settings)
    t.produce(topic, [order(n) for n in range(5)])
    wait(lambda: t.caught_up(topic), "rows before")
    migrate_ahead(t)
    t.produce(topic, [order(n) for n in range(5, 10)] + [Record(b"\xff", b"broken")])
    wait(lambda: t.caught_up(topic), "rows under it")
    equal(daemon.stop(), 0, "exit status")
    t.produce(topic, [order(n) for n in range(10, 15)])
    t.run_to_end(settings)
    t.check_account("orders", dead_lettered=1)
    equal(t.rows("data.orders"), 15, "rows")
    for verb in (("status", "--no-broker"), ("check", "--connect"), ("pause", "orders", "--reason", "x"),
                 ("resume", "orders")):
        t.must(*verb, "--config", settings)
    # It runs, but it moves nothing: it does not know where the newer program's tables are going.
    refused = t.pactolus("migrate", "--execute", "--config", settings)
    equal(refused.code, CONFIG, f"exit status: {refused}")
    expect("later" not in refused.err and f"migration {len(migrations()) + 1}" in refused.err, refused)


@test
def a_migration_can_say_that_older_programs_must_not_run(t):
    topic = t.topic(partitions=1)
    settings = config(t, topic, FIRST, NARROW, "first")
    t.migrate(settings)
    migrate_ahead(t)
    t.sql(f"create or replace function pactolus.oldest_program() returns integer language sql immutable "
          f"as 'select {len(migrations()) + 1}'")
    refused = t.pactolus("run", "--until", "end", "--config", settings)
    equal(refused.code, CONFIG, f"exit status: {refused}")
    expect("newer" in refused.err, refused)
