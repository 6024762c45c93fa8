# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: servers, a database and topics per test, daemons, waiting.

One pair of servers serves the whole run. Each test has a database, a consumer group and topic names
of its own, so tests may run side by side. Nothing here sleeps in place of a condition: `wait` polls
one until its deadline.
"""

import contextlib
import importlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
DEADLINE = 60.0  # seconds that a condition may take unless the test says otherwise


class Failure(AssertionError):
    """A test's expectation that did not hold."""


class Skipped(Exception):
    """The test does not apply to this run."""


def expect(condition, text, *details):
    if not condition:
        raise Failure(" ".join([text] + [str(d) for d in details]))


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: expected {shorten(wanted)}, got {shorten(got)}")


def shorten(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def wait(condition, what, seconds=DEADLINE, every=0.02):
    """The first true value of `condition`; Failure when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)


# --- records -------------------------------------------------------------------------------------


class Record:
    """A Kafka message as a test wants it: exact bytes, headers and time."""

    def __init__(self, value, key=None, headers=(), timestamp=0, partition=None):
        self.value, self.key, self.headers = value, key, list(headers)
        self.timestamp, self.partition = timestamp, partition


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def confluent_frame(payload, schema_id=1, path=(0,)):
    """Confluent's prefix: magic 0, schema id, message index path as zigzag varints."""
    if tuple(path) == (0,):
        index = b"\0"
    else:
        index = b"".join(varint(n << 1) for n in (len(path), *path))
    return b"\0" + schema_id.to_bytes(4, "big") + index + payload


# --- libconfig -----------------------------------------------------------------------------------


def config_text(value, indent=0):
    """A Python value as libconfig: dict = block, list = list, the rest as it is."""
    pad = "  " * indent
    if isinstance(value, dict):
        inner = "".join(f"{pad}  {name} = {config_text(item, indent + 1)};\n"
                        for name, item in value.items())
        return "{\n" + inner + pad + "}"
    if isinstance(value, (list, tuple)):
        return "( " + ", ".join(config_text(item, indent) for item in value) + " )"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def config_file(settings):
    return "".join(f"{name} = {config_text(item)};\n" for name, item in settings.items())


# --- servers -------------------------------------------------------------------------------------


def run_script(script, *arguments, timeout=300):
    done = subprocess.run([str(ROOT / "scripts" / script), *map(str, arguments)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"scripts/{script} {' '.join(map(str, arguments))} failed with "
                           f"{done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Postgres:
    def __init__(self, folder, version=15, listen=None, tls=None):
        self.state = pathlib.Path(folder)
        options = ["--state", self.state, "--version", version, "--fast"]
        if listen:
            options += ["--listen", listen]
        if tls:
            options += ["--tls", tls]
        self.base = run_script("postgres", "up", *options).strip().rsplit(" dbname=", 1)[0]

    def conninfo(self, database="postgres"):
        return f"{self.base} dbname={database}"

    def stop(self, immediate=False):
        run_script("postgres", "stop", "--state", self.state, *(["--immediate"] if immediate else []))

    def start(self):
        run_script("postgres", "start", "--state", self.state)

    def down(self):
        run_script("postgres", "down", "--state", self.state)


class Kafka:
    """A real broker through scripts/kafka."""

    real = True

    def __init__(self, folder, *options):
        self.state = pathlib.Path(folder)
        self.bootstrap = self.script(*options, "up").strip()

    def script(self, *arguments):
        return run_script("kafka", "--state", self.state, *arguments)

    def down(self):
        self.script("down")


class EmbeddedKafka:
    """librdkafka's mock cluster in a process of its own: no Java."""

    real = False

    def __init__(self, binary):
        self.process = subprocess.Popen([str(binary), "--until-eof"], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.bootstrap = self.process.stdout.readline().strip()
        self.lock = threading.Lock()

    def command(self, *words):
        with self.lock:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            answer = self.process.stdout.readline().strip()
        expect(answer.startswith("ok"), f"embedded broker: {' '.join(map(str, words))}: {answer}")
        return answer[3:]

    def down(self):
        self.process.stdin.close()
        self.process.wait(10)


class World:
    """The servers and programs of one run."""

    def __init__(self, folder, build, version=15, embedded=False, full=False, keep=False):
        self.folder, self.build = pathlib.Path(folder), pathlib.Path(build)
        self.full, self.keep = full, keep
        self.sanitized = b"__asan_init" in pathlib.Path(self.program("pactolus")).read_bytes()
        self.version = version
        self.lock = threading.Lock()
        self.postgres = self.kafka = None
        self.descriptors = self.compile_contracts()
        try:
            self.postgres = Postgres(self.folder / "postgres", version)
            self.kafka = (EmbeddedKafka(self.build / "pactolus-broker")
                          if embedded else Kafka(self.folder / "kafka"))
        except BaseException:
            self.down()
            raise

    def compile_contracts(self):
        """The tests' own contracts and the examples: descriptor sets, and Python classes."""
        out, python = self.folder / "contracts", self.folder / "python"
        out.mkdir(parents=True, exist_ok=True)
        python.mkdir(exist_ok=True)
        sets = {}
        for root, protos in ((HERE / "proto", sorted((HERE / "proto").glob("*.proto"))),
                             (ROOT / "proto", [ROOT / "proto/examples/payments/v1/payment.proto",
                                               ROOT / "proto/examples/debian/v1/package.proto"])):
            for proto in protos:
                sets[proto.stem] = out / f"{proto.stem}.binpb"
                subprocess.run(["protoc", "-I", str(proto.parent), "--include_imports",
                                "--include_source_info", "-o", str(sets[proto.stem]),
                                f"--python_out={python}", str(proto)], check=True)
        sys.path.insert(0, str(python))
        return sets

    def program(self, name):
        return str(self.build / name)

    def down(self):
        for server in (self.kafka, self.postgres):
            if server and not self.keep:
                with contextlib.suppress(Exception):
                    server.down()


def message_class(module, name):
    """The Python class of a message: python protobuf is the tests' independent opinion."""
    return getattr(importlib.import_module(f"{module}_pb2"), name)


# --- one test ------------------------------------------------------------------------------------


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out.strip()}\nstderr: {self.err.strip()}"


class Daemon:
    def __init__(self, test, arguments, log, env=None):
        self.log_path = pathlib.Path(log)
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([test.world.program("pactolus"), *arguments], env=env,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.pid = self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait(30)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stop(self, seconds=30):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.finish(seconds)

    def finish(self, seconds=DEADLINE):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the daemon did not end within {seconds} s") from None

    def alive(self):
        return self.process.poll() is None

    def text(self):
        return self.log_path.read_text(errors="replace")

    def close(self):
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.log.close()


class Test:
    """One running test: its names, and what it may do."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.id = re.sub(r"\W+", "_", name).lower()[:40] + f"_{random.randrange(16 ** 4):04x}"
        self.group = self.id
        self.folder = world.folder / "tests" / self.id
        self.folder.mkdir(parents=True)
        self.database = self.id[:63]
        self.postgres, self.kafka = world.postgres, world.kafka
        self.daemons, self.servers, self.connections = [], [], {}
        self.producers = {}
        with contextlib.closing(psycopg2.connect(self.postgres.conninfo())) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'create database "{self.database}"')

    # --- PostgreSQL

    def own_postgres(self, version=15, listen=None):
        """A server of this test's own, which it may stop."""
        self.postgres = Postgres(self.folder / "postgres", version, listen)
        self.servers.append(self.postgres)
        self.connections.clear()
        with contextlib.closing(psycopg2.connect(self.postgres.conninfo())) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'create database "{self.database}"')

    @property
    def conninfo(self):
        return self.postgres.conninfo(self.database)

    def connect(self):
        connection = psycopg2.connect(self.conninfo)
        connection.autocommit = True
        return connection

    def sql(self, query, *values):
        """Rows of a query in a transaction of its own; [] for statements without a result."""
        for attempt in (1, 2):
            connection = self.connections.get(threading.get_ident())
            if connection is None or connection.closed:
                connection = self.connections[threading.get_ident()] = self.connect()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(query, values or None)
                    return cursor.fetchall() if cursor.description else []
            except psycopg2.DatabaseError as error:
                # A session that a test's own doing ended is opened again, once.
                if error.pgcode and not error.pgcode.startswith("57") or attempt == 2:
                    raise
                connection.close()
        return []

    def value(self, query, *values):
        rows = self.sql(query, *values)
        return rows[0][0] if rows else None

    def columns(self, table):
        schema, name = table.split(".")
        return [c for c, in self.sql(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and "
            "not attisdropped order by attnum", f'"{schema}"."{name}"')]

    def checksum(self, table):
        """md5 over all rows in the order of their text, without the time of loading."""
        columns = ", ".join(f't."{c}"' for c in self.columns(table) if c != "_loaded_at")
        return self.value(f"select md5(coalesce(string_agg(r, E'\\n' order by r collate \"C\"), '')) "
                          f"|| ' ' || count(*) from (select row({columns})::text as r from {table} t) q")

    def rows(self, table):
        return self.value(f"select count(*) from {table}")

    def account(self, stream="items"):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("select * from pactolus.account where stream = %s and consumer_group = %s",
                           (stream, self.group))
            row = cursor.fetchone()
            return dict(zip([d[0] for d in cursor.description], row)) if row else None

    def check_account(self, stream="items", again=0, **wanted):
        """The account closes, every dead letter booked is one in the ledger (but for those that failed
        `again` after a resume), and `wanted` holds."""
        account = self.account(stream)
        expect(account, "no account of stream", stream)
        expect(account["cursors_open"] == 0 and account["records_open"] == 0,
               "the account does not close:", account)
        letters = self.value("select count(*) from pactolus.dead_letters d join pactolus.streams s "
                             "using (stream_id) where s.name = %s and s.consumer_group = %s",
                             stream, self.group)
        equal(letters + again, account["dead_lettered"], "dead letters in the ledger against the account's")
        for name, count in wanted.items():
            equal(account[name], count, f"account.{name}")
        return account

    def letters(self):
        """(partition, offset) → (reason, detail)."""
        return {(p, o): (reason, detail) for p, o, reason, detail in self.sql(
            'select partition, "offset", reason, detail from pactolus.dead_letters')}

    def positions(self):
        """topic, partition → next offset."""
        return {(topic, partition): offset + 1 for topic, partition, offset in self.sql(
            "select topic, partition, complete_through_offset from pactolus.progress "
            "where consumer_group = %s", self.group)}

    # --- Kafka

    def own_kafka(self):
        self.kafka = Kafka(self.folder / "kafka")
        self.servers.append(self.kafka)
        self.producers.clear()

    def topic(self, name="items", partitions=4, **settings):
        """Make a topic of this test's own; its full name."""
        full = f"{self.id}.{name}"
        if not self.kafka.real:
            self.kafka.command("topic", full, partitions)
            return full
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        new = confluent_kafka.admin.NewTopic(full, partitions, 1, config={
            key.replace("_", "."): str(item) for key, item in settings.items()})
        admin.create_topics([new])[full].result(30)
        wait(lambda: self.partitions(full) == partitions and self.leads(full), f"topic {full}")
        return full

    def leads(self, topic):
        """True when every partition's leader answers: a new topic's do so a moment later."""
        try:
            return bool(self.end(topic))
        except confluent_kafka.KafkaException:
            return False

    def delete_topic(self, topic):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        admin.delete_topics([topic])[topic].result(30)

    def partitions(self, topic):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        found = admin.list_topics(timeout=10).topics.get(topic)
        return len(found.partitions) if found and not found.error else 0

    def produce(self, topic, records):
        """Produce and await every report; [(partition, offset)] in the order of `records`."""
        producer = self.producers.get(threading.get_ident())
        if producer is None:
            producer = self.producers[threading.get_ident()] = confluent_kafka.Producer({
                "bootstrap.servers": self.kafka.bootstrap, "linger.ms": 5, "log_level": 2,
                "message.max.bytes": 20_000_000, "enable.idempotence": self.kafka.real})
        places = [None] * len(records)

        def report(number):
            def note(error, message):
                places[number] = error or (message.partition(), message.offset())
            return note

        for number, record in enumerate(records):
            options = {} if record.partition is None else {"partition": record.partition}
            while True:
                try:
                    producer.produce(topic, record.value, record.key, headers=record.headers,
                                     timestamp=record.timestamp, on_delivery=report(number), **options)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        left = producer.flush(60)
        expect(left == 0, f"{left} records were not produced")
        for place in places:
            expect(isinstance(place, tuple), "producing failed:", place)
        return places

    def end(self, topic):
        """Partition → high watermark."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap,
                                             "group.id": "none"})
        try:
            found = consumer.list_topics(topic, timeout=10).topics[topic]
            return {p: consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(topic, p), timeout=10)[1] for p in found.partitions}
        finally:
            consumer.close()

    def consume(self, topic):
        """Every record of the topic up to its present end, as confluent_kafka messages."""
        end = {p: high for p, high in self.end(topic).items() if high}
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.kafka.bootstrap, "group.id": f"{self.id}.reader",
            "enable.auto.commit": False, "auto.offset.reset": "error",
            "fetch.message.max.bytes": 20_000_000})
        messages = []
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in end])
            deadline = time.monotonic() + DEADLINE
            while end:
                for message in consumer.consume(10000, timeout=0.2):
                    expect(message.error() is None, "consuming failed:", message.error())
                    messages.append(message)
                    if message.offset() + 1 >= end.get(message.partition(), 0):
                        end.pop(message.partition(), None)
                expect(time.monotonic() < deadline, "the topic could not be read to its end")
        finally:
            consumer.close()
        return messages

    def caught_up(self, topic):
        """True when every record of the topic lies below its cursor; false while no broker says how
        many there are, as it is when partitions get another leader."""
        try:
            end = self.end(topic)
        except confluent_kafka.KafkaException:
            return False
        have = self.positions()
        return all(have.get((topic, p), 0) >= high for p, high in end.items() if high)

    # --- Pactolus

    def stream(self, topic, contract="e2e.v1.Item", descriptors="item", **settings):
        """A stream's settings; those of a test win."""
        table = {"key": ["item_id"], "schema": "data", "name": "items"}
        table.update(settings.pop("table", {}))
        found = {"descriptors": self.world.descriptors[descriptors],
                 "topics": [{"name": topic, "contract": contract}]}
        found.update(settings)
        found["table"] = {name: item for name, item in table.items() if item is not None}
        return found

    def config(self, name="pactolus", streams=None, **settings):
        whole = {"group": self.group, "progress_interval": "0",
                 "kafka": {"bootstrap_servers": self.kafka.bootstrap},
                 "database": {"conninfo": self.conninfo},
                 "retry": {"base": "20ms", "cap": "500ms"}}
        for key, item in settings.items():
            if isinstance(item, dict):
                whole.setdefault(key, {}).update(item)
            else:
                whole[key] = item
        whole["streams"] = streams or {}
        path = self.folder / f"{name}.conf"
        path.write_text(config_file(whole))
        return str(path)

    def pactolus(self, *arguments, seconds=DEADLINE, program="pactolus", **options):
        try:
            done = subprocess.run([self.world.program(program), *map(str, arguments)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds,
                                  **options)
        except subprocess.TimeoutExpired as expired:
            raise Failure(f"{program} {' '.join(map(str, arguments))}: no end within {seconds} s\n"
                          f"{(expired.stderr or b'').decode(errors='replace')[-2000:]}") from None
        return Result(done.returncode, done.stdout.decode(errors="replace"),
                      done.stderr.decode(errors="replace"))

    def must(self, *arguments, **options):
        result = self.pactolus(*arguments, **options)
        expect(result.code == 0, " ".join(map(str, arguments)), "failed:", result)
        return result

    def migrate(self, config):
        return self.must("migrate", "--execute", "--config", config)

    def run_to_end(self, config, seconds=DEADLINE):
        """`run --until end`; its log is kept for the report of a failure."""
        daemon = self.daemon(config, "--until", "end")
        code = daemon.finish(seconds)
        expect(code == 0, "run --until end: exit", code)
        return daemon

    def daemon(self, config, *more, env=None):
        number = len(self.daemons) + 1
        environment = dict(os.environ, **env) if env else None
        daemon = Daemon(self, ["run", "--config", config, *more], self.folder / f"daemon{number}.log",
                        environment)
        self.daemons.append(daemon)
        return daemon

    def load(self, topic, count, *more):
        """Payments from the common generator."""
        return self.must("--bootstrap", self.kafka.bootstrap, "--topic", topic, "--count", count,
                         *more, program="pactolus-load", seconds=300)

    def payments(self, topic, **settings):
        settings.setdefault("key", {"format": "text"})
        table = {"key": ["payment_id"], "name": "payments"}
        table.update(settings.pop("table", {}))
        return self.stream(topic, "payments.v1.Payment", "payment", table=table, **settings)

    # --- end

    def settle(self):
        """What every test that passed asks at last: daemons end when asked, and left no complaint."""
        for daemon in self.daemons:
            if daemon.alive():
                daemon.thaw()
                equal(daemon.stop(), 0, f"exit status of {daemon.log_path.stem}")
            found = re.search(r"(.*Sanitizer.*|.*runtime error:.*|.*[Aa]ssertion.*)", daemon.text())
            expect(not found, f"{daemon.log_path.name} holds:", found and found.group(0))

    def tails(self, lines=25):
        for daemon in self.daemons:
            text = daemon.text().splitlines()
            yield f"--- {daemon.log_path.name} ({len(text)} lines)"
            yield from text[-lines:]

    def close(self, keep):
        for daemon in self.daemons:
            daemon.close()
        for connection in self.connections.values():
            with contextlib.suppress(Exception):
                connection.close()
        if keep:
            return
        for server in self.servers:
            with contextlib.suppress(Exception):
                server.down()
        with contextlib.suppress(Exception), \
                contextlib.closing(psycopg2.connect(self.world.postgres.conninfo())) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'drop database if exists "{self.database}" with (force)')


# --- the run -------------------------------------------------------------------------------------

_tests = []


def test(function=None, *, full_only=False, real_kafka=False):
    """Marks a test: a function of one Test, named by what it shows."""
    def mark(body):
        _tests.append((body.__name__, body, full_only, real_kafka))
        return body
    return mark(function) if function else mark


def collected():
    return list(_tests)


def scratch(prefix="pactolus-e2e."):
    """A folder that the server's user can reach too."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


def json_rows(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
