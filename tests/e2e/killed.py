# SPDX-License-Identifier: Apache-2.0
"""kill -9 in mid-load: the table equals the one of an uninterrupted run."""

import random

from harness import equal, expect, test, wait
import model


def history(count, seed):
    """Inserts and updates of some third as many keys, and one broken record in a thousand."""
    draw = random.Random(seed)
    for number in range(count):
        if draw.random() < 0.001:
            yield model.broken_record(str(number).encode())
        else:
            yield model.item_record(f"item-{draw.randrange(count // 3)}", quantity=number,
                                    note=f"after record {number}")


def progress(t, group):
    return t.value("select coalesce(sum(c.next_offset - c.pass_start), 0)::bigint from "
                   "pactolus.cursors c join pactolus.streams s using (stream_id) "
                   "where s.consumer_group = %s", group)


@test
def kill_9_at_five_moments(t):
    count = 1_000_000 if t.world.full else 100_000
    seed = random.randrange(10 ** 9)
    topic = t.topic("items", partitions=4)
    for start in range(0, count, 100_000):
        t.produce(topic, list(history(100_000, seed + start)))
    total = sum(t.end(topic).values())
    # Small batches, so that the load lasts long enough to be hit in its middle.
    batch = {"rows": 1000 if t.world.full else 100}
    # A killed member is missed after its session timeout; the default of 45 s is no part of the test.
    config = t.config(streams={"items": t.stream(topic, batch=batch)},
                      kafka={"session_timeout_ms": 1500, "heartbeat_interval_ms": 300})
    calm = t.config("calm", group=t.group + ".calm",
                    streams={"calm": t.stream(topic, table={"name": "calm", "view": "calm"})})
    t.migrate(config)
    t.migrate(calm)
    marks = sorted(random.Random(seed).sample(range(5, 96), 5))
    hits = 0
    for mark in marks:
        daemon = t.daemon(config)
        wait(lambda: progress(t, t.group) >= total * mark // 100, f"{mark} % of the load", every=0.002)
        hits += progress(t, t.group) < total
        daemon.kill()
    expect(hits == 5, f"only {hits} of 5 kills met the load in its middle (seed {seed})")
    t.run_to_end(config, 300)
    t.run_to_end(calm, 300)
    equal(t.checksum("data.items"), t.checksum("data.calm"), f"checksum (seed {seed})")
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.items")},
          model.items(t.consume(topic)), f"rows (seed {seed})")
    t.check_account("items", consumed=total)
    letters = "select log_id, \"offset\" from pactolus.dead_letters d join pactolus.streams s " \
              "using (stream_id) where s.name = %s order by 1, 2"
    equal(t.sql(letters, "items"), t.sql(letters, "calm"), "dead letters")
