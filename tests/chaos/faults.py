# SPDX-License-Identifier: Apache-2.0
"""The faults, as data: what is done, how it is undone, how long it holds, and who may draw it.

Each fault belongs to a hand. Faults of one hand come one after the other, those of different hands
together: a daemon is killed while the broker is frozen, but nobody stops a server that is down.
`act(round, draw)` does it and returns what `undo(round, thing)` needs; in between it holds for some
seconds of the drawn length.
"""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import time
import typing

import psycopg2

from harness import equal
from members import AGAIN
from network import DOWN, UP
from patience import wait

REFUSED = 78  # exit status: the configuration is not one to run with


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    hand: str  # daemons, database, broker, topics, link, analyst
    text: str  # for docs/chaos.md
    act: typing.Callable
    undo: typing.Callable = lambda round_, thing: None
    hold: tuple = (0.0, 0.0)
    weight: int = 2
    needs: typing.Callable = lambda plan: True  # which rounds may draw it
    never_with: tuple = ()
    once: bool = False  # at most once in a round


# --- daemons -------------------------------------------------------------------------------------


def kill(round_, draw):
    member = draw.choice(round_.members.list)
    member.kill()
    return member


def kill_all(round_, draw):
    for member in round_.members.list:
        member.kill()


def start_all(round_, _):
    for member in round_.members.list:
        member.start()


def stop(round_, draw):
    member = draw.choice(round_.members.list)
    member.stop()
    return member


def start(_, member):
    member.start()


def freeze(round_, draw):
    member = draw.choice(round_.members.list)
    member.freeze()
    return member


def thaw(_, member):
    member.thaw()


# --- PostgreSQL ----------------------------------------------------------------------------------


def database_stop(round_, draw):
    round_.world.postgres.stop()


def database_start(round_, _):
    round_.world.postgres.start()


def promote(round_, draw):
    round_.world.postgres.await_standby()
    round_.world.postgres.promote()


def lag(round_, draw):
    """The standby hears nothing from now on: what commits until it is promoted is lost."""
    round_.world.postgres.await_standby()
    round_.world.postgres.replication.cut()


def promote_behind(round_, _):
    round_.world.postgres.promote()


def terminate(round_, draw):
    for _ in range(draw.choice([1, 1, 5])):
        round_.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = "
                   "current_database() and application_name like 'pactolus%'")
        round_.pause(draw.uniform(0, 0.3))


def stranger(round_, *statements):
    """A session of somebody else with these statements in an open transaction. None when it was
    ended in the middle, by a fault of another hand."""
    def connect():
        with contextlib.suppress(psycopg2.OperationalError):
            return psycopg2.connect(round_.test.conninfo, application_name="stranger")
    connection = wait(connect, "a server to connect to")
    try:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return connection
    except psycopg2.OperationalError:
        connection.close()
        return None


def lock_table(round_, draw):
    return stranger(round_, f"lock table {draw.choice(round_.streams).table} in access exclusive mode")


def lock_rows(round_, draw):
    return stranger(round_, f"select 1 from {draw.choice(round_.streams).table} for update")


def lock_cursors(round_, draw):
    return stranger(round_, "select 1 from pactolus.cursors for update")


def snapshot(round_, draw):
    return stranger(round_, "set transaction isolation level repeatable read",
                    f"select count(*) from {draw.choice(round_.streams).table}")


def deadlock(round_, draw):
    """Somebody who locks two rows in the wrong order, again and again, and never gives in first."""
    stream = draw.choice([s for s in round_.streams if not s.kind.append])
    for _ in range(draw.randint(10, 25)):
        if round_.aborted.is_set():
            return
        with contextlib.suppress(psycopg2.Error), contextlib.closing(round_.test.connect()) as connection:
            connection.autocommit = False
            cursor = connection.cursor()
            cursor.execute("set deadlock_timeout = '1min'; set lock_timeout = '1s'")
            cursor.execute(f"select item_id from {stream.table} order by random() limit 2")
            # As batches are sorted: by the length of the key, then by its bytes.
            keys = sorted((key for key, in cursor.fetchall()), key=lambda key: (len(key), key))
            for key in reversed(keys):
                cursor.execute(f"select 1 from {stream.table} where item_id = %s for update", [key])
                round_.pause(0.05)


