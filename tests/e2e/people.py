# SPDX-License-Identifier: Apache-2.0
"""For those who read the tables: what a column means, how fresh it is, what a delete leaves of a person."""

import html.parser
import random
import re
import subprocess
import time

import psycopg2
import yaml

from harness import ROOT, Record, equal, expect, test, wait
import model

REFUSED, USAGE, UNAVAILABLE = 65, 64, 69
DAY = 86_400_000  # ms
HOSTILE = """\
syntax = "proto3";
package lab.v1;
import "pactolus/options.proto";
// An <b>order</b> & "more": `x` | y --> \u00e9\u2028\U0001f600
message Order {
  option (pactolus.contract) = { key: "order_id" owner: "team <a>" freshness: "90m"
    description: "Line one\\n<script>alert(1)</script> | # - {x}: 'y' \\\\" };
  // </table> the id
  string order_id = 1 [(pactolus.column) = { type: "uuid" }];
  // Who; "it" is #1: yes
  string mail = 2 [(pactolus.column) = { classification: "personal" unit: "<i>" null_means: "a|b" }];
  Colour colour = 3;
}
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; }
"""


def hostile(t):
    """A configuration of two streams whose contracts hold what could be taken for markup."""
    (t.folder / "order.proto").write_text(HOSTILE)
    out = t.folder / "order.binpb"
    subprocess.run(["protoc", "-I", str(t.folder), "-I", str(ROOT / "proto"), "--include_imports",
                    "--include_source_info", "-o", str(out), str(t.folder / "order.proto")], check=True)
    return t.config(streams={
        "orders": {"descriptors": str(out),
                   "topics": [{"name": "lab.order.placed", "contract": "lab.v1.Order"}]},
        "items": t.stream("shop.item.changed", table={"owner": "shop"})},
        database={"conninfo": "host=/nowhere"})


class Page(html.parser.HTMLParser):
    """What stands in a page: balanced tags, ids, links, the text of table rows."""

    VOID = {"meta", "input", "wbr", "br", "link", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.rows, self.scripts, self.attributes = [], [], [], [], 0, []
        self.words = []
        self.feed(text)
        self.close()
        equal(self.open, [], "tags left open")

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]
        self.scripts += tag == "script"
        if tag == "tr":
            self.rows.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        expect(self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}")
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.words.append(data)
        if "tr" in self.open:
            self.rows[-1] += data


@test
def the_catalogue_is_a_page_that_needs_nothing_else(t):
    config = hostile(t)
    words = ("contract", "docs", "--config", config, "--title", "Lab & <shop>")
    text = t.must(*words).out
    equal(t.must(*words).out, text, "written again")
    page = Page(text)
    words = "".join(page.words)
    equal(page.scripts, 1, "scripts")
    expect("Line one\n<script>alert(1)</script> | # - {x}: 'y' \\" in words, "the description:", words[:2000])
    expect("lab.v1.Order" in words and "team <a>" in words and "within 90m" in words, words[:2000])
    row, = [row for row in page.rows if row.startswith("mail")]
    for part in ("personal", "text", 'Who; "it" is #1: yes', "Unit: <i>", "NULL: a|b"):
        expect(part in row, "the row of mail lacks", part, row)
    expect(any(row.startswith("colour") and "COLOUR_RED" in row for row in page.rows), "no values")
    # Links lead somewhere within it; ids are unique; nothing is fetched.
    equal(len(page.ids), len(set(page.ids)), "ids")
    for link in page.links:
        expect(link.startswith("#") and link[1:] in page.ids, "a link that leads nowhere:", link)
    for tag, name, value in page.attributes:
        expect(name != "src" and not name.startswith("on") and tag not in ("link", "img", "iframe"),
               "something is fetched or run:", tag, name, value)
        if name in ("for", "aria-labelledby"):
            expect(value in page.ids, "names what is not there:", tag, value)
    expect(("html", "lang", "en") in page.attributes, "no language")
    # One stream alone; what is not there is said.
    expect("order_v1" not in t.must("contract", "docs", "--config", config, "items").out, "orders too")
    equal(t.pactolus("contract", "docs", "--config", config, "nothing").code, USAGE, "an unknown stream")
    wrong = t.pactolus("contract", "docs", "--config", config, "--format", "htlm")
    equal(wrong.code, USAGE, "an unknown format")
    expect("did you mean html" in wrong.err, wrong.err)


