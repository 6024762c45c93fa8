# SPDX-License-Identifier: Apache-2.0
"""Bytes from outside: each broken record is one dead letter with its reason; its neighbours land."""

from harness import Record, confluent_frame, equal, expect, message_class, test, varint, wait
import model


def length_delimited(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def nested(depth):
    """Tree in tree, `depth` deep, by hand: no library would write it."""
    payload = b""
    for _ in range(depth):
        payload = length_delimited(1, payload)
    return payload


def item_bytes(item_id, extra=b"", **fields):
    return model.item(item_id, **fields).SerializeToString() + extra


def broken_bytes():
    """name → (bytes of an Item without framing, the reason of its dead letter)"""
    return {
        "cut short": (item_bytes("cut", note="a longer text")[:-4], "malformed"),
        "over-long varint": (item_bytes("v") + varint(2 << 3) + b"\xff" * 10 + b"\x01", "malformed"),
        "tag zero": (item_bytes("z") + b"\0\0", "malformed"),
        "wrong wire type": (item_bytes("w") + varint(2 << 3 | 2) + b"\x01x", "malformed"),
        "a group": (item_bytes("g") + varint(90 << 3 | 3) + varint(90 << 3 | 4), "malformed"),
        "length past the end": (item_bytes("l") + varint(3 << 3 | 2) + b"\x7fx", "malformed"),
        "10,000 deep": (item_bytes("d") + length_delimited(8, nested(10_000)), "too_deep"),
        "invalid UTF-8": (item_bytes("u") + length_delimited(3, b"caf\xe9"), "text"),
        "surrogate in UTF-8": (item_bytes("s") + length_delimited(3, b"\xed\xa0\x80"), "text"),
        "NUL in text": (item_bytes("n") + length_delimited(3, b"a\0b"), "text"),
        "timestamp past 9999": (item_bytes("t") + length_delimited(5, varint(1 << 3) +
                                                                   varint(253402300800)), "value"),
        "nanoseconds past a second": (item_bytes("o") + length_delimited(5, varint(2 << 3) +
                                                                         varint(1_000_000_000)), "value"),
        "no key field": (item_bytes(""), "key"),
    }


def neighbours(t, topic, config, records, reasons):
    """Produce good, bad, good, bad, …, good; run; every good one is a row, every bad one a letter."""
    woven = [model.item_record("good-0", partition=0)]
    for number, record in enumerate(records, 1):
        record.partition = 0
        woven += [record, model.item_record(f"good-{number}", partition=0)]
    places = t.produce(topic, woven)
    t.migrate(config)
    t.run_to_end(config)
    rows = {k for k, in t.sql("select item_id from data.items")}
    missing = {f"good-{n}" for n in range(len(records) + 1)} - rows
    equal(missing, set(), "good neighbours that did not land")
    letters = t.letters()
    for number, (name, reason) in enumerate(reasons):
        equal(letters.get(places[2 * number + 1], ("no dead letter",))[0], reason, name)
    equal(len(letters), len(records), "dead letters")
    t.check_account(consumed=len(woven), dead_lettered=len(records))
    return dict(zip([name for name, _ in reasons], places[1::2]))


@test
def every_kind_of_broken_bytes(t):
    kinds = broken_bytes()
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    neighbours(t, topic, config, [Record(payload, name.encode()) for name, (payload, _) in kinds.items()],
               [(name, reason) for name, (_, reason) in kinds.items()])
    for reason, detail in t.letters().values():
        expect(detail, "a dead letter without detail:", reason)
    # The ledger keeps the record as it was.
    kept = {bytes(key).decode(): bytes(value) for key, value in t.sql(
        "select key, value from pactolus.dead_letters")}
    equal(kept, {name: payload for name, (payload, _) in kinds.items()}, "bytes in the ledger")


@test
def every_kind_of_broken_frame(t):
    good = item_bytes("framed")
    kinds = [("empty", b"", "framing"), ("wrong magic", b"\1" + confluent_frame(good)[1:], "framing"),
             ("cut prefix", b"\0\0\0", "framing"),
             ("foreign message", confluent_frame(good, path=(1,)), "schema"),
             ("an index that is not there", confluent_frame(good, path=(77,)), "schema"),
             ("negative index", b"\0\0\0\0\1" + varint(2) + varint(1) + good, "framing"),
             ("over-long index", b"\0\0\0\0\1" + b"\xff" * 11 + good, "framing"),
             ("an empty message", confluent_frame(b""), "key")]
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, framing="confluent")})
    woven = [Record(confluent_frame(item_bytes("good")), partition=0)]
    for _, value, _ in kinds:
        woven += [Record(value, partition=0), Record(confluent_frame(item_bytes("good")), partition=0)]
    places = t.produce(topic, woven)
    t.migrate(config)
    t.run_to_end(config)
    letters = t.letters()
    for (name, _, reason), place in zip(kinds, places[1::2]):
        equal(letters.get(place, ("no dead letter",))[0], reason, name)
    t.check_account(consumed=len(woven), dead_lettered=len(kinds))


