# SPDX-License-Identifier: Apache-2.0
"""TLS, SCRAM and rights at both servers, with certificates made here; and that nothing leaks."""

import os
import pathlib
import random
import re
import shutil
import subprocess
import urllib.request

from harness import Kafka, equal, expect, test, wait
import model

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    """A CA of the test's own, a server's certificate for localhost, and another CA that signed nothing."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.ca, self.other = self.authority("ca"), self.authority("other")
        self.run("req", *KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        (self.folder / "names").write_text("subjectAltName=DNS:localhost\n")
        self.run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                 "-out", "server.pem", "-days", "2", "-extfile", "names")
        self.run("pkcs8", "-topk8", "-nocrypt", "-in", "server.key", "-out", "server.p8")
        self.bundle = self.folder / "bundle.pem"
        self.bundle.write_text("".join((self.folder / name).read_text()
                                       for name in ("server.p8", "server.pem", "ca.pem")))

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def authority(self, name):
        self.run("req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                 "-subj", f"/CN={name}")
        return self.folder / f"{name}.pem"


def secret(t, name, text):
    """A file that holds a secret, replaced in one step as those who rotate do it."""
    path = t.folder / name
    fresh = t.folder / f"{name}.new"
    fresh.touch(mode=0o600)
    fresh.write_text(text + "\n")
    fresh.rename(path)
    return path


# --- PostgreSQL


def safe_postgres(t, authority):
    port = random.randrange(20000, 32000)
    t.own_postgres(listen=port, tls=authority.folder)
    return port


def over_tls(t, port, ca, host="localhost", **more):
    told = {"host": host, "hostaddr": "127.0.0.1", "port": port, "user": "pactolus", "dbname": t.database,
            "sslmode": "verify-full", "sslrootcert": ca, "channel_binding": "require", **more}
    return " ".join(f"{name}={value}" for name, value in told.items())


@test
def tls_and_scram_to_postgresql(t):
    authority = Authority(t.folder / "tls")
    port = safe_postgres(t, authority)
    topic = t.topic(partitions=1)
    password = secret(t, "pg.password", "pactolus")
    streams = {"items": t.stream(topic)}

    def config(name, **how):
        how.setdefault("ca", authority.ca)
        return t.config(name, streams=streams,
                        database={"conninfo": over_tls(t, port, **how), "password_file": password})

    good = config("good")
    t.migrate(good)
    for name, how, words in (
            ("another CA", {"ca": authority.other}, "certificate verify failed"),
            ("another host", {"host": "db.example.org"}, "does not match host name"),
            ("no TLS", {"sslmode": "disable", "channel_binding": "disable"}, "no pg_hba.conf entry")):
        result = t.pactolus("check", "--connect", "--config", config("bad", **how))
        expect(result.code in (69, 77, 78) and words in result.err + result.out, f"{name}: not refused clearly:", result)
    daemon = t.daemon(good)
    t.produce(topic, [model.item_record("a", partition=0)])
    wait(lambda: t.caught_up(topic), "rows over TLS")
    equal(t.sql("select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) "
                "where application_name like 'pactolus %%'"), [(True,)], "TLS of the daemon's sessions")
    # Another password, and every session ended: the file is read for each connection.
    t.sql("alter role pactolus password 'changed'")
    secret(t, "pg.password", "changed")
    t.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'pactolus %%'")
    t.produce(topic, [model.item_record("b", partition=0)])
    wait(lambda: t.caught_up(topic), "rows under the new password")
    equal(t.value("select state from pactolus.streams"), "running", "the stream's state")
    daemon.stop()


# --- Kafka


class SafeKafka(Kafka):
    def __init__(self, t, authority):
        super().__init__(t.folder / "kafka", "--secure", authority.bundle)
        self.safe, self.tool = self.script("secure").strip(), t.world.program("pactolus-topic")

    def ask(self, *words, told=""):
        done = subprocess.run([self.tool, "--bootstrap", self.bootstrap, *words], input=told, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(done.returncode, 0, f"pactolus-topic {' '.join(words)}: {done.stdout}")

    def right(self, verb, right):
        self.ask(verb, "daemon", *right)


def safe_kafka(t, authority):
    t.kafka = SafeKafka(t, authority)
    t.servers.append(t.kafka)
    t.producers.clear()
    t.kafka.ask("password", "daemon", told="s3cret-kafka-one\n")
    return t.kafka


def over_sasl(t, ca, place, **more):
    return {"bootstrap_servers": t.kafka.safe, "security_protocol": "sasl_ssl",
            "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "daemon", "sasl_password": f"file:{place}",
            "ssl_ca_location": ca, "session_timeout_ms": "6000", **more}


def rights(t, topic, dlq):
    """All that is needed: what docs/security.md lists."""
    return {"topic": ("read", "topic", topic), "group": ("read", "group", t.group), "dlq": ("write", "topic", dlq)}


@test(real_kafka=True, full_only=True)
def tls_scram_and_rights_at_kafka(t):
    """The rights that docs/security.md lists suffice; without one of them it is said which is missing. A password
    that is changed is taken, and another CA's broker is refused."""
    authority = Authority(t.folder / "tls")
    kafka = safe_kafka(t, authority)
    topic, dlq = t.topic(partitions=1), t.topic("dlq", partitions=1)
    place = secret(t, "kafka.password", "s3cret-kafka-one")
    streams = {"items": t.stream(topic, dlq={"topic": dlq}, key={"format": "text"})}

    def config(name, **more):
        return t.config(name, streams=streams, kafka={**over_sasl(t, authority.ca, place), **more})

    good = config("good")
    t.migrate(good)
    for right in rights(t, topic, dlq).values():
        kafka.right("allow", right)
    t.must("check", "--connect", "--config", good)
    for name, more, words in (
            ("another CA", {"ssl_ca_location": authority.other}, "certificate verify failed|broker certificate"),
            ("another password", {"sasl_password": f"file:{secret(t, 'wrong', 'not-this-one')}"}, "[Aa]uthentication")):
        result = t.pactolus("check", "--connect", "--config", config("bad", **more), seconds=90)
        expect(result.code != 0 and re.search(words, result.err + result.out), f"{name}: not refused clearly:", result)
        expect("not-this-one" not in result.err + result.out, "the password is told:", result)
    t.produce(topic, [model.item_record("a", partition=0), model.broken_record(partition=0)])
    daemon = t.daemon(good)
    wait(lambda: t.caught_up(topic), "rows under exactly these rights")
    wait(lambda: t.end(dlq)[0] == 1, "the dead letter in its topic")
    # Rotation: the broker's word first, then the file, then every connection is made anew.
    kafka.ask("password", "daemon", told="s3cret-kafka-two\n")
    secret(t, "kafka.password", "s3cret-kafka-two")
    wait(lambda: "took the new password of daemon" in daemon.text(), "the daemon to see its new password")
    kafka.script("kill")
    kafka.script("up")
    t.produce(topic, [model.item_record("b", partition=0), model.broken_record(partition=0)])
    wait(lambda: t.caught_up(topic), "rows under the new password")
    wait(lambda: t.end(dlq)[0] == 2, "the next dead letter in its topic")
    daemon.stop()
    # What is taken away is missed, and named.
    for name, right in rights(t, topic, dlq).items():
        kafka.right("forbid", right)
        t.produce(topic, [model.broken_record(partition=0)])
        daemon = t.daemon(good)
        words = {"topic": rf"{re.escape(topic)}.*[Aa]uthorization|[Aa]uthorization.*{re.escape(topic)}|"
                          rf"{re.escape(topic)}.*(not exist|unknown)",
                 "group": "[Gg]roup authorization", "dlq": f"{re.escape(dlq)}.*[Aa]uthorization|dead letters wait.*Cluster authorization"}[name]
        wait(lambda: re.search(words, daemon.text()), f"word of the missing right: {name}")
        # In good order, so that the next one may relay at once.
        if daemon.alive():
            daemon.stop()
        kafka.right("allow", right)


