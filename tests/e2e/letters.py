# SPDX-License-Identifier: Apache-2.0
"""Dead letters that people work with: applied again under their own place, discarded, erased, exported,
and had back from the DLQ topic when the ledger is lost."""

import base64
import contextlib
import json
import re
import shutil
import subprocess

import psycopg2

from background import Call
from flood import REFUSES_ALL, Load, check_tables, descriptors
from harness import Record, equal, expect, json_rows, message_class, test, wait
import model

DATA, USAGE, LOCKED = 65, 64, 75
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


@test
def discarded_letters_stay_closed_until_they_are_reopened(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record("a"), model.broken_record(b"b"), model.item_record("c")])
    t.run_to_end(config)
    account = t.account()
    listed = json.loads(dlq(t, config, "list", "--each", "--json"))
    equal([(g["stream"], g["reason"], g["letters"]) for g in listed["groups"]],
          [("items", "rule", 2), ("items", "malformed", 1)], "groups")
    equal([letter["place"] for letter in listed["letters"]], [f"{topic}[0]@{n}" for n in range(3)], "places")
    for which, why in ((("--reason", "malformed"), "a test"), ((listed["letters"][0]["id"],), "no")):
        told = dlq(t, config, "discard", *which, "--why", why)
        expect("1 letter is discarded" in told, told)
    mend(t, config)
    dlq(t, config, "redrive", "--all", "--execute")
    equal(sorted(item_rows(t)), ["c"], "rows")
    expect("1 letter is open again" in dlq(t, config, "reopen", f"{topic}[0]@0", "--why", "yes"), "")
    dlq(t, config, "redrive", "--all", "--execute")
    equal((sorted(item_rows(t)), states(t)), (["a", "c"], {"redriven": 2, "discarded": 1}), "rows and states")
    equal(t.sql("select action, why, state, outcome from pactolus.letter_history where \"offset\" = 0 "
                "order by at"),
          [("discard", "no", "redriven", "applied"), ("reopen", "yes", "redriven", "applied"),
           ("redrive", "", "redriven", "applied")], "the history of the first")
    equal(t.account(), account, "the account")
    shown = dlq(t, config, "show", listed["letters"][0]["id"])
    expect("discard at" in shown and ": no" in shown and "redriven: applied" in shown, shown)
    equal(json.loads(dlq(t, config, "list", "--json"))["groups"], [], "open letters")


@test
def what_is_exported_is_what_the_ledger_has(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, flood=NO_FLOOD)})
    t.migrate(config)
    headers = [("trace", b"\x00\xff"), ("trace", b""), ("ü", "€".encode()), ("none", None)]
    records = [Record(b"\xff\x00\xfe", b"\x00k", headers), Record(None, b"tomb"), Record(b"", b""),
               Record(b"\xff" * 70000, None)]
    t.produce(topic, records)
    t.run_to_end(config)
    folder = t.folder / "values"
    folder.mkdir()
    lines = json_rows(dlq(t, config, "export", "--values", folder))
    equal(len(lines), 4, "letters")

    def decoded(text):
        return None if text is None else base64.b64decode(text)

    for line, record in zip(lines, records):
        equal(decoded(line["value_base64"]), record.value, "value")
        equal(decoded(line["key_base64"]), record.key, "key")
        equal([(h["name"], decoded(h["value_base64"])) for h in line["headers"]], record.headers, "headers")
        for suffix, wanted in (("value", record.value), ("key", record.key)):
            path = folder / f"{line['id']}.{suffix}"
            equal(path.read_bytes() if path.exists() else None, wanted, path.name)
            expect(wanted is None or path.stat().st_mode & 0o777 == 0o600, "others may read", path)
        equal([line[name] for name in ("topic", "partition", "state", "attempts")], [topic, 0, "open", 1],
              "facts")
        equal(t.sql("select reason, detail, order_ts, record_ts from pactolus.dead_letters "
                    'where "offset" = %s', line["offset"]),
              [tuple(line[name] for name in ("reason", "detail", "order_timestamp", "timestamp"))], "facts")


def everything_stored(t):
    """Every row of every table and the source of every view, as text."""
    return "\n".join(str(row) for schema, name in t.sql(
        "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', "
        "'information_schema')") for row in t.sql(f'select t::text from "{schema}"."{name}" t'))


