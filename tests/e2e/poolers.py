# SPDX-License-Identifier: Apache-2.0
"""PgBouncer: sessions are as good as PostgreSQL's own, anything less is refused by name."""

import os
import pathlib
import random
import signal
import subprocess
import time

import psycopg2

from harness import Failure, equal, expect, test, wait
import model

CONFIG, UNAVAILABLE = 78, 69


class PgBouncer:
    """A pooler in front of the test's server, on a socket of its own, as a user that it accepts."""

    def __init__(self, t, mode, **settings):
        # A socket's path is 107 bytes at most.
        self.folder = t.world.folder / f"pgbouncer.{random.randrange(16 ** 6):06x}"
        self.folder.mkdir()
        self.log = self.folder / "log"
        self.process = None
        server = dict(word.split("=", 1) for word in t.postgres.base.split())
        options = {"pool_mode": mode, "listen_addr": "", "listen_port": 6432, "auth_type": "any",
                   "unix_socket_dir": self.folder, "logfile": self.log, "server_lifetime": 3600,
                   "max_client_conn": 200}
        options.update(settings)
        target = " ".join(f"{key}={server[key]}" for key in ("host", "port", "user") if key in server)
        self.file = self.folder / "pgbouncer.ini"
        self.file.write_text(f"[databases]\n* = {target}\n[pgbouncer]\n" + "".join(
            f"{key} = {value}\n" for key, value in options.items()))
        self.conninfo = f"host={self.folder} port=6432 user=anyone dbname={t.database}"
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres", str(self.folder)], check=True)
        t.servers.append(self)
        self.up()

    def up(self):
        who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self.process = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", str(self.file)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
        wait(self.answers, f"PgBouncer ({self.log})")

    def answers(self):
        if self.process.poll() is not None:
            raise Failure(f"PgBouncer ended: {self.log.read_text()[-2000:]}")
        try:
            psycopg2.connect(self.conninfo).close()
            return True
        except psycopg2.OperationalError:
            return False

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)

    down = kill


def through(t, bouncer, streams, **database):
    """A configuration that goes through the pooler, and says so unless the test says otherwise."""
    database = {"pooler": "session", "conninfo": bouncer.conninfo, **database}
    return t.config("pooled", database=database, streams=streams,
                    kafka={"session_timeout_ms": 1500, "heartbeat_interval_ms": 300})


def refused(t, config, *words, code=CONFIG):
    """check --connect, migrate and run say the same, and say what to do."""
    for verb in (("check", "--connect"), ("migrate", "--dry-run"), ("run", "--until", "end")):
        result = t.pactolus(*verb, "--config", config)
        equal(result.code, code, f"exit status of {verb[0]} ({result})")
        for word in words:
            expect(word in result.err, f"{verb[0]} does not say {word!r}:", result)


class Service:
    """Starts the daemon again when it ends because the pooler still holds the dead one's backends."""

    def __init__(self, t, config):
        self.t, self.config = t, config
        self.daemon = t.daemon(config)

    def runs(self):
        if not self.daemon.alive():
            equal(self.daemon.finish(), UNAVAILABLE, "exit status of a daemon that nobody stopped")
            self.daemon = self.t.daemon(self.config)
        return True


def taken(t):
    return sum(t.positions().values())


def check_table(t, topic):
    wait(lambda: t.caught_up(topic), "everything to be applied", 120)
    messages = t.consume(topic)
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.items")},
          model.items(messages), "rows")
    t.check_account(consumed=len(messages), dead_lettered=0)


@test
def sessions_of_a_pooler_survive_kill_9(t):
    topic = t.topic()
    pooler = PgBouncer(t, "session")
    config = through(t, pooler, {"items": t.stream(topic, batch={"rows": 100})})
    t.migrate(config)
    t.must("check", "--connect", "--config", config)
    total = 60_000
    t.produce(topic, [model.item_record(f"i{n % 20000}", quantity=n) for n in range(total)])
    for share in (15, 40, 70):
        service = Service(t, config)
        wait(lambda: service.runs() and taken(t) >= total * share // 100, f"{share} % of the load",
             every=0.002)
        expect(taken(t) < total, "the kill came too late")
        service.daemon.kill()
    service = Service(t, config)
    wait(lambda: service.runs() and t.caught_up(topic), "everything to be applied", 120)
    daemon = service.daemon
    check_table(t, topic)
    pids = t.value("select count(*) from pactolus.backends b join pg_stat_activity a using (pid) "
                   "where a.datname = current_database()")
    expect(pids > 0, "the backends that owners recorded are not the server's")
    equal(daemon.stop(), 0, "exit status")


