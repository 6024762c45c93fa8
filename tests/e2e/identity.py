# SPDX-License-Identifier: Apache-2.0
"""The right database, the right cluster and the right group: a copy, a restored backup, another cluster and
another group's table are found out before anything is written, and `adopt` ends it."""

import contextlib

import confluent_kafka
import psycopg2

from harness import equal, expect, run_script, test, wait
import model


def items(quantity, first, last):
    return [model.item_record(f"i{n}", quantity=quantity) for n in range(first, last)]


def begin(t):
    """Ten records read and told to the group, and nobody at work."""
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, items(1, 0, 10))
    t.run_to_end(config)
    return topic, config


@contextlib.contextmanager
def copy_of(t, physical=False):
    """A copy of the test's database beside it, asked by its `ask`. A physical one (a file system's snapshot,
    a base backup) knows itself for the original: here it is told so."""
    name = t.database[:50] + "_copy"
    with contextlib.closing(psycopg2.connect(t.postgres.conninfo())) as connection:
        connection.autocommit = True
        for session in t.connections.values():
            session.close()
        t.connections.clear()
        connection.cursor().execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", (t.database,))
        connection.cursor().execute(f'create database "{name}" template "{t.database}"')
        copy = Copy(t, name)
        if physical:
            copy.ask("update pactolus.identity i set (system_identifier, database_oid) = "
                     "(h.system_identifier, h.database_oid) from pactolus.here() h")
        try:
            yield copy
        finally:
            for daemon in t.daemons:
                daemon.close()
            connection.cursor().execute(f'drop database "{name}" with (force)')


