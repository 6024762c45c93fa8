# SPDX-License-Identifier: Apache-2.0
"""The place (docs/guarantees.md §4): the greatest place wins its key, whatever the interleaving,
batching, folding, replay or redrive.

Random histories of several logs run through the daemon's own SQL in a real table; the maximum is
computed here. Then the statement is broken, one component or rule after the other, and the same
histories must notice each: a property test that cannot fail proves nothing.
"""

import random
import subprocess

import psycopg2

from harness import Failure, equal, test

KEYS = 5
OWNER = "6f1c1e0a-0000-4000-8000-000000000001"


def log_id(generation, ordinal, partition):
    return generation << 48 | ordinal << 24 | partition


class Entry:
    """One record of a log with its place; `note` says which mapping it was applied under last."""

    def __init__(self, key, version, log, offset, order_ts, note, deleted):
        self.key, self.version, self.log, self.offset = key, version, log, offset
        self.order_ts, self.note, self.deleted = order_ts, note, deleted
        self.applied = None

    def place(self):
        return (self.version, self.log >> 48, self.order_ts, self.log, self.offset)


def make_logs(draw, versioned):
    """Three or four logs, of two generations, whose producers' clocks disagree and often tie."""
    logs = []
    for number in range(draw.randint(3, 4)):
        log = log_id(draw.choice([0x0101, 0x0101, 0x0102, 0x0201]), draw.randint(1, 2), number)
        order_ts, entries = -1, []
        for offset in range(draw.randint(3, 12)):
            order_ts = max(order_ts, draw.randint(0, 5))
            entries.append(Entry(f"k{draw.randrange(KEYS)}", draw.randint(0, 2) if versioned else 0,
                                 log, offset, order_ts, f"{log}@{offset}", draw.random() < 0.15))
        logs.append(entries)
    return logs


def schedule(draw, logs):
    """What is applied when: each log in its order, interleaved; some records set aside and redriven
    later, alone; some logs replayed from somewhere, under a mapping that was mended."""
    at, waiting = [0] * len(logs), []
    mapping = 0
    replays = draw.randint(0, 2)
    while True:
        open_logs = [n for n, entries in enumerate(logs) if at[n] < len(entries)]
        if not open_logs:
            if replays == 0:
                break
            replays -= 1
            mapping += 1
            number = draw.randrange(len(logs))
            at[number] = draw.randrange(len(logs[number]))
            continue
        if waiting and draw.random() < 0.1:
            yield waiting.pop(draw.randrange(len(waiting))), mapping
            continue
        number = draw.choice(open_logs)
        entry = logs[number][at[number]]
        at[number] += 1
        if entry.applied is None and draw.random() < 0.1:
            entry.applied = False
            waiting.append(entry)
        elif entry not in waiting:
            yield entry, mapping
    for entry in waiting:
        yield entry, mapping


def batches(draw, steps):
    """Cut at random and folded: of one key the greater place is left, an equal one replaces."""
    batch, room = {}, draw.randint(1, 8)
    for entry, mapping in steps:
        entry.applied = f"{entry.note}/{mapping}"
        held = batch.get(entry.key)
        if held is None or entry.place() >= held[0].place():
            batch[entry.key] = (entry, entry.applied)
        room -= 1
        if room == 0:
            yield [batch[key] for key in sorted(batch)]
            batch, room = {}, draw.randint(1, 8)
    if batch:
        yield [batch[key] for key in sorted(batch)]


def expected(logs):
    best = {}
    for entry in (e for entries in logs for e in entries):
        if entry.key not in best or entry.place() > best[entry.key].place():
            best[entry.key] = entry
    return {key: (None if e.deleted else e.applied, e.log, e.offset, e.order_ts, e.deleted)
            for key, e in best.items()}


