# SPDX-License-Identifier: Apache-2.0
"""The servers of a run: a broker, a PostgreSQL primary with its standby, and the links to them."""

import concurrent.futures
import contextlib
import os
import pathlib
import struct
import threading

import confluent_kafka
import confluent_kafka.admin
import psycopg2

import disk
import harness
from network import Network
from patience import wait

# A broker that is killed every other minute: its JVM starts twice as fast when it does not optimize.
os.environ["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# Servers die here, the machine does not: what was written to the system is there after a crash.
# Deadlocks are found before any lock_timeout of a round ends.
SETTINGS = {"fsync": "off", "wal_keep_size": "512MB", "checkpoint_timeout": "2min", "max_wal_size": "1GB",
            "deadlock_timeout": "30ms"}


class Node:
    """One place for a PostgreSQL server. Its address stays, whatever server lives there."""

    def __init__(self, state, network):
        self.state = pathlib.Path(state)
        self.link = network.link(f"postgres {self.state.name}")
        self.host = self.port = None

    def script(self, command, *options):
        return harness.run_script("postgres", command, "--state", self.state, *options)

    def found(self, conninfo):
        parts = dict(part.split("=", 1) for part in conninfo.split())
        self.host, self.port = parts["host"], parts["port"]
        self.link.target = self.socket
        self.link.open()

    @property
    def socket(self):
        return f"{self.host}/.s.PGSQL.{self.port}"

    @property
    def log(self):
        return pathlib.Path(self.host) / "server.log"


class Pair:
    """A primary and an asynchronous standby. Has the face of harness.Postgres."""

    def __init__(self, folder, network, version):
        self.nodes = [Node(pathlib.Path(folder) / name, network) for name in ("a", "b")]
        self.primary, self.standby = self.nodes
        self.replication = network.link("replication")
        self.primary.found(self.primary.script("up", "--version", version, "--fast"))
        self.making = None
        self.failure = None
        with self.admin() as connection:
            for name, value in SETTINGS.items():
                connection.cursor().execute(f"alter system set {name} = '{value}'")
            connection.cursor().execute("select pg_reload_conf()")
        self.make_standby()

    # --- addresses

    def conninfo(self, database="postgres"):
        """The primary, whichever it is, by the servers' own sockets."""
        nodes = [node for node in self.nodes if node.host]
        return (f"host={','.join(n.host for n in nodes)} port={','.join(n.port for n in nodes)} "
                f"user=pactolus dbname={database} target_session_attrs=read-write")

    def daemons_conninfo(self, database):
        """The same through the links."""
        return (f"host={','.join('127.0.0.1' for _ in self.nodes)} "
                f"port={','.join(str(n.link.port) for n in self.nodes)} "
                f"user=pactolus dbname={database} target_session_attrs=read-write")

    @contextlib.contextmanager
    def admin(self, database="postgres", node=None):
        """A session of the primary (or `node`) that takes it as it is, read-only too."""
        node = node or self.primary
        connection = psycopg2.connect(host=node.host, port=node.port, user="pactolus", dbname=database)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def ask(self, query, database="postgres", node=None):
        with self.admin(database, node) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]

    # --- what happens to servers

    def stop(self):
        self.primary.script("stop", "--immediate")
        self.primary.link.shut()

    def start(self):
        self.primary.script("start")
        self.primary.link.open()

    def make_standby(self):
        """Make one in the background of what is in the other place; `await_standby` ends it."""
        def make():
            try:
                self.copy_primary(self.primary, self.standby)
            except Exception as failure:  # told by await_standby
                self.failure = failure
        self.failure = None
        self.making = threading.Thread(target=make, daemon=True)
        self.making.start()
        if self.standby.host is None:
            self.await_standby()

    def copy_primary(self, primary, standby):
        said = "it never answered"

        def made():
            # Other faults stop the primary, before the copy and in the middle of it: who has just come
            # back answers first.
            nonlocal said
            try:
                self.ask("select 1", node=primary)
                return standby.script("standby", "--of", primary.state, "--link",
                                      f"host=127.0.0.1 port={self.replication.port}")
            except (RuntimeError, psycopg2.Error) as error:
                said = error
        self.replication.target = primary.socket
        self.replication.open()
        self.replication.heal(drop=True)
        try:
            standby.found(wait(made, "a copy of the primary", every=0.2))
        except harness.Failure as failure:
            raise harness.Failure(f"{failure}: {said}") from None

    def await_standby(self):
        """Wait until a standby is there and has replayed what the primary has."""
        self.making.join()
        if self.failure:
            raise self.failure

        def asked(query, node):
            """The answer, once a server that has just come back gives one."""
            with contextlib.suppress(psycopg2.Error):
                return self.ask(query, node=node)
        wanted = wait(lambda: asked("select pg_current_wal_flush_lsn()", self.primary),
                      "the primary to answer")
        wait(lambda: asked(
            f"select coalesce(pg_last_wal_replay_lsn() >= '{wanted}', false)", self.standby),
            "the standby to follow")

    def restore_standby(self):
        """As await_standby; one that was lost, or could not be made, is made anew."""
        try:
            self.await_standby()
        except harness.Failure:
            self.make_standby()
            self.await_standby()

    def promote(self):
        """The primary is gone as in a power cut, the standby takes over, and gets one of its own."""
        self.stop()
        self.standby.script("promote")
        self.primary, self.standby = self.standby, self.primary
        self.make_standby()

    def down(self):
        self.making.join()
        for node in self.nodes:
            with contextlib.suppress(Exception):
                node.script("down")


