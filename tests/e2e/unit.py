# SPDX-License-Identifier: Apache-2.0
"""The systemd units, and what the daemon tells a service manager: here the manager is a test's own socket."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from background import Background
from harness import ROOT, Daemon, Skipped, equal, expect, test, wait
import model

UNITS = ROOT / "systemd"


class Manager(Background):
    """What systemd is to the daemon: a datagram socket, and what came in on it. Like systemd it reads at
    all times, since who writes to a full socket waits: until the test's end, when its daemons have ended."""

    def __init__(self, t, name):
        super().__init__()
        self.path = str(t.folder / name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.1)  # what its end may be late
        self.told = []
        t.servers.append(self)
        self.start()

    def work(self):
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                self.told.append(self.socket.recv(65536).decode())

    def down(self):
        self.stop()
        self.socket.close()

    def texts(self):
        return self.told

    def catch_up(self):
        """Returns when all that was sent until now was read: how much that is."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"mark", self.path)
        self.await_text("^mark$")
        return len(self.told)

    def heard(self, pattern, after=0):
        self.check()
        return [text for text in self.texts()[after:] if re.search(pattern, text, re.M)]

    def await_text(self, pattern, after=0):
        return wait(lambda: self.heard(pattern, after), f"a notification like {pattern}")[0]


def watched(t, config, interval="900000"):
    manager = Manager(t, "notify")
    daemon = t.daemon(config, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": interval})
    manager.await_text("^READY=1$")
    return manager, daemon


@test
def systemd_is_told_what_the_daemon_does(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record("a", partition=0), model.broken_record(partition=1)])
    manager, daemon = watched(t, config)
    manager.await_text(r"^STATUS=2 partitions, 0 records behind, 1 dead letter open$")
    manager.await_text("^WATCHDOG=1$")
    begun = len(manager.texts())
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    daemon.signal(signal.SIGHUP)
    reloading = manager.await_text("^RELOADING=1$", begun)
    stamp = int(re.search(r"^MONOTONIC_USEC=(\d+)$", reloading, re.M).group(1))
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    expect(before <= stamp <= now, "MONOTONIC_USEC is not of this reload:", before, stamp, now)
    manager.await_text("^READY=1$", manager.texts().index(reloading) + 1)
    daemon.signal(signal.SIGTERM)
    stopping = manager.await_text("^STOPPING=1$")
    expect(int(re.search(r"^EXTEND_TIMEOUT_USEC=(\d+)$", stopping, re.M).group(1)) > 10_000_000,
           "the drain is not asked time for:", stopping)
    equal(daemon.finish(), 0, "exit status")


@test
def an_outage_stops_no_ping_and_a_hang_does(t):
    topic = t.topic(partitions=1)
    t.own_postgres()
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    manager, daemon = watched(t, config)
    t.postgres.stop(immediate=True)
    t.produce(topic, [model.item_record("a", partition=0)])
    wait(lambda: "closed the connection" in daemon.text(), "the daemon to meet the outage")
    pings = len(manager.heard("^WATCHDOG=1$"))
    wait(lambda: len(manager.heard("^WATCHDOG=1$")) >= pings + 4, "pings in an outage")
    t.postgres.start()
    wait(lambda: t.caught_up(topic), "the rows after the outage")
    daemon.freeze()
    frozen, until = manager.catch_up(), time.monotonic() + 1.0
    wait(lambda: time.monotonic() > until, "longer than WATCHDOG_USEC")
    equal(manager.heard("^WATCHDOG=1$", frozen), [], "pings of a frozen daemon")
    daemon.thaw()
    manager.await_text("^WATCHDOG=1$", frozen)


@test
def another_process_s_watchdog_is_not_ours(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    manager = Manager(t, "notify")
    daemon = t.daemon(config, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000",
                                   "WATCHDOG_PID": "1"})
    manager.await_text("^STATUS=1 partition")
    equal(manager.heard("^WATCHDOG=1$"), [], "pings")
    daemon.stop()


class Journalled(Daemon):
    """A daemon whose stderr is journald's for all that it can tell, with a socket of ours as journald's."""

    SCRIPT = ('mount -t tmpfs none /run && mkdir -p /run/systemd/journal && : >/run/systemd/journal/socket && '
              'mount --bind "$1" /run/systemd/journal/socket && shift && '
              'exec env JOURNAL_STREAM="$(stat -L -c %d:%i /proc/self/fd/2)" "$@"')

    def __init__(self, test, config, path, log):
        self.log_path, self.log = log, open(log, "ab")
        user = [] if os.geteuid() == 0 else ["-r"]
        self.process = subprocess.Popen(
            ["unshare", *user, "-m", "sh", "-c", self.SCRIPT, "sh", path,
             test.world.program("pactolus"), "run", "--config", config],
            stdout=self.log, stderr=self.log)
        self.pid = self.process.pid


def fields(entry):
    return dict(line.split("=", 1) for line in entry.splitlines() if "=" in line)


@test
def the_journal_gets_fields(t):
    """Events carry a MESSAGE_ID and what they are about; nothing goes to stderr beside it."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, flood={"consecutive": 5})})
    t.migrate(config)
    journal = Manager(t, "journal")
    log = t.folder / "journalled.log"
    daemon = Journalled(t, config, journal.path, log)
    t.daemons.append(daemon)
    journal.await_text("^MESSAGE=pactolus .*: group ")
    t.produce(topic, [model.broken_record(partition=0) for _ in range(8)])
    told = fields(journal.await_text("^MESSAGE_ID=c4eb601226bd4dd3892fad0e23f8ce60$"))
    equal((told["PACTOLUS_STREAM"], told["PRIORITY"], told["SYSLOG_IDENTIFIER"]), ("items", "3", "pactolus"),
          "fields of a flood")
    expect("items" in told["MESSAGE"] and "<3>" not in told["MESSAGE"], "its text:", told)
    t.must("resume", "items", "--config", config)
    journal.await_text("^MESSAGE_ID=d30b9f6a5d97428d885820cda26209af$")
    equal(log.read_text(), "", "what went to stderr")


