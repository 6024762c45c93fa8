# SPDX-License-Identifier: Apache-2.0
"""Values from Protobuf to column and back, at the ends of their ranges."""

import datetime
import decimal
import math

from google.protobuf import json_format

from harness import Record, equal, expect, message_class, test


def everything(**fields):
    return message_class("everything", "Everything")(**fields)


LARGEST = dict(f_double=1.7976931348623157e308, f_float=3.4028234663852886e38, f_int32=2 ** 31 - 1,
               f_int64=2 ** 63 - 1, f_uint32=2 ** 32 - 1, f_uint64=2 ** 64 - 1, f_sint32=2 ** 31 - 1,
               f_sint64=2 ** 63 - 1, f_fixed32=2 ** 32 - 1, f_fixed64=2 ** 64 - 1,
               f_sfixed32=2 ** 31 - 1, f_sfixed64=2 ** 63 - 1, f_bool=True,
               f_string="Grüße, мир, 世界 🌍 \\ \" ' { } NULL \t\n", f_bytes=bytes(range(256)), f_enum=1)
SMALLEST = dict(f_double=-5e-324, f_float=-1.401298464324817e-45, f_int32=-2 ** 31, f_int64=-2 ** 63,
                f_sint32=-2 ** 31, f_sint64=-2 ** 63, f_sfixed32=-2 ** 31, f_sfixed64=-2 ** 63, f_enum=-7)
ZERO = dict(f_double=0.0, f_float=0.0, f_int32=0, f_int64=0, f_uint32=0, f_uint64=0, f_sint32=0,
            f_sint64=0, f_fixed32=0, f_fixed64=0, f_sfixed32=0, f_sfixed64=0, f_bool=False, f_string="",
            f_bytes=b"", f_enum=0)
MOODS = {0: "MOOD_UNSPECIFIED", 1: "MOOD_GLAD", 2: "MOOD_SAD"}


def store(t, messages):
    topic = t.topic("everything", partitions=1)
    config = t.config(streams={"items": t.stream(topic, "e2e.v1.Everything", "everything",
                                                 table={"key": ["id"], "name": "everything"})})
    t.produce(topic, [Record(m.SerializeToString()) for m in messages])
    t.migrate(config)
    t.run_to_end(config)
    t.check_account(consumed=len(messages), dead_lettered=0)


def row(t, item, columns):
    quoted = [c if "(" in c else f'"{c}"' for c in columns]
    found = t.sql(f"select {', '.join(quoted)} from data.everything where id = %s", item)[0]
    return [bytes(v) if isinstance(v, memoryview) else v for v in found]


@test
def scalars_at_the_ends_of_their_ranges(t):
    samples = {"largest": LARGEST, "smallest": dict(ZERO, **SMALLEST), "zero": ZERO}
    store(t, [everything(id=name, **fields) for name, fields in samples.items()])
    for name, fields in samples.items():
        got = dict(zip(fields, row(t, name, list(fields))))
        for field, wanted in fields.items():
            if field == "f_enum":
                wanted = MOODS.get(wanted, str(wanted))
            if field == "f_float":  # real prints few digits; as a double it is what it is
                got[field] = t.value("select f_float::float8 from data.everything where id = %s", name)
            if field in ("f_uint64", "f_fixed64"):
                wanted = decimal.Decimal(wanted)
            equal(got[field], wanted, f"{name}.{field}")


@test
def floats_that_are_no_numbers(t):
    store(t, [everything(id="nan", f_double=math.nan, f_float=math.nan),
              everything(id="inf", f_double=math.inf, f_float=-math.inf)])
    equal(t.sql("select id, f_double::text, f_float::text from data.everything order by 1"),
          [("inf", "Infinity", "-Infinity"), ("nan", "NaN", "NaN")], "rows")


@test
def unset_is_null_only_where_presence_exists(t):
    empty = everything(id="unset")
    present = everything(id="zero", o_int64=0, o_string="", o_enum=0, c_number=0)
    present.w_int64.value = 0
    present.w_string.value = ""
    present.w_bool.value = False
    present.at.seconds = 0
    present.took.seconds = 0
    for field in ("at", "took", "inner"):
        getattr(present, field).SetInParent()
    store(t, [empty, present])
    columns = ["o_int64", "o_string", "o_enum", "w_int64", "w_string", "w_bool", "at", "took", "inner_name",
               "inner_words", "choice", "c_number", "c_text"]
    equal(row(t, "unset", columns), [None] * len(columns), "columns of unset fields")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    equal(row(t, "zero", columns), [0, "", MOODS[0], 0, "", False, epoch, datetime.timedelta(),
           "", [], "c_number", 0, None], "columns of fields set to zero")
    equal([row(t, item, ["inner_present", "inner_inner"]) for item in ("unset", "zero")],
          [[False, None], [True, None]], "presence")
    equal(row(t, "unset", ["r_int64", "r_string", "r_bytes"]), [[], [], []], "unset arrays")
    equal(row(t, "unset", ["inners", "counts"]), [[], {}], "unset lists and maps")


