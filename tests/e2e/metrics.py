# SPDX-License-Identifier: Apache-2.0
"""Metrics and health: what the daemon tells by HTTP is true, and whoever asks cannot hurt it."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import ROOT, Record, equal, expect, free_port, test, wait
import model

SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Endpoint:
    """One daemon's HTTP side."""

    def __init__(self, port):
        self.port = port

    def get(self, path="/metrics", method="GET", data=None, seconds=10):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, data=data)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())

    def listens(self):
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def page(self):
        return parse(self.get().body)

    def value(self, metric, **labels):
        """The sum over all samples that carry these labels; None when there is none."""
        found = [value for have, value in self.page().get(metric, []) if labels.items() <= have.items()]
        return sum(found) if found else None


def parse(text):
    """name → [(labels, value)]."""
    page = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        expect(match, "no sample:", line)
        labels = {name: value.replace('\\"', '"').replace("\\\\", "\\")
                  for name, value in LABEL.findall(match.group(2) or "")}
        page.setdefault(match.group(1), []).append((labels, float(match.group(3))))
    return page


def told(t, streams, **settings):
    """A configuration with metrics, and its endpoint."""
    port = free_port()
    return t.config(streams=streams, metrics={"listen": f"127.0.0.1:{port}"}, **settings), Endpoint(port)


def ready(endpoint, seconds=60):
    wait(endpoint.listens, "the endpoint", seconds)
    wait(lambda: endpoint.get("/readyz").status == 200, "readiness", seconds)



