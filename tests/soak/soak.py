#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mixed load for hours, and a watch on what must not grow.

soak [--hours H | --seconds S] [--seed N] [--rate R] [--csv FILE] [--build DIR] [--keep]

A real Kafka, a real PostgreSQL and two daemons, started and removed by the run itself. Four streams get
inserts, updates, deletes, versions out of order and broken records, R of them a second (2,000). One daemon
runs from the beginning to the end; the other is restarted; both are frozen past their session timeout and
lose their sessions now and then, at moments drawn from the seed. Every sample is a line of the CSV: memory,
descriptors and threads of each daemon; size, dead rows and bloat of tables; ledger, accounts and lag. At the
end the verdict: slopes and limits, rows and account against a model that knows what was produced.

Prints one line per check and, last, `N passed, N failed`; exits 1 if any failed.
"""

import argparse
import csv
import pathlib
import random
import signal
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import confluent_kafka  # noqa: E402
import harness  # noqa: E402
import model  # noqa: E402

SESSION_TIMEOUT = 6.0  # seconds; a freeze is longer
KEYS = 5000            # of each stream that updates
WARM_UP = 0.25         # share of the samples that no slope is judged by
POOL = 4


# --- load --------------------------------------------------------------------------------------------


class Upserts:
    """Inserts, updates, deletes and broken records of one stream, and what its table must hold."""

    def __init__(self, topic, deletes):
        self.topic, self.deletes = topic, deletes
        self.rows, self.broken, self.count = {}, 0, 0

    def draw(self, draw):
        self.count += 1
        key = f"k{draw.randrange(KEYS)}"
        kind = draw.random()
        if kind < 0.002:
            self.broken += 1
            return model.broken_record(key.encode())
        if kind < 0.003:
            self.broken += 1
            return harness.Record(model.item("another").SerializeToString(), key.encode())
        if kind < 0.1:
            kept = (None, None) if self.deletes == "hard" else self.rows.get(key, (None, None))[:2]
            self.rows[key] = (*kept, True)
            return harness.Record(None, key.encode())
        note = "n" * draw.randrange(200)
        self.rows[key] = (self.count, note, False)
        return model.item_record(key, quantity=self.count, note=note, tags=["soak"] * draw.randrange(3))

    def wrong(self, t, name):
        found = {row[0]: row[1:] for row in t.sql(
            f"select item_id, quantity, note, _deleted_at is not null from data.{name}")}
        return differences(found, self.rows)


class Versions:
    """Rows with a version, out of order; deletes carry theirs in a header. A deleted row's values are not
    promised, so they are not compared."""

    def __init__(self, topic):
        self.topic, self.rows, self.broken, self.count = topic, {}, 0, 0

    def draw(self, draw):
        self.count += 1
        key, version = f"k{draw.randrange(KEYS)}", self.count // 100 + draw.randrange(-50, 50)
        deleted = draw.random() < 0.1
        note = None if deleted else f"{self.count}"
        if key not in self.rows or version >= self.rows[key][0]:
            self.rows[key] = (version, note, deleted)
        if deleted:
            return harness.Record(None, key.encode(), [("rev", str(version).encode())])
        message = harness.message_class("item", "Revised")(item_id=key, revision=version, note=note)
        return harness.Record(message.SerializeToString(), key.encode())

    def wrong(self, t, name):
        found = {row[0]: row[1:] for row in t.sql(
            "select item_id, _version, case when _deleted_at is null then note end, "
            f"_deleted_at is not null from data.{name}")}
        return differences(found, self.rows)


class Appends:
    """One row for every record."""

    def __init__(self, topic):
        self.topic, self.broken, self.count, self.sum = topic, 0, 0, 0

    def draw(self, draw):
        self.count += 1
        self.sum += self.count
        return model.item_record(f"k{draw.randrange(KEYS)}", quantity=self.count)

    def wrong(self, t, name):
        found = t.sql(f"select count(*), coalesce(sum(quantity), 0)::bigint from data.{name}")[0]
        return [] if found == (self.count, self.sum) else [f"{found} for {(self.count, self.sum)}"]


def differences(found, wanted):
    return [f"{key}: {found.get(key)} for {wanted.get(key)}"
            for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]


class Load:
    """Produces `rate` records a second, stream by stream, until it is stopped."""

    def __init__(self, t, streams, rate, seed):
        self.streams, self.rate, self.draw = list(streams.values()), rate, random.Random(seed)
        self.delivered, self.failure = 0, None
        self.ended = threading.Event()
        self.producer = confluent_kafka.Producer({
            "bootstrap.servers": t.kafka.bootstrap, "linger.ms": 5, "log_level": 2,
            "enable.idempotence": True})
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def report(self, error, _):
        self.failure = self.failure or error
        self.delivered += 1

    def send(self, stream):
        record = stream.draw(self.draw)
        while True:
            try:
                return self.producer.produce(stream.topic, record.value, record.key, headers=record.headers,
                                             on_delivery=self.report)
            except BufferError:
                self.producer.poll(0.1)

    def run(self):
        started, sent = time.monotonic(), 0
        while not self.ended.wait(0.02):
            while sent < (time.monotonic() - started) * self.rate:
                self.send(self.streams[sent % len(self.streams)])
                sent += 1
            self.producer.poll(0)
        if self.producer.flush(60):
            self.failure = self.failure or "records were not produced in time"

    def stop(self):
        self.ended.set()
        self.thread.join()
        harness.expect(not self.failure, "producing failed:", self.failure)


# --- watch -------------------------------------------------------------------------------------------


def process_figures(pid):
    """Resident KiB, descriptors, threads, seconds of CPU."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    times = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return {"rss_kib": int(status["VmRSS"].split()[0]),
            "fds": sum(1 for _ in pathlib.Path(f"/proc/{pid}/fd").iterdir()),
            "threads": int(status["Threads"]), "cpu_s": sum(map(int, times)) / 100}


