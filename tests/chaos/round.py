# SPDX-License-Identifier: Apache-2.0
"""One round: streams, daemons and faults drawn from a seed; a load; a wait until all is caught up;
and the checker's judgement."""

import contextlib
import random
import threading
import time
import traceback

import psycopg2

import audit
import harness
from checker import Checker
from disk import SmallDisk
from faults import draw_faults
from history import History
from members import Members
from streams import KINDS, Stream, constraint

# Seconds without any progress, after the last fault, that are a standstill. How long all of it takes is
# the machine's affair; a broker that was killed may take most of a minute of it.
STANDSTILL = 90

KAFKA = {"session_timeout_ms": 2000, "heartbeat_interval_ms": 300,
         "topic_metadata_refresh_interval_ms": 1000, "reconnect_backoff_max_ms": 500,
         "socket_timeout_ms": 4000, "allow_auto_create_topics": "false"}


class Round:
    def __init__(self, world, seed, only=()):
        self.world, self.seed, self.only = world, seed, only
        self.draw = random.Random(f"{seed} plan")
        self.aborted = threading.Event()
        self.failures = []
        self.test = self.history = self.members = self.disk = None
        self.faults = []
        self.seconds = {}

    # --- what is drawn

    def plan(self):
        draw = self.draw
        kinds = draw.choices(KINDS, [k.weight for k in KINDS], k=draw.choice([2, 3, 3, 4]))
        self.streams = [Stream(self.test, f"{kind.name}{n}", kind, random.Random(f"{self.seed} stream {n}"))
                        for n, kind in enumerate(kinds)]
        self.n_daemons = draw.randint(2, 4)
        self.settings = {
            "kafka": dict(KAFKA, bootstrap_servers=self.world.kafka.proxied,
                          partition_assignment_strategy=draw.choice(["cooperative-sticky"] * 3 + ["range"])),
            "database": {"lock_timeout": draw.choice(["100ms", "500ms", "2s"]),
                         "connect_timeout": "2s", "statement_timeout": "10s",
                         "pool": draw.choice([2, 4, 8])},
            "drain_timeout": draw.choice(["500ms", "2s"]), "commit_interval": "1s",
            "recheck_interval": "300ms", "silence_timeout": "10s"}
        self.faults = draw_faults(draw, self, lambda n: random.Random(f"{self.seed} fault {n}"), self.only)

    def drew(self, name):
        return any(drawn.fault.name == name for drawn in self.faults)

    @property
    def letters_from(self):
        """The first stream with a DLQ, or None."""
        return next((stream for stream in self.streams if stream.dlq), None)

    # --- what faults use

    def pause(self, seconds):
        """Let time pass; a failing round does not wait."""
        self.aborted.wait(seconds)

    def sql(self, query):
        """In the round's database, however the server is set up."""
        with self.world.postgres.admin(self.test.database) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []

    def positions(self):
        """Log → next offset."""
        return {(topic, incarnation, partition): at for topic, incarnation, partition, at in self.test.sql(
            "select topic, incarnation, partition, next_offset from pactolus.cursors "
            "join pactolus.logs using (log_id)")}

    def config(self, name, database):
        settings = dict(self.settings)
        settings["database"] = dict(settings["database"],
                                    conninfo=self.world.postgres.daemons_conninfo(database))
        return self.test.config(
            name, {stream.name: stream.settings() for stream in self.streams}, **settings)

    # --- the round

    def run(self):
        """True when the round passed. Never raises but for an interrupt."""
        started = time.monotonic()
        try:
            self.test = harness.Test(self.world, f"chaos_{self.seed}")
            self.plan()
            self.prepare()
            self.clocked("prepared", started)
            self.load()
            self.clocked("loaded", started)
            self.settle()
            self.clocked("settled", started)
            audit.complain(self.test)
            Checker(self.test, self.history).check()
            self.clocked("checked", started)
        except harness.Failure as failure:
            self.failures.append(str(failure))
        except Exception:  # a round that breaks has failed; the others go on
            self.failures.append(traceback.format_exc())
        self.seconds["all"] = time.monotonic() - started
        return not self.failures

    def clocked(self, name, started):
        self.seconds[name] = time.monotonic() - started

    def prepare(self):
        topics = {topic: n for stream in self.streams for topic, n in stream.topics.items()}
        topics.update({stream.dlq: 1 for stream in self.streams
                       if stream.dlq and not (self.drew("missing-dlq") and stream is self.letters_from)})
        self.world.kafka.make_topics(topics)
        # libpq does not ask a second server when the first one says that it lacks the database.
        self.world.postgres.await_standby()
        config = self.config("pactolus", self.test.database)
        self.test.migrate(config)
        audit.begin(self.test)
        for statement in map(constraint, self.streams):
            self.test.sql(statement)
        if self.drew("disk-full"):
            self.disk = SmallDisk(self.world.postgres)
            for stream in self.streams:
                self.disk.take(self.test, stream.table)
        # A standby that is promoted must know the round's tables.
        self.world.postgres.await_standby()
        self.history = History(self.world, self.streams, self.seed)
        self.members = Members(self.test, config, self.n_daemons)

    def load(self):
        """Records flow and faults come and go; at the end everything is healed."""
        hands = [threading.Thread(target=self.hand, args=(hand,), name=hand, daemon=True)
                 for hand in sorted({drawn.fault.hand for drawn in self.faults})]
        self.members.start()
        self.history.start()
        try:
            self.wait(lambda: any(self.positions().values()), "the first rows")
            self.begun = time.monotonic()
            for thread in hands:
                thread.start()
            for thread in hands:
                thread.join()
            self.pause(0.3)
        finally:
            self.aborted.set()
            for thread in hands:
                if thread.ident:
                    thread.join()
            self.history.stop()
        if self.failures:
            raise harness.Failure(self.failures.pop(0))

    def hand(self, name):
        """The faults of one hand, one after the other."""
        for drawn in sorted((d for d in self.faults if d.fault.hand == name), key=lambda d: d.at):
            self.pause(max(0, self.begun + drawn.at - time.monotonic()))
            try:
                thing = drawn.fault.act(self, drawn.draw)
                try:
                    self.pause(drawn.hold)
                finally:
                    drawn.fault.undo(self, thing)
            except Exception as failure:
                text = str(failure) if isinstance(failure, harness.Failure) else traceback.format_exc()
                self.failures.append(f"fault {drawn.fault.name}: {text}")
                self.aborted.set()

    def wait(self, condition, what, progress=None):
        """harness.wait, but a daemon that died or a stream that halted ends it at once, and as long as
        the value of `progress` changes, it goes on. A database that is away is asked again."""
        seen, since = None, time.monotonic()

        def met():
            nonlocal since
            try:
                return asked()
            except psycopg2.Error as error:
                if error.pgcode and not error.pgcode.startswith("57"):
                    raise
                since = time.monotonic()
                return False

        def asked():
            nonlocal seen, since
            for failure in (self.history.failure, self.members.failure):
                if failure:
                    raise failure
            halted = self.test.sql("select name, reason from pactolus.streams where state = 'halted'")
            harness.expect(not halted, "halted:", halted)
            audit.complain(self.test)
            if condition():
                return True
            now = progress() if progress else None
            if now != seen:
                seen, since = now, time.monotonic()
            harness.expect(time.monotonic() < since + STANDSTILL,
                           f"nothing moved for {STANDSTILL} s while waiting for {what}")
            return False
        harness.wait(met, what, 900, 0.05)

    def settle(self):
        """All records lie below their cursors, all letters are relayed; then the daemons stop."""
        self.history.verify(self.test, {t for s in self.streams for t in s.topics})
        ends = self.history.ends()

        def behind():
            have = self.positions()
            return {log: (have.get(log), end) for log, end in ends.items() if have.get(log) != end}
        try:
            self.wait(lambda: not behind(), "everything to be applied", behind)
        except harness.Failure as failure:
            raise harness.Failure(f"{failure}: {harness.shorten(behind())}") from None
        self.await_relay()
        self.members.end()
        if self.members.failure:
            raise self.members.failure
        self.members.stop()
        self.test.settle()  # which looks for what sanitizers said

    def await_relay(self):
        """Who held the relay's row and was killed leaves it to the others once it has been silent for a
        minute and a half. For the row that time has passed now; a holder that lives beats again."""
        self.test.sql("update pactolus.relays set heartbeat = heartbeat - interval '5 minutes'")

        def left():
            return self.test.value("select count(*) from pactolus.dead_letters where relayed_at is null and "
                                   "dlq_topic <> ''")
        self.wait(lambda: left() == 0, "the relay", left)

    # --- its end

    def line(self):
        """One line for the log: what was drawn, and how it went."""
        names = " ".join(f"{d.fault.name}@{d.at:.1f}" for d in self.faults)
        records = len(self.history.entries) if self.history else 0
        kinds = " ".join(stream.name for stream in getattr(self, "streams", []))
        again = f", {self.members.restarts} restarts" if self.members and self.members.restarts else ""
        parts = " ".join(f"{name} {at:.1f}" for name, at in self.seconds.items() if name != "all")
        return (f"seed {self.seed:<10} {self.seconds['all']:5.1f} s ({parts})  {records:6} records  "
                f"{getattr(self, 'n_daemons', 0)} daemons{again}  [{kinds}]  {names}")

    def end(self):
        """Nothing of the round runs any more, however it ended."""
        self.aborted.set()
        if self.history:
            self.history.ended.set()
        if self.members:
            self.members.end()
        if self.test:
            for daemon in self.test.daemons:
                daemon.close()

    def abandon(self):
        """The run is interrupted: its servers go next."""
        self.end()
        if self.disk:
            self.disk.unmount()

    def close(self):
        """Give back what the round holds; the world is as the next one wants it."""
        self.end()
        self.world.heal()
        if self.test:
            self.test.close(keep=False)
        if self.disk:
            self.disk.close()
        if self.history:
            names = {t for s in self.streams for t in s.topics} | {s.dlq for s in self.streams if s.dlq}
            with contextlib.suppress(Exception):
                self.world.kafka.delete_topics(names)