@test
def other_types_are_counted_or_set_aside(t):
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, framing="confluent", other_types="skip")})
    stranger = message_class("item", "Stranger")(name="who").SerializeToString()
    t.produce(topic, [Record(confluent_frame(item_bytes("a"))), Record(confluent_frame(stranger, path=(1,))),
                      Record(confluent_frame(item_bytes("b")))])
    t.migrate(config)
    t.run_to_end(config)
    t.check_account(consumed=3, applied=2, other_types=1, dead_lettered=0)


@test
def keys_that_disagree(t):
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, key={"format": "text"})})
    woven = [Record(item_bytes("a"), b"a"), Record(item_bytes("b"), b"another"),
             Record(item_bytes("c"), None), Record(item_bytes("d"), b"\xff\xfe"),
             Record(item_bytes("e"), b"e")]
    places = t.produce(topic, woven)
    t.migrate(config)
    t.run_to_end(config)
    letters = t.letters()
    equal([letters.get(place, ("row",))[0] for place in places],
          ["row", "key_mismatch", "key", "key", "row"], "verdicts")
    t.check_account(consumed=5, applied=2, dead_lettered=3)


@test
def an_unknown_enum_number_is_stored_as_digits(t):
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.produce(topic, [Record(item_bytes("known", colour=1)), Record(item_bytes("new") + varint(6 << 3) +
                                                                    varint(99))])
    t.migrate(config)
    t.run_to_end(config)
    equal(dict(t.sql("select item_id, colour from data.items")), {"known": "COLOUR_RED", "new": "99"},
          "colours")
    t.check_account(consumed=2, applied=2, dead_lettered=0)


@test(real_kafka=True)
def large_records(t):
    """A 10 MB field is a row where the limit allows it, else one dead letter."""
    topic = t.topic("items", partitions=1, max_message_bytes=15_000_000)
    big = item_bytes("big", note="x" * 10_000_000)
    t.produce(topic, [Record(item_bytes("a")), Record(big), Record(item_bytes("b"))])
    config = t.config(streams={"items": t.stream(topic)})
    strict = t.config("strict", group=t.group + ".strict", streams={"strict": t.stream(
        topic, limits={"record": "1MiB"}, table={"name": "strict", "view": "strict"})})
    for path in (config, strict):
        t.migrate(path)
        t.run_to_end(path)
    equal(t.sql("select item_id, length(note) from data.items order by 1"),
          [("a", 0), ("b", 0), ("big", 10_000_000)], "rows")
    equal(t.sql("select item_id from data.strict order by 1"), [("a",), ("b",)], "rows under a limit")
    equal([reason for reason, _ in t.letters().values()], ["too_large"], "dead letters")


@test
def the_dlq_topic_gets_each_letter_once(t):
    topic, dlq = t.topic("items", partitions=1), t.topic("items.dlq", partitions=1)
    config = t.config(streams={"items": t.stream(topic, dlq={"topic": dlq})})
    old = 1_600_000_000_000  # long past any retention: the DLQ must stamp it anew
    bad = [Record(b"\xff\xff\xff", f"k{n}".encode(), [("trace", b"\x00\xffraw"), ("empty", b"")], old + n)
           for n in range(20)]
    t.produce(topic, bad + [model.item_record("good")])
    t.migrate(config)
    t.daemon(config)
    wait(lambda: t.value("select count(*) from pactolus.dead_letters where relayed_at is not null") == 20,
         "the relay")
    messages = t.consume(dlq)
    equal(sorted(m.key() for m in messages), sorted(r.key for r in bad), "keys in the DLQ")
    for message in messages:
        headers = dict(message.headers())
        equal(message.value(), b"\xff\xff\xff", "value in the DLQ")
        expect(message.timestamp()[1] > old + 10 ** 9, "the DLQ record kept the old time")
        equal(headers.get("trace"), b"\x00\xffraw", "the producer's header")
        equal(headers.get("__connect.errors.topic"), topic.encode(), "source topic")
        equal(headers.get("__connect.errors.partition"), b"0", "source partition")
        number = int(message.key()[1:])
        equal(headers.get("__connect.errors.offset"), str(number).encode(), "source offset")
        expect(any(str(old + number).encode() == value for value in headers.values()),
               "no header holds the original time:", headers)
        expect(any(b"malformed" == value for value in headers.values()), "no header holds the reason:",
               headers)