class Copy:
    def __init__(self, t, name):
        self.t, self.conninfo = t, t.postgres.conninfo(name)

    def config(self, topic):
        return self.t.config("copy", streams={"items": self.t.stream(topic)},
                             database={"conninfo": self.conninfo})

    def ask(self, query):
        with contextlib.closing(psycopg2.connect(self.conninfo)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []

    def position(self):
        return self.ask("select coalesce(sum(next_offset), 0)::int from pactolus.current_cursors")[0][0]


POSITION = "select coalesce(sum(next_offset), 0)::int from pactolus.current_cursors"


def refused(t, config, *words):
    """The daemon does not even join, and says why."""
    daemon = t.daemon(config)
    equal(daemon.finish(), 78, "exit status")
    for word in (*words, "pactolus adopt"):
        expect(word in daemon.text(), f"the message lacks {word!r}:", daemon.text())


def halted(t, what):
    return wait(lambda: t.sql("select reason, hint from pactolus.streams where state = 'halted'"), what)[0]


@test
def a_copy_of_the_database_is_refused_until_it_is_adopted(t):
    """And once it is, the original is: one of the two stands still, whichever it is."""
    topic, config = begin(t)
    with copy_of(t) as copy:
        t.produce(topic, items(2, 5, 15))
        refused(t, copy.config(topic), "copy")
        equal((copy.position(), t.value(POSITION)), (10, 10), "positions of copy and original")
        adopted = t.must("adopt", "--execute", "--config", copy.config(topic), "--reason", "a test").out
        expect("adopted" in adopted, "adopt says nothing:", adopted)
        daemon = t.daemon(copy.config(topic))
        wait(lambda: copy.position() == 20, "the copy to go on")
        equal(daemon.stop(), 0, "exit status")

        daemon = t.daemon(config)
        reason, hint = halted(t, "the original to halt")
        expect("committed from database" in reason and hint.startswith("pactolus adopt"), reason, hint)
        equal(t.value(POSITION), 10, "position of the original")
        said = t.must("adopt", "--execute", "--config", config, "--reason", "the copy was a mistake").out
        expect("items: goes on" in said and "over" in said, "adopt does not say so:", said)
        wait(lambda: t.caught_up(topic), "the original to go on")
        equal(daemon.stop(), 0, "exit status")
        equal(t.sql("select kind, reason, cardinality(over), by <> '' from pactolus.adoptions"),
              [("adopted", "the copy was a mistake", 1, True)], "adoptions")
        t.check_account(consumed=20, dead_lettered=0)


@test
def a_restored_backup_goes_back_and_says_so(t):
    """Its history is another one from then on: what it replaced halts, should it come back."""
    topic, config = begin(t)
    with copy_of(t, physical=True) as backup:
        t.produce(topic, items(2, 5, 15))
        t.run_to_end(config)
        equal((backup.position(), t.value(POSITION)), (10, 20), "positions of backup and original")
        daemon = t.daemon(backup.config(topic))
        wait(lambda: backup.position() == 20, "the backup to catch up")
        wait(lambda: "is behind what it had told" in daemon.text(), "the daemon to say so")
        equal(daemon.stop(), 0, "exit status")
        equal(backup.ask("select kind from pactolus.adoptions"), [("behind",)], "adoptions of the backup")
        equal(dict(backup.ask("select item_id, quantity from data.items")),
              {f"i{n}": 1 if n < 5 else 2 for n in range(15)}, "rows of the backup")

        # Once more on the backup: there is nothing to say.
        t.produce(topic, items(3, 0, 1))
        daemon = t.run_to_end(backup.config(topic))
        expect("behind" not in daemon.text(), "said again:", daemon.text())

        daemon = t.daemon(config)
        reason, _ = halted(t, "what it replaced to halt")
        expect("committed from database" in reason, "the reason:", reason)
        equal(t.value(POSITION), 20, "position of what it replaced")


@test
def a_database_that_lost_its_cursors_reads_from_the_beginning(t):
    """Restored from before its first start: what the group was told shows that the topic was read, so that
    `latest` would lose what was written since."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, start="latest")})
    t.migrate(config)
    with copy_of(t, physical=True) as backup:
        daemon = t.daemon(config)
        wait(lambda: t.positions(), "the claim")
        t.produce(topic, items(1, 0, 10))
        wait(lambda: t.caught_up(topic), "the records")
        equal(daemon.stop(), 0, "exit status")
        t.run_to_end(t.config("copy", streams={"items": t.stream(topic, start="latest")},
                              database={"conninfo": backup.conninfo}))
        equal(backup.ask("select count(*)::int from data.items"), [(10,)], "rows")


@test
def another_cluster_is_refused_until_it_is_adopted(t):
    topic, config = begin(t)
    t.sql("update pactolus.groups set cluster_id = 'elsewhere'")
    refused(t, config, "elsewhere")
    for arguments in ([], ["--execute"], ["--execute", "--dry-run", "--reason", "both"]):
        equal(t.pactolus("adopt", "--config", config, *arguments).code, 64, f"exit status with {arguments}")
    said = t.must("adopt", "--config", config, "--dry-run").out
    expect("was elsewhere" in said and "nothing was changed" in said, "the dry run:", said)
    equal(t.value("select count(*) from pactolus.adoptions"), 0, "adoptions after a dry run")
    refused(t, config, "elsewhere")
    t.must("adopt", "--execute", "--config", config, "--reason", "moved")
    t.produce(topic, items(2, 0, 10))
    t.run_to_end(config)
    t.check_account(consumed=20, dead_lettered=0)
    equal(t.sql("select cluster_id from pactolus.adoptions"), [("elsewhere",)], "the cluster before")


@test
def a_role_that_may_not_see_the_system_identifier_works(t):
    """Some providers revoke it: the oid of the database is compared all the same."""
    topic, config = begin(t)
    t.sql("revoke execute on function pg_control_system() from public")
    role = f"plain_{t.id}"[:63]
    t.sql(f'create role "{role}" login')
    t.sql(f'grant usage on schema pactolus, data to "{role}"')
    t.sql(f'grant select, insert, update, delete on all tables in schema pactolus to "{role}"')
    t.sql(f'grant select, insert, update on all tables in schema data to "{role}"')
    try:
        plain = t.config("plain", streams={"items": t.stream(topic)},
                         database={"conninfo": t.conninfo.replace("user=pactolus", f"user={role}")})
        t.produce(topic, items(2, 0, 10))
        t.run_to_end(plain)
        t.check_account(consumed=20, dead_lettered=0)
        t.sql("update pactolus.identity set database_oid = 1")
        refused(t, plain, "copy")
    finally:
        t.sql("grant execute on function pg_control_system() to public")
        t.sql(f'drop owned by "{role}"')
        t.sql(f'drop role "{role}"')


@test
def two_groups_on_one_table_are_refused(t):
    """The second halts, and the first goes on. What is adopted changes hands while both run."""
    topic, config = begin(t)
    other = t.config("other", group=f"{t.group}.other", streams={"items": t.stream(topic)})
    t.migrate(other)

    def halts(group):
        return wait(lambda: t.sql("select reason, hint from pactolus.streams where state = 'halted' and "
                                  "consumer_group = %s", group), f"group {group} to halt")[0]

    def reads(group):
        return t.value("select count(*) from pactolus.cursors c join pactolus.streams using (stream_id) "
                       "where consumer_group = %s and next_offset > 0", group)

    first, second = t.daemon(config), t.daemon(other)
    reason, hint = halts(f"{t.group}.other")
    expect("data.items" in reason and f"group {t.group};" in reason and "adopt" in hint, reason, hint)
    t.produce(topic, items(2, 0, 10))
    wait(lambda: t.caught_up(topic), "the first group to go on")
    equal(reads(f"{t.group}.other"), 0, "cursors of the refused group that have moved")

    said = t.must("adopt", "--execute", "--config", other, "--reason", "the group has a new name").out
    expect(f"data.items ({t.group}) wrote it until now" in said, "adopt does not say so:", said)
    reason, _ = halts(t.group)
    expect(f"group {t.group}.other;" in reason, "the reason:", reason)
    t.produce(topic, items(3, 5, 15))
    wait(lambda: t.value("select count(*) from data.items where quantity = 3") == 10, "the second to go on")
    equal(t.value("select sum(consumed)::int from pactolus.account where consumer_group = %s",
                  f"{t.group}.other"), 30, "records of the second group")
    equal((first.stop(), second.stop()), (0, 0), "exit status")
    t.check_account(consumed=20, dead_lettered=0)
    equal(t.sql("select tables from pactolus.adoptions"), [([f"data.items ({t.group})"],)], "adoptions")


# --- a standby that is promoted behind its primary ---------------------------------------------------


class Standby:
    """Of the test's own server; `lag` lets it hear nothing more, `promote` makes it the primary."""

    def __init__(self, t, name="standby"):
        self.t, self.primary, self.state = t, t.postgres, t.folder / name
        t.servers.append(self)
        conninfo = run_script("postgres", "standby", "--of", self.primary.state, "--state", self.state)
        self.base = conninfo.strip().rsplit(" dbname=", 1)[0]

    def down(self):
        run_script("postgres", "down", "--state", self.state)

    def conninfo(self, database="postgres"):
        return f"{self.base} dbname={database}"

    def both(self):
        """What the daemons get: whichever of the two is the primary."""
        first, second = (dict(word.split("=") for word in base.split())
                         for base in (self.primary.base, self.base))
        return (f"host={first['host']},{second['host']} port={first['port']},{second['port']} "
                f"user={first['user']} dbname={self.t.database} target_session_attrs=read-write")

    def ask(self, query):
        with contextlib.closing(psycopg2.connect(self.conninfo())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone() if cursor.description else None

    def lag(self):
        wanted = self.t.value("select pg_current_wal_flush_lsn()::text")
        wait(lambda: self.ask(f"select pg_last_wal_replay_lsn() >= '{wanted}'") == (True,),
             "the standby to follow")
        self.ask("alter system set primary_conninfo = ''")
        self.ask("select pg_reload_conf()")
        wait(lambda: self.t.value("select count(*) from pg_stat_replication") == 0, "the standby to lag")

    def promote(self):
        run_script("postgres", "stop", "--state", self.primary.state, "--immediate")
        run_script("postgres", "promote", "--state", self.state)
        self.t.postgres = self
        self.t.connections.clear()


def told(t, topic):
    """The sum of the offsets that the group was told."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": t.kafka.bootstrap, "group.id": t.group})
    try:
        places = [confluent_kafka.TopicPartition(topic, p) for p in t.end(topic)]
        return sum(max(0, place.offset) for place in consumer.committed(places, timeout=10))
    finally:
        consumer.close()


def lagging(t):
    """Ten records that the standby has, ten that it lacks, all written; and a daemon, which knows both."""
    t.own_postgres()
    standby = Standby(t)
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)}, database={"conninfo": standby.both()})
    t.migrate(config)
    t.produce(topic, items(1, 0, 10))
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "what the standby has")
    standby.lag()
    t.produce(topic, items(2, 5, 15))
    wait(lambda: t.caught_up(topic), "what the standby lacks")
    return standby, topic, config, daemon


def check_after_promotion(t, topic):
    """The rows of both halves, read again; said in the database too, once."""
    wait(lambda: t.caught_up(topic), "everything to be read again")
    equal(dict(t.sql("select item_id, quantity from data.items")),
          {f"i{n}": 1 if n < 5 else 2 for n in range(15)}, "rows")
    t.check_account(consumed=20, dead_lettered=0)
    equal(t.sql("select kind from pactolus.adoptions"), [("behind",)], "adoptions")


@test(real_kafka=True)
def a_standby_that_lagged_is_promoted_under_a_running_daemon(t):
    """No record comes that would tell: the daemon compares by itself."""
    standby, topic, _, daemon = lagging(t)
    standby.promote()
    wait(lambda: "postgresql is back at 10" in daemon.text(), "the daemon to say so")
    check_after_promotion(t, topic)
    equal(daemon.text().count("is back at"), 1, "lines about it")
    reason = t.value("select reason from pactolus.adoptions")
    expect("was at 20 and is at 10" in reason, "the reason:", reason)
    t.produce(topic, items(2, 5, 15))
    wait(lambda: t.caught_up(topic), "the daemon to go on")
    t.check_account(consumed=30, dead_lettered=0)


@test(real_kafka=True)
def a_standby_that_lagged_is_promoted_while_no_daemon_runs(t):
    """Kafka knows how far the group was. The old primary halts, should it come back."""
    standby, topic, config, daemon = lagging(t)
    equal(daemon.stop(), 0, "exit status")
    equal(told(t, topic), 20, "what the group was told")
    standby.promote()
    daemon = t.daemon(config)
    wait(lambda: "is behind what it had told the group" in daemon.text(), "the daemon to say so")
    check_after_promotion(t, topic)
    equal(daemon.stop(), 0, "exit status")
    standby.primary.start()
    t.postgres = standby.primary
    t.connections.clear()
    t.daemon(t.config("old", streams={"items": t.stream(topic)}, database={"conninfo": t.conninfo}))
    reason, _ = halted(t, "the old primary's stream to halt")
    expect("committed from database" in reason, "the reason:", reason)


@test(real_kafka=True)
def a_second_standby_that_lacks_the_new_id_goes_on(t):
    """The first one's new id is known to Kafka only; its timeline tells that it is no stranger's."""
    standby, topic, _, daemon = lagging(t)
    equal(daemon.stop(), 0, "exit status")
    standby.promote()
    second = Standby(t, "second")
    second.lag()
    config = t.config("second", streams={"items": t.stream(topic)}, database={"conninfo": second.both()})
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the first standby to read again")
    equal(daemon.stop(), 0, "exit status")
    first_id = t.value("select database_id::text from pactolus.identity")
    second.promote()
    before = t.value("select database_id::text from pactolus.identity")
    expect(before != first_id, "the second standby has heard of the first one's id")
    daemon = t.daemon(config)
    check_after_promotion(t, topic)
    expect(t.value("select database_id::text from pactolus.identity") not in (before, first_id),
           "the database has no id of its own")