@test
def times_floor_to_microseconds(t):
    samples = {"least": (-62135596800, 0), "greatest": (253402300799, 999_999_999), "before": (-1, 999_999_999),
               "floor": (1, 1_999)}
    messages = []
    for name, (seconds, nanos) in samples.items():
        message = everything(id=name)
        message.at.seconds, message.at.nanos = seconds, nanos
        messages.append(message)
    durations = {"longest": (315_576_000_000, 999_999_999), "shortest": (-315_576_000_000, -999_999_999),
                 "negative": (0, -1_500)}
    for name, (seconds, nanos) in durations.items():
        message = everything(id=name)
        message.took.seconds, message.took.nanos = seconds, nanos
        messages.append(message)
    store(t, messages)
    for name, (seconds, nanos) in samples.items():
        got = t.value("select (extract(epoch from at) * 1000000)::bigint from data.everything where id = %s", name)
        equal(got, seconds * 1_000_000 + nanos // 1000, f"timestamp {name}")
    for name, (seconds, nanos) in durations.items():
        got = t.value("select (extract(epoch from took) * 1000000)::bigint from data.everything where id = %s",
                      name)
        exact = seconds * 1_000_000_000 + nanos
        equal(got in (exact // 1000, -(-exact // 1000)), True, f"duration {name}: {got}")


AWKWARD = ["", "NULL", "null", "a,b", '"quoted"', "back\\slash", "{brace}", " blank ", "line\nbreak", "ü🌍"]


@test
def arrays_keep_every_element(t):
    numbers = [0, 1, -1, 2 ** 63 - 1, -2 ** 63]
    doubles = [0.1, -0.0, 1e300, math.inf]
    octets = [b"", b"\0", b"\\x00", bytes(range(256))]
    store(t, [everything(id="a", r_int64=numbers, r_string=AWKWARD, r_double=doubles, r_enum=[0, 2, 9],
                         r_bytes=octets), everything(id="b", r_string=["only one"])])
    got = row(t, "a", ["r_int64", "r_string", "r_double", "r_enum"])
    equal(got, [numbers, AWKWARD, doubles, [MOODS[0], MOODS[2], "9"]], "arrays")
    got = [bytes.fromhex(h) for h, in t.sql(
        "select encode(b, 'hex') from data.everything, unnest(r_bytes) with ordinality u(b, n) "
        "where id = 'a' order by n")]
    equal(got, octets, "bytea[]")
    equal(row(t, "b", ["r_string", "array_ndims(r_string)"]), [["only one"], 1], "an array of one")


@test
def messages_become_jsonb_in_protobufs_json_form(t):
    """Against python protobuf's own JSON printer, with the names of the .proto, as columns have them."""
    message = everything(id="j", counts={"": 0, "a b": -1, "quote\"": 2 ** 53 + 1},
                         inners=[{"name": text, "words": AWKWARD} for text in AWKWARD])
    message.inner.name = "outer"
    message.inner.big = 2 ** 63 - 1
    message.inner.inner.name = "inner"
    message.by_number[-5].name = "minus five"
    message.by_number[0].SetInParent()
    store(t, [message])
    printed = json_format.MessageToDict(message, including_default_value_fields=True,
                                         preserving_proto_field_name=True)
    columns = ["inner_inner", "inners", "counts", "by_number"]
    equal(dict(zip(columns, row(t, "j", columns))),
          {"inner_inner": printed["inner"]["inner"], "inners": printed["inners"],
           "counts": printed["counts"], "by_number": printed["by_number"]}, "jsonb")
    equal(row(t, "j", ["inner_name", "inner_big"]), ["outer", 2 ** 63 - 1], "columns of a message")


@test
def a_table_whose_messages_are_jsonb_keeps_them(t):
    """Tables are older than columns of nested messages: migrate takes nothing away, and says what keeps them."""
    topic = t.topic("everything", partitions=1)

    def config(name, **columns):
        return t.config(name, streams={"items": t.stream(topic, "e2e.v1.Everything", "everything", columns=columns,
                                                         table={"key": ["id"], "name": "everything"})})
    old, new = config("old", inner={"type": "jsonb"}), config("new")
    t.migrate(old)
    result = t.pactolus("migrate", "--execute", "--config", new)
    equal(result.code, 65, "exit status")
    expect('type = "jsonb"' in result.err and "would lose column inner" in result.err,
           "the refusal does not name the way out:", result)
    message = everything(id="kept")
    message.inner.name = "x"
    t.produce(topic, [Record(message.SerializeToString())])
    t.migrate(old)
    t.run_to_end(old)
    equal(row(t, "kept", ["inner"]), [{"name": "x", "big": "0", "words": []}], "inner")


@test
def nested_fields_are_named_with_hyphens(t):
    """libconfig has no dots in names; a message in the key, and a text key that names it."""
    topic = t.topic("everything", partitions=1)
    config = t.config(streams={"items": t.stream(
        topic, "e2e.v1.Everything", "everything", key={"format": "text"},
        columns={"inner-name": {"name": "label"}, "inner-inner": {"skip": True}, "choice": {"name": "chosen"}},
        table={"key": ["inner.name"], "name": "everything"})})
    message = everything(id="a", c_text="t")
    message.inner.name = "key"
    t.produce(topic, [Record(message.SerializeToString(), b"key"), Record(message.SerializeToString(), b"other"),
                      Record(everything(id="b").SerializeToString(), b"b")])
    t.migrate(config)
    t.run_to_end(config)
    equal(t.sql("select inner_label, chosen, c_text, id from data.everything"), [("key", "c_text", "t", "a")], "rows")
    equal(sorted(reason for reason, _ in t.letters().values()), ["key", "key_mismatch"], "dead letters")
    columns = t.columns("data.everything")
    expect("inner_inner" not in columns and "inner_present" in columns, "columns:", columns)
    t.produce(topic, [Record(None, b"key")])
    t.run_to_end(config)
    equal(t.value("select count(*) from data.everything where _deleted_at is null"), 0, "rows after the tombstone")
