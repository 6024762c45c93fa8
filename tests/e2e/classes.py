# SPDX-License-Identifier: Apache-2.0
"""What error codes do to a daemon that runs, where the tables of codes alone do not tell: sessions that
are of no more use, statements that are too much, rights that are taken away, triggers' own codes."""

from harness import equal, expect, test, wait
import model
from sinks_tables import made


def on_insert(t, name, body, table="data.items", event="before insert or update"):
    """A trigger whose function has this body, as its owner."""
    t.sql(f"create function {name}() returns trigger language plpgsql security definer as $$ begin {body} "
          "return new; end $$")
    t.sql(f"create trigger {name} {event} on {table} for each row execute function {name}()")


def in_turn(t, topic, ids):
    """Each is applied before the next is written."""
    for item_id in ids:
        t.produce(topic, [model.item_record(item_id)])
        wait(lambda: t.caught_up(topic), f"the row {item_id}")


@test
def a_session_that_became_read_only_is_replaced(t):
    """25006, what a server says that was demoted: only a new connection finds the primary."""
    topic, config = made(t)
    on_insert(t, "demote", "if new.item_id = 'last' then "
              "perform set_config('default_transaction_read_only', 'on', false); end if;")
    daemon = t.daemon(config)
    in_turn(t, topic, ["a", "last", "b", "c"])
    expect("25006" in daemon.text(), "no session was read-only:", daemon.text())
    equal(t.rows("data.items"), 4, "rows")
    t.check_account(consumed=4, applied=4, dead_lettered=0)


@test
def the_relay_leaves_a_read_only_server_too(t):
    """The same for the session that marks dead letters."""
    dlq = t.topic("dlq", partitions=1)
    topic, config = made(t, dlq={"topic": dlq})
    on_insert(t, "demote", "perform set_config('default_transaction_read_only', 'on', false);",
              "pactolus.dead_letters", "before update")
    daemon = t.daemon(config)
    for n in range(3):
        t.produce(topic, [model.broken_record(b"x")])
        wait(lambda: len(t.consume(dlq)) >= n + 1, f"dead letter {n} in the DLQ topic")
    expect("25006" in daemon.text(), "no session was read-only:", daemon.text())


@test
def a_session_that_lost_its_statements_is_replaced(t):
    """26000: somebody's DEALLOCATE or DISCARD. They are prepared again, on a new connection."""
    topic, config = made(t)
    on_insert(t, "forget", "if new.item_id = 'last' then execute 'deallocate all'; end if;")
    daemon = t.daemon(config)
    in_turn(t, topic, ["a", "last", "b", "c"])
    expect("26000" in daemon.text(), "no statement was lost:", daemon.text())
    equal(t.rows("data.items"), 4, "rows")
    t.check_account(consumed=4, applied=4, dead_lettered=0)


@test
def a_batch_that_takes_too_long_is_halved(t):
    """57014 again and again: parts of the batch take less time. No dead letter, no halt."""
    topic, config = made(t, settings={"database": {"statement_timeout": "1s"}})
    on_insert(t, "slow", "perform pg_sleep(0.1);")
    t.produce(topic, [model.item_record(f"i{n}") for n in range(30)])
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the rows")
    expect("57014" in daemon.text(), "nothing took too long:", daemon.text())
    equal(t.value("select state from pactolus.streams"), "running", "state")
    equal(t.rows("data.items"), 30, "rows")
    t.check_account(consumed=30, applied=30, dead_lettered=0)


@test
def one_row_that_takes_too_long_halts(t):
    """Halved down to it, and tried some times: no dead letter, for the row is sound."""
    topic, config = made(t, settings={"database": {"statement_timeout": "1s"}, "retry": {"attempts": 2}})
    on_insert(t, "slow", "if new.item_id = 'i5' then perform pg_sleep(60); end if;")
    t.produce(topic, [model.item_record(f"i{n}") for n in range(8)])
    t.daemon(config)
    state = "select state from pactolus.streams"
    wait(lambda: t.value(state) == "halted", "the halt")
    reason, hint = t.sql("select reason, hint from pactolus.streams")[0]
    expect("57014" in reason and "one row alone is too much" in hint, "reason and hint:", reason, hint)
    equal((t.letters(), t.rows("data.items")), ({}, 0), "dead letters and rows")
    t.sql("drop trigger slow on data.items")
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=8, applied=8, dead_lettered=0)


@test
def a_trigger_that_raises_a_check_violation(t):
    """It names no constraint, as a missing partition, but no table either: a dead letter, nothing waits."""
    topic, config = made(t)
    on_insert(t, "no", "if new.item_id = 'bad' then raise check_violation; end if;")
    t.produce(topic, [model.item_record(item_id) for item_id in ("a", "bad", "c")])
    t.run_to_end(config)
    equal(t.sql('select "offset", reason, sqlstate, attempts from pactolus.dead_letters'),
          [(1, "database", "23514", 1)], "dead letters")
    t.check_account(consumed=3, applied=2, dead_lettered=1)


def with_role(t):
    """A daemon that is a role of its own on a server of its own: (topic, configuration, daemon)."""
    t.own_postgres()
    topic, config = made(t)
    t.sql("create role writer login")
    t.sql("grant usage on schema pactolus, data to writer")
    t.sql("grant select, insert, update, delete on all tables in schema pactolus, data to writer")
    t.sql("grant usage on all sequences in schema pactolus to writer")
    t.sql("grant pg_signal_backend to writer")
    config = t.config(database={"conninfo": f"{t.conninfo} user=writer"}, streams={
        "items": t.stream(topic, key={"format": "text"})})
    return topic, config, t.daemon(config)


def halted(t, sqlstate):
    """Wait for the halt in SQL, and look at its reason."""
    wait(lambda: t.value("select state from pactolus.streams") == "halted", "the halt")
    reason = t.value("select reason from pactolus.streams")
    expect(sqlstate in reason, "the reason:", reason)
    equal(t.letters(), {}, "dead letters")


@test
def a_role_that_may_log_in_no_more_halts(t):
    """28000 from new sessions of a daemon that runs. The halt is written when the server lets it in."""
    topic, config, daemon = with_role(t)
    in_turn(t, topic, ["a"])
    t.sql("alter role writer nologin")
    t.sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'writer'")
    t.produce(topic, [model.item_record("b")])
    wait(lambda: "the stream is halted" in daemon.text(), "the halt in the log")
    t.sql("alter role writer login")
    halted(t, "28000")
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=2, applied=2, dead_lettered=0)


@test
def a_privilege_that_is_taken_away_halts(t):
    """42501 from a session that stands."""
    topic, config, daemon = with_role(t)
    in_turn(t, topic, ["a"])
    t.sql("revoke insert on data.items from writer")
    t.produce(topic, [model.item_record("b")])
    halted(t, "42501")
    t.sql("grant insert on data.items to writer")
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=2, applied=2, dead_lettered=0)
    expect(daemon.alive(), "the daemon died")
