# SPDX-License-Identifier: Apache-2.0
"""Roles: the daemon and the verbs work under exactly the roles of pactolus.roles, and are refused the rest.

Roles belong to the cluster, which all tests share: these logins have the test's id in their names.
"""

import contextlib
import json

import psycopg2

from harness import equal, expect, test, wait
import model

KINDS = ("owner", "migrator", "writer", "operator", "reader", "monitor")


@contextlib.contextmanager
def logins(t, *kinds):
    """A login in each role; {kind: conninfo}. They own nothing, so they can be dropped at the end."""
    names = {kind: f"{t.id[:40]}_{kind}" for kind in kinds}
    for kind, name in names.items():
        t.sql(f'create role "{name}" login in role pactolus_{kind}')
    try:
        yield {kind: t.conninfo.replace("user=pactolus", f"user={name}") for kind, name in names.items()}
    finally:
        for name in names.values():
            t.sql(f'drop owned by "{name}"')
            t.sql(f'drop role "{name}"')


def may(conninfo, query):
    """True when the role of conninfo may run it; False when it is refused for its rights."""
    with contextlib.closing(psycopg2.connect(conninfo)) as connection:
        try:
            connection.cursor().execute(query)
        except psycopg2.errors.InsufficientPrivilege:
            return False
        return True


def configured(t, topic, **settings):
    return t.config(streams={"items": t.stream(topic, columns={"note": {"classification": "personal"}},
                                               flood={"consecutive": 50}, **settings)})


@test
def every_role_does_its_work_and_no_more(t):
    topic = t.topic(partitions=2)
    config = configured(t, topic)
    t.migrate(config)
    t.produce(topic, [model.item_record("a", partition=0), model.broken_record(partition=1)])
    with logins(t, "writer", "operator", "reader", "monitor") as login:
        as_role = {kind: ["--config", config, "--set", f"database.conninfo={info}"] for kind, info in login.items()}
        t.must("check", "--connect", *as_role["writer"])
        daemon = t.daemon(config, "--set", f"database.conninfo={login['writer']}")
        wait(lambda: t.caught_up(topic), "rows under the writer's role")
        t.must("pause", "items", "--reason", "rights", *as_role["operator"])
        wait(lambda: "rights" in daemon.text(), "the daemon to hear of the pause")
        t.must("resume", "items", *as_role["operator"])
        t.produce(topic, [model.item_record("b", partition=0)])
        wait(lambda: t.caught_up(topic), "rows after the pause")
        daemon.stop()
        # Another daemon of the same role takes over, and ends what the first one left.
        second = t.daemon(config, "--set", f"database.conninfo={login['writer']}")
        t.produce(topic, [model.item_record("c", partition=0)])
        wait(lambda: t.caught_up(topic), "rows of the next daemon")
        second.stop()
        t.must("replay", "--stream", "items", "--to-earliest", "--execute", "--reason", "rights",
               *as_role["operator"])
        told = json.loads(t.must("status", "--json", *as_role["monitor"]).out)
        equal(told["streams"][0]["name"], "items", "what the monitor is told")
        refused = {
            "writer": ["create table data.x (a int)", "create table pactolus.x (a int)", "truncate data.items",
                       "delete from data.items", "drop table data.items", "alter table data.items add x int",
                       "delete from pactolus.migrations", "update pactolus.contracts set name = 'x'"],
            "operator": ["create table data.x (a int)", "truncate data.items", "delete from data.items",
                         "update pactolus.identity set created_at = now()", "delete from pactolus.migrations",
                         "update pactolus.groups set consumer_group = 'x'", "delete from pactolus.writers"],
            "reader": ["select from data.items", "select from pactolus.dead_letters", "select from pactolus.cursors",
                       "insert into data.items default values", "update pactolus.streams set state = 'paused'"],
            "monitor": ["select from data.items", "select value from pactolus.dead_letters",
                        "select key from pactolus.dead_letters", "select detail from pactolus.dead_letters",
                        "select header_values from pactolus.dead_letters",
                        "select * from e2e.items_v1", "update pactolus.streams set state = 'paused'"],
        }
        for kind, queries in refused.items():
            for query in queries:
                expect(not may(login[kind], query), f"the {kind} may:", query)
        view = t.sql("select view_schema, view_name from pactolus.streams")[0]
        for query in ("select * from pactolus.freshness", "select * from pactolus.progress",
                      "select * from pactolus.columns", f'select * from "{view[0]}"."{view[1]}"',
                      f'select * from "{view[0]}"."{view[1]}_all"'):
            expect(may(login["reader"], query), "the reader may not:", query)
        for query in ("select * from pactolus.cursors", "select * from pactolus.progress",
                      "select state, reason, count(*) from pactolus.dead_letters group by 1, 2"):
            expect(may(login["monitor"], query), "the monitor may not:", query)
        expect(not may(login["monitor"], f'select * from "{view[0]}"."{view[1]}"'), "the monitor reads rows")
        for verb in (("pause", "items", "--reason", "x"), ("migrate", "--execute")):
            expect(t.pactolus(*verb, *as_role["monitor"]).code != 0, "the monitor may", verb)


