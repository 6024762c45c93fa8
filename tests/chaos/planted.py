# SPDX-License-Identifier: Apache-2.0
"""Faults to plant in the daemon, as data: what the chaos runner must find if it is worth anything.

Each replaces text that stands once in its file. Text that is no longer there is an error
(`scripts/chaos-power --check`, which an end-to-end test runs): whoever changes the line says here what the
fault is now. `shows` is what the runner's words must match: a round that fails of something else has
not caught the fault. CAUGHT says which seed found it, and how; docs/chaos.md holds the same table.
"""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Change:
    file: str  # below the root; or "sql NAME": the newest migration that makes pactolus.NAME
    before: str
    after: str

    def path(self, root):
        kind, _, name = self.file.partition(" ")
        if kind != "sql":
            return root / self.file
        head = re.compile(rf"^create (or replace )?function pactolus\.{name}\(", re.MULTILINE)
        made = [path for path in sorted((root / "migrations").glob("*.sql"))
                if head.search(path.read_text(encoding="utf-8"))]
        if not made:
            raise LookupError(f"no migration makes pactolus.{name}")
        return made[-1]

    def planted(self, root):
        """(path, its text with the fault in it)"""
        path = self.path(root)
        text = path.read_text(encoding="utf-8")
        found = text.count(self.before)
        if found != 1:
            raise LookupError(f"{path.relative_to(root)} holds this {found} times: {self.before}")
        return path, text.replace(self.before, self.after)


@dataclasses.dataclass(frozen=True)
class Planted:
    name: str
    breaks: str  # the invariant, in the words of docs/guarantees.md and the daemon's headers
    shows: str  # pattern of what the runner says
    changes: tuple
    draw: tuple = ()  # the faults of faults.py that rounds draw from; (): all


def planted(name, breaks, shows, *changes, draw=()):
    return Planted(name, breaks, shows, tuple(Change(*change) for change in changes), draw)


# What the runner says of rows, dead letters, cursors, accounts, and of what never ends.
ROWS = r"^data\.\w+: \d+ of \d+ differ|^rows (in the view )?of "
LETTERS = r"^dead letters of \w+: \d+ of \d+ differ|^two dead letters"
DLQ = r"^letters in "
ACCOUNT = r"account"
STUCK = r"nothing moved for \d+ s while waiting for"
STRANGER = r"by a session that its owner never had"
MOVED = r"^cursor \d+ was moved"
HALTED = r"halted:"

# What several faults change.
UNKNOWN = "    if (outcome->result == WRITE_UNKNOWN)\n        "


