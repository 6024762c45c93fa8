# SPDX-License-Identifier: Apache-2.0
"""Dead letters that people work with: applied again under their own place, discarded, erased, exported,
and had back from the DLQ topic when the ledger is lost."""

import base64
import contextlib
import json
import re
import shutil
import threading

import psycopg2

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
    expect("1 of reason rule, redriven already" in told and "1 of reason database, redriven already" in told, told)
    dlq(t, config, "redrive", 4711, "--execute", code=DATA)
    # What is wrong with the words is said before anything is touched.
    for words in (["redrive"], ["redrive", "--all"], ["redrive", "--execute"], ["discard", "--all"],
                  ["erase", "--all", "--why", "x"], ["redrive", "--all", "--execute", "--rate", "soon"],
                  ["redrive", "seven", "--dry-run"], ["list", "--reason", "rool"], ["lst"]):
        dlq(t, config, *words, code=USAGE)
    t.check_account()