@test
def every_event_is_in_the_catalog(t):
    """src/base/log.c and systemd/pactolus.catalog have the same ids, each once."""
    ids = re.findall(r'"([0-9a-f]{32})"', (ROOT / "src/base/log.c").read_text())
    catalog = (UNITS / "pactolus.catalog").read_text()
    equal(sorted(re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.M)), sorted(ids), "ids")
    equal(len(set(ids)), len(ids), "ids that differ")
    documented = re.findall(r"`([0-9a-f]{32})` \|$", (ROOT / "docs/operations.md").read_text(), re.M)
    equal(sorted(documented), sorted(ids), "ids in docs/operations.md")
    equal(len(re.findall(r"^Subject: \S", catalog, re.M)), len(ids), "subjects")


@test
def both_units_are_one(t):
    """pactolus@.service differs from pactolus.service in where it looks, and in nothing else."""
    one, many = ((UNITS / name).read_text() for name in ("pactolus.service", "pactolus@.service"))
    same = many.replace("/etc/pactolus/%i/", "/etc/pactolus/").replace(" (%i)", "")

    def settings(text):
        return [line for line in text.splitlines() if not re.match(r"# (The|One|What a site)", line)]

    equal(settings(same), settings(one), "settings of pactolus@.service")
    expect(one.index("StartLimit") < one.index("[Service]"), "StartLimit… belongs into [Unit]")
    for line in ("LimitCORE=0", "Type=notify", "WatchdogSec=60s", "RestartPreventExitStatus=USAGE CONFIG NOPERM"):
        expect(f"\n{line}\n" in one, "the unit lacks", line)


@test
def the_sandbox_is_tight(t):
    if not shutil.which("systemd-analyze"):
        raise Skipped("systemd-analyze is not installed")
    for unit in ("pactolus.service", "pactolus@.service"):
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager",
                               str(UNITS / unit)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        equal(done.returncode, 0, f"exposure of {unit} above 1.5: {done.stdout[-200:]}")