def go_away(_, connection):
    if connection is None:
        return
    with contextlib.suppress(psycopg2.Error):
        connection.rollback()
    connection.close()


def read_only(round_, draw):
    round_.world.postgres.await_standby()  # one that is copied now would be read-only for good
    reconfigure(round_, "alter system set default_transaction_read_only = on")


def read_write(round_, _):
    reconfigure(round_, "alter system reset default_transaction_read_only")


def reconfigure(round_, statement):
    with round_.world.postgres.admin() as connection:
        connection.cursor().execute(statement)
        connection.cursor().execute("select pg_reload_conf()")
    terminate(round_, round_.draw)


def fill_disk(round_, draw):
    round_.disk.fill()


def free_disk(round_, _):
    round_.disk.free()


# --- Kafka ---------------------------------------------------------------------------------------


def broker_freeze(round_, draw):
    round_.world.kafka.script("stop")


def broker_thaw(round_, _):
    round_.world.kafka.script("cont")


def broker_kill(round_, draw):
    round_.world.kafka.kill()


def broker_start(round_, _):
    round_.world.kafka.up()


def add_partitions(round_, draw):
    stream = draw.choice(round_.streams)
    topic = draw.choice(list(stream.topics))
    total = round_.history.partitions[topic] + draw.randint(1, 3)
    round_.world.kafka.add_partitions(topic, total)
    round_.history.grown(topic, total)


def make_dlq(round_, _):
    """It was left out when the round's topics were made."""
    round_.world.kafka.make_topics({round_.letters_from.dlq: 1})


def recreate_topic(round_, draw):
    """Only when all of it is applied: what was not read yet would be lost for good, as it should. Anew
    only when the group has noticed, and records only when the new logs are claimed: see
    docs/guarantees.md on what comes before."""
    topic = draw.choice([topic for stream in round_.streams for topic in stream.topics])
    history, kafka = round_.history, round_.world.kafka
    history.hold(round_.test, topic)
    ends = history.ends(topic)
    round_.wait(lambda: all(round_.positions().get(log) == end for log, end in ends.items()),
                "a topic to be applied before it is deleted", round_.positions)
    kafka.delete_topics([topic])
    wait(lambda: kafka.lacks(topic), "the topic to be gone")
    wait(lambda: kafka.forgot(round_.test.group, topic, history.partitions[topic]), "the group to notice")
    kafka.make_topics({topic: history.partitions[topic]})
    history.renew(topic)
    logs = [(topic, history.incarnations[topic], p) for p in range(history.partitions[topic])]
    round_.wait(lambda: set(logs) <= set(round_.positions()), "a topic that was made anew to be claimed",
                round_.positions)
    history.go_on(topic)


# --- the database's identity ---------------------------------------------------------------------


def clone(round_, draw):
    """A copy of the database as somebody's test system has it, and a daemon on it in our group: it must
    end at once, since whatever partitions it got would be missing in the table."""
    name = f"{round_.test.database}_clone"
    wait(lambda: copied(round_, name), "a copy of the database")
    before = positions_in(round_, name)
    config, daemon = round_.config("clone", name), None

    def refused():
        nonlocal daemon
        if daemon and daemon.alive():
            return False
        if daemon and daemon.process.returncode not in AGAIN:
            return True
        daemon = round_.test.daemon(config)
        return False
    wait(refused, "the daemon on a copy of the database to end")
    equal(daemon.process.returncode, REFUSED, "exit status of a daemon on a copy of the database")
    return name, before