class Bench:
    """The table, the statement and its parameters."""

    def __init__(self, t, versioned):
        self.t, self.versioned = t, versioned
        name = "versioned" if versioned else "plain"
        table = {"name": name, "view": name}
        if versioned:
            table["version"] = "revision"
        config = t.config(name, group=f"{t.group}.{name}", streams={name: t.stream(
            f"{t.id}.{name}", "e2e.v1.Revised", table=table)})
        t.migrate(config)
        self.table = f"data.{name}"
        self.statements = {}
        out = subprocess.run([t.world.program("pactolus-statements"), config, name], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        for line in out.splitlines():
            kind, oids, text = line.split("\t")
            self.statements[kind] = (oids.split(","), text)
        self.stream = t.value("select stream_id from pactolus.streams where name = %s", name)
        self.connection = t.connect()
        self.cursor = self.connection.cursor()

    def prepare(self, text):
        self.cursor.execute("deallocate all")
        oids = self.statements["upsert"][0]
        types = ", ".join(t for t, in self.t.sql(
            "select format_type(o, null) from unnest(%s::oid[]) with ordinality u(o, n) order by n",
            [int(o) for o in oids]))
        self.cursor.execute(f"prepare up ({types}) as {text.replace('%', '%%')}")

    def apply(self, rows):
        entries = [entry for entry, _ in rows]
        notes = [None if entry.deleted else note for entry, note in rows]
        values = [[e.key for e in entries], [e.version for e in entries], notes]
        if self.versioned:
            values.append([e.version for e in entries])
        values += [[e.log for e in entries], [e.offset for e in entries], [e.order_ts for e in entries],
                   ["2026-01-01" if e.deleted else None for e in entries]]
        values += [self.stream, OWNER, 0, len(rows), 0, 0, 0]
        casts = ", ".join(["%s::text[]", "%s::bigint[]", "%s::text[]"] +
                          ["%s::bigint[]"] * (4 if self.versioned else 3) + ["%s::timestamptz[]"] + ["%s"] * 7)
        self.cursor.execute(f"execute up ({casts})", values)

    def history(self, seed):
        """True when the table holds the greatest places after the history of `seed`."""
        draw = random.Random(seed)
        logs = make_logs(draw, self.versioned)
        self.cursor.execute("begin")
        try:
            for rows in batches(draw, schedule(draw, logs)):
                self.apply(rows)
            self.cursor.execute("select item_id, note, _log, _offset, _order_ts, _deleted_at is not null "
                                f"from {self.table}")
            return {row[0]: row[1:] for row in self.cursor.fetchall()} == expected(logs)
        except psycopg2.IntegrityError:  # the table itself refused what a broken statement made
            return False
        finally:
            self.cursor.execute("rollback")


def breakages(text, versioned):
    """(what is broken, the statement with that broken)."""
    def without(part):
        broken = text.replace(part.format("excluded"), "").replace(part.format("t"), "")
        return broken
    head, tail = text.split(" WHERE (", 1)
    condition = tail.split(" RETURNING", 1)[0]
    if versioned:
        yield "no version", without("{0}._version, ")
    yield "no generation", without("{0}._log >> 48, ")
    yield "no order_ts", without("{0}._order_ts, ")
    yield "no log", without("{0}._log, ")
    yield "no offset", without(", {0}._offset")
    yield "an equal place is stale", text.replace(" >= ", " > ")
    yield "the lesser place wins", text.replace(" >= ", " <= ")
    yield "no condition", head + tail[len(condition):].join([" WHERE (true)", ""])
    for column in ("_log", "_offset", "_order_ts", "_deleted_at") + (("_version",) if versioned else ()):
        yield f"{column} is not set", text.replace(f'"{column}" = excluded."{column}", ', "").replace(
            f', "{column}" = excluded."{column}" WHERE', " WHERE")
    yield "order_ts before generation", text.replace("excluded._log >> 48, excluded._order_ts",
                                                     "excluded._order_ts, excluded._log >> 48").replace(
        "t._log >> 48, t._order_ts", "t._order_ts, t._log >> 48")
    yield "offset before log", text.replace("excluded._log, excluded._offset",
                                            "excluded._offset, excluded._log").replace(
        "t._log, t._offset", "t._offset, t._log")


@test
def the_greatest_place_wins(t):
    rounds = 3000 if t.world.full else 400
    for versioned in (True, False):
        bench = Bench(t, versioned)
        text = bench.statements["upsert"][1]
        bench.prepare(text)
        base = random.randrange(10 ** 9)
        wrong = [seed for seed in range(base, base + rounds) if not bench.history(seed)]
        equal(wrong, [], f"seeds whose history went wrong (versioned: {versioned})")
        for what, broken in breakages(text, versioned):
            if broken == text:
                raise Failure(f"{what}: the statement has no such part any more: {text}")
            bench.prepare(broken)
            caught = next((n for n in range(rounds) if not bench.history(base + n)), None)
            if caught is None:
                raise Failure(f"nothing noticed a statement with {what} (versioned: {versioned})")