@test
def what_is_erased_leaves_no_trace(t):
    """A person's letters, in any state: value, key, headers and detail. Nothing of it is left in the
    database, and nothing brings it back."""
    planted, other = "alice@example.org", "bob@example.org"
    topic, spoilt = t.topic(partitions=1), t.topic("dlq", partitions=1)
    stream = broken_stream(t, topic, columns={"note": {"classification": "personal"}},
                           dlq={"topic": spoilt})
    config = t.config(streams={"items": stream})
    t.migrate(config)
    t.produce(topic, [Record(model.item(who, note=f"of {who}").SerializeToString(), who.encode(),
                             [("mail", who.encode())]) for who in (planted, other)]
              + [Record(b"\xff" + planted.encode(), planted.encode())])
    t.run_to_end(config)
    t.sql("update pactolus.dead_letters set state = 'discarded', "
          "detail = 'says ' || convert_from(key, 'UTF8') where reason = 'malformed'")  # a trigger may
    # What a rebuild noted of letters, for its way back.
    t.sql("insert into pactolus.rebuilds (stream_id, shadow_id, state, schema_name, table_name, "
          "shadow_name, old_name, fingerprint, live_fingerprint, seeds, begun_by, changed_by) "
          "select stream_id, stream_id, 'aborted', '', '', '', '', '', '', false, '', '' "
          "from pactolus.streams; "
          "insert into pactolus.rebuild_letters select r.rebuild_id, d.log_id, d.\"offset\", to_jsonb(d) "
          "- 'value' - 'key' - 'header_values' from pactolus.dead_letters d, pactolus.rebuilds r")
    expect(planted in everything_stored(t) or planted.encode().hex() in everything_stored(t), "never planted")
    # Whoever looks does not see it, unless he wants to. The key column is not classified here.
    numbers = [n for n, in t.sql("select dead_letter_id from pactolus.dead_letters order by 1")]
    for style in ([], ["--json"]):
        shown = dlq(t, config, "show", *numbers, *style)
        expect(f"of {planted}" not in shown and "[personal]" in shown, "personal data is shown:", shown)
        expect(base64.b64encode(b"of " + planted.encode()).decode() not in shown, "personal bytes are shown")
    expect(f"of {planted}" in dlq(t, config, "show", "--reveal", *numbers), "it is not revealed")
    result = dlq(t, config, "erase", "--key-file", "-", "--why", "request 17", input=planted.encode() + b"\n")
    expect("2 letters are erased" in result and "2 of them stand in a DLQ topic" in result, result)
    expect(planted not in result, "it is named:", result)
    t.sql("vacuum")
    text = everything_stored(t)
    expect(planted not in text and planted.encode().hex() not in text, "a trace of what was erased")
    expect(other.encode().hex() in text, "another person's letter is gone too")
    equal(t.sql("select reason, state, key, value, header_names, header_values, detail, "
                "erased_at is not null from pactolus.dead_letters where key is null order by 1"),
          [("malformed", "discarded", None, None, [], [], "", True),
           ("rule", "discarded", None, None, [], [], "", True)], "what is left as a fact")
    # It is neither reopened nor applied: without its value it would look like a delete.
    dlq(t, config, "reopen", *numbers, "--why", "no")
    mend(t, config)
    dlq(t, config, "redrive", "--all", "--execute")
    dlq(t, config, "redrive", "--all", "--execute", "--from-topic", spoilt)
    equal(t.sql("select item_id, _deleted_at from data.items"), [(other, None)], "rows")
    text = everything_stored(t)
    expect(planted not in text and planted.encode().hex() not in text, "it came back")
    shown = dlq(t, config, "show", numbers[0])
    expect("erased" in shown and "erase at" in shown and "request 17" in shown, shown)
    t.check_account()


def forged(message, *drop, **headers):
    """The DLQ record again, with other headers: an offset, or some of pactolus.*"""
    named = {f"pactolus.{name}": value for name, value in headers.items()}
    if "pactolus.offset" in named:
        named["__connect.errors.offset"] = named.pop("pactolus.offset")
    return Record(message.value(), message.key(), [(name, named.get(name, value))
                                                   for name, value in message.headers() if name not in drop])