def copied(round_, name):
    """Other faults stop servers in the middle of it."""
    with contextlib.suppress(psycopg2.Error), round_.world.postgres.admin() as connection:
        connection.cursor().execute("set default_transaction_read_only = off")
        connection.cursor().execute(f'drop database if exists "{name}" with (force)')
        connection.cursor().execute(f'create database "{name}"')
        copy = (f"pg_dump -d '{round_.test.conninfo}' | "
                f"PGOPTIONS='-c default_transaction_read_only=off' "
                f"psql -q -v ON_ERROR_STOP=1 -d '{round_.world.postgres.conninfo(name)}'")
        return subprocess.run(["bash", "-o", "pipefail", "-c", copy], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


def positions_in(round_, name):
    def asked():
        with contextlib.suppress(psycopg2.Error):
            return round_.world.postgres.ask(
                "select coalesce(string_agg(t::text, ';' order by t::text), 'none') from (select log_id, "
                "next_offset, fence from pactolus.cursors) t", name)
    return wait(asked, "the cursors of the copy")


def end_clone(round_, thing):
    name, before = thing
    equal(positions_in(round_, name), before, "cursors of the copy")

    def dropped():
        with contextlib.suppress(psycopg2.Error), round_.world.postgres.admin() as connection:
            connection.cursor().execute("set default_transaction_read_only = off")
            connection.cursor().execute(f'drop database "{name}" with (force)')
            return True
    wait(dropped, "the copy to be dropped")


# --- the network ---------------------------------------------------------------------------------


def links(round_, draw):
    """Of one side: the broker, or both database servers."""
    world = round_.world
    return draw.choice([[world.kafka.link], [node.link for node in world.postgres.nodes]])


def on_links(change):
    def act(round_, draw):
        chosen = links(round_, draw)
        for link in chosen:
            change(link, draw)
        return chosen, draw.random() < 0.5
    return act


def heal(_, thing):
    chosen, drop = thing
    for link in chosen:
        link.heal(drop)


def ports_of(pid):
    """The local ports of a process's TCP connections."""
    sockets = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(fd))
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(words[1].split(":")[1], 16) for words in lines if f"socket:[{words[9]}]" in sockets}


def late(round_, draw):
    """What one daemon has sent arrives when others have claimed what it owned: it is a zombie then, and
    its batches come to cursors that may not have moved since. A slow broker keeps them so for longer."""
    world, member = round_.world, draw.choice(round_.members.list)
    chosen = [world.kafka.link, *(node.link for node in world.postgres.nodes)]
    world.kafka.link.slow_down(delay=draw.choice([0, 0.1, 0.3]))
    with contextlib.suppress(FileNotFoundError):  # it has just been killed
        ports = ports_of(member.daemon.pid)
        for link in chosen:
            link.hold_back(ports)

    def owned():
        with contextlib.suppress(psycopg2.Error):
            return {(cursor, fence) for cursor, fence in round_.sql(
                "select cursor_id, fence from pactolus.cursors join pactolus.owners using (owner) "
                f"where process = {member.daemon.pid}")}
        return set()
    before, deadline = owned(), time.monotonic() + 6
    while before and before <= owned() and time.monotonic() < deadline and not round_.aborted.is_set():
        pass
    return chosen, False


cut = on_links(lambda link, draw: link.cut(refuse=draw.random() < 0.5))
silence = on_links(lambda link, draw: link.fall_silent())
half_open = on_links(lambda link, draw: link.fall_silent(draw.choice([[UP], [DOWN]])))
slow = on_links(lambda link, draw: link.slow_down(delay=draw.choice([0.02, 0.1, 0.4])))
narrow = on_links(lambda link, draw: link.slow_down(rate=draw.choice([5_000, 50_000, 500_000])))


