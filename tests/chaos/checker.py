# SPDX-License-Identifier: Apache-2.0
"""What tables, ledger, account and DLQ must hold after a round, computed from the history alone.

It shares no line with the daemon. From the database it takes only the numbers that the database gives
out: which log id stands for which topic and partition.
"""

import collections

from harness import Failure, equal, expect, shorten
from streams import BEATEN, LETTER, OTHER, ROW, TOMBSTONE

SHOWN = 4  # differences that a failure tells


def differences(got, wanted, what):
    """Failure that names the first keys that differ, or nothing."""
    wrong = [key for key in sorted(set(got) | set(wanted), key=repr) if got.get(key) != wanted.get(key)]
    if not wrong:
        return
    missing = sum(key not in got for key in wrong)
    strange = sum(key not in wanted for key in wrong)
    lines = [f"{what}: {len(wrong)} of {len(wanted)} differ ({missing} missing, {strange} that must not be)"]
    for key in wrong[:SHOWN]:
        lines.append(f"  {shorten(key)}\n    expected {shorten(wanted.get(key, 'nothing'), 300)}\n"
                     f"    got      {shorten(got.get(key, 'nothing'), 300)}")
    raise Failure("\n".join(lines))


class Checker:
    def __init__(self, test, history):
        self.test, self.history = test, history
        self.logs = {(topic, incarnation, partition): log for topic, incarnation, partition, log in
                     test.sql("select topic, incarnation, partition, log_id from pactolus.logs")}
        self.places = {log: place for place, log in self.logs.items()}
        self.order = self.order_times()
        self.by_stream = collections.defaultdict(list)
        for entry in history.entries:
            self.by_stream[entry.stream.name].append(entry)
        for entries in self.by_stream.values():
            self.forgive(entries)

    def order_times(self):
        """(log, offset) → the greatest timestamp in the log up to and including this record."""
        newest, order = {}, {}
        for entry in sorted(self.history.entries, key=lambda e: (e.log, e.offset)):
            newest[entry.log] = max(newest.get(entry.log, -1), entry.timestamp)
            order[entry.log, entry.offset] = newest[entry.log]
        return order

    def log_of(self, entry):
        log = self.logs.get(entry.log)
        expect(log is not None, f"no log for {entry.log}")
        return log

    def place(self, entry):
        log = self.log_of(entry)
        return (entry.version, log >> 48, self.order[entry.log, entry.offset], log, entry.offset)

    def forgive(self, entries):
        """A row that PostgreSQL would refuse is never shown to it when a row of its key and batch has beaten
        it. Batches are the daemon's own affair: what has a greater place may or may not be a letter."""
        refused = [e for e in entries if e.reason == "database" and not e.stream.kind.append]
        if not refused:
            return
        greatest = {}
        for entry in entries:
            if entry.meaning in (ROW, TOMBSTONE) or entry.reason == "database":
                greatest[entry.item] = max(greatest.get(entry.item, ()), self.place(entry))
        letters = {(self.places.get(log), offset) for log, offset in self.test.sql(
            'select log_id, "offset" from pactolus.dead_letters where reason = %s', "database")}
        for entry in refused:
            if (entry.log, entry.offset) not in letters and self.place(entry) < greatest[entry.item]:
                entry.meaning = BEATEN

    def check(self):
        self.check_logs()
        for stream in self.history.streams:
            entries = self.by_stream[stream.name]
            if stream.kind.append:
                self.check_appended(stream, entries)
            else:
                self.check_rows(stream, entries)
            self.check_letters(stream, entries)
            self.check_account(stream, entries)
            if stream.dlq:
                self.check_dlq(stream, entries)

    def check_logs(self):
        """A log's id says its topic's version and incarnation, and its partition."""
        versions = {topic: v for stream in self.history.streams for topic, v in stream.versions.items()}
        for (topic, incarnation, partition), log in self.logs.items():
            equal((log >> 48, log & 0xFFFFFF), (versions[topic] << 8 | incarnation, partition),
                  f"log of {topic}")
        equal(len(self.places), len(self.logs), "distinct logs")

    # --- rows

    def winners(self, entries):
        """key → (the entry of the greatest place, the newest row of its log before a tombstone)."""
        best = {}
        for entry in entries:
            if entry.meaning in (ROW, TOMBSTONE) and \
                    (entry.item not in best or self.place(entry) > self.place(best[entry.item])):
                best[entry.item] = entry
        return best

    def cells_wanted(self, stream, winner, entries_of_key):
        """The values beside the winner's place; None where they are no part of the promise."""
        if winner.meaning == ROW:
            return stream.cells_of(winner)
        nothing = (winner.item,) + (None,) * (len(stream.columns) - 1)
        if stream.kind.deletes == "hard":
            return nothing
        if not stream.sticky or stream.kind.versioned or len({e.log for e in entries_of_key}) > 1:
            return None
        rows = [e for e in entries_of_key if e.meaning == ROW and e.offset < winner.offset]
        return stream.cells_of(max(rows, key=lambda e: e.offset)) if rows else nothing

    def check_rows(self, stream, entries):
        by_key = collections.defaultdict(list)
        for entry in entries:
            by_key[entry.item].append(entry)
        wanted = {}
        for key, winner in self.winners(entries).items():
            wanted[key] = (self.bookkeeping(winner), self.cells_wanted(stream, winner, by_key[key]))
        got = {}
        for cells, bookkeeping in self.rows(stream):
            key = cells[0]
            expect(key not in got, f"{stream.table}: key {key} stands there twice")
            loose = key in wanted and wanted[key][1] is None
            got[key] = (bookkeeping, None if loose else cells)
        differences(got, wanted, stream.table)
        live = sum(place[-1] is None for place, _ in wanted.values())
        schema = self.test.value("select view_schema from pactolus.streams where name = %s", stream.name)
        equal(self.test.rows(f'"{schema}"."{stream.name}"'), live, f"rows in the view of {stream.name}")

    def check_appended(self, stream, entries):
        wanted = {(e.log, e.offset): (self.bookkeeping(e), stream.cells_of(e))
                  for e in entries if e.meaning == ROW}
        got = {bookkeeping[1:3]: (bookkeeping, cells) for cells, bookkeeping in self.rows(stream)}
        differences(got, wanted, stream.table)
        equal(self.test.rows(stream.table), len(wanted), f"rows of {stream.table}")

    def bookkeeping(self, entry):
        """(version, log, offset, order_ts, time of the delete)"""
        return (entry.version if entry.stream.kind.versioned else 0, entry.log, entry.offset,
                self.order[entry.log, entry.offset], entry.timestamp if entry.meaning == TOMBSTONE else None)

    def rows(self, stream):
        version = "_version" if stream.kind.versioned else "0"
        for row in self.test.sql(
                f"select {', '.join(stream.columns)}, {version}, _log, _offset, _order_ts, "
                f"(extract(epoch from _deleted_at) * 1000)::bigint from {stream.table}"):
            *cells, version_is, log, offset, order_ts, deleted = row
            where = self.places.get(log, f"log {log}, which is none")
            yield tuple(cells), (version_is, where, offset, order_ts, deleted)

    # --- dead letters

    def letters_wanted(self, entries):
        return {(e.log, e.offset): e for e in entries if e.meaning == LETTER}

    def check_letters(self, stream, entries):
        wanted = {place: (e.topic, e.partition, e.reason, e.timestamp, self.order[place], 1,
                          e.key, e.value, [name for name, _ in e.headers])
                  for place, e in self.letters_wanted(entries).items()}
        got = {}
        for log, offset, key, value, names, *rest in self.test.sql(
                'select log_id, "offset", key, value, header_names, topic, partition, d.reason, record_ts, '
                "order_ts, attempts from pactolus.dead_letters d join pactolus.streams s using (stream_id) "
                "where s.name = %s", stream.name):
            place = (self.places.get(log, log), offset)
            expect(place not in got, f"two dead letters for {place}")
            got[place] = (*rest, octets(key), octets(value), names)
        differences(got, wanted, f"dead letters of {stream.name}")
        left = self.test.value(
            "select count(*) from pactolus.dead_letters d join pactolus.streams s using (stream_id) "
            "where s.name = %s and (relayed_at is null) = (%s <> '')", stream.name, stream.dlq)
        equal(left, 0, f"dead letters of {stream.name} that are not marked as they should be")

    def check_dlq(self, stream, entries):
        """The DLQ topic holds every letter at least once, as it was, and nothing else: but a failover may
        lose a letter that was relayed, and a batch that is cut another way then has no need of it."""
        got = {}
        for message in self.test.world.kafka.read(self.test, stream.dlq):
            headers = {name: value.decode() for name, value in message.headers()}
            place = (headers["__connect.errors.topic"], int(headers["__connect.errors.partition"]),
                     int(headers["__connect.errors.offset"]))
            # The number tells a record from that of the same place in a topic which was made anew.
            got[int(headers["n"]), *place] = (headers["pactolus.reason"], message.key(), message.value())
        wanted = {}
        for entry in entries:
            letter = (entry.number, entry.topic, entry.partition, entry.offset)
            if entry.meaning == LETTER or entry.meaning == BEATEN and letter in got:
                wanted[letter] = (entry.reason, entry.key, entry.value)
        differences(got, wanted, f"letters in {stream.dlq}")

    # --- the account

    def check_account(self, stream, entries):
        counts = collections.Counter(e.meaning for e in entries)
        account = self.test.check_account(
            stream.name, advanced=len(entries), consumed=len(entries), gaps=0, skipped=0, lost=0,
            dead_lettered=counts[LETTER], other_types=counts[OTHER])
        rest = account["applied"] + account["stale"] + account["deduplicated"]
        equal(rest, counts[ROW] + counts[TOMBSTONE] + counts[BEATEN],
              f"applied + stale + deduplicated of {stream.name}")
        booked = self.test.value(
            "select coalesce(sum(a.consumed), 0)::bigint from pactolus.accounts a "
            "join pactolus.streams s using (stream_id) where s.name = %s", stream.name)
        equal(booked, len(entries), f"records that batches booked to the account of {stream.name}")
        per_log = collections.Counter(e.log for e in entries)
        got = {}
        for log, *numbers in self.test.sql(
                "select log_id, next_offset, pass_start, c.consumed, c.gaps + c.skipped + c.lost, "
                "c.order_ts from pactolus.cursors c join pactolus.streams s using (stream_id) "
                "where s.name = %s", stream.name):
            if numbers[0] or self.places.get(log) in per_log:
                got[self.places.get(log, log)] = tuple(numbers)
        newest = collections.defaultdict(lambda: -1)
        for entry in entries:
            newest[entry.log] = max(newest[entry.log], entry.timestamp)
        differences(got, {log: (n, 0, n, 0, newest[log]) for log, n in per_log.items()},
                    f"cursors of {stream.name}")


def octets(value):
    return None if value is None else bytes(value)
