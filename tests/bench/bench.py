#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the daemon beside binary COPY, and produced → visible. Called by scripts/bench.

Each round does three things in turn, in a database of its own:
  new       RECORDS payments, all of new keys, from the broker into an empty table
  COPY      the same rows by binary COPY into a table of the same definition, all bookkeeping
            columns, one transaction per batch of the same size
  existing  RECORDS payments of which 80 % have a key that the table holds
The ratio is taken within a round, for a machine's speed drifts from minute to minute.
"""

import argparse
import contextlib
import csv
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import psycopg2  # noqa: E402
import harness  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
EXISTING = 0.8  # share of keys in the second load that the first one made


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpu_of(pid):
    """Seconds of CPU of a process and all its threads; 0 when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_of(pid):
    """Peak resident memory in MiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.build = pathlib.Path(options.build)
        self.postgres = self.kafka = None
        try:
            self.postgres = harness.Postgres(folder / "postgres", int(options.postgres))
            self.kafka = harness.Kafka(folder / "kafka")
        except BaseException:
            self.down()
            raise

    def down(self):
        for server in (self.kafka, self.postgres):
            if server:
                with contextlib.suppress(Exception):
                    server.down()

    def program(self, name, *arguments):
        return [str(self.build / name), *map(str, arguments)]

    def topic(self, name):
        subprocess.run(self.program("pactolus-topic", "--bootstrap", self.kafka.bootstrap, "create", name,
                                    self.options.partitions), check=True, stdout=subprocess.DEVNULL)

    def load(self, topic, *more):
        subprocess.run(self.program("pactolus-load", "--bootstrap", self.kafka.bootstrap, "--topic", topic,
                                    *more), check=True, stdout=subprocess.DEVNULL)

    def connect(self, database):
        connection = psycopg2.connect(self.postgres.conninfo(database))
        connection.autocommit = True
        return connection

    def config(self, database, topics):
        listed = [{"name": topic, "contract": "payments.v1.Payment"} for topic in topics]
        path = self.folder / f"{database}.conf"
        path.write_text(harness.config_file({
            "group": database, "kafka": {"bootstrap_servers": self.kafka.bootstrap},
            "database": {"conninfo": self.postgres.conninfo(database)},
            "streams": {"payments": {
                "descriptors": self.build / "descriptors/payment.binpb", "topics": listed,
                "key": {"format": "text"}, "columns": {"payment_id": {"type": "uuid"}},
                "batch": {"rows": self.options.batch},
                "table": {"key": ["payment_id"], "name": "payments"}}}}))
        return str(path)

    @contextlib.contextmanager
    def database(self, name):
        with contextlib.closing(self.connect("postgres")) as connection:
            connection.cursor().execute(f"create database {name}")
        try:
            yield name
        finally:
            with contextlib.closing(self.connect("postgres")) as connection:
                connection.cursor().execute(f"drop database if exists {name} with (force)")

    def drain(self, config, database, count):
        """Run the daemon until `count` more records are applied; a dict of what it took."""
        connection = self.connect(database)
        cursor = connection.cursor()

        def applied():
            cursor.execute("select coalesce(sum(next_offset - pass_start), 0)::bigint from pactolus.cursors")
            return cursor.fetchone()[0]

        def backends():
            cursor.execute("select pid from pg_stat_activity where datname = current_database() and "
                           "pid <> pg_backend_pid() and backend_type = 'client backend'")
            return [pid for pid, in cursor.fetchall()]

        cursor.execute("checkpoint")
        before = applied()
        log = open(self.folder / "daemon.log", "ab")
        daemon = subprocess.Popen(self.program("pactolus", "run", "--config", config), stdout=log,
                                  stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 300
            now = before
            while now == before:  # until the first commit: joining the group is not the load
                began, cpu = time.monotonic(), cpu_of(daemon.pid)
                served = {pid: cpu_of(pid) for pid in backends()}
                now = applied()
                self.check(daemon, deadline)
                time.sleep(0.002)
            first = now
            while now < before + count:
                now = applied()
                self.check(daemon, deadline)
                time.sleep(0.01)
            rows, seconds = before + count - first, time.monotonic() - began
            return {"rows": rows, "seconds": seconds, "rate": rows / seconds,
                    "daemon_us": (cpu_of(daemon.pid) - cpu) / rows * 1e6,
                    "backend_us": sum(cpu_of(p) - served.get(p, 0) for p in backends()) / rows * 1e6,
                    "peak_mib": peak_of(daemon.pid)}
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
            connection.close()
            log.close()

    @staticmethod
    def check(daemon, deadline):
        if daemon.poll() is not None:
            raise RuntimeError(f"the daemon ended with {daemon.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError("the daemon did not get through in 300 s")

    def copy(self, database, number):
        """Binary COPY of the table's rows, in the order in which they lie in their logs."""
        conninfo, rows = self.postgres.conninfo(database), self.folder / "rows.bin"
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            if not rows.exists():
                with open(rows, "wb") as out:
                    cursor.copy_expert("copy (select * from data.payments order by _offset, _log) to stdout "
                                       "(format binary)", out)
            cursor.execute("create table data.copied (like data.payments including all)")
            cursor.execute("checkpoint")
        out = subprocess.run(self.program("pactolus-copy", conninfo, "data.copied", rows, self.options.batch),
                             check=True, text=True, stdout=subprocess.PIPE).stdout
        count, seconds, client, backend = map(float, out.split())
        with contextlib.closing(self.connect(database)) as connection:
            connection.cursor().execute("drop table data.copied")
        return {"rows": int(count), "seconds": seconds, "rate": count / seconds, "daemon_us": client,
                "backend_us": backend, "peak_mib": None}

    def round(self, number):
        with self.database(f"bench{number}") as database:
            config = self.config(database, ["bench.new"])
            subprocess.run(self.program("pactolus", "migrate", "--execute", "--config", config), check=True,
                           stdout=subprocess.DEVNULL)
            new = self.drain(config, database, self.options.records)
            copied = self.copy(database, number)
            both = self.config(database, ["bench.new", "bench.existing"])
            existing = self.drain(both, database, self.options.records)
        return {"new": new, "copy": copied, "existing": existing}

    def latency(self):
        """(p50, p99, slowest, records) at a steady rate, after a warm-up that fills the WAL."""
        seconds = self.options.seconds
        with self.database("benchlatency") as database:
            self.topic("bench.latency")
            config = self.config(database, ["bench.latency"])
            subprocess.run(self.program("pactolus", "migrate", "--execute", "--config", config), check=True,
                           stdout=subprocess.DEVNULL)
            with open(self.folder / "daemon.log", "ab") as log:
                daemon = subprocess.Popen(self.program("pactolus", "run", "--config", config), stdout=log,
                                          stderr=subprocess.STDOUT)
            total = self.options.rate * (seconds + 10)
            producer = subprocess.Popen(self.program(
                "pactolus-load", "--bootstrap", self.kafka.bootstrap, "--topic", "bench.latency", "--count", total,
                "--rate", self.options.rate), stdout=subprocess.DEVNULL)
            try:
                time.sleep(5)  # the warm-up: the group has settled, WAL segments are there
                out = subprocess.run(
                    ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "stream=payments", "-v",
                     "table=data.payments", "-v", f"seconds={seconds}", "-f", str(HERE / "latency.sql"),
                     self.postgres.conninfo(database)], check=True, text=True, stdout=subprocess.PIPE).stdout
            finally:
                producer.terminate()
                producer.wait(30)
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(60)
        p50, p99, slowest, count = out.strip().split("|")
        return float(p50), float(p99), float(slowest), int(count)


