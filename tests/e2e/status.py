# SPDX-License-Identifier: Apache-2.0
"""What `pactolus status` says of daemons, PostgreSQL and broker, and when one of them is gone."""

import json
import os
import re

from harness import equal, expect, free_port, test, wait
import model
from rights import logins
import together


def told(t, config, *options, code=0):
    """status --json; its exit status is `code`."""
    result = t.pactolus("status", "--json", "--config", config, *options)
    equal(result.code, code, f"exit status of status {options}: {result}")
    return json.loads(result.out)


def spoken(t, config, *options, code=0):
    result = t.pactolus("status", "--config", config, *options)
    equal(result.code, code, f"exit status of status {options}: {result}")
    return result.out


def sessions(status):
    """(process, alive, partitions) of every daemon."""
    return [(daemon["process"], daemon["live"], daemon["partitions"]) for daemon in status["daemons"]]


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
def status_knows_the_daemons_that_live_and_those_that_died(t):
    topic = t.topic(partitions=3)
    config = t.config(streams={"items": t.stream(topic)},
                      kafka={"session_timeout_ms": 1500, "heartbeat_interval_ms": 300})
    t.migrate(config)
    expect("no daemon has claimed anything yet" in spoken(t, config), "daemons of a new group")
    t.produce(topic, [model.item_record(str(n), partition=n) for n in range(3)])
    with logins(t, "writer", "reader", "monitor") as login:
        writer = ("--set", f"database.conninfo={login['writer']}")
        first = t.daemon(config, *writer)
        wait(lambda: t.caught_up(topic), "rows")
        equal(sessions(told(t, config)), [(first.process.pid, True, 3)], "a daemon that lives")
        # A role that may not see other people's sessions does not guess.
        t.sql(f'grant select on all tables in schema pactolus to "{t.id[:40]}_reader"')
        blind = ("--set", f"database.conninfo={login['reader']}")
        equal(sessions(told(t, config, *blind)), [(first.process.pid, None, 3)], "what a reader is told")
        expect(re.search(rf"\({first.process.pid}\) +\? ", spoken(t, config, *blind)), "the reader's text")
        equal(told(t, config, *blind)["streams"][0]["unattended_partitions"], 0, "what a reader takes for unattended")
        first.kill()
        wait(lambda: sessions(told(t, config)) == [(first.process.pid, False, 3)], "a daemon that died")
        expect(re.search(rf"^{re.escape(os.uname().nodename)} \({first.process.pid}\) +gone +.* 3$",
                         spoken(t, config), re.M), "the line of a daemon that died:", spoken(t, config))
        second = t.daemon(config, *writer)
        wait(lambda: sessions(told(t, config))[-1:] == [(second.process.pid, True, 3)] or
             sessions(told(t, config))[:1] == [(second.process.pid, True, 3)], "the next daemon")
        equal(sessions(told(t, config)), [(second.process.pid, True, 3)], "one that holds nothing any more is forgotten")
        second.stop()


@test
def status_measures_rates_when_asked(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(str(n)) for n in range(50)])
    t.run_to_end(config)

    def rate(*options):
        return told(t, config, "--no-broker", *options)["streams"][0]["records_per_second"]

    equal(rate(), None, "the rate that nobody asked for")
    equal(rate("--rates", "1ms"), 0, "the rate without a daemon")
    expect("records/s" not in spoken(t, config), "a column that nobody asked for")
    expect("  records/s  " in spoken(t, config, "--rates", "1ms"), "the column")
    t.daemon(config)
    with together.Flow(t, topic):
        wait(lambda: rate("--rates", "500ms") > 0, "a rate above 0")


@test
def status_tells_what_is_read_again(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(str(n), partition=n % 2) for n in range(60)])
    t.run_to_end(config)
    expect("reads again" not in spoken(t, config), "something is read again without a replay")
    replay = ("replay", "--topic", f"{topic}:0", "--execute", "--reason", "x", "--config", config)
    t.must(*replay, "--to-earliest")
    stream = told(t, config)["streams"][0]
    equal(stream["records_to_read_again"], 30, "records to read again")
    equal([(one["records_left"], one["records"]) for one in stream["replays"]], [(30, 30)], "the replay")
    equal([one["records_to_read_again"] for one in stream["partitions"]], [30, 0], "by partition")
    t.must(*replay, "--to-offset", 20)
    stream = told(t, config)["streams"][0]
    equal(stream["records_to_read_again"], 10, "records to read again after some were passed over")
    equal([(one["id"], one["records_left"], one["records"]) for one in stream["replays"]], [(1, 10, 30)],
          "the replay that has not come back to where it began")
    expect(re.search(r"^  reads again: 10 records to go, replay 1 \(.* ago\) 10 of 30$", spoken(t, config), re.M),
           "the line of the replay:", spoken(t, config))
    t.run_to_end(config)
    stream = told(t, config)["streams"][0]
    equal((stream["records_to_read_again"], stream["replays"]), (0, []), "after it was read again")
    expect("reads again" not in spoken(t, config), "a replay that is done is told")