PLANTED = [
    # --- the fence
    planted("fence-dropped", "a batch commits under the fence of its owner, or not at all", STRANGER,
            ("sql advance", "where c.cursor_id = m.id and c.fence = m.fence and c.token = m.token\n",
             "where c.cursor_id = m.id\n"), draw=("late",)),
    planted("claim-keeps-fence", "a claim takes the fence from the owner before", STRANGER,
            ("sql claim", "set fence = c.fence + 1, token = w.token, owner = new_owner",
             "set fence = greatest(c.fence, 1), token = 1, owner = new_owner"), draw=("late",)),
    planted("expected-offset-dropped", "a batch commits only where its cursor stands", MOVED,
            ("sql advance", "\n           and c.next_offset = m.expected\n", "\n")),
    planted("offset-committed-early", "offset, rows and account commit together", f"{ROWS}|{ACCOUNT}|{MOVED}",
            ("src/postgres/writer.c", "!send_advance(writer, batch) ||",
             '!send_advance(writer, batch) || !PQpipelineSync(writer->conn) ||\n'
             '        (expect(writer, ANSWER_ADVANCE, ""), false) ||'),
            ("src/postgres/writer.c", "        if (sync)\n            writer->done++;\n        else\n",
             "        if (sync && expected->answer == ANSWER_SYNC)\n            writer->done++;\n"
             "        else if (!sync)\n")),
    planted("letters-apart", "dead letters commit with the offset", f"{LETTERS}|{ACCOUNT}",
            ("src/postgres/writer.c", "        !send_letters(writer, target, batch) ||",
             '        !PQpipelineSync(writer->conn) || (expect(writer, ANSWER_ROWS, ""), false) ||\n'
             "        !send_letters(writer, target, batch) ||"),
            ("src/postgres/writer.c", "        if (sync)\n            writer->done++;\n        else\n",
             "        if (sync && expected->answer == ANSWER_SYNC)\n            writer->done++;\n"
             "        else if (!sync)\n")),

    planted("letters-without-account", "the account books each dead letter", ACCOUNT,
            ("src/postgres/statements.c", ".dead_lettered = batch->n_letters,", ".dead_lettered = 0,")),

    # --- the place
    planted("dedupe-inverted", "of one key in a batch the greater place wins", ROWS,
            ("src/record/batch.c", "place_compare(&row->place, &other->place) >= 0;",
             "place_compare(&row->place, &other->place) < 0;")),
    planted("fold-forgets-version", "the version outranks time, in a batch too", ROWS,
            ("src/record/record.c", "int order = compare(a->version, b->version);", "int order = 0;")),
    planted("stale-guard-off", "a lesser place never overwrites a greater one", ROWS,
            ("src/table/sql.c", 'buf_puts(text, " WHERE ");', 'buf_puts(text, " WHERE true OR ");')),
    planted("guard-by-offset", "order is that of places, not of offsets", ROWS,
            ("src/table/sql.c",
             '"%s._log >> 48, %s._order_ts, %s._log, %s._offset)", of, of, of, of);',
             '"%s._offset)", of);')),
    planted("guard-without-generation", "a topic's newer version outranks time", ROWS,
            ("src/table/sql.c",
             '"%s._log >> 48, %s._order_ts, %s._log, %s._offset)", of, of, of, of);',
             '"%s._order_ts, %s._log, %s._offset)", of, of, of);')),
    planted("order-ts-of-record-alone", "order_ts is the greatest timestamp of the log so far",
            f"{ROWS}|{LETTERS}",
            ("src/engine/lane_intake.c",
             "record->timestamp > cursor->order_ts ? record->timestamp : cursor->order_ts",
             "record->timestamp")),
    planted("order-ts-without-letters", "dead letters count for order_ts", f"{ROWS}|{LETTERS}|^cursors of",
            ("src/engine/lane_intake.c",
             "                         &parsed.err, &batch->arena);\n        bad = true;\n",
             "                         &parsed.err, &batch->arena);\n        bad = true;\n"
             "        place.order_ts = cursor->order_ts;\n")),
    planted("order-ts-forgotten-at-rewind", "order_ts is kept by the cursor in PostgreSQL",
            f"{ROWS}|{LETTERS}",
            ("src/engine/rewind.c", "    cursor->order_ts = at->order_ts;\n",
             "    cursor->order_ts = -1;\n"), draw=("promote-behind",)),

    # --- deletes
    planted("skeleton-missing", "the delete of an absent key leaves a deleted row", ROWS,
            ("src/table/sql.c", 'buf_puts(text, ") SELECT ");\n',
             'buf_puts(text, layout->append ? ") SELECT " : ") SELECT * FROM (SELECT ");\n'),
            ("src/table/sql.c", "        draft_source(draft, &layout->columns[i]);\n    }\n",
             "        draft_source(draft, &layout->columns[i]);\n"
             '        buf_puts(text, " AS ");\n'
             "        sql_identifier(text, layout->columns[i].name);\n    }\n"
             "    if (!layout->append) {\n"
             '        buf_puts(text, ") s WHERE _deleted_at IS NULL OR EXISTS (SELECT FROM ");\n'
             "        sql_qualified(text, layout->schema, layout->table);\n"
             '        buf_puts(text, " k WHERE k.");\n'
             "        sql_identifier(text, layout->columns[layout->key[0]].name);\n"
             '        buf_puts(text, " = s.");\n'
             "        sql_identifier(text, layout->columns[layout->key[0]].name);\n"
             '        buf_putc(text, \')\');\n    }\n')),
    planted("hard-delete-removes-row", "a hard delete keeps the skeleton", ROWS,
            ("src/postgres/writer.c", "    if (batch->n_letters == 0)\n        return true;\n",
             "    if (target->hard_deletes) {\n"
             "        char sql[512];\n"
             '        snprintf(sql, sizeof sql, "delete from %s.%s where _deleted_at is not null",\n'
             "                 target->layout->schema, target->layout->table);\n"
             "        if (!PQsendQueryParams(writer->conn, sql, 0, NULL, NULL, NULL, NULL, 0))\n"
             "            return false;\n"
             '        expect(writer, ANSWER_LETTERS, "");\n'
             "    }\n"
             "    if (batch->n_letters == 0)\n        return true;\n")),
    planted("soft-delete-wipes", "a soft delete leaves the columns", ROWS,
            ("src/table/sql.c", "bool keep =\n        soft && column->book == BOOK_NONE &&",
             "bool keep =\n        soft && column->book != column->book &&")),
    planted("delete-folds-row", "a row and its soft delete do not fold: the row's columns stay", ROWS,
            ("src/record/batch.c", "if (wins && row->tombstone && !other->tombstone && keep_columns)",
             "if (wins && row->tombstone && !other->tombstone && keep_columns && false)")),

    # --- an outage is not poison
    planted("deadlock-rejects", "40P01 and 40001 are tried again", f"{ROWS}|{LETTERS}",
            ("src/postgres/sqlstate.c", '{"40", RETRY, LATER,', '{"40", REJECT, DATA,'), draw=("deadlock",)),
    planted("lock-timeout-rejects", "55P03 is tried again", f"{ROWS}|{LETTERS}",
            ("src/postgres/sqlstate.c", '{"55P03", RETRY, LATER,', '{"55P03", REJECT, DATA,'),
            draw=("lock-rows",)),
    planted("lost-connection-halts", "a connection that breaks is an outage", HALTED,
            ("src/engine/outcome.c", f"{UNKNOWN}return REMEDY_SETTLE;\n", f"{UNKNOWN}return REMEDY_HALT;\n")),
    planted("read-only-halts", "25006 is tried again, on a new connection", HALTED,
            ("src/postgres/sqlstate.c", '{"25006", RETRY, GONE, RECONNECT,',
             '{"25006", HALT, GONE, RECONNECT,'), draw=("read-only",)),
    planted("full-disk-rejects", "53100 is tried again", f"{ROWS}|{LETTERS}",
            ("src/postgres/sqlstate.c", '{"53", RETRY, LATER,', '{"53", REJECT, DATA,'),
            draw=("disk-full",)),
    planted("retry-counts-twice", "a batch that goes again is counted once", ACCOUNT,
            ("src/engine/lane.c",
             "    case REMEDY_RETRY:\n        pool_give(lane->engine->pool, lane, broken, now);\n",
             "    case REMEDY_RETRY:\n        pool_give(lane->engine->pool, lane, broken, now);\n"
             "        if (lane->n_sealed)\n            lane->sealed[0]->consumed *= 2;\n"),
            draw=("lock-cursors",)),

    # --- isolation
    planted("bisection-drops-neighbour", "one refused row is one dead letter, never its neighbour",
            f"{ROWS}|{ACCOUNT}",
            ("src/postgres/isolate.c",
             "    /* Nothing wrong with the first half: then it is in the second. */\n",
             "    if (n == 2 && isolating->isolation->refused > before)\n        return true;\n")),
    planted("isolation-without-advance", "what is isolated commits with its offset",
            f"{STUCK}|{ACCOUNT}|{ROWS}|{LETTERS}",
            ("src/postgres/isolate.c", "send_params(isolating, statement_advance, 0, NULL) &&", "")),
    planted("beaten-row-forgotten", "behind a refused row stands the one that it had beaten",
            f"{ROWS}|{ACCOUNT}",
            ("src/postgres/isolate.c", "    if (!next)\n        return false;\n",
             "    if (!next || isolation->refused)\n        return false;\n"), draw=("lock-table",)),

    # --- outcomes and positions
    planted("unknown-is-rolled-back", "a batch that may have committed is not applied again",
            f"{MOVED}|{ACCOUNT}",
            ("src/engine/outcome.c",
             f"{UNKNOWN}return REMEDY_SETTLE;\n", f"{UNKNOWN}return REMEDY_RETRY;\n"),
            ("sql advance", "\n           and c.next_offset = m.expected\n",
             "\n           and c.next_offset in (m.expected, m.next)\n"), draw=("half-open",)),
    planted("rewind-by-memory", "a rewind begins where PostgreSQL is", f"{ROWS}|{LETTERS}|{ACCOUNT}|{STUCK}",
            ("src/engine/rewind.c", "{cursor->topic, cursor->partition, at->next_offset};",
             "{cursor->topic, cursor->partition, cursor->read_offset};"), draw=("promote-behind",)),
    planted("incarnation-ignored", "a topic made anew is another log",
            f"{ROWS}|{ACCOUNT}|{STUCK}|{HALTED}|^distinct logs|^no log for|to be claimed",
            ("sql log_find", "\n       and (for_topic_id = '' or l.topic_id in ('', for_topic_id))\n", "\n"),
            ("sql log_of", "       and for_topic_id in ('', l.topic_id);\n", "       and true;\n"),
            draw=("recreate-topic",)),

    # --- the relay
    planted("relay-marks-early", "a letter is marked when the DLQ has it", DLQ,
            ("src/engine/relay.c",
             "    if (producer_send(relay->producer, &message, DELIVERY_MS, &err))\n        return;\n",
             "    if (producer_send(relay->producer, &message, DELIVERY_MS, &err)) {\n"
             "        relay->delivered[relay->n_delivered++] = letter->id;\n        return;\n    }\n"),
            ("src/engine/relay.c",
             "        relay->delivered[relay->n_delivered++] = letter->id;\n        return;\n    }\n"
             "    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||",
             "        return;\n    }\n    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||"),
            ("src/engine/relay.c", "    bool all = delivered_all(relay);\n",
             "    bool all = true;\n"),
            ("src/engine/relay.c", "    if (!all) {\n        /* Reports",
             "    if (!all || (atomic_load(&relay->stopping) && !delivered_all(relay))) {\n"
             "        /* Reports"),
            draw=("broker-freeze", "kill-all", "lock-cursors")),
]


