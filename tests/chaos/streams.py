# SPDX-License-Identifier: Apache-2.0
"""The streams that a round may have, and the records that they get.

A record is drawn together with its meaning: what a right table makes of it. The checker believes the
meaning alone; it never asks the daemon, nor Python's protobuf, what a record says.
"""

import dataclasses

from broken import length_delimited
from harness import confluent_frame, message_class, varint

# Timestamps count from here, one millisecond or so a record; all are ms since 1970.
EPOCH = 1_750_000_000_000
DAY = 86_400_000


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a stream treats its records."""
    name: str
    contract: str
    weight: int = 1
    deletes: str = ""  # "" = the default
    key_format: str = "text"
    append: bool = False
    topics: int = 1
    confluent: bool = False

    @property
    def versioned(self):
        return self.contract == "Revised"


KINDS = [
    Kind("soft", "Item", weight=3),
    Kind("hard", "Item", weight=2, deletes="hard"),
    Kind("keyless", "Item", key_format="none"),
    Kind("append", "Item", key_format="none", append=True),
    Kind("framed", "Item", confluent=True, deletes="hard"),
    Kind("versioned", "Revised", weight=3, deletes="header:rev"),
    Kind("final", "Revised", weight=2, deletes="final"),
    Kind("strict", "Revised", deletes="reject"),
    Kind("several", "Revised", weight=3, deletes="header:rev", topics=2),
    Kind("pair", "Item", weight=2, deletes="hard", topics=2),
]

ROW, TOMBSTONE, LETTER, OTHER = "row", "tombstone", "letter", "other"
BEATEN = "beaten"  # would have been a letter, had a row of its batch not beaten it: checker.py


class Entry:
    """One record of the history: what was sent, where it came to lie, and what it means."""

    __slots__ = ("number", "stream", "topic", "partition", "offset", "timestamp", "key", "value",
                 "headers", "meaning", "reason", "item", "cells", "version", "incarnation", "reported")

    def __init__(self, stream, item):
        self.stream, self.item = stream, item
        self.number = self.partition = self.offset = self.reason = self.cells = None
        self.headers, self.version, self.meaning = [], 0, ROW
        self.reported = False  # the broker has it
        self.incarnation = 1  # how often the topic was made before, and this time

    @property
    def log(self):
        return (self.topic, self.incarnation, self.partition)

    def __repr__(self):
        return (f"{self.number} {self.topic}/{self.incarnation}[{self.partition}]@{self.offset} "
                f"{self.meaning} {self.reason or ''} {self.item} version {self.version} "
                f"at {self.timestamp}")


class Stream:
    """One stream of one round: its settings, its keys, and a maker of records."""

    def __init__(self, test, name, kind, draw):
        self.test, self.name, self.kind, self.draw = test, name, kind, draw
        self.topics = {f"{test.id}.{name}.{n}": draw.choice([1, 2, 3, 4, 6]) for n in range(kind.topics)}
        # Topics of unlike versions: the greater one's records win over all of the lesser.
        same = draw.random() < 0.3
        self.versions = {topic: 1 if same else n for n, topic in enumerate(self.topics, 1)}
        self.dlq = f"{test.id}.{name}.dlq" if draw.random() < 0.7 else ""
        self.rows = draw.choice([1, 7, 50, 200, 1000])
        self.lanes = draw.choice([1, 1, 2])
        self.keys = draw.choice([5, 100, 1000])
        self.padding = draw.choice([0, 0, 0, 30, 3000])
        self.deleting = draw.choice([0.02, 0.1, 0.3])
        self.breaking = draw.choice([0, 0.002, 0.01])
        self.skewed = draw.choice([0, 0.01, 0.1])
        self.ahead = draw.choice([100, 100, 10_000])  # ms; the latter's order_ts stands for the whole round
        # Keys that keep to one log: only then is what a soft delete leaves in a row exact.
        self.sticky = kind.topics == 1 and draw.random() < 0.6
        self.weight = draw.choice([1, 2, 5]) if self.rows > 10 else 1  # small batches take their time
        self.clock = EPOCH

    @property
    def table(self):
        return f"data.{self.name}"

    def settings(self):
        kind = self.kind
        table = {"name": self.name, "view": self.name}
        if kind.versioned:
            table["version"] = "revision"
        if kind.append:
            table.update(mode="append", key=None)
        more = {"key": {"format": kind.key_format}, "batch": {"rows": self.rows}, "lanes": self.lanes,
                "limits": {"record": "64KiB"}, "accept_skew": True,
                # Streams that refuse tombstones have many dead letters, and no bad deployment.
                "flood": {"share": 0, "consecutive": 0}}
        if kind.deletes:
            more["deletes"] = kind.deletes
        if kind.confluent:
            more.update(framing="confluent", other_types="skip")
        if self.dlq:
            more["dlq"] = {"topic": self.dlq}
        contract = f"e2e.v1.{kind.contract}"
        return self.test.stream(
            None, contract, table=table, **more,
            topics=[{"name": topic, "contract": contract, "version": version}
                    for topic, version in self.versions.items()])

    # --- records

    def make(self, number):
        """The next record: everything but partition and offset."""
        draw = self.draw
        entry = Entry(self, f"k{draw.randrange(self.keys)}")
        entry.number, entry.topic = number, draw.choice(list(self.topics))
        entry.timestamp, entry.key = self.timestamp(), entry.item.encode()
        chance = draw.random()
        if chance < self.breaking:
            draw.choice(BROKEN)(self, entry)
        elif chance < self.breaking + self.deleting:
            self.tombstone(entry)
        else:
            self.row(entry)
        if self.kind.confluent and entry.meaning == ROW and draw.random() < 0.02:
            entry.meaning = OTHER
            stranger = message_class("item", "Stranger")(name="who").SerializeToString()
            entry.value = confluent_frame(stranger, path=(1,))
        entry.headers.append(("n", str(number).encode()))
        return entry

    def timestamp(self):
        """Time goes on in small steps and often stands; some producers' clocks are ahead or behind,
        and some records are old."""
        draw = self.draw
        self.clock += draw.choice([0, 0, 1, 2])
        if draw.random() >= self.skewed:
            return self.clock
        return draw.choice([self.clock + draw.randrange(self.ahead), self.clock - draw.randrange(DAY),
                            self.clock + draw.randrange(20), 1_000_000_000 + draw.randrange(DAY)])

    def row(self, entry, **change):
        draw = self.draw
        fields = {"item_id": entry.item, "note": "x" * draw.randrange(self.padding + 1) + str(entry.number)}
        if self.kind.versioned:
            fields["revision"] = draw.randrange(-3, 60) if draw.random() < 0.9 else entry.number
            entry.version = fields["revision"]
        else:
            fields["quantity"] = entry.number
            if draw.random() < 0.5:
                fields["price"] = entry.number / 8
        entry.cells = dict(fields)
        fields.update(change)
        entry.value = self.framed(message_class("item", self.kind.contract)(**fields).SerializeToString())

    def tombstone(self, entry):
        entry.value, kind = None, self.kind
        if kind.append or kind.key_format == "none" or kind.deletes == "reject":
            self.letter(entry, "tombstone")
            return
        entry.meaning = TOMBSTONE
        if kind.deletes == "final":
            entry.version = 2 ** 63 - 1
        elif kind.deletes == "header:rev":
            entry.version = self.draw.randrange(-3, 60)
            entry.headers.append(("rev", str(entry.version).encode()))

    def letter(self, entry, reason):
        entry.meaning, entry.reason, entry.cells = LETTER, reason, None

    def framed(self, payload):
        return confluent_frame(payload) if self.kind.confluent else payload

    @property
    def columns(self):
        return ["item_id", "note", "revision"] if self.kind.versioned else \
            ["item_id", "note", "quantity", "price"]

    def cells_of(self, entry):
        """The columns' values, as the table has them: what is unset in proto3 is its default."""
        return tuple(entry.cells.get(column) for column in self.columns)


