# SPDX-License-Identifier: Apache-2.0
"""Two daemons in one group: whatever happens to one, nothing is lost or doubled, the other goes on."""

import pathlib
import random
import shutil
import subprocess
import tempfile
import time

from background import Background
from harness import equal, expect, test, wait
import model

KAFKA = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
TAKEN_OVER = 20  # seconds after which the other must own everything: the session timeout and some


class Flow(Background):
    """A steady stream of records, `size` of them every `pause` seconds, until it is stopped; `fields` are the
    same in each. `number`: how many there were."""

    def __init__(self, t, topic, keys=5000, size=100, pause=0.02, **fields):
        super().__init__()
        self.t, self.topic, self.number, self.fields = t, topic, 0, fields
        self.keys, self.size, self.pause = keys, size, pause

    def work(self):
        while not self.ended.is_set():
            self.produce(self.size)
            self.number += self.size
            self.ended.wait(self.pause)

    def produce(self, count):
        self.t.produce(self.topic, [model.item_record(f"item-{n % self.keys}", quantity=n, **self.fields)
                                    for n in range(self.number, self.number + count)])


def owners(t):
    """Owner → how many cursors it holds."""
    return dict(t.sql("select owner, count(*) from pactolus.cursors where owner is not null group by 1"))


def begin(t, kafka=None, more=((), ()), **fields):
    """Two daemons that share the topic's partitions, and a flow of records. `kafka`: more of its properties;
    `more`: arguments of the first and of the second daemon."""
    topic = t.topic("items", partitions=6)
    config = t.config(streams={"items": t.stream(topic)}, kafka={**KAFKA, **(kafka or {})})
    t.migrate(config)
    flow = Flow(t, topic, **fields).start()
    try:
        first = t.daemon(config, *more[0])
        wait(lambda: len(owners(t)) == 1, "the first daemon's claim")
        first_owner = next(iter(owners(t)))
        second = t.daemon(config, *more[1])
        wait(lambda: len(owners(t)) == 2, "both daemons to share the partitions")
    except BaseException:
        flow.stop()
        raise
    second_owner = next(o for o in owners(t) if o != first_owner)
    return topic, config, flow, first, first_owner, second, second_owner


def advances(t, owner):
    """True once a cursor of `owner` has moved: it works, not only holds."""
    before = dict(t.sql("select cursor_id, next_offset from pactolus.cursors where owner = %s", owner))
    wait(lambda: any(next_offset > before.get(cursor, next_offset) for cursor, next_offset in t.sql(
        "select cursor_id, next_offset from pactolus.cursors where owner = %s", owner)),
        "the owner's cursors to move")


def check_everything(t, topic):
    """All of the topic is applied, each record once, and the table is what it says."""
    wait(lambda: t.caught_up(topic), "everything to be applied")
    messages = t.consume(topic)
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.items")},
          model.items(messages), "rows")
    t.check_account(consumed=len(messages), dead_lettered=0)


def conclude(t, topic, flow):
    flow.stop()
    check_everything(t, topic)


def after(t, act, **fields):
    """Do something to the first daemon; how long the second took to own everything."""
    topic, _, flow, first, first_owner, second, second_owner = begin(t, **fields)
    try:
        advances(t, first_owner)
        advances(t, second_owner)
        act(first)
        started = time.monotonic()
        wait(lambda: set(owners(t)) == {second_owner}, "the second daemon to take over", TAKEN_OVER)
        taken = time.monotonic() - started
        advances(t, second_owner)
        return topic, flow, first, second, taken
    except BaseException:
        flow.stop()
        raise


@test
def one_of_two_is_stopped(t):
    topic, flow, first, second, taken = after(t, lambda daemon: daemon.signal(15))
    equal(first.finish(), 0, "exit status of the stopped one")
    conclude(t, topic, flow)
    expect(second.alive(), "the second daemon died")
    expect(taken < 6, f"a clean stop hands over at once, not in {taken:.1f} s")


@test
def one_of_two_is_killed(t):
    topic, flow, _, second, _ = after(t, lambda daemon: daemon.kill())
    conclude(t, topic, flow)
    expect(second.alive(), "the second daemon died")