def spread(values, digits=2):
    """median [least–greatest]"""
    return (f"{statistics.median(values):.{digits}f} "
            f"[{min(values):.{digits}f}–{max(values):.{digits}f}]")


def table(rounds):
    header = ("", "rows/s", "of COPY", "µs CPU/row client", "µs CPU/row backend", "peak MiB")
    lines = [header]
    for kind, title in (("copy", "binary COPY"), ("new", "new keys"), ("existing", "80 % existing keys")):
        runs = [r[kind] for r in rounds]
        peaks = [r["peak_mib"] for r in runs if r["peak_mib"]]
        lines.append((title, f"{statistics.median(r['rate'] for r in runs):,.0f}",
                      spread([r[kind]["rate"] / r["copy"]["rate"] for r in rounds]),
                      spread([r["daemon_us"] for r in runs]), spread([r["backend_us"] for r in runs]),
                      f"{max(peaks):.0f}" if peaks else ""))
    widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) if n == 0 else cell.rjust(width)
                        for n, (cell, width) in enumerate(zip(line, widths))).rstrip())


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--rate", type=int, default=5000, help="records a second while latency is measured")
    parser.add_argument("--seconds", type=int, default=30, help="how long latency is measured; 0 = not")
    parser.add_argument("--postgres", default="15", choices=["15", "17"])
    parser.add_argument("--build", default=str(harness.ROOT / "build" / "release"))
    parser.add_argument("--csv", default=str(harness.ROOT / "build" / "bench.csv"))
    options = parser.parse_args()
    folder = harness.scratch()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bench, rounds, latency = None, [], None
    try:
        bench = Bench(options, folder)
        say(f"producing 2 × {options.records:,} payments")
        if options.rounds:
            for topic in ("bench.new", "bench.existing"):
                bench.topic(topic)
            bench.load("bench.new", "--count", options.records)
            bench.load("bench.existing", "--count", options.records, "--keys", options.records, "--updates",
                       EXISTING, "--seed", 2)
        for number in range(1, options.rounds + 1):
            rounds.append(bench.round(number))
            done = rounds[-1]
            say(f"round {number}: COPY {done['copy']['rate']:,.0f} rows/s, new {done['new']['rate']:,.0f}, "
                f"80 % existing {done['existing']['rate']:,.0f}")
        if options.seconds:
            say(f"latency: {options.rate:,} records/s for {options.seconds} s")
            latency = bench.latency()
    except BaseException:
        log = folder / "daemon.log"
        if log.exists():
            say("--- the end of the daemon's log\n" + log.read_text(errors="replace")[-3000:])
        raise
    finally:
        if bench:
            bench.down()
        harness.remove(folder)
    with open(options.csv, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["round", "what", "rows", "seconds", "rows_per_second", "ratio_to_copy",
                         "client_us_per_row", "backend_us_per_row", "peak_mib"])
        for number, done in enumerate(rounds, 1):
            for kind, run in done.items():
                writer.writerow([number, kind, run["rows"], f"{run['seconds']:.3f}", f"{run['rate']:.0f}",
                                 f"{run['rate'] / done['copy']['rate']:.3f}", f"{run['daemon_us']:.3f}",
                                 f"{run['backend_us']:.3f}", run["peak_mib"] and f"{run['peak_mib']:.1f}"])
        if latency:
            writer.writerow(["", "latency_ms_p50_p99_max", latency[3], options.seconds, options.rate, *latency[:3]])
    if rounds:
        print(f"{options.records:,} records, batches of {options.batch:,}, {options.rounds} rounds; "
              f"median [least–greatest]; PostgreSQL {options.postgres}, {os.cpu_count()} cores shared with Kafka")
        table(rounds)
    if latency:
        print(f"produced → visible at {options.rate:,}/s: p50 {latency[0]} ms, p99 {latency[1]} ms, "
              f"slowest {latency[2]} ms ({latency[3]:,} records)")
    print(f"csv: {options.csv}")


if __name__ == "__main__":
    main()
