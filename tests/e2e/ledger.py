# SPDX-License-Identifier: Apache-2.0
"""The ledger of dead letters is people's to work with: letters are closed, exported and erased, and had back
from the DLQ topic when the ledger is lost."""

import base64
import json
import re

from harness import Record, equal, expect, json_rows, test
from letters import DATA, NO_FLOOD, broken_stream, dlq, item_rows, mend, states
import model


@test
def discarded_letters_stay_closed_until_they_are_reopened(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": broken_stream(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record("a"), model.broken_record(b"b"), model.item_record("c")])
    t.run_to_end(config)
    account = t.account()
    listed = json.loads(dlq(t, config, "list", "--each", "--json"))
    equal([(g["stream"], g["reason"], g["letters"]) for g in listed["groups"]],
          [("items", "rule", 2), ("items", "malformed", 1)], "groups")
    equal([letter["place"] for letter in listed["letters"]], [f"{topic}[0]@{n}" for n in range(3)], "places")
    for which, why in ((("--reason", "malformed"), "a test"), ((listed["letters"][0]["id"],), "no")):
        told = dlq(t, config, "discard", *which, "--why", why)
        expect("1 letter is discarded" in told, told)
    mend(t, config)
    dlq(t, config, "redrive", "--all", "--execute")
    equal(sorted(item_rows(t)), ["c"], "rows")
    expect("1 letter is open again" in dlq(t, config, "reopen", f"{topic}[0]@0", "--why", "yes"), "")
    dlq(t, config, "redrive", "--all", "--execute")
    equal((sorted(item_rows(t)), states(t)), (["a", "c"], {"redriven": 2, "discarded": 1}), "rows and states")
    equal(t.sql("select action, why, state, outcome from pactolus.letter_history where \"offset\" = 0 "
                "order by at"),
          [("discard", "no", "redriven", "applied"), ("reopen", "yes", "redriven", "applied"),
           ("redrive", "", "redriven", "applied")], "the history of the first")
    equal(t.account(), account, "the account")
    shown = dlq(t, config, "show", listed["letters"][0]["id"])
    expect("discard at" in shown and ": no" in shown and "redriven: applied" in shown, shown)
    equal(json.loads(dlq(t, config, "list", "--json"))["groups"], [], "open letters")


@test
def what_is_exported_is_what_the_ledger_has(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, flood=NO_FLOOD)})
    t.migrate(config)
    headers = [("trace", b"\x00\xff"), ("trace", b""), ("ü", "€".encode()), ("none", None)]
    records = [Record(b"\xff\x00\xfe", b"\x00k", headers), Record(None, b"tomb"), Record(b"", b""),
               Record(b"\xff" * 70000, None)]
    t.produce(topic, records)
    t.run_to_end(config)
    folder = t.folder / "values"
    folder.mkdir()
    lines = json_rows(dlq(t, config, "export", "--values", folder))
    equal(len(lines), 4, "letters")

    def decoded(text):
        return None if text is None else base64.b64decode(text)

    for line, record in zip(lines, records):
        equal(decoded(line["value_base64"]), record.value, "value")
        equal(decoded(line["key_base64"]), record.key, "key")
        equal([(h["name"], decoded(h["value_base64"])) for h in line["headers"]], record.headers, "headers")
        for suffix, wanted in (("value", record.value), ("key", record.key)):
            path = folder / f"{line['id']}.{suffix}"
            equal(path.read_bytes() if path.exists() else None, wanted, path.name)
            expect(wanted is None or path.stat().st_mode & 0o777 == 0o600, "others may read", path)
        equal([line[name] for name in ("topic", "partition", "state", "attempts")], [topic, 0, "open", 1],
              "facts")
        equal(t.sql("select reason, detail, order_ts, record_ts from pactolus.dead_letters "
                    'where "offset" = %s', line["offset"]),
              [tuple(line[name] for name in ("reason", "detail", "order_timestamp", "timestamp"))], "facts")


def everything_stored(t):
    """Every row of every table and the source of every view, as text."""
    return "\n".join(str(row) for schema, name in t.sql(
        "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', "
        "'information_schema')") for row in t.sql(f'select t::text from "{schema}"."{name}" t'))