@test
def status_tells_of_rebuilds(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(str(n)) for n in range(20)])
    t.run_to_end(config)
    t.must("rebuild", "items", "--execute", "--no-swap", "--config", config)
    t.produce(topic, [model.item_record(str(n)) for n in range(5)])
    t.run_to_end(config)
    [rebuild] = told(t, config)["streams"][0]["rebuilds"]
    equal((rebuild["id"], rebuild["table"], rebuild["records_left"], rebuild["worked_at"]),
          (1, "data.items_rebuild_1", 5, False), "the rebuild")
    expect(re.search(r"^  rebuild 1 .* into data.items_rebuild_1: 5 records to go; nobody is at it: "
                     r"pactolus rebuild --resume 1$", spoken(t, config), re.M), "its line:", spoken(t, config))
    # Whoever works at one holds this lock.
    t.sql("select pg_advisory_lock(hashtext('pactolus.rebuilds'), 1)")
    equal(told(t, config)["streams"][0]["rebuilds"][0]["worked_at"], True, "somebody is at it")
    t.sql("select pg_advisory_unlock(hashtext('pactolus.rebuilds'), 1)")
    t.must("rebuild", "--abort", 1, "--config", config)
    equal(told(t, config)["streams"][0]["rebuilds"], [], "rebuilds after it was given up")


@test
def status_names_what_is_out_of_reach(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    nowhere = free_port()
    no_database = ("--set", f"database.conninfo=host=127.0.0.1 port={nowhere} dbname=x user=x")
    no_broker = ("--set", f"kafka.bootstrap_servers=127.0.0.1:{nowhere}", "--timeout", "500ms")

    # A database that answers, but has no tables of ours yet.
    text = spoken(t, config, code=78)
    expect("database not read, cluster " in text and "pactolus migrate" in text, "before migrate:", text)
    t.migrate(config)
    t.produce(topic, [model.item_record(str(n), partition=0) for n in range(7)])
    t.run_to_end(config)

    status = told(t, config, *no_database, code=69)
    expect("refused" in status["database_error"], "why the database is not reached:", status)
    equal((status["database"], status["daemons"], status["broker"]["error"]), (None, None, ""), "what is known")
    [stream] = status["streams"]
    equal((stream["name"], stream["state"], stream["lag_records"], stream["account"]),
          ("items", None, None, None), "the stream that the configuration names")
    equal([(one["topic"], one["low_watermark"], one["high_watermark"], one["next_offset"])
           for one in stream["partitions"]], [(topic, 0, 7, None), (topic, 0, 0, None)], "its partitions")
    text = spoken(t, config, *no_database, code=69)
    expect("database not reached, cluster " in text and re.search(rf"^  {topic}\[0\] +0 +7$", text, re.M), text)
    equal(t.pactolus("status", "--ready", "--config", config, *no_database).code, 69, "exit status of --ready")

    status = told(t, config, *no_broker)
    expect(status["broker"]["error"] and not status["database_error"], "who is out of reach:", status)
    [stream] = status["streams"]
    equal((stream["state"], stream["lag_records"], stream["account"]["consumed"]), ("running", None, 7), "the stream")
    expect("broker not reached" in spoken(t, config, *no_broker), "the text without a broker")

    status = told(t, config, *no_database, *no_broker, code=69)
    expect(status["broker"]["error"] and status["database_error"], "neither is reached:", status)
    equal([one["topic"] for one in status["streams"][0]["topics"]], [topic], "the topics of the configuration")
    text = spoken(t, config, *no_database, *no_broker, code=69)
    expect("database not reached, broker not reached" in text and f"\n  {topic}\n" in text, text)

    # An older control schema than the program's is no riddle.
    t.sql("delete from pactolus.migrations where version = (select max(version) from pactolus.migrations)")
    expect("pactolus migrate" in spoken(t, config, code=78), "a control schema that is behind")
