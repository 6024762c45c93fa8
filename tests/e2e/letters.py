# SPDX-License-Identifier: Apache-2.0
"""Dead letters are applied again under the place that they had, once, whatever else goes on."""

import contextlib
import re
import shutil
import subprocess

import psycopg2

from background import Call
from flood import REFUSES_ALL, Load, check_tables, descriptors
from harness import Record, equal, expect, message_class, test, wait
import model

DATA, USAGE = 65, 64
NO_FLOOD = {"share": 0, "consecutive": 0}
STATES = "select state, count(*)::int from pactolus.dead_letters group by 1"


def states(t):
    return dict(t.sql(STATES))


def dlq(t, config, *words, code=0, **options):
    """`pactolus dlq …`, which must end with that code."""
    result = t.pactolus("dlq", *words, "--config", config, **options)
    equal(result.code, code, f"dlq {' '.join(map(str, words))}: exit status\n{result}\n")
    return result.out


def broken_stream(t, topic, rule=REFUSES_ALL, **settings):
    """A stream whose contract refuses everything until mend() puts the good one in place."""
    path = t.folder / "live.binpb"
    shutil.copy(descriptors(t, "bad", rule), path)
    settings.setdefault("key", {"format": "text"})
    return dict(t.stream(topic, flood=NO_FLOOD, **settings), descriptors=path)


def mend(t, config):
    shutil.copy(t.world.descriptors["item"], t.folder / "live.binpb")
    t.migrate(config)


def item_rows(t, table="data.items"):
    return {k: (q, n) for k, q, n in t.sql(f"select item_id, quantity, note from {table}")}


@test
def letters_are_applied_under_the_place_that_they_had(t):
    """Refused by a wrong contract, then redriven: the table is the one of a run that never failed, though
    newer records of the same keys were applied in between, and deletes."""
    topic, clean = t.topic(partitions=2), t.group + "_clean"
    config = t.config(streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    first = [model.item_record(f"i{n % 30}", quantity=n, note="old", partition=n % 30 % 2) for n in range(60)]
    first += [Record(None, b"i7", partition=1), Record(None, b"gone", partition=0)]
    t.produce(topic, first)
    t.run_to_end(config)
    equal(states(t), {"open": 60}, "states")  # tombstones need no contract
    mend(t, config)
    # Newer records of some keys come first: their letters lose.
    t.produce(topic, [model.item_record(f"i{n}", quantity=1000 + n, note="new", partition=n % 2)
                      for n in range(10)])
    t.run_to_end(config)
    account = t.account()
    told = dlq(t, config, "redrive", "--all", "--dry-run")
    expect("60 of reason rule" in told and "60 would be applied" in told, told)
    equal((states(t), t.account()), ({"open": 60}, account), "after a dry run")
    told = dlq(t, config, "redrive", "--all", "--execute", "--why", "the rule was wrong")
    # Of each key two letters: the older one is stale, and all of the ten keys that are newer or deleted.
    expect("20 applied" in told and "40 closed as stale" in told, told)
    equal(states(t), {"redriven": 60}, "states")
    equal(t.account(), account, "the account")
    t.check_account()
    whole = t.config("clean", group=clean, streams={"items": t.stream(
        topic, key={"format": "text"}, table={"name": "clean", "view": "clean"})})
    t.migrate(whole)
    t.run_to_end(whole)
    places = "item_id, quantity, note, _log, _offset, _order_ts, _deleted_at"
    equal(t.sql(f"select {places} from data.items order by 1"),
          t.sql(f"select {places} from data.clean order by 1"), "rows")
    # Twice is once.
    expect("no open letters" in dlq(t, config, "redrive", "--all", "--execute"), "again")
    equal(t.sql("select action, why, count(*)::int from pactolus.letter_history group by 1, 2"),
          [("redrive", "the rule was wrong", 60)], "the history")
    expect(re.fullmatch(r"\S+ \(\S+\)", t.value("select by from pactolus.letter_actions limit 1")), "who")


@test
def what_fails_again_stays_open(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record("a"), model.broken_record(b"b"), model.item_record("c", quantity=5),
                      model.item_record("d", quantity=6)])
    t.run_to_end(config)
    mend(t, config)
    t.sql("alter table data.items add constraint small check (quantity <> 5)")
    told = dlq(t, config, "redrive", "--stream", "items", "--execute", code=DATA)
    expect(re.search(r"3 of reason rule, 2 applied, 1 failed again", told), told)
    expect(re.search(r"1 of reason malformed, 1 failed again", told), told)
    expect(re.search(r"1 for database, the first \S+\[0\]@2: ", told), told)
    equal(t.sql('select "offset", state, reason, sqlstate, attempts, detail <> \'\', outcome '
                "from pactolus.dead_letters order by 1"),
          [(0, "redriven", "rule", "", 1, True, "applied"), (1, "open", "malformed", "", 2, True, ""),
           (2, "open", "database", "23514", 2, True, ""), (3, "redriven", "rule", "", 1, True, "applied")],
          "letters")
    equal(sorted(item_rows(t)), ["a", "d"], "rows")
    # One by its number, one by its place; what is not there is said.
    t.sql("alter table data.items drop constraint small")
    number = t.value('select dead_letter_id from pactolus.dead_letters where "offset" = 2')
    dlq(t, config, "redrive", number, f"{topic}[0]@1", "--execute", code=DATA)
    equal(sorted(item_rows(t)), ["a", "c", "d"], "rows")
    told = dlq(t, config, "redrive", number, f"{topic}[0]@0", "--execute")
    for reason in ("rule", "database"):
        expect(f"1 of reason {reason}, redriven already" in told, told)
    dlq(t, config, "redrive", 4711, "--execute", code=DATA)
    # What is wrong with the words is said before anything is touched.
    for words in (["redrive"], ["redrive", "--all"], ["redrive", "--execute"], ["discard", "--all"],
                  ["erase", "--all", "--why", "x"], ["redrive", "--all", "--execute", "--rate", "soon"],
                  ["redrive", "seven", "--dry-run"], ["list", "--reason", "rool"], ["lst"]):
        dlq(t, config, *words, code=USAGE)
    t.check_account()