def check_page(text):
    """What Prometheus's own tool thinks of it."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    equal((done.returncode, done.stdout), (0, ""), "promtool check metrics")


PERSONAL = "planted-personal-value"
OUTCOMES = ["applied", "stale", "deduplicated", "dead_lettered", "other_types"]


def check_against_account(t, endpoint, stream="items"):
    """Of a stream that one daemon has read from its beginning: the page says what the account says."""
    account = t.check_account(stream)
    # A page is kept for a moment.
    wait(lambda: endpoint.value("pactolus_stream_consumed_records_total", stream=stream) ==
         account["consumed"], "all that was consumed")
    page = endpoint.page()

    def value(metric, **labels):
        return sum(v for have, v in page[metric] if dict(labels, stream=stream).items() <= have.items())

    equal(value("pactolus_stream_consumed_records_total"), account["consumed"], "consumed")
    equal(value("pactolus_stream_gap_offsets_total"), account["gaps"], "gaps")
    equal(value("pactolus_stream_advanced_offsets_total"), account["advanced"], "advanced")
    for outcome in OUTCOMES:
        equal(value("pactolus_stream_records_total", outcome=outcome), account[outcome], outcome)
    reasons = dict(t.sql("select d.reason, count(*) from pactolus.dead_letters d join pactolus.streams s "
                         "using (stream_id) where s.name = %s group by 1", stream))
    equal({have["reason"]: v for have, v in page["pactolus_stream_dead_letters_total"]
           if have["stream"] == stream and v}, reasons, "dead letters by reason")
    for metric in ("latency_seconds_count", "batch_rows_sum"):
        expect(value(f"pactolus_stream_{metric}") > 0, metric, "is 0")
    return page


@test
def metrics_are_what_the_database_says(t):
    """Good records, broken ones, rows that PostgreSQL refuses, unknown fields, traffic after sunset: every
    number is the one in PostgreSQL or in Kafka."""
    topic = t.topic(partitions=2)
    config, endpoint = told(t, {"items": t.stream(topic, table={
        "sunset": "2020-02-29", "status": "deprecated", "freshness": "5m"},
        lag={"threshold": "90s"}, flood={"share": 0, "consecutive": 0})})
    t.migrate(config)
    t.sql("alter table data.items add constraint small check (quantity < 1000)")
    t.daemon(config)
    ready(endpoint)
    # From the start there are zeros, so that nothing's first increase is missed.
    zeros = endpoint.page()
    for metric in ("stream_consumed_records_total", "stream_dead_letters_total", "stream_records_total",
                   "stream_drift_total", "topic_past_sunset_records_total", "stream_retries_total",
                   "stream_latency_seconds_count", "stream_batch_failures_total", "kafka_errors_total",
                   "stream_input_offsets_total"):
        samples = zeros.get(f"pactolus_{metric}", [])
        expect(samples and not any(value for _, value in samples), metric, "begins with", samples)
    expect(len(zeros["pactolus_stream_dead_letters_total"]) == 13, "not every reason is there")
    # What comes from here on is input: both ends are known.
    wait(lambda: len(endpoint.page().get("pactolus_partition_end_offset", [])) == 2, "both ends")
    unknown_field = model.item("d").SerializeToString() + b"\x98\x06\x01"
    t.produce(topic, [model.item_record(f"i{n % 150}", quantity=n) for n in range(300)] +
              [model.broken_record(b"x%d" % n) for n in range(7)] +
              [model.item_record(f"big{n}", quantity=1000 + n) for n in range(4)] +
              [Record(unknown_field, b"d")] * 5 + [model.item_record("c", colour=9, note=PERSONAL)])
    wait(lambda: t.caught_up(topic), "the rows")
    wait(lambda: t.account()["dead_lettered"] == 11, "the dead letters")
    page = check_against_account(t, endpoint)
    whole = endpoint.get()
    equal(whole.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", "content type")
    check_page(whole.body)
    expect(PERSONAL not in whole.body and "i149" not in whole.body, "values of records are told")

    def value(metric, **labels):
        return sum(v for have, v in page[metric] if labels.items() <= have.items())

    equal(value("pactolus_stream_input_offsets_total"), 317, "input")
    equal(value("pactolus_topic_records_total", topic=topic, contract="e2e.v1.Item"), 317, "topic")
    equal(value("pactolus_topic_past_sunset_records_total", topic=topic), 317, "past sunset")
    equal(value("pactolus_topic_sunset_timestamp_seconds"), 1582934400, "sunset")
    equal(value("pactolus_stream_drift_total"), 6, "drift")
    equal({(have["kind"], have["type"], have["number"]): v
           for have, v in page["pactolus_stream_unknown_values_total"]},
          {("field", "e2e.v1.Item", "99"): 5, ("enum", "e2e.v1.Colour", "9"): 1}, "unknown values")
    equal(value("pactolus_stream_freshness_target_seconds"), 300, "freshness")
    equal(value("pactolus_stream_lag_threshold_seconds"), 90, "threshold")
    ends = t.end(topic)
    for have, next_offset in page["pactolus_partition_next_offset"]:
        equal(next_offset, ends[int(have["partition"])], "next offset")
    for metric in ("end_offset", "next_offset"):
        equal(value(f"pactolus_partition_{metric}"), sum(ends.values()), metric)
    for metric in ("lag_records", "lag_seconds"):
        equal(value(f"pactolus_partition_{metric}"), 0, metric)
    expect(value("pactolus_stream_batch_failures_total", remedy="isolate", sqlstate="23514") >= 1,
           "the refused rows are no failure:", page["pactolus_stream_batch_failures_total"])
    # What only the database knows comes with the next look.
    wait(lambda: endpoint.value("pactolus_stream_open_dead_letters") == 11, "the open dead letters", 40)
    equal(endpoint.value("pactolus_stream_open_dead_letters", reason="database"), 4, "refused by PostgreSQL")
    oldest = t.value("select extract(epoch from min(first_failed_at))::float from pactolus.dead_letters")
    told_oldest = endpoint.value("pactolus_stream_oldest_open_dead_letter_timestamp_seconds")
    expect(abs(told_oldest - oldest) < 0.001, "oldest open:", told_oldest, oldest)
    # A discarded letter is open no more, whoever discarded it.
    t.sql("update pactolus.dead_letters set state = 'discarded' where reason = 'database'")
    wait(lambda: endpoint.value("pactolus_stream_open_dead_letters") == 7, "the ledger", 40)


@test
def a_stream_that_stands_still_falls_behind(t):
    """Halted and paused streams are seen with their kind, and their lag grows though nobody reads; one that
    the daemon left out at its start is seen too."""
    topic, other, left = (t.topic(name, partitions=1) for name in ("items", "other", "left"))
    config, endpoint = told(t, {
        "items": t.stream(topic, flood={"share": 0, "consecutive": 5}),
        "other": t.stream(other, table={"name": "others"}),
        "left": t.stream(left, table={"name": "left"})})
    t.migrate(config)
    t.sql("alter table data.left drop column quantity cascade")
    t.daemon(config)
    ready(endpoint)
    t.must("pause", "other", "--reason", "test", "--config", config)
    t.produce(topic, [model.broken_record() for _ in range(9)])
    t.produce(other, [model.item_record("a")])

    def state(stream, **labels):
        return endpoint.value("pactolus_stream_state", stream=stream, **labels)

    wait(lambda: state("left", state="halted", kind="preflight") == 1, "the stream that was left out", 40)
    wait(lambda: state("items", state="halted", kind="flood") == 1, "the halt", 40)
    wait(lambda: state("other", state="paused", kind="operator") == 1, "the pause", 40)
    equal((state("items"), state("other")), (1, 1), "a stream has one state")
    # Not every stream is halted, so the daemon does its work.
    equal(endpoint.get("/readyz").status, 200, "ready")
    t.produce(topic, [model.item_record("a") for _ in range(30)])
    high = t.end(topic)[0]
    wait(lambda: endpoint.value("pactolus_partition_end_offset", stream="items") == high,
         "the end, of which the client hears nothing", 40)
    position = t.positions().get((topic, 0), 0)
    equal(endpoint.value("pactolus_partition_lag_records", stream="items"), high - position, "lag")
    equal(endpoint.value("pactolus_partition_running"), 0, "running partitions")
    wait(lambda: endpoint.value("pactolus_partition_lag_seconds", stream="items") > 2, "its age")
    # The other is halted too: now nothing works.
    t.sql("update pactolus.streams set state = 'halted', kind = 'daemon' where name = 'other'")
    answer = wait(lambda: (lambda a: a if a.status == 503 else None)(endpoint.get("/readyz")), "503", 40)
    equal(answer.body, "every stream is halted\n", "why")
    equal(endpoint.get("/healthz").status, 200, "it lives all the same")


@test
def readiness_follows_the_database(t):
    """Not ready while PostgreSQL is away; alive all the time."""
    t.own_postgres()
    topic = t.topic(partitions=1)
    config, endpoint = told(t, {"items": t.stream(topic)})
    t.migrate(config)
    t.daemon(config)
    wait(endpoint.listens, "the endpoint")
    ready(endpoint)
    equal(endpoint.value("pactolus_database_up"), 1, "up")
    t.postgres.stop(immediate=True)
    t.produce(topic, [model.item_record("a")])
    wait(lambda: "the database does not answer" in endpoint.get("/readyz").body, "503")
    wait(lambda: endpoint.value("pactolus_database_up") == 0, "down")
    equal(endpoint.get("/healthz").status, 200, "health")
    t.postgres.start()
    wait(lambda: endpoint.get("/readyz").status == 200, "readiness")
    wait(lambda: endpoint.value("pactolus_stream_consumed_records_total") == 1, "the record")


def talk(port, data, seconds=5):
    """What the server answers to these bytes until it closes the connection."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), seconds)) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            while piece := connection.recv(65536):
                answer += piece
        return answer