TABLES = {"soft": "data.soft", "hard": "data.hard", "versions": "data.versions",
          "cursors": "pactolus.cursors", "accounts": "pactolus.accounts", "ledger": "pactolus.dead_letters",
          "order_points": "pactolus.order_points", "owners": "pactolus.owners",
          "backends": "pactolus.backends"}
FEW = ("cursors", "accounts", "owners", "backends")  # cheap to count and to look through


def table_figures(t, bloat):
    found = {}
    for name, table in TABLES.items():
        heap, indexes, dead = t.sql(
            "select pg_table_size(c.oid), pg_indexes_size(c.oid), pg_stat_get_dead_tuples(c.oid) "
            "from pg_class c where c.oid = %s::regclass", table)[0]
        found.update({f"{name}_bytes": heap, f"{name}_index_bytes": indexes, f"{name}_dead": dead})
        if name in FEW:
            found[f"{name}_rows"] = t.rows(table)
        if bloat and name in ("soft", "hard", "versions", "cursors", "accounts"):
            found[f"{name}_free_percent"] = t.value(
                "select round((dead_tuple_percent + free_percent)::numeric, 1) from pgstattuple(%s)", table)
    found["ledger_rows"] = t.rows("pactolus.dead_letters")
    found["sessions"] = t.value("select count(*) from pg_stat_activity where application_name like "
                                "'pactolus%%' and datname = %s", t.database)
    return found


def slope(points):
    """Least squares: change per second."""
    if len(points) < 2:
        return 0.0
    middle_x, middle_y = (statistics.fmean(p[i] for p in points) for i in (0, 1))
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