FAULTS = [
    Fault("kill", "daemons", "SIGKILL of a daemon; another one is started", kill, start, (0, 1.5), 4),
    Fault("kill-all", "daemons", "SIGKILL of all daemons at once", kill_all, start_all, (0, 0.5), 1),
    Fault("stop", "daemons", "SIGTERM of a daemon; another one is started", stop, start, (0, 1), 3),
    Fault("freeze", "daemons", "SIGSTOP past the session timeout of 2 s, then SIGCONT", freeze, thaw,
          (2.3, 3.5), 4),
    Fault("blink", "daemons", "SIGSTOP for less than the session timeout", freeze, thaw, (0.1, 1.5), 1),
    Fault("database-stop", "database", "immediate stop of PostgreSQL, as in a power cut, and a start",
          database_stop, database_start, (0, 1.5), 3),
    Fault("promote", "database", "the primary is gone, its standby takes over", promote, weight=2,
          never_with=("disk-full",)),
    Fault("promote-behind", "database", "the same with a standby that is behind: committed "
          "transactions are lost", lag, promote_behind, (0.2, 1.5), 4, never_with=("disk-full",)),
    Fault("terminate", "database", "pg_terminate_backend of the daemons' sessions, once or five times",
          terminate, weight=3),
    Fault("lock-table", "database", "a stranger locks a table", lock_table, go_away, (0.2, 3), 2),
    Fault("lock-rows", "database", "a stranger locks all rows of a table", lock_rows, go_away, (0.2, 3), 1),
    Fault("lock-cursors", "database", "a stranger locks all cursors", lock_cursors, go_away, (0.2, 2), 2),
    Fault("deadlock", "database", "a stranger locks two rows in the wrong order, 10 to 25 times", deadlock,
          weight=2, needs=lambda round_: not all(s.kind.append for s in round_.streams)),
    Fault("read-only", "database", "default_transaction_read_only = on, and sessions ended", read_only,
          read_write, (0.3, 1.5), 2),
    Fault("disk-full", "database", "the tables' tablespace has not a byte left", fill_disk, free_disk,
          (0.3, 2), 2, needs=lambda plan: plan.world.can_mount),
    Fault("snapshot", "analyst", "an analyst's snapshot stays open", snapshot, go_away, (2, 4), 1),
    Fault("broker-freeze", "broker", "SIGSTOP of the broker, then SIGCONT", broker_freeze, broker_thaw,
          (0.5, 3), 2),
    Fault("broker-kill", "broker", "SIGKILL of the broker, and a start", broker_kill, broker_start,
          (0, 0.5), 1),
    Fault("add-partitions", "topics", "a topic gets more partitions", add_partitions, weight=2),
    Fault("missing-dlq", "topics", "a DLQ topic is made only in mid-load", lambda round_, draw: None,
          make_dlq, (0.5, 2), 1, needs=lambda plan: plan.letters_from, once=True),
    Fault("recreate-topic", "topics", "a topic is deleted and made anew under its old name",
          recreate_topic, weight=2, never_with=("promote", "promote-behind")),
    Fault("clone", "topics", "a daemon of the group is started on a copy of the database", clone, end_clone,
          weight=1, never_with=("promote", "promote-behind", "disk-full")),
    Fault("cut", "link", "connections to one side are reset, and new ones refused or reset", cut, heal,
          (0.2, 2), 2),
    Fault("late", "link", "what a daemon has sent stays on its way until others have claimed its partitions",
          late, heal, (0, 0.02), 3),
    Fault("silence", "link", "nothing passes to or from one side, and nobody is told", silence, heal,
          (0.5, 3), 2),
    Fault("half-open", "link", "the same in one direction only", half_open, heal, (0.5, 3), 2),
    Fault("slow", "link", "what passes comes late", slow, heal, (1, 3), 1),
    Fault("narrow", "link", "what passes comes slowly", narrow, heal, (1, 3), 1),
]


class Drawn:
    """A fault of a round: when it begins, and what it draws from."""

    def __init__(self, fault, at, hold, draw):
        self.fault, self.at, self.hold, self.draw = fault, at, hold, draw


def may_draw(fault, plan, drawn, only):
    """Whether the round may have this fault beside those that it drew already."""
    names = {d.fault.name for d in drawn}
    if only and fault.name not in only or not fault.needs(plan):
        return False
    if fault.once and fault.name in names or names & set(fault.never_with):
        return False
    return not any(fault.name in d.fault.never_with for d in drawn)


def draw_faults(draw, plan, make_draw, only):
    """Two to five faults that this round may have; of those named in `only`, if it names any."""
    drawn = []
    for number in range(draw.randint(2, 5)):
        able = [fault for fault in FAULTS if may_draw(fault, plan, drawn, only)]
        if not able:
            break
        fault = draw.choices(able, [f.weight for f in able])[0]
        drawn.append(Drawn(fault, draw.uniform(0, 2.5), draw.uniform(*fault.hold), make_draw(number)))
    return drawn
