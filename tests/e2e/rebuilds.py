# SPDX-License-Identifier: Apache-2.0
"""What the tests of rebuilds share: the verb that runs on, the reader who must not meet an older row."""

import contextlib
import signal
import subprocess
import time

from background import Background
from harness import equal, expect, wait
import model


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
