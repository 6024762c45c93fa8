# SPDX-License-Identifier: Apache-2.0
"""The first promise: what was produced is what the table holds."""

import time

from harness import equal, expect, test, wait
import model


@test
def load_becomes_the_table(t):
    """20,000 payments; every cell against an independent decode; the account closes."""
    topic = t.topic("payments")
    config = t.config(streams={"payments": t.payments(topic)})
    epoch = int(time.time() - 3600) * 1000
    load = ("--keys", 12000, "--updates", 0.3, "--epoch", epoch)
    t.load(topic, 20000, *load)
    t.migrate(config)
    t.run_to_end(config)
    messages = t.consume(topic)
    wanted = model.payments(messages)
    got = {row[0]: row for row in t.sql(f"select {model.PAYMENT_COLUMNS} from data.payments")}
    equal(len(got), len(wanted), "rows")
    for key, row in wanted.items():
        equal(got.get(key), row, f"row {key}")
    t.check_account("payments", consumed=len(messages), dead_lettered=0)
    before = t.checksum("data.payments")
    # Nothing new: nothing happens.
    t.run_to_end(config)
    equal(t.checksum("data.payments"), before, "checksum after an idle run")
    # The same payments again, as new records: other offsets, the same data.
    t.load(topic, 20000, *load)
    t.run_to_end(config)
    again = {row[0]: row for row in t.sql(f"select {model.PAYMENT_COLUMNS} from data.payments")}
    equal(again, got, "the data after it was produced twice")
    t.check_account("payments", consumed=2 * len(messages))


@test
def views_show_the_rows_and_hide_bookkeeping(t):
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic, table={"view": "items"})})
    t.produce(topic, [model.item_record("a", quantity=1), model.item_record("b", quantity=2)])
    t.migrate(config)
    t.run_to_end(config)
    schema = t.value("select view_schema from pactolus.streams")
    equal(t.sql(f"select item_id, quantity from {schema}.items order by 1"), [("a", 1), ("b", 2)],
          "the view")
    hidden = [c for c in t.columns(f"{schema}.items") if c.startswith("_")]
    equal(hidden, [], "bookkeeping columns in the view")
    shown = t.columns(f"{schema}.items_all")
    expect("_loaded_at" in shown and "_deleted_at" in shown, "the _all view lacks", shown)


@test
def a_stopped_daemon_goes_on_where_it_was(t):
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    for start in range(0, 3000, 1000):
        t.produce(topic, [model.item_record(f"i{n}", quantity=n) for n in range(start, start + 1000)])
        daemon = t.daemon(config)
        wait(lambda: t.caught_up(topic), "the rows")
        equal(daemon.stop(), 0, "exit status after SIGTERM")
    equal(t.rows("data.items"), 3000, "rows")
    t.check_account(consumed=3000, applied=3000)