@test
def what_is_erased_leaves_no_trace(t):
    """A person's letters, in any state: value, key, headers and detail. Nothing of it is left in the
    database, and nothing brings it back."""
    planted, other = "alice@example.org", "bob@example.org"
    topic, spoilt = t.topic(partitions=1), t.topic("dlq", partitions=1)
    stream = broken_stream(t, topic, columns={"note": {"classification": "personal"}},
                           dlq={"topic": spoilt})
    config = t.config(streams={"items": stream})
    t.migrate(config)
    t.produce(topic, [Record(model.item(who, note=f"of {who}").SerializeToString(), who.encode(),
                             [("mail", who.encode())]) for who in (planted, other)]
              + [Record(b"\xff" + planted.encode(), planted.encode())])
    t.run_to_end(config)
    t.sql("update pactolus.dead_letters set state = 'discarded', "
          "detail = 'says ' || convert_from(key, 'UTF8') where reason = 'malformed'")  # a trigger may
    # What a rebuild noted of letters, for its way back.
    t.sql("insert into pactolus.rebuilds (stream_id, shadow_id, state, schema_name, table_name, "
          "shadow_name, old_name, fingerprint, live_fingerprint, seeds, begun_by, changed_by) "
          "select stream_id, stream_id, 'aborted', '', '', '', '', '', '', false, '', '' "
          "from pactolus.streams; "
          "insert into pactolus.rebuild_letters select r.rebuild_id, d.log_id, d.\"offset\", to_jsonb(d) "
          "- 'value' - 'key' - 'header_values' from pactolus.dead_letters d, pactolus.rebuilds r")
    expect(planted in everything_stored(t) or planted.encode().hex() in everything_stored(t), "never planted")
    # Whoever looks does not see it, unless he wants to. The key column is not classified here.
    numbers = [n for n, in t.sql("select dead_letter_id from pactolus.dead_letters order by 1")]
    for style in ([], ["--json"]):
        shown = dlq(t, config, "show", *numbers, *style)
        expect(f"of {planted}" not in shown and "[personal]" in shown, "personal data is shown:", shown)
        expect(base64.b64encode(b"of " + planted.encode()).decode() not in shown, "personal bytes are shown")
    expect(f"of {planted}" in dlq(t, config, "show", "--reveal", *numbers), "it is not revealed")
    result = dlq(t, config, "erase", "--key-file", "-", "--why", "request 17", input=planted.encode() + b"\n")
    expect("2 letters are erased" in result and "2 of them stand in a DLQ topic" in result, result)
    expect(planted not in result, "it is named:", result)
    t.sql("vacuum")
    text = everything_stored(t)
    expect(planted not in text and planted.encode().hex() not in text, "a trace of what was erased")
    expect(other.encode().hex() in text, "another person's letter is gone too")
    equal(t.sql("select reason, state, key, value, header_names, header_values, detail, "
                "erased_at is not null from pactolus.dead_letters where key is null order by 1"),
          [("malformed", "discarded", None, None, [], [], "", True),
           ("rule", "discarded", None, None, [], [], "", True)], "what is left as a fact")
    # It is neither reopened nor applied: without its value it would look like a delete.
    dlq(t, config, "reopen", *numbers, "--why", "no")
    mend(t, config)
    dlq(t, config, "redrive", "--all", "--execute")
    dlq(t, config, "redrive", "--all", "--execute", "--from-topic", spoilt)
    equal(t.sql("select item_id, _deleted_at from data.items"), [(other, None)], "rows")
    text = everything_stored(t)
    expect(planted not in text and planted.encode().hex() not in text, "it came back")
    shown = dlq(t, config, "show", numbers[0])
    expect("erased" in shown and "erase at" in shown and "request 17" in shown, shown)
    t.check_account()


def forged(message, *drop, **headers):
    """The DLQ record again, with other headers: an offset, or some of pactolus.*"""
    named = {f"pactolus.{name}": value for name, value in headers.items()}
    if "pactolus.offset" in named:
        named["__connect.errors.offset"] = named.pop("pactolus.offset")
    return Record(message.value(), message.key(), [(name, named.get(name, value))
                                                   for name, value in message.headers() if name not in drop])