def answered(future, as_good):
    """Whether the broker did what was asked, or says `as_good`: an earlier try did it. It may be away."""
    try:
        future.result(30)
    except confluent_kafka.KafkaException as error:
        return error.args[0].code() == as_good
    except concurrent.futures.TimeoutError:
        return False
    return True


class Broker(harness.Kafka):
    """A broker with a second listener behind a link, for the daemons."""

    def __init__(self, folder, network):
        self.link = network.link("kafka")
        super().__init__(folder, "--proxy", self.link.port)
        host, port = self.script("behind").strip().split(":")
        self.link.target = (host, int(port))
        self.link.open()
        self.proxied = f"127.0.0.1:{self.link.port}"
        self.admin = confluent_kafka.admin.AdminClient(
            {"bootstrap.servers": self.bootstrap, "log_level": 0})

    def kill(self):
        self.script("kill")
        self.link.shut()

    def up(self):
        self.script("up")
        self.link.open()

    def make_topics(self, partitions):
        """Make topics, `partitions` of each by name, and wait until their leaders are known."""
        left = dict(partitions)

        def made():
            new = [confluent_kafka.admin.NewTopic(name, count, 1) for name, count in left.items()]
            for name, future in self.admin.create_topics(new).items() if new else ():
                if answered(future, confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS):
                    left.pop(name)
            return not left
        wait(made, "topics to be made", every=0.2)

        def led():
            with contextlib.suppress(confluent_kafka.KafkaException):
                found = self.admin.list_topics(timeout=10).topics
                return all(name in found and not found[name].error and
                           len(found[name].partitions) == count and
                           all(p.leader >= 0 and not p.error for p in found[name].partitions.values())
                           for name, count in partitions.items())
        wait(led, "the topics")

    def delete_topics(self, names):
        left = set(names)

        def deleted():
            for name, future in self.admin.delete_topics(list(left)).items():
                if answered(future, confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART):
                    left.discard(name)
            return not left
        wait(deleted, "topics to be deleted", every=0.2)

    def lacks(self, topic):
        with contextlib.suppress(confluent_kafka.KafkaException):
            return topic not in self.admin.list_topics(timeout=10).topics
        return False

    def forgot(self, group, topic, partitions):
        """Whether the group is at rest, and whoever shares it out has noticed that the topic is gone: not
        all of its partitions are somebody's. A member that noticed later than the others may have been
        left what it had, and gives it up by itself."""
        with contextlib.suppress(confluent_kafka.KafkaException):
            found = self.admin.list_groups(group, timeout=10)
            return all(one.state == "Stable" for one in found) and partitions > sum(
                partitions_of(topic, member.assignment) for one in found for member in one.members)
        return False

    @staticmethod
    def read(test, topic):
        """All of a topic. A broker that was away a moment ago does not know all partitions at once."""
        def messages():
            with contextlib.suppress(confluent_kafka.KafkaException):
                return [test.consume(topic)]
        return wait(messages, f"{topic} to be readable")[0]

    def add_partitions(self, topic, total):
        new = confluent_kafka.admin.NewPartitions(topic, total)
        wait(lambda: answered(self.admin.create_partitions([new])[topic],
                              confluent_kafka.KafkaError.INVALID_PARTITIONS),  # it has them already
             f"{topic} to be enlarged", every=0.2)


def partitions_of(topic, assignment):
    """How many partitions of the topic a member was given. What the assignor adds for itself stands behind
    the assignment, and may name topics that the member had before."""
    if not assignment:
        return 0
    _, count = struct.unpack_from(">hi", assignment)
    at, found = 6, 0
    for _ in range(count):
        length, = struct.unpack_from(">h", assignment, at)
        name = assignment[at + 2:at + 2 + length].decode()
        partitions, = struct.unpack_from(">i", assignment, at + 2 + length)
        found += partitions if name == topic else 0
        at += 6 + length + 4 * partitions
    return found


class World(harness.World):
    """What the rounds of one run share."""

    def __init__(self, folder, build, version=15):
        self.folder, self.build = pathlib.Path(folder), pathlib.Path(build)
        self.version, self.full, self.keep = version, False, False
        self.lock = threading.Lock()
        self.postgres = self.kafka = None
        self.descriptors = self.compile_contracts()
        self.network = Network()
        self.can_mount = disk.able()
        try:
            self.postgres = Pair(self.folder / "postgres", self.network, version)
            self.kafka = Broker(self.folder / "kafka", self.network)
        except BaseException:
            self.down()
            raise

    def heal(self):
        """Everything as a round expects to find it, whatever the round before it did."""
        self.network.heal()
        with contextlib.suppress(RuntimeError):  # it does not run
            self.kafka.script("cont")
        self.kafka.up()
        self.postgres.start()
        self.postgres.restore_standby()

    def down(self):
        super().down()
        self.network.close()