# Name → (seed that caught it, what the runner said, in short). A search begins at this seed; what is not
# here yet begins at 1.
CAUGHT = {
    "fence-dropped": (1, "cursor 9 was moved from 276 to 277 by a session that its owner never had"),
    "claim-keeps-fence": (1, "cursor 10 was moved from 274 to 275 by a session that its owner never had"),
    "expected-offset-dropped": (1, "cursor 7 was moved from 19 to 21 with consumed 1, gaps 0"),
    "offset-committed-early": (1, "the account does not close"),
    "letters-apart": (1, "dead letters of hard0: 2 of 7 differ"),
    "letters-without-account": (1, "the account does not close"),
    "dedupe-inverted": (1, "data.hard0: 5 of 5 differ"),
    "fold-forgets-version": (1, "data.final2: 17 of 100 differ"),
    "stale-guard-off": (1, "data.hard0: 5 of 5 differ"),
    "guard-by-offset": (1, "data.hard0: 4 of 5 differ"),
    "guard-without-generation": (8, "data.several3: 2 of 956 differ"),
    "order-ts-of-record-alone": (1, "data.hard0: 3 of 5 differ"),
    "order-ts-without-letters": (8, "data.append1: 11 of 135 differ"),
    "order-ts-forgotten-at-rewind": (4, "data.soft0: 100 of 100 differ"),
    "skeleton-missing": (1, "data.final2: 3 of 100 differ"),
    "hard-delete-removes-row": (6, "data.framed0: 1 of 5 differ"),
    "soft-delete-wipes": (6, "data.soft2: 1 of 5 differ"),
    "delete-folds-row": (6, "data.soft2: 2 of 5 differ"),
    "deadlock-rejects": (5, "dead letters of versioned0: 19 of 26 differ"),
    "lock-timeout-rejects": (117, "dead letters of versioned0: 23 of 20 differ"),
    "lost-connection-halts": (1, "halted: server closed the connection unexpectedly"),
    "read-only-halts": (1, "halted: cannot execute SELECT FOR NO KEY UPDATE in a read-only transaction"),
    "full-disk-rejects": (2, "data.versioned0: 547 of 987 differ"),
    "retry-counts-twice": (1, "records that batches booked to the account of hard0: expected 5651, got 6715"),
    "bisection-drops-neighbour": (20, "data.soft1: 2 of 995 differ"),
    "isolation-without-advance": (20, "nothing moved for 90 s while waiting for everything to be applied"),
    "beaten-row-forgotten": (157, "data.several0: 1 of 100 differ"),
    "unknown-is-rolled-back": (2, "the account does not close"),
    "rewind-by-memory": (4, "data.soft0: 100 of 100 differ"),
    "incarnation-ignored": (1, "fault recreate-topic: halted: the log ends at 0, before the next offset"),
    "relay-marks-early": (959, "letters in strict1.dlq: 399 of 2214 differ"),
}


def by_name(name):
    for fault in PLANTED:
        if fault.name == name:
            return fault
    raise LookupError(f"no planted fault is called {name}: see --list")