@test(real_kafka=True)
def a_lost_ledger_is_had_back_from_the_dlq_topic(t):
    """The database is gone. What the DLQ topic has is applied under the place that it had, and once."""
    topic, spoilt = t.topic(partitions=2), t.topic("dlq", partitions=2)
    stream = broken_stream(t, topic, dlq={"topic": spoilt}, deletes="reject")
    config = t.config(streams={"items": stream})
    t.migrate(config)
    records = [model.item_record(f"i{n % 20}", quantity=n, partition=n % 2, timestamp=5000 - n)
               for n in range(60)] + [Record(None, b"i3", partition=1, timestamp=9000)]
    t.produce(topic, records)
    t.run_to_end(config)
    equal(len(t.consume(spoilt)), 61, "relayed letters")
    places = ("select item_id, quantity, note, _log, _offset, _order_ts, _deleted_at from data.items "
              "order by 1")
    stream["deletes"] = "soft"
    config = t.config(streams={"items": stream})
    mend(t, config)
    dlq(t, config, "redrive", "--all", "--execute")
    wanted = t.sql(places)
    expect(len(wanted) == 20 and wanted[0][5] == 5000, "the rows to compare with:", wanted)
    # What stands in the topic twice, comes from elsewhere, or has not all of its place.
    sample = t.consume(spoilt)[0]
    t.produce(spoilt, [forged(sample), forged(sample, cluster=b"another"),
                       forged(sample, **{"topic.id": b"AAAAAAAAAAAAAAAAAAAAAA"}),
                       forged(sample, "pactolus.order.timestamp", offset=b"1000"),
                       forged(sample, group=b"another"), Record(b"no letter")])
    for schema in ("pactolus", "data", "e2e"):
        t.sql(f"drop schema {schema} cascade")
    mend(t, config)
    listed = json.loads(dlq(t, config, "list", "--from-topic", spoilt, "--json"))
    equal(sum(g["letters"] for g in listed["groups"]), 64, "letters in the topic")
    exported = dlq(t, config, "export", "--from-topic", spoilt, "--reason", "tombstone")
    equal(len(json_rows(exported)), 1, "exported")
    expect("[1]@30" in dlq(t, config, "show", "--from-topic", spoilt, f"{topic}[1]@30"), "the tombstone")
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--dry-run", code=DATA)
    expect("61 would be applied" in re.sub(r"(\d+) would.*\n.*?(\d+) would",
                                           lambda m: f"{int(m[1]) + int(m[2])} would", told), told)
    equal(t.rows("pactolus.dead_letters"), 0, "letters after a dry run")
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute", code=DATA)
    expect("1 stand there again" in told and "2 are no letters" in told, told)
    for why in ("it comes from another Kafka cluster", "of an older topic of that name",
                "did not tell its place whole"):
        expect(why in told or "3 left alone" in told, "left for no reason:", told)
    equal(t.sql(places), wanted, "rows")
    equal(states(t), {"redriven": 61}, "states")
    # Again: the ledger knows them now.
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute", code=DATA)
    expect("61 are closed in the ledger" in told, told)
    # And a daemon, once it may, reads from the beginning of the topic: the same rows.
    t.must("adopt", "--execute", "--reason", "the disk is gone", "--config", config)
    t.run_to_end(config)
    equal(t.sql(places), wanted, "rows after the daemon")


@test(real_kafka=True)
def letters_too_large_for_their_topic_are_relayed_without(t):
    topic, spoilt = t.topic(partitions=1), t.topic("dlq", partitions=1, max_message_bytes=20_000)
    config = t.config(streams={"items": broken_stream(t, topic, dlq={"topic": spoilt})})
    t.migrate(config)
    large = "l" * 60_000
    t.produce(topic, [model.item_record("small"), model.item_record("value", note=large),
                      Record(model.item("headers").SerializeToString(), b"headers", [("h", large.encode())]),
                      Record(model.item("both", note=large).SerializeToString(), b"both",
                             [("h", large.encode())])])
    t.run_to_end(config)
    relayed = {int(dict(m.headers())["__connect.errors.offset"]): m for m in t.consume(spoilt)}
    ids = dict(t.sql('select "offset", dead_letter_id from pactolus.dead_letters'))
    equal(sorted(relayed), [0, 1, 2, 3], "letters in the topic")
    equal([(m.key(), m.value() is None, dict(m.headers()).get("pactolus.truncated"))
           for _, m in sorted(relayed.items())],
          [(b"small", False, None), (b"value", True, b"true"), (None, True, b"all"), (None, True, b"all")],
          "what was relayed")
    for offset, message in relayed.items():
        equal(int(dict(message.headers())["pactolus.letter"]), ids[offset], "its number in the ledger")
    equal(t.value("select count(*) from pactolus.dead_letters where relayed_at is null"), 0, "waiting")
    # The ledger has the rest: by the topic, too.
    mend(t, config)
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute")
    expect("4 applied" in told, told)
    equal({k: len(n) for k, (_, n) in item_rows(t).items()},
          {"small": 0, "value": 60_000, "headers": 0, "both": 60_000}, "rows")
    # Without the ledger they are no tombstones.
    t.sql("truncate pactolus.dead_letters; delete from data.items")
    told = dlq(t, config, "redrive", "--all", "--from-topic", spoilt, "--execute", code=DATA)
    expect("1 applied, 3 left alone" in told and "too small for its value" in told, told)
    equal(sorted(item_rows(t)), ["small"], "rows")