# --- broken records: each changes an entry that was about to be a row ------------------------------


def cut_short(stream, entry):
    stream.row(entry)
    entry.value = entry.value[:-1]
    stream.letter(entry, "malformed")


def garbage(stream, entry):
    entry.value = stream.framed(b"\xff\xff\xff")
    stream.letter(entry, "malformed")


def bad_text(stream, entry):
    stream.row(entry)
    entry.value += length_delimited(3, b"caf\xe9")
    stream.letter(entry, "text")


def nul_in_text(stream, entry):
    stream.row(entry)
    entry.value += length_delimited(3, b"a\0b")
    stream.letter(entry, "text")


def too_large(stream, entry):
    stream.row(entry)
    entry.value += length_delimited(3, b"x" * 70_000)
    stream.letter(entry, "too_large")


def without_key_field(stream, entry):
    stream.row(entry, item_id="")
    if stream.kind.append:
        entry.cells["item_id"] = ""  # no key there: the row is sound
    else:
        stream.letter(entry, "key")


def other_key(stream, entry):
    stream.row(entry)
    if stream.kind.key_format == "text" and not stream.kind.append:
        entry.key = b"another"
        stream.letter(entry, "key_mismatch")


def null_key(stream, entry):
    stream.row(entry)
    entry.key = None
    if stream.kind.key_format == "text" and not stream.kind.append:
        stream.letter(entry, "key")


def without_version(stream, entry):
    if not stream.kind.versioned:
        garbage(stream, entry)
        return
    payload = message_class("item", "Revised")(item_id=entry.item, note="?").SerializeToString()
    entry.value = stream.framed(payload)
    stream.letter(entry, "version")


def tombstone_without_version(stream, entry):
    stream.tombstone(entry)
    if entry.meaning == TOMBSTONE and stream.kind.deletes == "header:rev":
        entry.headers.pop()
        stream.letter(entry, "version")


def bad_frame(stream, entry):
    stream.row(entry)
    if stream.kind.confluent:
        entry.value = b"\2" + entry.value[1:]
        stream.letter(entry, "framing")


def bad_time(stream, entry):
    stream.row(entry)
    if not stream.kind.versioned:
        entry.value += length_delimited(5, varint(1 << 3) + varint(253402300800))
        stream.letter(entry, "value")


def refused_by_database(stream, entry):
    """The hand-made constraint of `constraint` below."""
    stream.row(entry, note=REFUSED)
    stream.letter(entry, "database")


REFUSED = "refuse me"

BROKEN = [cut_short, garbage, bad_text, nul_in_text, too_large, without_key_field, other_key, null_key,
          without_version, tombstone_without_version, bad_frame, bad_time, *[refused_by_database] * 4]


def constraint(stream):
    """What is done to the table by hand, so that PostgreSQL refuses some rows."""
    return f"alter table {stream.table} add constraint by_hand check (note <> '{REFUSED}')"