PADDING = "x" * 1500  # past limits.record of the first run


def kinds(t, topics, limited):
    """Streams of every kind of table; limited: all their records are too large, and deletes refused."""
    limits = {"limits": {"record": "1KiB"}} if limited else {}

    def stream(name, *of, table=None, **settings):
        settings = {"key": {"format": "text"}, "flood": NO_FLOOD, **limits, **settings}
        return t.stream(topics[name], *of, table={"name": name, "view": name, **(table or {})}, **settings)

    def deletes(how):
        return {"deletes": "reject" if limited else how}

    two = stream("two", accept_skew=True)
    two["topics"] = [{"name": topics["two"], "contract": "e2e.v1.Item"},
                     {"name": topics["too"], "contract": "e2e.v1.Revised"}]
    del two["table"]["key"]
    two["table"]["key"] = ["item_id"]
    return {"soft": stream("soft", **deletes("soft")), "hard": stream("hard", **deletes("hard")),
            "final": stream("final", "e2e.v1.Revised", table={"version": "revision"}, **deletes("final")),
            "parted": stream("parted", table={"key": ["item_id", "quantity"]}, key={"format": "none"}),
            "heap": stream("heap", table={"mode": "append", "key": None}, key={"format": "none"}),
            "two": two}


def kind_records(name):
    """Three keys, twice each and the last with a delete where there are any."""
    def record(number, key):
        if name in ("final", "too"):
            message = message_class("item", "Revised")(item_id=key, note=PADDING + str(number))
            message.revision = 10 - number if name == "final" else number
            return Record(message.SerializeToString(), key.encode(), partition=0, timestamp=1000 + number)
        return model.item_record(key, quantity=number % 3, note=PADDING + str(number), partition=0,
                                 timestamp=1000 + number)
    records = [record(number, f"k{number % 3}") for number in range(6)]
    if name in ("soft", "hard", "final"):
        records.append(Record(None, b"k2", partition=0, timestamp=1010))
    return records


@test
def every_kind_of_table_takes_its_letters(t):
    """Soft, hard and final deletes, versions, partitions, append, several contracts: what is redriven is
    what a daemon would have written."""
    names = ["soft", "hard", "final", "parted", "heap", "two", "too"]
    topics = {name: t.topic(name, partitions=1) for name in names}
    for name in names:
        t.produce(topics[name], kind_records(name))
    config = t.config(streams=kinds(t, topics, True))
    plan = t.must("migrate", "--dry-run", "--config", config).out
    statement = re.search(r'CREATE TABLE "data"\."parted".*?\);', plan, re.S).group(0)
    t.sql("create schema data")
    t.sql(re.sub(r"WITH \(fillfactor.*", "PARTITION BY range (quantity)", statement))
    t.sql("create table data.p1 partition of data.parted for values from (0) to (2)")
    t.migrate(config)
    t.run_to_end(config)
    equal(states(t), {"open": 7 * 6 + 3}, "states")
    config = t.config(streams=kinds(t, topics, False))
    accounts = {name: t.account(name) for name in names[:-1]}
    # Of the partitioned table the letters with a quantity of 2 find no partition.
    told = dlq(t, config, "redrive", "--all", "--execute", code=DATA)
    expect("parted: 6 of reason too_large, 2 applied, 2 closed as stale: newer rows have their keys, "
           "2 failed again" in told, told)
    t.sql("create table data.p2 partition of data.parted for values from (2) to (3)")
    told = dlq(t, config, "redrive", "--stream", "parted", "--execute")
    expect("parted: 2 of reason value, 1 applied, 1 closed as stale" in told, told)
    equal(states(t), {"redriven": 7 * 6 + 3}, "states")
    for name, account in accounts.items():
        equal(t.account(name), account, f"the account of {name}")
    # The same records, read by another group that never refused one, into tables beside them.
    clean = {name: dict(stream, table={**stream["table"], "name": f"c_{name}", "view": f"c_{name}"})
             for name, stream in kinds(t, topics, False).items()}
    whole = t.config("clean", group=t.group + "_clean", streams=clean)
    t.migrate(whole)
    t.run_to_end(whole)
    for name in accounts:
        equal(t.checksum(f"data.{name}"), t.checksum(f"data.c_{name}"), f"table {name}")
        expect(t.rows(f"data.{name}") >= 3, f"hardly any row in {name}")