@test
def one_of_two_freezes_and_comes_back(t):
    """SIGSTOP past the session timeout: a zombie that wakes writes nothing and joins again."""
    topic, flow, first, second, _ = after(t, lambda daemon: daemon.freeze())
    try:
        first.thaw()
        wait(lambda: len(owners(t)) == 2, "the thawed daemon to join again", 30)
    finally:
        conclude(t, topic, flow)
    expect(first.alive() and second.alive(), "a daemon died")


# libpq sends what waits once it holds 64 KiB: with notes of this length a batch is at the server, all but
# its Sync, when the Sync is written.
LONG = "n" * 8000


class HalfSent:
    """A daemon frozen by a debugger with its first statements at the server and no Sync behind them: no
    timeout of the server applies to such a session, and its cursors stay locked."""

    def __init__(self, t, daemon):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pactolus-half-sent."))
        self.frozen, self.release = folder / "frozen", folder / "release"
        script = folder / "script"
        script.write_text(
            "set pagination off\nset breakpoint pending on\nhandle SIGPIPE nostop noprint pass\n"
            "break PQpipelineSync\ncontinue\n"
            f"shell touch {self.frozen}\nshell while [ ! -e {self.release} ]; do sleep 0.05; done\n"
            "delete\ndetach\n")
        self.debugger = subprocess.Popen(
            ["gdb", "-batch", "-nx", "-p", str(daemon.pid), "-x", str(script)],
            stdin=subprocess.DEVNULL, stdout=open(folder / "log", "wb"), stderr=subprocess.STDOUT)
        try:
            wait(self.frozen.exists, "the daemon to be frozen in the middle of a batch", 30)
            wait(lambda: t.sql("select 1 from pg_stat_activity where datname = current_database() and "
                               "state = 'active' and wait_event = 'ClientRead'"),
                 "a session that waits for the rest of its batch")
        except BaseException:
            self.thaw()
            raise

    def thaw(self):
        if self.debugger.poll() is None:
            self.release.touch()
            self.debugger.wait(30)
        shutil.rmtree(self.release.parent, ignore_errors=True)


@test
def one_of_two_freezes_between_its_first_statement_and_sync(t):
    """The new owner ends the session that holds its cursors; the zombie's batch leaves nothing."""
    half_sent = []
    try:
        topic, flow, first, second, taken = after(
            t, lambda daemon: half_sent.append(HalfSent(t, daemon)), note=LONG)
    finally:
        for one in half_sent:
            one.thaw()
    try:
        wait(lambda: len(owners(t)) == 2, "the thawed daemon to join again", 30)
    finally:
        conclude(t, topic, flow)
    expect(first.alive() and second.alive(), "a daemon died")
    expect(taken < 6 + 5, f"taken over {taken:.1f} s after the freeze, at a session timeout of 6 s")


@test
def a_daemon_that_joins_gets_its_share(t):
    topic, _, flow, *_ = begin(t)
    conclude(t, topic, flow)


@test(full_only=True)
def three_daemons_under_random_faults(t):
    """Kills, stops and freezes at random for a minute; a seed in the message repeats the choice."""
    seed = random.randrange(10 ** 9)
    draw = random.Random(seed)
    topic = t.topic("items", partitions=6)
    config = t.config(streams={"items": t.stream(topic)}, kafka=dict(KAFKA, session_timeout_ms=2000))
    t.migrate(config)
    with Flow(t, topic) as flow:
        running = [t.daemon(config) for _ in range(3)]
        frozen = []
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                act = draw.choice(["kill", "stop", "freeze", "thaw"])
                if act == "thaw" and frozen:
                    frozen.pop(0).thaw()
                elif act == "freeze" and len(frozen) < 2:
                    victim = draw.choice([d for d in running if d not in frozen])
                    victim.freeze()
                    frozen.append(victim)
                elif act in ("kill", "stop"):
                    victim = draw.choice([d for d in running if d not in frozen] or running)
                    running.remove(victim)
                    if act == "kill" or victim in frozen:
                        frozen = [d for d in frozen if d is not victim]
                        victim.kill()
                    else:
                        equal(victim.stop(), 0, f"exit status (seed {seed})")
                    running.append(t.daemon(config))
                flow.ended.wait(draw.uniform(0.2, 4))  # the pace of the faults, not a condition
        finally:
            for daemon in frozen:
                daemon.thaw()
    conclude(t, topic, flow)