@test
def dbt_gets_sources_that_a_parser_reads(t):
    config = hostile(t)
    found = yaml.safe_load(t.must("contract", "docs", "--config", config, "--format", "dbt").out)
    equal(found["version"], 2, "version")
    equal([(s["name"], s["schema"], [v["name"] for v in s["tables"]]) for s in found["sources"]],
          [("e2e", "e2e", ["item_v1", "item_v1_all"]),
           ("lab", "lab", ["order_v1", "order_v1_all"])], "sources")
    view, whole = found["sources"][1]["tables"]
    equal(view["description"], "Line one\n<script>alert(1)</script> | # - {x}: 'y' \\", "description")
    equal(view["meta"], {"topics": ["lab.order.placed"], "stream": "orders", "contract": "lab.v1.Order",
                         "owner": "team <a>", "freshness": "90m", "status": "active"}, "meta")
    # Only the twin says when its rows were loaded, so only there can dbt look.
    expect("freshness" not in view and "loaded_at_field" not in view, view)
    equal((whole["loaded_at_field"], whole["freshness"]),
          ("_loaded_at", {"warn_after": {"count": 90, "period": "minute"}}), "freshness")
    mail = {c["name"]: c for c in view["columns"]}["mail"]
    equal(mail, {"name": "mail", "description": 'Who; "it" is #1: yes', "data_type": "text",
                 "meta": {"contract": "lab.v1.Order", "field": "mail", "owner": "team <a>", "unit": "<i>",
                          "classification": "personal", "null_means": "a|b"}}, "mail")
    equal([c["name"] for c in whole["columns"]],
          ["order_id", "mail", "colour", "_log", "_offset", "_order_time", "_loaded_at", "_deleted_at"],
          "columns")
    # What it names is what migrate makes.
    topic = t.topic()
    live = t.config("live", streams={"items": t.stream(topic)})
    t.migrate(live)
    source, = yaml.safe_load(t.must("contract", "docs", "--config", live, "--format", "dbt").out)["sources"]
    for table in source["tables"]:
        equal([(c["name"], c["data_type"]) for c in table["columns"]], t.sql(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute where attnum > 0 and "
            "attrelid = format('%%I.%%I', %s, %s)::regclass order by attnum",
            source["schema"], table["name"]),
            f"columns of {table['name']}")


@test
def markdown_keeps_its_tables(t):
    text = t.must("contract", "docs", "--config", hostile(t), "--format", "markdown").out
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for row in rows:
        equal(len(re.findall(r"(?<!\\)\|", row)), 6, f"cells of {row}")
    expect("\\<script\\>" in text and "<script>" not in text, text)
    expect("## `lab.order_v1`" in text, text)


@test
def columns_say_what_they_mean(t):
    topic = t.topic(partitions=1)
    said = {"quantity": {"unit": "pieces"}, "note": {"name": "remark", "classification": "personal"},
            "price": {"null_means": "not for sale", "classification": "internal"}}
    config = t.config(streams={"items": t.stream(
        topic, columns=said, table={"owner": "shop", "freshness": "2h"})})
    expect("note what its columns mean" in t.migrate(config).out, "migrate does not say so")
    equal(t.sql("select schema, view, column_name, field, type, unit, classification, null_means, owner from "
                "pactolus.columns where stream = 'items' and position < 5 order by position"),
          [("e2e", "item_v1", "item_id", "item_id", "text", None, None, None, "shop"),
           ("e2e", "item_v1", "quantity", "quantity", "bigint", "pieces", None, None, "shop"),
           ("e2e", "item_v1", "remark", "note", "text", None, "personal", None, "shop"),
           ("e2e", "item_v1", "price", "price", "double precision", None, "internal", "not for sale",
            "shop")], "columns")
    equal([c for c, in t.sql("select column_name from pactolus.columns order by position")],
          t.columns("e2e.item_v1"), "columns of the view")
    equal(t.value("select target from pactolus.freshness").total_seconds(), 7200, "target")
    expect("nothing to do" in t.migrate(config).out, "migrate finds something to do")
    # What changes in words alone is taken up too.
    said["quantity"]["unit"] = "dozens"
    config = t.config(streams={"items": t.stream(topic, columns=said, table={"owner": "shop"})})
    expect("note what its columns mean" in t.must("migrate", "--dry-run", "--config", config).out, "dry run")
    t.migrate(config)
    equal(t.value("select unit from pactolus.columns where column_name = 'quantity'"), "dozens", "unit")
    equal(t.value("select target from pactolus.freshness"), None, "target")


