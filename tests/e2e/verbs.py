# SPDX-License-Identifier: Apache-2.0
"""The verbs that people and scripts use: init, produce, cat, status."""

import json
import re

from harness import ROOT, equal, expect, json_rows, test, wait
import model

LINES = [{"itemId": "a", "quantity": "9007199254740993", "note": "ü🌍\n", "price": 0.1,
          "madeAt": "2026-01-02T03:04:05.000006Z", "colour": "COLOUR_RED", "tags": ["x", ""],
          "tree": {"label": "root", "child": {"label": "leaf"}}},
         {"itemId": "b"}]


def jsonl(lines):
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@test
def what_produce_writes_cat_reads(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, key={"format": "text"})})
    t.must("produce", topic, "--config", config, input=jsonl(LINES))
    read = json_rows(t.must("cat", topic, "--exit", "--config", config).out)
    equal([{name: row[name] for name in line} for row, line in zip(read, LINES)], LINES, "what cat read")
    equal([m.key() for m in t.consume(topic)], [b"a", b"b"], "keys")
    last = json_rows(t.must("cat", topic, "--exit", "-o", "-1", "--config", config).out)
    equal([row["itemId"] for row in last], ["b"], "cat of the last record")


@test
def produce_says_which_lines_it_refuses(t):
    topic, dlq = t.topic("items", partitions=1), t.topic("items.dlq", partitions=1)
    config = t.config(streams={"items": t.stream(topic, key={"format": "text"}, dlq={"topic": dlq})})
    bad = [{"itemId": "x", "quantity": "ten"}, {"itemId": "y", "nonsense": 1}]
    lines = jsonl(LINES[:1]) + jsonl(bad) + b"{not json\n" + jsonl(LINES[1:])
    result = t.pactolus("produce", topic, "--config", config, input=lines)
    equal(result.code, 65, "exit status")
    for number in (2, 3, 4):
        expect(re.search(rf"\b{number}\b", result.err), f"line {number} is not named:", result)
    equal([m.key() for m in t.consume(topic)], [b"a", b"b"], "keys of what was produced")
    equal(len(t.consume(dlq)), 3, "records in the DLQ topic")


@test
def status_speaks_to_people_and_programs(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record("a"), model.broken_record()])
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the rows")
    told = json.loads(t.must("status", "--json", "--config", config).out)
    stream = told["streams"][0]
    equal(stream["name"], "items", "name")
    equal(stream["state"], "running", "state")
    text = t.must("status", "--config", config).out
    expect("items" in text and "running" in text, "the text says less than the JSON:", text)
    daemon.stop()
    for options in ([], ["--no-broker"], ["--partitions"]):
        t.must("status", "--config", config, *options)


@test
def init_leads_to_a_running_stream(t):
    """init writes files that check, migrate and run take as they are, but for the addresses."""
    topic = t.topic(partitions=1)
    folder = t.folder / "conf"
    folder.mkdir()
    result = t.must("init", "-d", folder, "-m", "e2e.v1.Item", str(ROOT / "tests/e2e/proto/item.proto"), topic)
    expect("pactolus" in result.out and "check" in result.out, "no next commands:", result)
    files = sorted(path for path in folder.rglob("*.conf"))
    expect(files, "no stream file was written")
    again = t.pactolus("init", "-d", folder, "-m", "e2e.v1.Item", str(ROOT / "tests/e2e/proto/item.proto"), topic)
    equal(again.code, 78, "exit status when the files are there already")