@test(real_kafka=True)
def letters_are_redriven_beside_running_daemons(t):
    """Letters of keys that two daemons write all the while: every row is the one of the greatest place."""
    topic = t.topic(partitions=4)
    config = t.config(kafka={"session_timeout_ms": 6000}, streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n % 300}", quantity=-n) for n in range(900)])
    t.run_to_end(config)
    equal(states(t), {"open": 900}, "states")
    mend(t, config)
    for _ in range(2):
        t.daemon(config)
    with Load(t, topic, pause=0.01) as load:
        wait(lambda: load.rounds > 2 and t.rows("data.items") >= 200, "rows")
        told = dlq(t, config, "redrive", "--all", "--execute", "--rate", "600/s")
        seen = load.rounds
        wait(lambda: load.rounds > seen + 2, "the load to go on")
    equal(states(t), {"redriven": 900}, "states")
    expect("closed as stale" in told and " applied" in told, "nothing was stale, or all:", told)
    wait(lambda: t.caught_up(topic), "everything to be applied")
    check_tables(t, items=topic)
    t.check_account(dead_lettered=900)


@test
def two_redrives_apply_each_letter_once(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n}", quantity=n, partition=n % 2) for n in range(1500)])
    t.run_to_end(config)
    mend(t, config)
    redrives = [Call(lambda: dlq(t, config, "redrive", "--all", "--execute")).start() for _ in range(2)]
    told = [redrive.result() for redrive in redrives]
    applied = [int(n.replace(",", "")) for text in told for n in re.findall(r"([\d,]+) applied", text)]
    equal((len(told), sum(applied)), (2, 1500), f"letters that were applied {told}")
    equal(t.sql("select state, cardinality(actions), count(*)::int from pactolus.dead_letters group by 1, 2"),
          [("redriven", 1, 1500)], "letters by state and number of actions")
    check_tables(t, items=topic)


@test
def a_letter_that_somebody_else_holds_is_waited_for(t):
    """Discarded in a transaction that is open while a redrive begins: the discard holds."""
    topic = t.topic(partitions=1)
    config = t.config(database={"lock_timeout": "1s"}, streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(key) for key in ("a", "b")])
    t.run_to_end(config)
    mend(t, config)
    with contextlib.closing(psycopg2.connect(t.conninfo)) as other:
        other.cursor().execute("update pactolus.dead_letters set state = 'discarded' where key = 'a'")
        redrive = Call(lambda: dlq(t, config, "redrive", "--all", "--execute")).start()
        # It waits, gives way to its lock_timeout, and comes again; then the discard is committed.
        waits = ("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                 "and datname = current_database()")
        wait(lambda: t.value(waits), "the redrive to wait")
        wait(lambda: not t.value(waits), "its patience to end")
        wait(lambda: t.value(waits), "the redrive to wait again")
        equal(item_rows(t), {}, "rows")
        other.commit()
        redrive.join()  # it ended well
    equal((sorted(item_rows(t)), states(t)), (["b"], {"discarded": 1, "redriven": 1}), "rows and states")


@test
def a_redrive_that_is_killed_goes_on(t):
    """kill -9 in the middle: a letter is redriven if and only if its row is there."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n}", quantity=n) for n in range(300)])
    t.run_to_end(config)
    mend(t, config)
    words = ["dlq", "redrive", "--all", "--execute", "--config", config, "--rate", "100/s"]

    def killed(when, what):
        """Kills it then; the number of redriven letters, each of which has its row, and no other has."""
        process = subprocess.Popen([t.world.program("pactolus"), *words], stdout=subprocess.DEVNULL)
        wait(when, what)
        process.kill()
        process.wait()
        wait(lambda: not t.value("select count(*) from pg_stat_activity where application_name like "
                                 "'pactolus%%' and datname = current_database()"), "its session to end")
        redriven = {bytes(k).decode() for k, in t.sql(
            "select key from pactolus.dead_letters where state = 'redriven'")}
        equal(set(item_rows(t)), redriven, "rows and redriven letters")
        return len(redriven)

    first = killed(lambda: states(t).get("redriven", 0) > 0, "some letters")
    expect(0 < first < 300, "nothing was cut off:", first)
    # And between the rows and their letters, which a trigger makes long.
    t.sql("create function pactolus.nap() returns trigger language plpgsql as "
          "'begin perform pg_sleep(1); return null; end'; create trigger nap after update on "
          "pactolus.dead_letters for each statement execute function pactolus.nap()")
    equal(killed(lambda: t.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
                                 "and datname = current_database()"), "the letters' turn"), first,
          "redriven letters")
    t.sql("drop trigger nap on pactolus.dead_letters")
    dlq(t, config, "redrive", "--all", "--execute")
    equal(states(t), {"redriven": 300}, "states")
    check_tables(t, items=topic)