@test
def whoever_asks_badly_is_answered_or_cut(t):
    """Garbage, wrong methods, bodies, heads without an end, many who say nothing: the daemon goes on, and
    answers the next who asks well."""
    topic = t.topic(partitions=1)
    config, endpoint = told(t, {"items": t.stream(topic)})
    t.migrate(config)
    t.daemon(config)
    ready(endpoint)
    port = endpoint.port
    for path in ("/", "/metrics/", "/etc/passwd", "/%00", "/%6detrics/x", "/" + "a" * 3000, "/..//metrics"):
        equal(endpoint.get(path).status, 404, path[:20])
    equal(endpoint.get("/metrics?name=x").status, 200, "a query is passed over")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
        answer = endpoint.get(method=method, data=b"x" * 10 if method != "OPTIONS" else None)
        equal((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)
    head = endpoint.get(method="HEAD")
    equal((head.status, head.body), (200, ""), "HEAD")
    # A body is announced and never sent; the answer does not wait for it.
    for request in (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n",
                    b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"):
        expect(b"HTTP/1.1 " in talk(port, request), "no answer to", request)
    chance = random.Random(1)
    for garbage in [b"\0" * 5000, b"\r\n" * 20000, b"GET", b"GET /metrics HTTP/9.9\r\n\r\n",
                    b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"\x16\x03\x01" * 100,
                    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                    *(chance.randbytes(chance.randrange(1, 4000)) for _ in range(40))]:
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), 5)) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(garbage)
    equal(endpoint.get("/healthz").status, 200, "health behind garbage")
    # All connections are taken by those who say nothing, and more wait. Whoever asks well gets a turn
    # all the same, since the silent ones are cut.
    silent = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(60)]
    for number, connection in enumerate(silent[::2]):
        connection.sendall(b"GET /metr" if number % 2 else b"GET /metrics HTTP/1.1\r\n")
    # Each would have ten seconds, were they not cut for being many.
    wait(endpoint.listens, "a turn", 9)
    for connection in silent:
        connection.close()
    expect(endpoint.value("pactolus_http_connections_cut_total") > 0, "nobody was cut")
    expect(endpoint.value("pactolus_http_requests_total", code="404") >= 7, "404s are not counted")
    # It has gone on with its work meanwhile.
    t.produce(topic, [model.item_record("a")])
    wait(lambda: t.caught_up(topic), "the row")
    expect(endpoint.value("process_open_fds") < 100, "descriptors leak")