def at_rest(daemon):
    """A check that is true when the process has used no processor time for half a second."""
    seen = ["", time.monotonic()]

    def check():
        used = pathlib.Path(f"/proc/{daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        if used != seen[0]:
            seen[:] = [used, time.monotonic()]
        return time.monotonic() - seen[1] > 0.5
    return check


@test
def a_kill_in_the_middle_of_a_message_blocks_no_backend(t):
    """PgBouncer 1.18 gives a backend back that waits for the rest of a batch, if the one before it
    was answered: the next client gets it and waits for minutes."""
    topic = t.topic(partitions=1)
    config = through(t, PgBouncer(t, "session"), {"items": t.stream(topic, batch={"rows": 20})})
    t.migrate(config)
    t.produce(topic, [model.item_record("i0")])
    t.run_to_end(config)
    stranger = t.connect()
    stranger.autocommit = False
    stranger.cursor().execute("select from data.items for update")
    # A batch is larger than all buffers on its way.
    t.produce(topic, [model.item_record(f"i{n}", note="x" * 200_000) for n in range(60)])
    daemon = t.daemon(config)
    wait(lambda: t.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                         "and datname = current_database()") > 0, "the first batch to wait")
    wait(at_rest(daemon), "the second to go as far as it can")
    daemon.freeze()
    stranger.rollback()
    wait(lambda: taken(t) > 1, "the first batch")
    expect(taken(t) < 61, "all was applied before the kill")
    daemon.kill()
    service = Service(t, config)
    wait(lambda: service.runs() and t.caught_up(topic), "everything to be applied", 60)
    check_table(t, topic)
    equal(service.daemon.stop(), 0, "exit status")


@test
def a_pooler_that_nobody_named_is_refused(t):
    config = through(t, PgBouncer(t, "session"), {"items": t.stream(t.topic())}, pooler="none")
    refused(t, config, "a connection pooler stands between", 'database.pooler = "session"')


@test
def transaction_mode_is_refused(t):
    """Whichever backend the pooler picks, and however few it has."""
    topic = t.topic()
    for settings in ({}, {"server_round_robin": 1}, {"default_pool_size": 1}, {"min_pool_size": 5},
                     {"min_pool_size": 5, "server_round_robin": 1}, {"server_reset_query_always": 1}):
        pooler = PgBouncer(t, "transaction", **settings)
        config = through(t, pooler, {"items": t.stream(topic)})
        refused(t, config, "transaction or statement mode", "pool_mode = session", "database.pooler")
        pooler.kill()


@test
def statement_mode_is_refused(t):
    config = through(t, PgBouncer(t, "statement"), {"items": t.stream(t.topic())})
    refused(t, config, "transaction or statement mode", "pool_mode = session", "database.pooler")


@test
def backends_that_are_not_reset_are_refused(t):
    """Settings, locks and prepared statements of the client before would be ours."""
    topic = t.topic()
    pooler = PgBouncer(t, "session", server_reset_query="", default_pool_size=2)
    config = through(t, pooler, {"items": t.stream(topic)})
    t.pactolus("check", "--connect", "--config", config)
    refused(t, config, "not reset", "server_reset_query")


@test
def a_pool_that_is_too_small_is_an_outage_with_a_hint(t):
    pooler = PgBouncer(t, "session", default_pool_size=1)
    config = through(t, pooler, {"items": t.stream(t.topic())}, connect_timeout="1s")
    refused(t, config, "no backend for one more connection", "pool_size", code=UNAVAILABLE)


@test
def a_startup_parameter_that_the_pooler_does_not_know(t):
    pooler = PgBouncer(t, "session")
    pooler.conninfo += " options='-c work_mem=8MB'"
    config = through(t, pooler, {"items": t.stream(t.topic())})
    refused(t, config, "unsupported startup parameter", "ignore_startup_parameters", code=UNAVAILABLE)


@test
def a_pooler_that_is_restarted_in_mid_load_is_an_outage(t):
    topic = t.topic()
    pooler = PgBouncer(t, "session")
    config = through(t, pooler, {"items": t.stream(topic, batch={"rows": 100})})
    t.migrate(config)
    total = 60_000
    t.produce(topic, [model.item_record(f"i{n % 9000}", quantity=n) for n in range(total)])
    daemon = t.daemon(config)
    for share in (10, 40):
        wait(lambda: taken(t) >= total * share // 100, f"{share} % of the load", every=0.002)
        pooler.kill()
        expect(taken(t) < total, "the restart came too late")
        expect(daemon.alive(), "the daemon died of the outage")
        pooler.up()
    check_table(t, topic)
    equal(t.letters(), {}, "dead letters")
    equal(daemon.stop(), 0, "exit status")