def met(t):
    return t.value("select met from pactolus.freshness")


@test
def freshness_is_judged_by_what_arrives(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic, table={"freshness": "1h"})})
    t.migrate(config)
    expect(met(t) is False, "nobody reads it, and it is fresh:", met(t))
    daemon = t.daemon(config)
    wait(lambda: met(t) is True, "a stream that is read and has nothing new")
    now = int(time.time() * 1000)
    t.produce(topic, [model.item_record("a", partition=0, timestamp=now)])
    wait(lambda: t.caught_up(topic), "the row")
    expect(met(t) is True, "a fresh record, and late")
    # Old records come: whoever is behind is late, though its other partition is not.
    t.produce(topic, [model.item_record("b", partition=1, timestamp=now - DAY)])
    wait(lambda: met(t) is False, "that it is late")
    delay = t.value("select delay from pactolus.freshness").total_seconds()
    expect(86_000 < delay < 87_000, "delay", delay)
    # Nothing more comes there: idle, and idle is not late.
    t.sql("update pactolus.cursors set consumed_at = now() - interval '2 hours'")
    wait(lambda: met(t) is True, "that the idle partition holds nothing back")
    # What stands still is fresh for no longer than its target.
    t.must("pause", "items", "--config", config, "--reason", "test")
    expect(met(t) is True, "paused just now, and late")
    t.sql("update pactolus.streams set changed_at = now() - interval '2 hours'")
    expect(met(t) is False, "paused for two hours, and fresh")
    t.must("resume", "items", "--config", config)
    wait(lambda: met(t) is True, "that it is resumed")
    equal(daemon.stop(), 0, "exit status")
    wait(lambda: t.value("select count(*) from pactolus.unattended") == 2, "that nobody holds it")
    expect(met(t) is True, "stopped just now, and late")
    t.sql("update pactolus.cursors set updated_at = now() - interval '2 hours'")
    expect(met(t) is False, "stopped for two hours, and fresh")


def tombstone(item_id, timestamp=0, headers=()):
    return Record(None, item_id.encode(), headers, timestamp)


def items(t, topic, classified=("note", "tags"), **settings):
    settings.setdefault("key", {"format": "text"})
    settings["columns"] = {field: {"classification": "personal"} for field in classified}
    table = dict({"view": "items"}, **settings.pop("table", {}))
    return t.stream(topic, table=table, **settings)