# --- nothing leaks

SECRETS = ["s3cret-kafka-one", "pg-s3cret-7731"]
PERSONAL = ["Ada Lovelace-4711", "ada@person.example"]


def printable(path):
    return pathlib.Path(path).read_bytes()


@test(real_kafka=True)
def nothing_secret_or_personal_leaks(t):
    """Passwords and personal values, in good records and in broken ones, are looked for wherever people and
    tools look: logs, printed settings, command lines, environments, the DLQ's headers, metrics and the journal."""
    authority = Authority(t.folder / "tls")
    safe_kafka(t, authority)
    topic, dlq = t.topic(partitions=1), t.topic("dlq", partitions=1)
    for right in rights(t, topic, dlq).values():
        t.kafka.right("allow", right)
    port = safe_postgres(t, authority)
    t.sql("alter role pactolus password 'pg-s3cret-7731'")
    scrape = random.randrange(20000, 32000)
    config = t.config(log_level="debug", progress_interval="1s", metrics={"listen": f"127.0.0.1:{scrape}"},
                      streams={"items": t.stream(topic, key={"format": "text"}, dlq={"topic": dlq},
                                                 columns={"note": {"classification": "personal"}})},
                      kafka=over_sasl(t, authority.ca, secret(t, "kafka.password", SECRETS[0])),
                      database={"conninfo": over_tls(t, port, authority.ca),
                                "password_file": secret(t, "pg.password", SECRETS[1])})
    t.migrate(config)
    # PostgreSQL itself refuses this one, and its DETAIL quotes the whole row.
    t.sql("alter table data.items add constraint no_ada check (note is distinct from %s)", PERSONAL[0])
    good = model.item_record("a", partition=0, note=PERSONAL[1])
    refused = model.item_record("b", partition=0, note=PERSONAL[0])
    mangled = model.item_record("c", partition=0, note=PERSONAL[0])
    mangled.value = mangled.value + b"\x0a\xff" + PERSONAL[1].encode()
    other_key = model.item_record("d", partition=0, note=PERSONAL[1])
    other_key.key = PERSONAL[0].encode()
    t.produce(topic, [good, refused, mangled, other_key])
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic) and t.end(dlq)[0] == 3, "three dead letters of four records")
    wait(lambda: "dead letters" in daemon.text(), "a line of progress")
    seen = {"log": daemon.text().encode()}
    for name in ("cmdline", "environ"):
        seen[name] = printable(f"/proc/{daemon.pid}/{name}")
    for verb in (("check", "--print-config"), ("check", "--connect"), ("status", "--json"), ("status",),
                 ("dlq", "list")):
        result = t.pactolus(*verb, "--config", config)
        seen[" ".join(verb)] = (result.out + result.err).encode()
    for page in ("metrics", "healthz", "readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{scrape}/{page}", timeout=20) as answer:
            seen[f"/{page}"] = answer.read()
    expect(b"dead_letters" in seen["/metrics"], "the metrics are none:", seen["/metrics"][:300])
    headers = [header for message in t.consume(dlq) for header in message.headers()]
    expect(len(headers) > 20, "the DLQ's records have hardly any header:", headers)
    seen["headers of the DLQ"] = repr(headers).encode()
    seen["reasons in the ledger"] = repr(t.sql("select reason, detail, sqlstate from pactolus.dead_letters")).encode()
    seen["what streams say"] = repr(t.sql("select * from pactolus.streams")).encode()
    for place, text in seen.items():
        expect(text, f"{place} is empty")
        for planted in SECRETS + PERSONAL:
            expect(planted.encode() not in text, f"{planted} is in {place}:",
                   next((line for line in text.splitlines() if planted.encode() in line), b"")[:300])
    # No core is written where the unit says LimitCORE=0; a debugger's shows that the test can find what is there.
    if shutil.which("gcore") and os.geteuid() == 0 and not t.world.sanitized:
        subprocess.run(["gcore", "-o", str(t.folder / "core"), str(daemon.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        core = printable(t.folder / f"core.{daemon.pid}")
        expect(config.encode() in core, "the core is none")
        expect(SECRETS[1].encode() in core or SECRETS[0].encode() in core,
               "clients hold their passwords: the search finds nothing that is there")
        (t.folder / f"core.{daemon.pid}").unlink()
    daemon.stop()