@test
def a_taken_address_is_tried_again(t):
    """Rows do not wait for metrics."""
    topic = t.topic(partitions=1)
    config, endpoint = told(t, {"items": t.stream(topic)})
    t.migrate(config)
    blocker = socket.socket()
    blocker.bind(("127.0.0.1", endpoint.port))
    blocker.listen()
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a")])
    wait(lambda: t.caught_up(topic), "the row")
    wait(lambda: f"no metrics: 127.0.0.1:{endpoint.port}: cannot listen: Address already in use" in
         daemon.text(), "the warning")
    blocker.close()
    wait(endpoint.listens, "the endpoint", 30)


@test
def a_socket_is_handed_over(t):
    """As a .socket unit does: descriptor 3, named metrics, with LISTEN_PID and LISTEN_FDS."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)}, metrics={"listen": "systemd"})
    t.migrate(config)
    log = t.folder / "handed.log"
    with contextlib.closing(socket.socket()) as listening, open(log, "wb") as errors:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        endpoint = Endpoint(listening.getsockname()[1])
        os.set_inheritable(listening.fileno(), True)
        program = subprocess.Popen(
            ["sh", "-c", f"exec 3<&{listening.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 "
                         f"LISTEN_FDNAMES=metrics exec \"$0\" run --config \"$1\"",
             t.world.program("pactolus"), config],
            pass_fds=[listening.fileno()], stderr=errors)
    try:
        ready(endpoint)
        check_page(endpoint.get().body)
        # A reload begins anew in the same process, with the same socket.
        program.send_signal(signal.SIGHUP)
        wait(lambda: log.read_text().count("metrics: answering at systemd") == 2, "the reload")
        ready(endpoint)
    finally:
        program.terminate()
        program.wait(30)
    equal(program.returncode, 0, "exit status: " + log.read_text())


class Prometheus:
    """A real one, which scrapes one daemon every second and has our rules."""

    def __init__(self, t, target):
        folder = t.folder / "prometheus"
        folder.mkdir()
        self.port = free_port()
        rules = (ROOT / "etc/prometheus/pactolus.rules.yml").read_text()
        (folder / "rules.yml").write_text(rules.replace("interval: 30s", "interval: 1s"))
        (folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n"
            f"rule_files: [ {folder}/rules.yml ]\n"
            f"scrape_configs:\n  - job_name: pactolus\n"
            f"    static_configs: [ {{targets: [ '127.0.0.1:{target}' ]}} ]\n")
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdout=self.log, stderr=subprocess.STDOUT)

    def api(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        try:
            url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def query(self, expression):
        """The series of an instant query; Failure when it is none."""
        answer = self.api("query", query=expression)
        equal(answer["status"], "success", f"{expression}: {answer.get('error')}")
        return answer["data"]["result"]

    def up(self):
        try:
            return bool(self.query('up{job="pactolus"} == 1'))
        except (OSError, ValueError):  # it starts
            return False

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def dashboard():
    """(panel, expression) of every query, with the board's variables as a person leaves them: all."""
    board = json.loads((ROOT / "etc/grafana/pactolus.json").read_text())
    for panel in board["panels"]:
        expect(panel["type"] == "row" or panel["targets"], panel["title"], "asks nothing")
        for target in panel.get("targets", []):
            equal(target["datasource"]["uid"], "${datasource}", f"{panel['title']}: the data source")
            yield panel["title"], (target["expr"].replace("$__rate_interval", "30s").replace("$group", ".*")
                                   .replace("$stream", ".*"))