@test
def a_soft_delete_blanks_what_is_personal(t):
    """Deleted in the same batch, in a later one, and back again; the other columns stay as they were."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": items(t, topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(key, quantity=n, note=f"name {key}", tags=["private"])
                      for n, key in enumerate("abc")] + [tombstone("a"), tombstone("absent")])
    t.run_to_end(config)
    t.produce(topic, [tombstone("b"), model.item_record("a", quantity=9, note="again")])
    t.run_to_end(config)
    rows = "select item_id, quantity, note, tags, _deleted_at is not null from data.items order by 1"
    equal(t.sql(rows), [("a", 9, "again", [], False), ("absent", None, None, None, True),
                        ("b", 1, None, None, True), ("c", 2, "name c", ["private"], False)], "rows")
    t.check_account(consumed=7, dead_lettered=0)


@test
def blanking_does_not_depend_on_batches(t):
    """However records fall into batches: the same table, and nothing personal in a deleted row."""
    draw = random.Random(t.id)
    topic = t.topic(partitions=3)
    t.produce(topic, [tombstone(key) if draw.random() < 0.4 else
                      model.item_record(key, quantity=n, note=f"person {n}", tags=[str(n)])
                      for n, key in enumerate(f"k{draw.randrange(40)}" for _ in range(800))])
    sums = set()
    for rows in (1, 7, 1000):
        name = f"by{rows}"
        config = t.config(name, group=f"{t.group}.{rows}", streams={name: items(
            t, topic, batch={"rows": rows}, table={"name": name, "view": name})})
        t.migrate(config)
        t.run_to_end(config)
        t.sql(f"update data.{name} set _loaded_at = 'epoch'")
        sums.add(t.checksum(f"data.{name}"))
        equal(t.value(f"select count(*) from data.{name} where _deleted_at is not null and "
                      "(note is not null or tags is not null)"), 0, "persons in deleted rows")
        expect(t.value(f"select count(*) from data.{name} where _deleted_at is not null and "
                       "quantity is not null") > 0, "the other columns went too")
    equal(len(sums), 1, "tables")


@test
def a_final_delete_blanks_too(t):
    from semantics import REVISED, apply, revised
    settings = dict(REVISED, columns={"note": {"classification": "secret"}})
    apply(t, [revised("a", 5, "secret"), revised("b", 1, "stays"), tombstone("a"), revised("a", 9, "late")],
          deletes="final", batch={"rows": 1}, **settings)
    equal(t.sql("select item_id, note, _deleted_at is not null from data.items order by 1"),
          [("a", None, True), ("b", "stays", False)], "rows")


def maintain(t, config, *more):
    return t.must("maintain", "--config", config, *more).out


@test
def what_was_deleted_before_it_was_classified_is_blanked(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": items(t, topic, classified=())})
    t.migrate(config)
    t.produce(topic, [model.item_record(key, quantity=1, note=f"name {key}") for key in "abc"])
    t.run_to_end(config)
    t.produce(topic, [tombstone("a"), tombstone("b")])
    t.run_to_end(config)
    equal(maintain(t, config, "--execute"), "items: deleted rows 0 removed, 0 blanked\n", "unclassified")
    config = t.config(streams={"items": items(t, topic, classified=("note",))})
    t.migrate(config)
    expect("items: deleted rows 0 to remove, 2 to blank" in maintain(t, config, "--dry-run"), "dry run")
    equal(t.value("select count(*) from data.items where note is not null"), 3, "notes after the dry run")
    expect("0 removed, 2 blanked" in maintain(t, config, "--execute", "items"), "execute")
    equal(t.sql("select item_id, note, quantity from data.items order by 1"),
          [("a", None, 1), ("b", None, 1), ("c", "name c", 1)], "rows")
    expect("0 removed, 0 blanked" in maintain(t, config, "--execute"), "once more")


def purging(t, topic, after, **settings):
    return t.config(streams={"items": items(t, topic, table={"purge_deleted_after": after}, **settings)})


@test
def deleted_rows_are_removed_when_their_time_is_over(t):
    """By both times: when the key was deleted, and when that was written."""
    topic = t.topic(partitions=1)
    config = purging(t, topic, "10d")
    t.migrate(config)
    now = int(time.time() * 1000)
    t.produce(topic, [model.item_record(f"k{n}", quantity=n, timestamp=now - 30 * DAY) for n in range(3000)] +
              [tombstone(f"k{n}", timestamp=now - 20 * DAY) for n in range(0, 3000, 2)] +
              [tombstone(f"k{n}", timestamp=now - DAY) for n in range(1, 3000, 4)])
    t.run_to_end(config)
    beyond = ("--below-retention",)
    # Deleted long ago, but written just now: records from before may still be on their way.
    expect("0 removed" in maintain(t, config, "--execute", *beyond), "what was written just now is removed")
    t.sql("update data.items set _loaded_at = now() - interval '11 days'")
    expect("1,500 to remove" in maintain(t, config, "--dry-run", *beyond), "dry run")
    equal(t.rows("data.items"), 3000, "rows after the dry run")
    expect("1,500 removed" in maintain(t, config, "--execute", *beyond), "execute")
    equal(t.sql("select count(*), count(_deleted_at) from data.items"), [(1500, 750)], "rows")
    equal(t.value("select count(*) from e2e.items"), 750, "rows of the view")


@test
def partitions_are_maintained_each(t):
    topic = t.topic(partitions=1)
    config = purging(t, topic, "1ms", classified=("note",))
    plan = t.must("migrate", "--dry-run", "--config", config).out
    create, = re.findall(r"CREATE TABLE \"data\"\.\"items\".*?;", plan, re.S)
    t.sql("create schema data")
    t.sql(re.sub(r"WITH \(fillfactor = 80\)", "PARTITION BY HASH (item_id)", create))
    for n in range(3):
        t.sql(f"create table data.items_{n} partition of data.items "
              f"for values with (modulus 3, remainder {n})")
    t.migrate(config)
    t.produce(topic, [model.item_record(f"k{n}", note="x") for n in range(60)] +
              [tombstone(f"k{n}") for n in range(30)])
    t.run_to_end(config)
    expect("30 removed" in maintain(t, config, "--execute", "--below-retention"), "execute")
    equal(t.sql("select count(*), count(_deleted_at) from data.items"), [(30, 0)], "rows")


@test(real_kafka=True)
def a_purge_that_would_bring_rows_back_is_refused(t):
    """Whoever reads a topic again meets records that are older than the delete."""
    topic = t.topic(partitions=1, retention_ms=3_000_000, segment_ms=600_000)
    config = purging(t, topic, "30m")
    t.migrate(config)
    refused = t.pactolus("maintain", "--dry-run", "--config", config)
    equal(refused.code, REFUSED, "exit status")
    expect(topic in refused.err and "1 h" in refused.err.replace("60 min", "1 h"), refused.err)
    expect("0 to remove" in maintain(t, config, "--dry-run", "--below-retention"), "it is said to be right")
    expect("0 to remove" in maintain(t, purging(t, topic, "2h"), "--dry-run"), "longer than the topic keeps")
    forever = t.topic("forever", partitions=1, cleanup_policy="compact")
    refused = t.pactolus("maintain", "--execute", "--config", purging(t, forever, "365d"))
    equal(refused.code, REFUSED, "exit status for a compacted topic")
    expect("forever" in refused.err, refused.err)


@test
def nothing_is_removed_on_a_guess(t):
    """Whoever cannot ask how long records are kept removes nothing, and blanks all the same."""
    topic = t.topic(partitions=1)
    config = purging(t, topic, "1ms", classified=())
    t.migrate(config)
    t.produce(topic, [model.item_record(key, note="x") for key in "abc"])
    t.run_to_end(config)
    t.produce(topic, [tombstone("a"), tombstone("b")])
    t.run_to_end(config)
    streams = {"items": items(t, topic, table={"purge_deleted_after": "1ms"}, classified=("note",))}
    config = t.config(streams=streams, kafka={"bootstrap_servers": "localhost:1"})
    t.migrate(config)
    unsure = t.pactolus("maintain", "--execute", "--config", config)
    equal(unsure.code, UNAVAILABLE, f"exit status: {unsure}")
    expect("0 removed, 2 blanked" in unsure.out and "--below-retention" in unsure.err, unsure)
    equal(t.sql("select item_id, note from data.items order by 1"), [("a", None), ("b", None), ("c", "x")],
          "rows")
    expect("2 removed, 0 blanked" in maintain(t, config, "--execute", "--below-retention"), "execute")


TWO = """\
syntax = "proto3";
package lab.v1;
import "pactolus/options.proto";
message One {
  option (pactolus.contract) = { key: "id" table: "things" view: "things" purge_deleted_after: "1ms" };
  string id = 1;
}
message Two {
  option (pactolus.contract) = { key: "id" table: "things" view: "things" %s };
  string id = 1;
}
"""


@test
def all_contracts_of_a_table_must_agree_to_a_purge(t):
    """A row does not tell whose it is: what one contract never gives up stays."""
    topics = [t.topic(name, partitions=1) for name in ("one", "two")]

    def settings(name, said):
        (t.folder / f"{name}.proto").write_text(TWO % said)
        out = t.folder / f"{name}.binpb"
        subprocess.run(["protoc", "-I", str(t.folder), "-I", str(ROOT / "proto"), "--include_imports", "-o",
                        str(out), f"{name}.proto"], check=True, cwd=t.folder)
        return t.config(name, streams={"items": {
            "descriptors": str(out), "key": {"format": "text"}, "accept_skew": True,
            "topics": [{"name": topic, "contract": contract} for topic, contract in
                       zip(topics, ("lab.v1.One", "lab.v1.Two"))]}})

    config = settings("silent", "")
    t.migrate(config)
    t.produce(topics[0], [tombstone("a"), tombstone("b")])
    t.produce(topics[1], [tombstone("c")])
    t.run_to_end(config)
    expect("0 removed" in maintain(t, config, "--execute", "--below-retention"), "one of two has said it")
    expect("3 removed" in maintain(t, settings("agreed", 'purge_deleted_after: "2ms"'), "--execute",
                                   "--below-retention"), "both have said it")
    equal(t.rows("data.things"), 0, "rows")


@test
def maintaining_beside_a_running_daemon(t):
    """Rows come back while they are being removed: what stands, stands."""
    topic = t.topic(partitions=2)
    config = purging(t, topic, "1ms", classified=("note",))
    t.migrate(config)
    t.daemon(config)
    draw = random.Random(t.id)
    last, number, removed = {}, 0, 0
    for _ in range(30):
        records = []
        for _ in range(200):
            key, number = f"k{draw.randrange(150)}", number + 1
            dead = draw.random() < 0.5
            last[key] = None if dead else number
            records.append(tombstone(key) if dead else model.item_record(key, quantity=number, note="x"))
        t.produce(topic, records)
        out = maintain(t, config, "--execute", "--below-retention")
        removed += int(re.search(r"rows ([\d,]+) removed", out).group(1).replace(",", ""))
    wait(lambda: t.caught_up(topic), "all records")
    expect(removed > 0, "nothing was removed meanwhile")
    equal(dict(t.sql("select item_id, quantity from e2e.items")),
          {key: n for key, n in last.items() if n is not None}, "the view")
    t.check_account(consumed=6000, dead_lettered=0)


@test
def readers_see_views_and_are_not_let_hold_things_up(t):
    """The commands of docs/operations.md, with a login of this test's own."""
    text = (ROOT / "docs" / "operations.md").read_text()
    block, = re.findall(r"create role analyst login in role pactolus_reader;.*?(?=\nSQL\n)", text, re.S)
    analyst = f"a{t.id[-40:]}"
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record("a")])
    t.run_to_end(config)
    try:
        t.sql(re.sub(r"\banalyst\b", analyst, block))
        session = psycopg2.connect(f"{t.conninfo} user={analyst}")
        session.autocommit = True
        cursor = session.cursor()
        for view in ("e2e.item_v1", "e2e.item_v1_all", "pactolus.progress", "pactolus.freshness",
                     "pactolus.columns", "pactolus.account", "pactolus.traffic", "pactolus.drift"):
            cursor.execute(f"select * from {view}")
        for secret in ("data.items", "pactolus.dead_letters", "pactolus.cursors", "pactolus.streams"):
            try:
                cursor.execute(f"select * from {secret}")
                expect(False, "a reader reads", secret)
            except psycopg2.errors.InsufficientPrivilege:
                pass
        # A view that migrate makes later is theirs too.
        t.migrate(t.config(streams={"items": t.stream(topic), "more": t.stream(
            t.topic("more"), table={"name": "more", "view": "more"})}))
        cursor.execute("select * from e2e.more")
        settings = {}
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute("select current_setting(%s)", (setting,))
            settings[setting] = cursor.fetchone()[0]
        equal(settings, {"statement_timeout": "5min", "idle_in_transaction_session_timeout": "1min"},
              "timeouts")
        # They end what they should: the same settings, shorter.
        t.sql(f"alter role {analyst} set statement_timeout = '50ms'")
        t.sql(f"alter role {analyst} set idle_in_transaction_session_timeout = '50ms'")
        session.close()
        session = psycopg2.connect(f"{t.conninfo} user={analyst}")
        try:
            session.cursor().execute("select pg_sleep(30)")
            expect(False, "a statement without end")
        except psycopg2.errors.QueryCanceled:
            session.rollback()
        session.cursor().execute("select * from e2e.item_v1")
        wait(lambda: not t.value("select count(*) from pg_stat_activity where usename = %s", analyst),
             "that the idle transaction is ended")
        session.close()
    finally:
        t.sql(f"drop role {analyst}")
