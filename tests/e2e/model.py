# SPDX-License-Identifier: Apache-2.0
"""What a table must hold, computed from the records alone: the tests' own opinion, which shares no
line with the daemon. A record's place is (version, order_ts, partition, offset); within one topic
partitions stand for logs and the generation is one."""

from harness import Record, message_class


def places(messages):
    """(message, order_ts) in log order: order_ts is the greatest timestamp of the log so far."""
    newest = {}
    for message in sorted(messages, key=lambda m: (m.topic(), m.partition(), m.offset())):
        log = (message.topic(), message.partition())
        newest[log] = max(newest.get(log, -1), message.timestamp()[1])
        yield message, newest[log]


def greatest(messages, row_of, version_of=lambda message: 0):
    """key → row of the greatest place. `row_of(message)`: (key, row), or None for what is no row."""
    best = {}
    for message, order_ts in places(messages):
        found = row_of(message)
        if found is None:
            continue
        key, row = found
        place = (version_of(message), order_ts, message.partition(), message.offset())
        if key not in best or place >= best[key][0]:
            best[key] = (place, row)
    return {key: row for key, (_, row) in best.items()}


def micros(timestamp):
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000


PAYMENT_COLUMNS = ("payment_id, account_id, amount_minor, currency, status, "
                   "(extract(epoch from created_at) * 1000000)::bigint, merchant, note")


def payment_row(payload):
    payment = message_class("payment", "Payment").FromString(payload)
    status = type(payment).DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number
    return (payment.payment_id, payment.account_id, payment.amount_minor, payment.currency,
            status[payment.status].name if payment.status in status else str(payment.status),
            micros(payment.created_at) if payment.HasField("created_at") else None,
            payment.merchant, payment.note if payment.HasField("note") else None)


def payments(messages):
    """payment_id → row, of well-formed payments."""
    def row_of(message):
        row = payment_row(message.value())
        return row[0], row
    return greatest(messages, row_of)


def item(item_id, **fields):
    return message_class("item", "Item")(item_id=item_id, **fields)


def item_record(item_id, partition=None, timestamp=0, **fields):
    return Record(item(item_id, **fields).SerializeToString(), item_id.encode(),
                  partition=partition, timestamp=timestamp)


def items(messages):
    """item_id → (quantity, note), broken records left out."""
    kind = message_class("item", "Item")

    def row_of(message):
        if message.value() is None or message.value().startswith(b"\xff"):
            return None
        found = kind.FromString(message.value())
        return found.item_id, (found.quantity, found.note)
    return greatest(messages, row_of)


def broken_record(key=b"broken", partition=None):
    """A record that no contract takes: its first tag has field number 31 and a wire type of 7."""
    return Record(b"\xff\xff\xff", key, partition=partition)


ITEM_COLUMNS = ("item_id, quantity, note, price, (extract(epoch from made_at) * 1000000)::bigint, colour, "
                "tags, _deleted_at is not null")


def item_cells(payload):
    """An item's cells behind its key, as ITEM_COLUMNS has them. Numbers that are none compare by text."""
    found = message_class("item", "Item").FromString(payload)
    colours = type(found).DESCRIPTOR.fields_by_name["colour"].enum_type.values_by_number
    return found.item_id, (
        found.quantity, found.note, repr(found.price) if found.HasField("price") else None,
        micros(found.made_at) if found.HasField("made_at") else None,
        colours[found.colour].name if found.colour in colours else str(found.colour), list(found.tags))


def item_states(messages, hard=False, refused=()):
    """item_id → (cells or None, deleted), record after record of one log. A delete is a record without
    a value whose key is the item's id; `refused` are the places (partition, offset) of records that can
    be no row."""
    table = {}
    for message, _ in places(messages):
        if (message.partition(), message.offset()) in refused:
            continue
        if message.value() is None:
            key = message.key().decode()
            table[key] = (None if hard else table.get(key, (None, True))[0], True)
        else:
            key, cells = item_cells(message.value())
            table[key] = (cells, False)
    return table


def stored_items(t, table="data.items"):
    """The same of a table."""
    found = {}
    for key, quantity, note, price, *others, deleted in t.sql(f"select {ITEM_COLUMNS} from {table}"):
        cells = (quantity, note, None if price is None else repr(price), *others)
        found[key] = (None if all(cell is None for cell in cells) else cells, deleted)
    return found