class Soak:
    def __init__(self, world, options, seconds):
        self.t, self.options, self.seconds = harness.Test(world, "soak"), options, seconds
        self.faults = random.Random(options.seed)
        self.samples, self.daemons, self.frozen = [], {}, None
        self.passed = self.failed = 0
        self.bloat = self.t.value("select count(*) from pg_available_extensions where name = 'pgstattuple'")
        if self.bloat:
            self.t.sql("create extension pgstattuple")

    def prepare(self):
        t = self.t
        topics = {name: t.topic(name, partitions) for name, partitions in
                  (("soft", 6), ("hard", 3), ("versions", 4), ("appended", 2))}
        self.streams = {"soft": Upserts(topics["soft"], "soft"), "hard": Upserts(topics["hard"], "hard"),
                        "versions": Versions(topics["versions"]), "appended": Appends(topics["appended"])}
        text = {"key": {"format": "text"}}
        self.config = t.config(streams={
            "soft": t.stream(topics["soft"], deletes="soft", dlq={"topic": t.topic("dlq", 1)}, **text,
                             table={"name": "soft", "view": "soft"}),
            "hard": t.stream(topics["hard"], deletes="hard", **text, table={"name": "hard", "view": "hard"}),
            "versions": t.stream(topics["versions"], "e2e.v1.Revised", deletes="header:rev", **text,
                                 table={"name": "versions", "view": "versions", "version": "revision"}),
            "appended": t.stream(topics["appended"], table={
                "name": "appended", "view": "appended", "mode": "append", "key": None})},
            database={"pool": POOL}, progress_interval="60s",
            kafka={"session_timeout_ms": int(SESSION_TIMEOUT * 1000), "heartbeat_interval_ms": 500})
        t.migrate(self.config)
        self.daemons = {"steady": t.daemon(self.config), "other": t.daemon(self.config)}

    # --- faults

    def restart(self):
        """A rolling restart of the daemon that is not watched for its slope."""
        status = self.daemons["other"].stop(60)
        self.check("a stopped daemon's exit status", status, status == 0, quiet=True)
        self.daemons["other"] = self.t.daemon(self.config)

    def freeze(self):
        self.frozen = self.faults.choice(list(self.daemons.values()))
        self.frozen.freeze()

    def thaw(self):
        if self.frozen:
            self.frozen.thaw()
            self.frozen = None

    def end_sessions(self):
        self.t.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name like "
                   "'pactolus%%' and datname = %s", self.t.database)

    def fault(self, now, plan):
        """What is due of the plan: a list of (moment, name), the next one first."""
        if not plan or now < plan[0][0]:
            return ""
        _, name = plan.pop(0)
        getattr(self, name)()
        return name

    def plan(self):
        """Faults for the whole run: one in 2 minutes, or 5 in a short run; the last sixth is calm."""
        apart, now, plan = min(120.0, self.seconds / 6), 0.0, []
        names = ["restart", "freeze", "end_sessions"]
        while True:
            now += apart * self.faults.uniform(0.6, 1.2)
            if now > self.seconds * 5 / 6:
                return plan
            # Every kind once before any comes again.
            name = names.pop(self.faults.randrange(len(names)))
            names = names or ["restart", "freeze", "end_sessions"]
            plan.append((now, name))
            if name == "freeze":
                now += SESSION_TIMEOUT + 2
                plan.append((now, "thaw"))

    # --- samples

    def sample(self, now, event):
        line = {"seconds": round(now, 1), "event": event, "produced": self.load.delivered}
        for name, daemon in self.daemons.items():
            harness.expect(daemon.alive(), f"the daemon '{name}' died")
            line.update({f"{name}_{figure}": value for figure, value in process_figures(daemon.pid).items()})
        line.update(table_figures(self.t, self.bloat))
        applied = self.t.value("select coalesce(sum(consumed), 0)::bigint from pactolus.account")
        line["lag"] = max(0, line["produced"] - applied)
        self.samples.append(line)
        self.writer.writerow(line)
        self.file.flush()

    def run(self):
        self.prepare()
        plan, every = self.plan(), min(10.0, self.seconds / 40)
        self.load = Load(self.t, self.streams, self.options.rate, self.options.seed + 1)
        try:
            with open(self.options.csv, "w", newline="", encoding="utf-8") as self.file:
                self.writer = None
                started = time.monotonic()
                while (now := time.monotonic() - started) < self.seconds:
                    event = self.fault(now, plan)
                    if not self.writer:
                        names = ["seconds", "event", "produced"] + [
                            f"{d}_{f}" for d in self.daemons for f in ("rss_kib", "fds", "threads", "cpu_s")]
                        names += [*table_figures(self.t, self.bloat), "lag"]
                        self.writer = csv.DictWriter(self.file, names)
                        self.writer.writeheader()
                    self.sample(now, event)
                    # The pace of the watch, not a condition.
                    self.load.ended.wait(max(0.0, every - (time.monotonic() - started - now)))
        finally:
            self.thaw()
            self.load.stop()
        self.judge()

    # --- verdict

    def check(self, what, figure, good, quiet=False):
        self.passed += bool(good)
        self.failed += not good
        if not good or not quiet:
            print(f"{what:<58} {figure!s:>24}  {'ok' if good else 'FAILED'}", flush=True)

    def growth(self, name):
        """(value at the end of the warm-up, growth by slope since then, hours since then)."""
        judged = self.samples[int(len(self.samples) * WARM_UP):]
        points = [(line["seconds"], line[name]) for line in judged]
        span = points[-1][0] - points[0][0]
        return statistics.median(y for _, y in points[:5]), slope(points) * span, span / 3600

    def calm_growth(self, name):
        """(growth by the slopes of the stretches without a fault, their hours): after a fault the daemon
        fetches what has piled up, which lifts its memory once, to where it stays."""
        settle, stretches = min(30.0, self.seconds / 20), [[]]
        since = self.seconds * WARM_UP
        for line in self.samples:
            if line["event"]:
                stretches.append([])
                since = max(since, line["seconds"] + settle)
            if line["seconds"] >= since:
                stretches[-1].append((line["seconds"], line[name]))
        spans = [points[-1][0] - points[0][0] if points else 0 for points in stretches]
        return (sum(slope(points) * span for points, span in zip(stretches, spans)), sum(spans) / 3600)

    def bounded(self, what, name, once, per_hour, unit=1024, word="KiB"):
        """Grows by no more than `once` + `per_hour` · hours after the warm-up, by its slope."""
        start, grown, hours = self.growth(name)
        limit = once + per_hour * hours
        self.check(f"{what} ({limit / unit:.0f} {word} allowed)",
                   f"{start / unit:.0f} {word} {grown / unit:+.1f}", grown <= limit)

    def judge(self):
        t = self.t
        produced = sum(stream.count for stream in self.streams.values())
        harness.wait(lambda: t.value("select coalesce(sum(consumed), 0) from pactolus.account") >= produced,
                     "everything to be applied", 120)
        self.judge_processes()
        self.judge_tables()
        lags = [line["lag"] for line in self.samples[-max(3, len(self.samples) // 10):]]
        self.check("lag at the end, median (10 s of load allowed)", int(statistics.median(lags)),
                   statistics.median(lags) <= 10 * self.options.rate)
        for name, stream in self.streams.items():
            wrong = stream.wrong(t, name)
            self.check(f"rows of {name}, against the model", f"{len(wrong)} wrong", not wrong)
            for line in wrong[:5]:
                print(f"    {line}")
            account = t.check_account(name)
            good = account["consumed"] == stream.count and account["dead_lettered"] == stream.broken
            self.check(f"account of {name}", f"{account['consumed']} of {stream.count}", good)
        for daemon in t.daemons:
            text = daemon.text()
            self.check(f"log of {daemon.log_path.stem}", f"{len(text.splitlines())} lines",
                       "Sanitizer" not in text and "ssertion" not in text, quiet=True)

    def judge_processes(self):
        highest = max(line[f"{d}_rss_kib"] for line in self.samples for d in self.daemons)
        self.check("resident memory, highest (64 MiB allowed)", f"{highest / 1024:.1f} MiB", highest <= 65536)
        # Buffers still fill in the first minutes, and a busy machine makes the daemon catch up at any
        # time: a short run only sees what runs away.
        grown, hours = self.calm_growth("steady_rss_kib")
        limit = (1024 if self.seconds >= 600 else 16 * 1024) + 1024 * hours
        self.check(f"memory of the steady daemon between faults ({limit:.0f} KiB allowed)",
                   f"{grown:+.0f} KiB in {hours:.2f} h", grown <= limit)
        judged = self.samples[int(len(self.samples) * WARM_UP):]
        third = max(1, len(judged) // 3)
        # Sessions of the pool are opened as they are needed, with two descriptors each.
        for figure, spare in (("fds", 2 * POOL), ("threads", 1)):
            early, late = (statistics.median(line[f"steady_{figure}"] for line in part)
                           for part in (judged[:third], judged[-third:]))
            self.check(f"{figure} of the steady daemon, early and late", f"{early:g} {late:g}",
                       late <= early + spare)
        most = max(line["sessions"] for line in self.samples)
        # A frozen daemon's sessions, and those of one that is just leaving, count as well.
        self.check(f"sessions in PostgreSQL ({3 * (POOL + 3)} allowed)", most, most <= 3 * (POOL + 3))

    def judge_tables(self):
        last = self.samples[-1]
        for name in ("cursors", "accounts", "owners", "backends"):
            self.bounded(f"table and indexes of {name}", f"{name}_bytes", 256 * 1024, 128 * 1024)
        for name in ("soft", "hard", "versions"):
            start, grown, _ = self.growth(f"{name}_bytes")
            self.check(f"data.{name}, whose keys are bounded (half and 2 MiB allowed)",
                       f"{start / 1024:.0f} KiB {grown / 1024:+.1f}", grown <= start / 2 + 2 * 1024 * 1024)
        broken = sum(stream.broken for stream in self.streams.values())
        letters = self.t.rows("pactolus.dead_letters")
        self.check("letters in the ledger, against the model", f"{letters} of {broken}", letters == broken)
        each = (last["ledger_bytes"] + last["ledger_index_bytes"]) / max(1, last["ledger_rows"])
        self.check("ledger, bytes a letter (2,048 allowed, 256 KiB spare)", f"{each:.0f}",
                   each * last["ledger_rows"] <= 2048 * last["ledger_rows"] + 256 * 1024)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, default=1.0)
    length.add_argument("--seconds", type=float, help="the same for short runs; 30 at least")
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    parser.add_argument("--rate", type=float, default=2000.0, help="records a second, over all streams")
    parser.add_argument("--csv", default="soak.csv")
    parser.add_argument("--build", default=str(ROOT / "build" / "release"))
    parser.add_argument("--postgres", default="15", choices=["15", "17"])
    parser.add_argument("--keep", action="store_true", help="leave servers and files for a look")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder, world, soak, good = harness.scratch(), None, None, False
    seconds = max(30.0, options.seconds or options.hours * 3600)
    print(f"soak: {seconds:.0f} s, seed {options.seed}, {options.rate:g} records/s, samples in {options.csv}",
          flush=True)
    try:
        world = harness.World(folder, options.build, int(options.postgres), keep=options.keep)
        soak = Soak(world, options, seconds)
        soak.run()
        soak.t.settle()
        good = soak.failed == 0
    except harness.Failure as failure:
        print(f"FAILED: {failure}")
        if soak:
            soak.failed += 1
            print("\n".join(soak.t.tails()))
    finally:
        if soak:
            soak.t.close(options.keep)
        if world:
            world.down()
        if options.keep or not good:
            print(f"kept: {folder}")
        else:
            harness.remove(folder)
    print(f"{soak.passed if soak else 0} passed, {soak.failed if soak else 1} failed"
          + ("" if good else f" (seed {options.seed})"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
