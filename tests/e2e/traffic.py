# SPDX-License-Identifier: Apache-2.0
"""What producers write that the contract does not know, and what each topic still carries."""

import json

from harness import Record, equal, expect, test, wait
import model


def status(t, config):
    """The one stream, as `status --json` tells it."""
    return json.loads(t.must("status", "--config", config, "--json", "--no-broker").out)["streams"][0]


@test
def what_no_contract_knows_is_counted(t):
    """A producer has moved on: a new field, and a new number of an enum. Rows go on; it is seen."""
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    payload = model.item("a").SerializeToString()
    field_99 = b"\x9a\x06\x03new"
    below = b"\x42\x05\x98\x06\x01\x12\x00"  # tree { 99: 1, label: "" }
    t.produce(topic, [Record(payload + field_99, b"a")] * 30 + [Record(payload + below, b"a")] * 5 +
              [model.item_record(f"i{n}", colour=7) for n in range(12)] + [model.item_record("b", colour=1)])
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=48, dead_lettered=0)
    equal(daemon.stop(), 0, "exit status")
    equal(t.sql("select kind, type_name, number, times from pactolus.drift order by times desc"),
          [("field", "e2e.v1.Item", 99, 30), ("enum", "e2e.v1.Colour", 7, 12),
           ("field", "e2e.v1.Tree", 99, 5)], "drift")
    told = t.must("status", "--config", config, "--no-broker").out
    expect("drift: field 99 of e2e.v1.Item, which the contract does not know: 30 times" in told, told)
    expect("drift: number 7 of e2e.v1.Colour" in told, told)
    equal([(d["kind"], d["number"], d["times"]) for d in status(t, config)["drift"]],
          [("field", 99, 30), ("enum", 7, 12), ("field", 99, 5)], "drift in JSON")
    # It adds up over daemons; what is known already adds nothing.
    t.produce(topic, [Record(payload + field_99, b"a")] * 3 + [model.item_record("c")])
    t.run_to_end(config)
    equal(t.value("select times from pactolus.drift where type_name = 'e2e.v1.Item'"), 33, "times")


@test
def a_running_daemon_tells_what_it_counts(t):
    """Nobody has to stop it to see the drift."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.daemon(config)
    t.produce(topic, [Record(model.item("a").SerializeToString() + b"\x98\x06\x01", b"a")])
    wait(lambda: t.sql("select number from pactolus.drift") == [(99,)], "the drift", 40)
    equal(t.sql("select topic, records_day from pactolus.traffic"), [(topic, 1)], "traffic")


@test
def each_version_has_its_share(t):
    """A topic and its successor into one table: which may be retired is a matter of evidence."""
    old, new = t.topic("old"), t.topic("new")
    config = t.config(streams={"items": t.stream(old, topics=[
        {"name": old, "contract": "e2e.v1.Item", "version": 1},
        {"name": new, "contract": "e2e.v1.Item", "version": 2}])})
    t.migrate(config)
    t.produce(old, [model.item_record(f"i{n}", timestamp=1_700_000_000_000) for n in range(25)])
    t.produce(new, [model.item_record(f"i{n}", timestamp=1_700_000_000_000) for n in range(75)])
    t.run_to_end(config)
    equal(t.sql("select topic, version, records_day, percent_day::float, newest_record from pactolus.traffic "
                "order by version"),
          [(old, 1, 25, 25.0, t.value("select to_timestamp(1700000000)")),
           (new, 2, 75, 75.0, t.value("select to_timestamp(1700000000)"))], "traffic")
    told = t.must("status", "--config", config, "--no-broker").out
    expect(f"{old} (e2e.v1.Item): 25 in 24 hours, 25 %" in told, told)
    equal([(topic["topic"], topic["percent_day"]) for topic in status(t, config)["topics"]],
          [(old, 25), (new, 75)], "shares in JSON")


@test
def traffic_after_sunset_is_told(t):
    """The day from which nobody should write it has come, and somebody does."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, table={"sunset": "2020-02-29",
                                                              "status": "deprecated"})})
    t.migrate(config)
    daemon = t.daemon(config)
    wait(lambda: t.sql("select sunset::text from pactolus.topics") == [("2020-02-29",)], "the topic", 40)
    expect("still carries" not in daemon.text(), "told without traffic:", daemon.text())
    t.produce(topic, [model.item_record("a")])
    wait(lambda: "still carries records, though the sunset of e2e.v1.Item was 2020-02-29" in daemon.text(),
         "the log to say so", 40)
    told = t.must("status", "--config", config, "--no-broker").out
    expect("deprecated, sunset 2020-02-29 is past" in told, told)
    equal(t.value("select past_sunset from pactolus.traffic"), True, "past_sunset")


@test
def counting_waits_for_nobody(t):
    """The counts cannot be written: the rows come all the same, and the counts once they can be."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.sql("alter table pactolus.unknowns rename to elsewhere")
    daemon = t.daemon(config)
    t.produce(topic, [Record(model.item("a").SerializeToString() + b"\x98\x06\x01", b"a")])
    wait(lambda: t.caught_up(topic), "the row")
    wait(lambda: "counts" in daemon.text(), "the daemon to try", 40)
    t.sql("alter table pactolus.elsewhere rename to unknowns")
    wait(lambda: t.sql("select times from pactolus.unknowns") == [(1,)], "the drift", 60)
    equal(t.value("select records from pactolus.topic_hours"), 1, "records")
