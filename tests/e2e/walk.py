# SPDX-License-Identifier: Apache-2.0
"""The walk from one major version of a contract to the next, as docs/dual-publishing.md tells it: each step
is taken, and what the reader of the document is promised is looked at."""

import json
import struct

from harness import ROOT, Record, compile_contract, equal, expect, test, varint, wait

ORDER = """\
syntax = "proto3";
package shop.v1;
import "pactolus/options.proto";
// An order.
message Order {
  option (pactolus.contract) = {
    topics: "TOPIC" key: "order_id" table: "orders" view: "orders" owner: "shop" freshness: "5m"
  };
  string order_id = 1;  // who knows it
  string customer_id = 2;  // who wants it
  int64 amount = 3;  // in cents
}
"""
# What the team wants: another name, and euros with a fraction.
WANTED = ORDER.replace("customer_id", "buyer_id").replace("int64 amount = 3;  // in cents",
                                                           "double total = 4;  // in euros")


def text(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value.encode()


def order_v1(number):
    return Record(text(1, f"o{number}") + text(2, f"c{number}") + varint(3 << 3) + varint(100 * number),
                  f"o{number}".encode())


def order_v2(number):
    return Record(text(1, f"o{number}") + text(2, f"c{number}") +
                  varint(4 << 3 | 1) + struct.pack("<d", float(number)), f"o{number}".encode())


class Contracts:
    """A folder of .proto files, as the team keeps it."""

    def __init__(self, t, topic):
        self.t, self.topic, self.folder = t, topic, t.folder / "contracts"

    def write(self, name, words):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words.replace("TOPIC", self.topic))
        return str(path)

    def options(self):
        return ["-I", str(self.folder), "-I", str(ROOT / "proto")]

    def compile(self, *names):
        compile_contract(self.t.folder / "shop.binpb", *names, folder=self.folder)


@test(real_kafka=True)
def the_walk_from_v1_to_v2(t):
    old, new = t.topic("shop.order.changed"), t.topic("shop.order.changed.v2")
    contracts = Contracts(t, old)

    def config(name, *topics):
        return t.config(name, streams={"orders": {
            "descriptors": str(t.folder / "shop.binpb"), "key": {"format": "text"},
            "topics": [{"name": topic, "contract": contract, "version": version}
                       for topic, contract, version in topics]}})

    # Version 1 lives.
    v1 = contracts.write("shop/v1/order.proto", ORDER)
    contracts.compile(v1)
    only_old = config("one", (old, "shop.v1.Order", 1))
    t.migrate(only_old)
    daemon = t.daemon(only_old)
    t.produce(old, [order_v1(n) for n in range(1, 21)])
    wait(lambda: t.caught_up(old), "the orders of version 1")

    # The change that the team wants is refused in its own CI, with the way round.
    wanted = contracts.write("wanted/order.proto", WANTED)
    refused = t.pactolus("contract", "diff", v1, wanted, *contracts.options())
    equal(refused.code, 65, "exit status of contract diff")
    expect("COLUMN_RENAMED" in refused.out and "shop.v2" in refused.out, refused.out)

    # It becomes version 2, in a package and a topic of its own; version 1 is deprecated and else as it was.
    v2 = contracts.write("shop/v2/order.proto", WANTED.replace("shop.v1", "shop.v2").replace("TOPIC", new))
    contracts.write("shop/v1/order.proto",
                    ORDER.replace('owner: "shop"', 'owner: "shop" status: DEPRECATED sunset: "2999-12-31"'))
    contracts.compile(v1, v2)
    both = config("both", (old, "shop.v1.Order", 1), (new, "shop.v2.Order", 2))
    planned = t.must("migrate", "--dry-run", "--config", both).out
    expect("buyer_id" in planned and "total" in planned, "the plan:", planned)
    t.migrate(both)
    equal(daemon.stop(), 0, "exit status")
    daemon = t.daemon(both)

    # Producers write both; half of them do not yet.
    t.produce(old, [order_v1(n) for n in range(21, 41)])
    t.produce(new, [order_v2(n) for n in range(31, 41)])
    wait(lambda: t.caught_up(old) and t.caught_up(new), "both topics")
    equal(t.value("select count(*) from shop.orders"), 40, "orders, each once")
    equal(t.sql("select customer_id, buyer_id, amount, total from shop.orders where order_id = 'o40'"),
          [(None, "c40", None, 40.0)], "version 2 wins wherever both were written")
    equal(t.sql("select customer_id, buyer_id, amount, total from shop.orders where order_id = 'o30'"),
          [("c30", None, 3000, None)], "what only version 1 has")
    equal(t.sql("select coalesce(buyer_id, customer_id), coalesce(total, amount / 100.0)::float "
                "from shop.orders where order_id in ('o30', 'o40') order by 1"),
          [("c30", 30.0), ("c40", 40.0)], "what a reader of both writes meanwhile")
    equal(daemon.stop(), 0, "exit status")
    told = json.loads(t.must("status", "--config", both, "--json", "--no-broker").out)
    equal([(topic["contract"], topic["percent_day"]) for topic in told["streams"][0]["topics"]],
          [("shop.v1.Order", 80), ("shop.v2.Order", 20)], "shares")

    # The last producer has moved and has written again what was version 1's alone.
    daemon = t.daemon(both)
    t.produce(new, [order_v2(n) for n in range(1, 51)])
    wait(lambda: t.caught_up(new), "all of it in version 2")
    equal(t.value("select count(*) from shop.orders where buyer_id is null"), 0, "orders of version 1")
    equal(daemon.stop(), 0, "exit status")

    # Version 1 is retired: the view may lose its columns only when somebody says so. The table keeps them, and
    # its records stay accounted for.
    only_new = config("two", (new, "shop.v2.Order", 2))
    refused = t.pactolus("migrate", "--execute", "--config", only_new)
    equal(refused.code, 65, "exit status of migrate while the view has columns of version 1")
    expect("the view would lose column customer_id" in refused.err, refused.err)
    t.sql("drop view shop.orders, shop.orders_all")
    t.migrate(only_new)
    t.produce(new, [order_v2(51)])
    t.run_to_end(only_new)
    equal(t.value("select count(*) from shop.orders"), 51, "orders")
    t.check_account(stream="orders", consumed=40 + 10 + 50 + 1, dead_lettered=0)
    equal(t.sql("select column_name from information_schema.columns where table_schema = 'shop' and "
                "table_name = 'orders' order by ordinal_position"),
          [("order_id",), ("buyer_id",), ("total",)], "columns of the view")
    equal(t.value("select count(customer_id) from data.orders"), 0, "what version 1 has left in the table")
