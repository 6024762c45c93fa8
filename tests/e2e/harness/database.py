# SPDX-License-Identifier: Apache-2.0
"""What a test does with PostgreSQL."""

import contextlib
import threading

import psycopg2

from .expectations import equal, expect
from .servers import Postgres


def administer(postgres, statement):
    """A statement about a whole database, which no transaction may hold: from the server's own."""
    with contextlib.closing(psycopg2.connect(postgres.conninfo())) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


class WithDatabase:
    """The part of a Test that asks its database: of `postgres`, by the name `database`. Each thread has a
    connection of its own in `connections`."""

    def own_postgres(self, version=15, listen=None, tls=None):
        """A server of this test's own, which it may stop."""
        self.postgres = Postgres(self.folder / "postgres", version, listen, tls)
        self.servers.append(self.postgres)
        self.connections.clear()
        self.make_database()

    def make_database(self):
        administer(self.postgres, f'create database "{self.database}"')

    @property
    def conninfo(self):
        return self.postgres.conninfo(self.database)

    def connect(self):
        connection = psycopg2.connect(self.conninfo)
        connection.autocommit = True
        return connection

    def sql(self, query, *values):
        """Rows of a query in a transaction of its own; [] for statements without a result."""
        for attempt in (1, 2):
            connection = self.connections.get(threading.get_ident())
            if connection is None or connection.closed:
                connection = self.connections[threading.get_ident()] = self.connect()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(query, values or None)
                    return cursor.fetchall() if cursor.description else []
            except psycopg2.DatabaseError as error:
                # A session that a test's own doing ended is opened again, once.
                if error.pgcode and not error.pgcode.startswith("57") or attempt == 2:
                    raise
                connection.close()
        return []

    def value(self, query, *values):
        rows = self.sql(query, *values)
        return rows[0][0] if rows else None

    def columns(self, table):
        schema, name = table.split(".")
        return [c for c, in self.sql(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and "
            "not attisdropped order by attnum", f'"{schema}"."{name}"')]

    def checksum(self, table):
        """md5 over all rows in the order of their text, without the time of loading."""
        columns = ", ".join(f't."{c}"' for c in self.columns(table) if c != "_loaded_at")
        return self.value(f"select md5(coalesce(string_agg(r, E'\\n' order by r collate \"C\"), '')) "
                          f"|| ' ' || count(*) from (select row({columns})::text as r from {table} t) q")

    def rows(self, table):
        return self.value(f"select count(*) from {table}")

    def account(self, stream="items"):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("select * from pactolus.account where stream = %s and consumer_group = %s",
                           (stream, self.group))
            row = cursor.fetchone()
            return dict(zip([d[0] for d in cursor.description], row)) if row else None

    def check_account(self, stream="items", again=0, **wanted):
        """The account closes, every dead letter booked is one in the ledger (but for those that failed
        `again` after a resume), and `wanted` holds."""
        account = self.account(stream)
        expect(account, "no account of stream", stream)
        expect(account["cursors_open"] == 0 and account["records_open"] == 0,
               "the account does not close:", account)
        letters = self.value("select count(*) from pactolus.dead_letters d join pactolus.streams s "
                             "using (stream_id) where s.name = %s and s.consumer_group = %s",
                             stream, self.group)
        equal(letters + again, account["dead_lettered"], "dead letters in the ledger against the account's")
        for name, count in wanted.items():
            equal(account[name], count, f"account.{name}")
        return account

    def letters(self):
        """(partition, offset) → (reason, detail)."""
        return {(p, o): (reason, detail) for p, o, reason, detail in self.sql(
            'select partition, "offset", reason, detail from pactolus.dead_letters')}

    def positions(self):
        """topic, partition → next offset."""
        return {(topic, partition): offset + 1 for topic, partition, offset in self.sql(
            "select topic, partition, complete_through_offset from pactolus.progress "
            "where consumer_group = %s", self.group)}