@test(real_kafka=True)
def a_lost_ledger_is_had_back_from_the_dlq_topic(t):
    """The database is gone. What the DLQ topic has is applied under the place that it had, and once."""
    topic, spoilt = t.topic(partitions=2), t.topic("dlq", partitions=2)
    stream = broken_stream(t, topic, dlq={"topic": spoilt}, deletes="reject")
    config = t.config(streams={"items": stream})
    t.migrate(config)
    records = [model.item_record(f"i{n % 20}", quantity=n, partition=n % 2, timestamp=5000 - n)
               for n in range(60)] + [Record(None, b"i3", partition=1, timestamp=9000)]
    t.produce(topic, records)
    t.run_to_end(config)
    equal(len(t.consume(spoilt)), 61, "relayed letters")
    places = ("select item_id, quantity, note, _log, _offset, _order_ts, _deleted_at from data.items "
              "order by 1")
    stream["deletes"] = "soft"
    config = t.config(streams={"items": stream})
    mend(t, config)
    dlq(t, config, "redrive", "--all", "--execute")
    wanted = t.sql(places)
    expect(len(wanted) == 20 and wanted[0][5] == 5000, "the rows to compare with:", wanted)
    # What stands in the topic twice, comes from elsewhere, or has not all of its place.
    sample = t.consume(spoilt)[0]
    t.produce(spoilt, [forged(sample), forged(sample, cluster=b"another"),
                       forged(sample, **{"topic.id": b"AAAAAAAAAAAAAAAAAAAAAA"}),
                       forged(sample, "pactolus.order.timestamp", offset=b"1000"),
                       forged(sample, group=b"another"), Record(b"no letter")])
    for schema in ("pactolus", "data", "e2e"):
        t.sql(f"drop schema {schema} cascade")
    mend(t, config)
    listed = json.loads(dlq(t, config, "list", "--from-topic", spoilt, "--json"))
    equal(sum(g["letters"] for g in listed["groups"]), 64, "letters in the topic")
    exported = dlq(t, config, "export", "--from-topic", spoilt, "--reason", "tombstone")
    equal(len(json_rows(exported)), 1, "exported")
    expect("[1]@30" in dlq(t, config, "show", "--from-topic", spoilt, f"{topic}[1]@30"), "the tombstone")
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--dry-run", code=DATA)
    expect("61 would be applied" in re.sub(r"(\d+) would.*\n.*?(\d+) would",
                                           lambda m: f"{int(m[1]) + int(m[2])} would", told), told)
    equal(t.rows("pactolus.dead_letters"), 0, "letters after a dry run")
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute", code=DATA)
    expect("1 stand there again" in told and "2 are no letters" in told, told)
    for why in ("it comes from another Kafka cluster", "of an older topic of that name",
                "did not tell its place whole"):
        expect(why in told or "3 left alone" in told, "left for no reason:", told)
    equal(t.sql(places), wanted, "rows")
    equal(states(t), {"redriven": 61}, "states")
    # Again: the ledger knows them now.
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute", code=DATA)
    expect("61 are closed in the ledger" in told, told)
    # And a daemon, once it may, reads from the beginning of the topic: the same rows.
    t.must("adopt", "--execute", "--reason", "the disk is gone", "--config", config)
    t.run_to_end(config)
    equal(t.sql(places), wanted, "rows after the daemon")


@test(real_kafka=True)
def letters_too_large_for_their_topic_are_relayed_without(t):
    topic, spoilt = t.topic(partitions=1), t.topic("dlq", partitions=1, max_message_bytes=20_000)
    config = t.config(streams={"items": broken_stream(t, topic, dlq={"topic": spoilt})})
    t.migrate(config)
    large = "l" * 60_000
    t.produce(topic, [model.item_record("small"), model.item_record("value", note=large),
                      Record(model.item("headers").SerializeToString(), b"headers", [("h", large.encode())]),
                      Record(model.item("both", note=large).SerializeToString(), b"both",
                             [("h", large.encode())])])
    t.run_to_end(config)
    relayed = {int(dict(m.headers())["__connect.errors.offset"]): m for m in t.consume(spoilt)}
    ids = dict(t.sql('select "offset", dead_letter_id from pactolus.dead_letters'))
    equal(sorted(relayed), [0, 1, 2, 3], "letters in the topic")
    equal([(m.key(), m.value() is None, dict(m.headers()).get("pactolus.truncated"))
           for _, m in sorted(relayed.items())],
          [(b"small", False, None), (b"value", True, b"true"), (None, True, b"all"), (None, True, b"all")],
          "what was relayed")
    for offset, message in relayed.items():
        equal(int(dict(message.headers())["pactolus.letter"]), ids[offset], "its number in the ledger")
    equal(t.value("select count(*) from pactolus.dead_letters where relayed_at is null"), 0, "waiting")
    # The ledger has the rest: by the topic, too.
    mend(t, config)
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute")
    expect("4 applied" in told, told)
    equal({k: len(n) for k, (_, n) in item_rows(t).items()},
          {"small": 0, "value": 60_000, "headers": 0, "both": 60_000}, "rows")
    # Without the ledger they are no tombstones.
    t.sql("truncate pactolus.dead_letters; delete from data.items")
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute", code=DATA)
    expect("1 applied, 3 left alone" in told and "too small for its value" in told, told)
    equal(sorted(item_rows(t)), ["small"], "rows")