@test
def every_query_of_the_dashboard_answers(t):
    """By a real Prometheus that reads a daemon with good and bad records, drift and a sunset; and our rules
    are taken and evaluated there."""
    topic, dlq = t.topic(partitions=2), t.topic("dlq", partitions=1)
    config, endpoint = told(t, {"items": t.stream(
        topic, dlq={"topic": dlq}, flood={"share": 0, "consecutive": 0},
        table={"sunset": "2020-02-29", "status": "deprecated", "freshness": "5m", "event_time": "made_at"})},
        kafka={"statistics_interval_ms": 1000})
    t.migrate(config)
    t.daemon(config)
    ready(endpoint)
    prometheus = Prometheus(t, endpoint.port)
    try:
        wait(prometheus.up, "Prometheus to read the daemon", 40)
        made = {"seconds": int(time.time())}
        for _ in range(3):
            t.produce(topic, [model.item_record(f"i{n}", made_at=made, colour=n % 8) for n in range(50)] +
                      [model.broken_record()] * 3)
            wait(lambda: t.caught_up(topic), "the rows")
        wait(lambda: prometheus.query("pactolus_stream_open_dead_letters > 0") and
             prometheus.query("pactolus_kafka_broker_up") and
             prometheus.query("rate(pactolus_stream_records_total[30s]) > 0"), "what a scrape brings", 40)
        empty = [(title, expression) for title, expression in dashboard() if not prometheus.query(expression)]
        equal(empty, [], "queries without an answer")
        shown = {name for _, expression in dashboard()
                 for name in re.findall(r"\b(?:pactolus|process)_\w+", expression)}
        families = set(re.findall(r"^# TYPE (\w+)", endpoint.get().body, re.M))
        unknown = {name for name in shown if re.sub("_(bucket|sum|count)$", "", name) not in families}
        equal(unknown, set(), "metrics of the dashboard that no page has")
        missed = {name for name in families if not any(name in have for have in shown)}
        equal(missed, set(), "metrics that the dashboard does not show")
        # The events are of the second in which the test began.
        quantile = prometheus.query("histogram_quantile(0.99, "
                                    "sum by (le) (pactolus_stream_event_delay_seconds_bucket))")
        expect(0 <= float(quantile[0]["value"][1]) < 60, "event delay:", quantile)
        rules = [rule for group in prometheus.api("rules")["data"]["groups"] for rule in group["rules"]]
        expect(len(rules) > 20, "rules are missing:", len(rules))

        def bad():
            groups = prometheus.api("rules")["data"]["groups"]
            return [rule for rule in groups[0]["rules"] if rule["health"] != "ok"]
        wait(lambda: not bad(), "every rule to be evaluated", 45)
    finally:
        prometheus.close()
