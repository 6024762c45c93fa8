# SPDX-License-Identifier: Apache-2.0
"""Reading again: `run --until`, `replay`, and `run --reset-offsets`."""

import datetime
import time

from harness import equal, expect, test
import model

# Where the records' time begins, in seconds: young enough that no broker removes them.
EPOCH = int(time.time()) - 3600


def moment(second, fraction=""):
    """A second of the records' time, as people write it."""
    at = datetime.datetime.fromtimestamp(EPOCH + second, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + fraction


def numbered(count, start=0, partition=0):
    """Items k0, k1, …, one a second."""
    return [model.item_record(f"k{n}", quantity=n, partition=partition, timestamp=1000 * (EPOCH + n))
            for n in range(start, start + count)]


def items(t, **settings):
    topic = t.topic("items", partitions=2)
    config = t.config(streams={"items": t.stream(topic, table={"view": "items"}, **settings)})
    t.migrate(config)
    return topic, config


def until(t, config, where):
    """What `run --until` leaves: the next offset of each partition."""
    daemon = t.daemon(config, "--until", str(where))
    equal(daemon.finish(), 0, f"exit status of run --until {where}")
    return {partition: offset for (_, partition), offset in t.positions().items()}


@test
def it_reads_until_an_offset_or_a_time(t):
    """And no record further, wherever it begins; a bound that lies behind changes nothing."""
    topic, config = items(t)
    t.produce(topic, numbered(50) + numbered(20, start=100, partition=1))
    equal(until(t, config, 30), {0: 30, 1: 20}, "next offsets")
    equal(until(t, config, 10), {0: 30, 1: 20}, "next offsets, after an earlier one")
    # k40's second; partition 1 begins later and is at its end anyhow.
    equal(until(t, config, moment(40, "Z")), {0: 40, 1: 20}, "next offsets by time")
    equal(t.rows("data.items"), 60, "rows")
    # Sub-milliseconds round up: k40's own second is not before it.
    equal(until(t, config, moment(40, ".0001Z")), {0: 41, 1: 20}, "next offsets just past it")
    equal(until(t, config, "end"), {0: 50, 1: 20}, "next offsets at the end")
    t.check_account(consumed=70)


@test
def a_bound_that_is_none_is_refused(t):
    _, config = items(t)
    for wrong in ("tomorrow", "-1", "12x", ""):
        result = t.pactolus("run", "--until", wrong, "--config", config)
        equal(result.code, 64, f"exit status of --until '{wrong}'")
        expect("neither end, an offset nor a time" in result.err, "no word of it:", result.err)
