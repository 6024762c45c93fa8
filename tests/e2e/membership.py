# SPDX-License-Identifier: Apache-2.0
"""What a daemon reads is what it thinks it reads: topics that are made anew, logs that lost records, and
the members of its group."""

import confluent_kafka
import confluent_kafka.admin

from harness import equal, expect, test, wait
import model

# Old enough to lose against anything that was written before the topic was made anew, did time decide.
LONG_AGO = 1_000_000_000_000


def recreate(t, topic, partitions):
    """The same name, another topic."""
    t.delete_topic(topic)
    wait(lambda: t.partitions(topic) == 0, f"topic {topic} to be gone")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": t.kafka.bootstrap})

    def made():
        try:
            admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1)])[topic].result(30)
        except confluent_kafka.KafkaException as failure:
            if failure.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            return False
        return True

    wait(made, f"topic {topic} to be made anew")
    wait(lambda: t.partitions(topic) == partitions and t.leads(topic), f"topic {topic}")
    t.producers.clear()  # they know the old one's partitions


def quantities(t):
    return dict(t.sql("select item_id, quantity from data.items"))


def batch(quantity, first, last, **more):
    return [model.item_record(f"i{n}", quantity=quantity, **more) for n in range(first, last)]


def check_anew(t, topic, partitions, applied_once=True):
    """Items 0–19 of the old topic, 10–59 of the new one: the new one's win, whatever their time."""
    wait(lambda: quantities(t) == {f"i{n}": 1 if n < 10 else 2 for n in range(60)},
         "the new topic's records over the old one's")
    equal(sorted(t.positions()), [(topic, p) for p in range(partitions)], "partitions in progress")
    expect(t.caught_up(topic), "the new log is not read to its end:", t.positions(), t.end(topic))
    incarnations = t.sql("select distinct incarnation, topic_id <> '' from pactolus.logs order by 1")
    equal(incarnations, [(1, True), (2, True)], "incarnations")
    if applied_once:
        t.check_account(consumed=20 + 50, dead_lettered=0)
    else:
        t.check_account(dead_lettered=0)


def begin_anew(t, partitions=2, **settings):
    topic = t.topic(partitions=partitions)
    config = t.config(streams={"items": t.stream(topic)}, recheck_interval="300ms", **settings)
    t.migrate(config)
    t.produce(topic, batch(1, 0, 20))
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the old topic's records")
    return topic, config, daemon


@test(real_kafka=True)
def a_topic_made_anew_under_a_running_daemon(t):
    topic, _, daemon = begin_anew(t)
    recreate(t, topic, 2)
    wait(lambda: "made anew" in daemon.text(), "the daemon to say so")
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    check_anew(t, topic, 2)
    expect(daemon.alive(), "the daemon died")


@test(real_kafka=True)
def a_topic_made_anew_that_has_grown_past_the_cursor(t):
    """The daemon sleeps through it, and no offset tells: only the topic's id does. What it reads before it
    asks goes into the old log's account, and is read again."""
    topic, _, daemon = begin_anew(t, partitions=1)
    daemon.freeze()
    recreate(t, topic, 1)
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    daemon.thaw()
    check_anew(t, topic, 1, applied_once=False)
    expect(daemon.alive(), "the daemon died")


@test(real_kafka=True)
def a_topic_made_anew_while_no_daemon_runs(t):
    """With fewer partitions than before; begun at its beginning although the stream says latest."""
    topic, config, daemon = begin_anew(t)
    equal(daemon.stop(), 0, "exit status")
    recreate(t, topic, 1)
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    t.run_to_end(t.config(streams={"items": t.stream(topic, start="latest")}))
    check_anew(t, topic, 1)
