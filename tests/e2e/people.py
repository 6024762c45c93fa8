# SPDX-License-Identifier: Apache-2.0
"""For those who read the tables: what a column means, how fresh it is, and what they may see."""

import html.parser
import re
import time

import psycopg2
import yaml

from harness import ROOT, compile_contract, equal, expect, test, wait
import model

USAGE = 64
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
    source = t.folder / "order.proto"
    source.write_text(HOSTILE)
    out = compile_contract(t.folder / "order.binpb", source)
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
