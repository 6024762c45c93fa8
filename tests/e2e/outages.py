# SPDX-License-Identifier: Apache-2.0
"""An outage is not poison: it makes no dead letters, and what follows is caught up."""

from harness import equal, expect, test, wait
import model


def check_everything(t, topic):
    wait(lambda: t.caught_up(topic), "everything to be applied")
    messages = t.consume(topic)
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.items")},
          model.items(messages), "rows")
    t.check_account(consumed=len(messages), dead_lettered=0)


@test
def postgres_is_restarted_in_mid_load(t):
    t.own_postgres()
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic, batch={"rows": 100})})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n % 9000}", quantity=n) for n in range(60000)])
    daemon = t.daemon(config)
    wait(lambda: sum(t.positions().values()) > 6000, "the load to be under way", every=0.002)
    t.postgres.stop(immediate=True)
    expect(daemon.alive(), "the daemon died of the outage")
    t.postgres.start()
    check_everything(t, topic)
    equal(daemon.stop(), 0, "exit status")
    lines = len(daemon.text().splitlines())
    expect(lines < 100, f"an outage of a second wrote {lines} log lines")


@test(real_kafka=True)
def kafka_is_restarted_in_mid_load(t):
    t.own_kafka()
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n}", quantity=n) for n in range(2000)])
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the first records")
    t.kafka.script("kill")
    expect(daemon.alive(), "the daemon died of the outage")
    t.kafka.script("up")
    t.produce(topic, [model.item_record(f"i{n}", quantity=-n) for n in range(2000)])
    check_everything(t, topic)
    equal(daemon.stop(), 0, "exit status")


@test(real_kafka=True)
def a_missing_dlq_topic_stalls_no_rows(t):
    topic = t.topic(partitions=1)
    # Every other record is broken: that is the point here, and no flood.
    config = t.config(streams={"items": t.stream(topic, dlq={"topic": f"{t.id}.nowhere"},
                                                 flood={"share": "0"})},
                      kafka={"allow_auto_create_topics": "false"})
    t.migrate(config)
    woven = []
    for n in range(500):
        woven += [model.broken_record(), model.item_record(f"i{n}", quantity=n)]
    daemon = t.daemon(config)
    t.produce(topic, woven)
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=1000, applied=500, dead_lettered=500)
    t.produce(topic, [model.item_record("later")])
    wait(lambda: t.caught_up(topic), "the rows behind")
    expect(daemon.alive(), "the daemon died of a missing DLQ topic")
    equal(daemon.stop(), 0, "exit status")


@test
def a_lock_held_by_a_stranger_is_waited_for(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)}, database={"lock_timeout": "200ms"})
    t.migrate(config)
    stranger = t.connect()
    stranger.autocommit = False
    stranger.cursor().execute("lock table data.items in access exclusive mode")
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a")])
    wait(lambda: "lock" in daemon.text().lower(), "the daemon to meet the lock")
    equal(t.letters(), {}, "dead letters")
    stranger.rollback()
    wait(lambda: t.caught_up(topic), "the row")
    t.check_account(consumed=1, applied=1, dead_lettered=0)


@test
def terminated_sessions_are_opened_again(t):
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic, batch={"rows": 100})})
    t.migrate(config)
    daemon = t.daemon(config)
    wait(lambda: t.positions(), "the claim")
    total = 0
    for _ in range(5):
        t.produce(topic, [model.item_record(f"i{n % 500}", quantity=n) for n in range(total, total + 2000)])
        total += 2000
        t.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and "
              "pid <> pg_backend_pid() and application_name like 'pactolus%%'", t.database)
    check_everything(t, topic)
    expect(daemon.alive(), "the daemon died")


@test
def a_constraint_by_hand_costs_one_dead_letter(t):
    """What PostgreSQL refuses is isolated: its neighbours are applied, the stream goes on."""
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, dlq={"topic": t.topic("dlq", partitions=1)})})
    t.migrate(config)
    t.sql("alter table data.items add constraint small check (quantity < 100)")
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record(f"i{n}", quantity=1000 if n == 77 else n % 100) for n in range(900)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.sql('select "offset", reason, sqlstate, attempts from pactolus.dead_letters'),
          [(77, "database", "23514", 1)], "dead letters")
    equal(t.value("select detail like '%%small%%' from pactolus.dead_letters"), True, "the detail's constraint")
    t.check_account(consumed=900, applied=899, dead_lettered=1)
    relayed = wait(lambda: t.consume(f"{t.id}.dlq"), "the letter in the DLQ topic")
    equal(dict(relayed[0].headers())["pactolus.attempts"], b"1", "the attempts in the letter's headers")
    equal(daemon.stop(), 0, "exit status")


@test
def a_row_that_could_pass_is_tried_some_times(t):
    """A missing parent row may be on its way: some attempts, then a dead letter that tells how many."""
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic)}, retry={"attempts": 4})
    t.migrate(config)
    t.sql("create table data.parents (item_id text primary key)")
    t.sql("insert into data.parents values ('known')")
    t.sql("alter table data.items add foreign key (item_id) references data.parents")
    t.daemon(config)
    t.produce(topic, [model.item_record("known"), model.item_record("orphan"), model.item_record("known", quantity=2)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.sql('select "offset", reason, sqlstate, attempts from pactolus.dead_letters'),
          [(1, "database", "23503", 4)], "dead letters")
    equal(t.sql("select item_id, quantity from data.items"), [("known", 2)], "rows")


@test
def a_table_that_is_gone_halts_the_stream(t):
    """What is no record's fault stops its stream, loudly; others go on; nothing is lost."""
    topic, calm = t.topic("items", partitions=1), t.topic("calm", partitions=1)
    config = t.config(streams={
        "items": t.stream(topic), "calm": t.stream(calm, table={"name": "calm", "view": "calm"})})
    t.migrate(config)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a", quantity=1)])
    wait(lambda: t.caught_up(topic), "the first row")
    t.sql("alter table data.items rename to elsewhere")
    t.produce(topic, [model.item_record("b", quantity=1000)])
    state = wait(lambda: t.sql("select state, reason, hint from pactolus.streams where name = 'items' and "
                               "state = 'halted'"), "the halt")[0]
    expect("42P01" in state[1] and "items" in state[1], "the reason does not name the table:", state)
    t.produce(calm, [model.item_record("c")])
    wait(lambda: t.caught_up(calm), "the other stream's row")
    equal(t.letters(), {}, "dead letters")
    equal(daemon.stop(), 0, "exit status")
    # It stays halted over a restart, until somebody resumes it.
    t.sql("alter table data.elsewhere rename to items")
    t.daemon(config)
    t.produce(calm, [model.item_record("d")])
    wait(lambda: t.caught_up(calm), "the other stream after the restart")
    equal(t.value("select state from pactolus.streams where name = 'items'"), "halted", "state")
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows after resume")
    equal(t.rows("data.items"), 2, "rows")
    t.check_account("items", consumed=2, applied=2)


@test
def pause_and_resume(t):
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a")])
    wait(lambda: t.caught_up(topic), "the first row")
    t.must("pause", "--config", config, "items", "--reason", "a test")
    wait(lambda: t.value("select state from pactolus.streams") == "paused", "the state")
    wait(lambda: "paus" in daemon.text(), "the daemon to notice")
    t.produce(topic, [model.item_record("b")])
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows after resume")
    t.check_account(consumed=2, applied=2)