@test
def later_tables_are_covered_by_the_next_migrate(t):
    """Rights come with every migrate: to streams that are new, and to what a later migration makes."""
    first, second = t.topic("one", partitions=1), t.topic("two", partitions=1)
    t.migrate(t.config(streams={"items": t.stream(first)}))
    config = t.config(streams={"items": t.stream(first),
                               "more": t.stream(second, table={"name": "more", "view": "more_v1"})})
    t.sql("create table pactolus.later (a int)")
    done = t.migrate(config)
    expect("granted" in done.out, "nothing was granted:", done)
    for privilege, table in (("insert", "data.more"), ("insert", "pactolus.later")):
        equal(t.value("select has_table_privilege('pactolus_writer', %s, %s)", table, privilege), True,
              f"the writer's {privilege} on {table}")
    expect("granted" not in t.migrate(config).out, "rights are granted anew every time")


@test
def a_database_s_owner_who_may_make_no_roles(t):
    """Without CREATEROLE migrate does all but the roles, says what is missing, and grants it next time."""
    owner, kind = f"{t.id[:30]}_dba", f"{t.id[:30]}_w"
    t.sql(f'create role "{owner}" login')
    t.sql(f'grant create on database "{t.database}" to "{owner}"')
    config = t.config(streams={"items": t.stream(t.topic(partitions=1))},
                      database={"conninfo": t.conninfo.replace("user=pactolus", f"user={owner}")})
    try:
        t.must("migrate", "--execute", "--config", config)
        # Names of this database's own: the cluster's other databases have theirs.
        t.sql("update pactolus.roles set name = %s where kind = 'writer'", kind)
        told = t.must("migrate", "--execute", "--config", config).out
        expect(f"create role {kind} nologin;" in told, "the command that is missing is not told:", told)
        t.sql(f'create role "{kind}" nologin')
        told = t.must("migrate", "--execute", "--config", config).out
        expect("granted" in told and "create role" not in told, "the next migrate:", told)
        equal(t.value("select has_table_privilege(%s, 'data.items', 'insert')", kind), True, "its rights")
        equal(t.value("select has_table_privilege(%s, 'data.items', 'delete')", kind), False, "its rights")
    finally:
        for role in (kind, owner):
            t.sql(f'drop owned by "{role}" cascade')
            t.sql(f'drop role "{role}"')


@test
def tables_belong_to_the_owner_s_role(t):
    """A login in migrator that works as the owner: what it makes is the owner's, whoever it was."""
    name = f"{t.id[:40]}_deploy"
    config = t.config(streams={"items": t.stream(t.topic(partitions=1))})
    t.migrate(t.config("empty"))  # so that the roles are there
    t.sql("drop schema pactolus cascade")
    t.sql(f'create role "{name}" login in role pactolus_migrator')
    t.sql(f'alter role "{name}" in database "{t.database}" set role = pactolus_owner')
    t.sql(f'grant create on database "{t.database}" to pactolus_owner')
    try:
        t.must("migrate", "--execute", "--config", config, "--set",
               f"database.conninfo={t.conninfo.replace('user=pactolus', f'user={name}')}")
        owners = t.sql("select distinct pg_get_userbyid(relowner)::text from pg_class where relnamespace in "
                       "('pactolus'::regnamespace, 'data'::regnamespace) and relkind in ('r', 'v')")
        equal(owners, [("pactolus_owner",)], "owners of tables and views")
    finally:
        t.sql(f'revoke create on database "{t.database}" from pactolus_owner')
        t.sql(f'drop role "{name}"')
        t.sql("drop owned by pactolus_owner cascade")
