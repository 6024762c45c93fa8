# SPDX-License-Identifier: Apache-2.0
"""A witness inside the database: every move of a cursor, judged when it is made.

Tables that are right at the end may have been right by luck. A trigger on pactolus.cursors writes down
each move that no daemon may make: by a session of somebody else than the cursor's owner, backwards, or
with an account that does not make up for it. What it writes commits with the move; it refuses nothing,
so that a daemon which errs goes on as it would.
"""

from harness import Failure

SCHEMA = """
create schema chaos;
create table chaos.complaints (cursor_id bigint, complaint text);
create function chaos.judge() returns trigger language plpgsql as $$
begin
    if not exists (select from pactolus.backends where owner = old.owner and pid = pg_backend_pid()) then
        insert into chaos.complaints values (old.cursor_id, format(
            'moved from %s to %s by a session that its owner never had', old.next_offset, new.next_offset));
    end if;
    if new.next_offset < old.next_offset then
        insert into chaos.complaints values (old.cursor_id, format(
            'moved backwards from %s to %s', old.next_offset, new.next_offset));
    end if;
    if (new.consumed - old.consumed) + (new.gaps - old.gaps) + (new.skipped - old.skipped)
            + (new.lost - old.lost) <> new.next_offset - old.next_offset then
        insert into chaos.complaints values (old.cursor_id, format(
            'moved from %s to %s with consumed %s, gaps %s', old.next_offset, new.next_offset,
            new.consumed - old.consumed, new.gaps - old.gaps));
    end if;
    return null;
end $$;
create trigger judge after update on pactolus.cursors for each row
    when (new.next_offset <> old.next_offset and new.pass_start = old.pass_start)
    execute function chaos.judge();
"""


def begin(test):
    """After `migrate`, before a daemon runs."""
    test.sql(SCHEMA)


def complain(test):
    """Failure with what the witness saw, or nothing."""
    found = test.sql("select cursor_id, complaint from chaos.complaints limit 4")
    if found:
        raise Failure("\n".join(f"cursor {cursor} was {text}" for cursor, text in found))
