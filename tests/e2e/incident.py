# SPDX-License-Identifier: Apache-2.0
"""The incident that must not take six weeks, by the commands of docs/incident.md: producers rename a field, every
record from then on lacks what the contract requires. The long form has 2.3 million records."""

import shutil

from harness import Record, compile_contract, equal, expect, test, varint, wait
from documents import commands_of
import metrics

ORDER = """\
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "pactolus/options.proto";
// An order.
message Order {
  option (pactolus.contract) = { key: "order_id" table: "orders" view: "orders" owner: "shop" freshness: "5m" };
  string order_id = 1;  // who knows it
  CUSTOMER
  int64 amount = 3;  // in cents
}
"""
BEFORE = 'string customer_id = 2 [(buf.validate.field).string.min_len = 1];  // who wants it'
RENAMED = 'reserved 2; string customerId = 4 [(buf.validate.field).string.min_len = 1];  // who wants it'
PINNED = RENAMED.replace("= 1]", '= 1, (pactolus.column).name = "customer_id"]')


def write(t, name, customer):
    path = t.folder / name / "order.proto"
    path.parent.mkdir(exist_ok=True)
    path.write_text(ORDER.replace("CUSTOMER", customer))
    return path


def compiled(path):
    return compile_contract(path.with_suffix(".binpb"), path)


def deploy(t, path):
    shutil.copy(compiled(path), t.folder / "shop.binpb")


def order(number, field):
    name, customer = f"o{number}".encode(), f"c{number % 1000}".encode()
    return Record(b"\x0a" + varint(len(name)) + name + varint(field << 3 | 2) + varint(len(customer)) +
                  customer + b"\x18" + varint(number + 1), name)


def produce(t, topic, first, end, field):
    for start in range(first, end, 50_000):
        t.produce(topic, [order(n, field) for n in range(start, min(end, start + 50_000))])


@test
def a_renamed_field_is_found_at_once_and_repaired(t):
    good, end = (200_000, 2_300_000) if t.world.full else (2_000, 23_000)
    topic = t.topic("shop.order.placed")
    old, renamed, pinned = (write(t, name, text) for name, text in
                            (("old", BEFORE), ("renamed", RENAMED), ("pinned", PINNED)))
    deploy(t, old)
    config, endpoint = metrics.told(t, {"orders": {
        "descriptors": str(t.folder / "shop.binpb"),
        "topics": [{"name": topic, "contract": "shop.v1.Order"}]}})
    t.migrate(config)
    daemon = t.daemon(config)
    metrics.ready(endpoint)
    produce(t, topic, 0, good, 2)
    wait(lambda: t.caught_up(topic), "the good records", seconds=300)
    equal(endpoint.value("pactolus_stream_open_dead_letters", stream="orders"), 0, "open dead letters")

    # The deployment. Nobody asked `contract diff`, which would have said so:
    compare, migrate, sample, resume, redrive = commands_of("docs/incident.md")
    refused = t.pactolus(*compare[:2], compiled(old), compiled(renamed))
    equal(refused.code, 65, f"contract diff: {refused}")
    produce(t, topic, good, good + 50, 4)  # one of the producers first: too few for a flood
    wait(lambda: t.value("select count(*) from pactolus.dead_letters") == 50, "the first dead letters")
    produce(t, topic, good + 50, end, 4)

    # The stream stands; what is set aside is bounded, the rest is safe in Kafka.
    wait(lambda: t.value("select kind from pactolus.streams") == "flood", "the halt", seconds=300)
    wait(lambda: endpoint.value("pactolus_stream_state", stream="orders", state="halted", kind="flood") == 1,
         "the metric that PactolusHalted and PactolusFlood look at")
    letters = t.value("select count(*) from pactolus.dead_letters where state = 'open'")
    expect(50 <= letters <= 5_000, "dead letters of the flood:", letters)
    wait(lambda: endpoint.value("pactolus_stream_open_dead_letters", stream="orders") == letters,
         "the metric that PactolusDeadLetters looks at")
    wait(lambda: t.sql("select kind, type_name, number from pactolus.drift") == [("field", "shop.v1.Order", 4)],
         "drift, which names the field that the producers moved to")
    took = t.value("select extract(epoch from changed_at) * 1000 - (select min(record_ts) from "
                   "pactolus.dead_letters) from pactolus.streams")
    print(f"  halted {float(took):.0f} ms after the first bad record, with {letters} dead letters")
    equal(t.rows("data.orders"), good, "rows")

    # The contract is mended: the new field goes where the old one was. What is said of letters comes first.
    deploy(t, pinned)
    t.must(*migrate, "--config", config)
    wait(lambda: "took the contract" in daemon.text(), "the daemon to take the contract")
    said = t.must(*sample, "--config", config).out
    expect(f"{letters:,}" in said, "not every letter would succeed:", said)
    t.must(*resume, "--config", config)
    t.must(*redrive, "--config", config, seconds=300)
    wait(lambda: t.caught_up(topic), "every record", seconds=600)

    # As if it had never been.
    equal(t.sql("select count(*), count(distinct order_id), sum(amount), count(*) filter "
                "(where customer_id = 'c' || (amount - 1) % 1000) from shop.orders"),
          [(end, end, end * (end + 1) // 2, end)], "orders")
    equal(t.sql("select state, count(*) from pactolus.dead_letters group by 1"), [("redriven", letters)],
          "letters")
    t.check_account("orders", consumed=end, dead_lettered=letters, applied=end - letters)
    wait(lambda: endpoint.value("pactolus_stream_open_dead_letters", stream="orders") == 0, "no open letter")
    wait(lambda: endpoint.value("pactolus_stream_state", stream="orders", state="running") == 1, "it runs")
