# SPDX-License-Identifier: Apache-2.0
"""contract lint, diff and readers as a producer's CI and an owner of a contract use them.

The rules themselves are tests/contracts: here is where old versions come from, who is asked, and what
comes out.
"""

import json
import subprocess

import confluent_kafka

from harness import ROOT, compile_contract, equal, expect, test, wait

FINDINGS, USAGE, UNAVAILABLE, BAD = 65, 64, 69, 78
ORDER = """\
syntax = "proto3";
package lab.v1;
import "pactolus/options.proto";
// An order.
message Order {
  option (pactolus.contract) = { topics: "TOPIC" key: "order_id" owner: "lab" freshness: "5m" };
  string order_id = 1;  // who knows it
  string customer_id = 2;  // who wants it
}
"""
RENAMED = ORDER.replace("customer_id = 2", "customerId = 2")
PINNED = ORDER.replace("customer_id = 2", 'customerId = 2 [(pactolus.column) = { name: "customer_id" }]')


def write(t, name, text, topic="lab.order.changed"):
    path = t.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("TOPIC", topic))
    return str(path)


def imports(folder):
    return ["-I", str(folder), "-I", str(ROOT / "proto")]


def rules(result):
    """{(layer, rule)} of the errors that --json tells."""
    return {(finding["layer"], finding["rule"]) for finding in json.loads(result.out)["findings"]
            if finding["severity"] == "error"}


@test
def a_rename_is_refused_until_the_column_is_pinned(t):
    old, new = write(t, "old.proto", ORDER), write(t, "new.proto", RENAMED)
    refused = t.pactolus("contract", "diff", old, new, *imports(t.folder))
    equal(refused.code, FINDINGS, "exit status")
    for part in ("new.proto:8: error: lab.v1.Order.customerId", "[table COLUMN_RENAMED]",
                 'name: "customer_id"', "copy it into package lab.v2", "lab.order.changed.v2",
                 "1 error, 1 warning, 1 note"):
        expect(part in refused.out, part, "is not told:", refused)
    passed = t.pactolus("contract", "diff", old, write(t, "pinned.proto", PINNED), *imports(t.folder))
    equal(passed.code, 0, "exit status with the column pinned")
    strict = t.pactolus("contract", "diff", old, write(t, "pinned.proto", PINNED), *imports(t.folder),
                        "--strict")
    equal(strict.code, FINDINGS, "exit status of a warning with --strict")


@test
def old_versions_come_from_git(t):
    home = t.folder / "home"
    git = ["git", "-C", str(home), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    write(t, "home/shared/who.proto", 'syntax = "proto3";\npackage lab.v1;\nmessage Who { int32 a = 1; }\n')
    with_import = ORDER.replace('import "p', 'import "shared/who.proto";\nimport "p').replace(
        "\n}\n", "\n  map<string, Who> people = 3;  // who helps\n}\n")
    order = write(t, "home/lab/order.proto", with_import)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"], ["tag", "first"]):
        subprocess.run([*git, *command], check=True)
    # The import changes too: an old version is compiled with what it imported then.
    write(t, "home/shared/who.proto", 'syntax = "proto3";\npackage lab.v1;\nmessage Who { string a = 1; }\n')
    write(t, "home/lab/order.proto", with_import.replace("customer_id", "customerId"))
    found = t.pactolus("contract", "diff", "first", order, *imports(home), "--json")
    equal(rules(found), {("wire", "FIELD_SCALAR_KIND_CHANGED"), ("wire", "FIELD_NAMED_TYPE_CHANGED"),
                         ("names", "JSON_FORM_CHANGED"), ("table", "COLUMN_RENAMED"),
                         ("table", "MEMBER_RETYPED")}, "errors against the tag")
    subprocess.run([*git, "mv", "lab/order.proto", "lab/purchase.proto"], check=True)
    moved = str(home / "lab/purchase.proto")
    again = t.pactolus("contract", "diff", "git:first:lab/order.proto", moved, *imports(home), "--json")
    equal(rules(again), rules(found), "errors against the path it had")
    for old in ("nonsense", "git:nonsense", "first", "--output=x", "git:-x"):
        result = t.pactolus("contract", "diff", "--mode", "FULL", *imports(home), "--", old, moved)
        equal(result.code, BAD, f"exit status of {old}")
    annotated = t.pactolus("contract", "diff", "git:first:lab/order.proto", moved, *imports(home),
                           "--format", "github")
    expect(f"::error file={moved},line=9,title=table COLUMN_RENAMED::" in annotated.out,
           "no annotation:", annotated)
    equal(subprocess.run([*git, "status", "--porcelain", "--ignored"], stdout=subprocess.PIPE,
                         text=True).stdout.count("??"), 0, "files that were left in the repository")


@test
def old_versions_come_from_the_database(t):
    topic = t.topic("lab.order.changed", partitions=1)
    config = t.config(streams={"orders": {"descriptors": str(t.folder / "order.binpb"),
                                          "topics": [{"name": topic, "contract": "lab.v1.Order"}]}})
    first = write(t, "order.proto", ORDER, topic)
    asking = [*imports(t.folder), "--config", config, "--json"]
    compile_contract(t.folder / "order.binpb", first)
    t.migrate(config)
    equal(rules(t.must("contract", "diff", "database", first, *asking)), set(), "the same version")
    second = ORDER.replace("\n}\n", '\n  double weight = 3;  // kg\n}\n')
    compile_contract(t.folder / "order.binpb", write(t, "order.proto", second, topic))
    t.migrate(config)
    # What was in force first has no field 3, so only the newer one is broken by another use of it.
    third = write(t, "order.proto", ORDER.replace("\n}\n", '\n  int64 height = 3;  // mm\n}\n'), topic)
    found = t.pactolus("contract", "diff", "database", third, *asking)
    equal(found.code, FINDINGS, "exit status")
    expect(("table", "COLUMN_RENAMED") in rules(found) and "database:" in json.loads(found.out)["old"],
           "the newest version is not compared:", found)
    stranger = write(t, "other.proto", ORDER.replace("lab.v1", "lab.v9"))
    result = t.pactolus("contract", "diff", "database", stranger, *asking)
    equal(result.code, BAD, "exit status of a contract that never ran")
    expect("no version of lab.v9.Order ever ran here" in result.err, "not told:", result)


@test
def a_transitive_mode_walks_all_versions(t):
    oldest = write(t, "1.proto", 'syntax = "proto3";\nmessage M { int32 a = 1; string b = 2; }\n')
    newer = write(t, "2.proto", 'syntax = "proto3";\nmessage M { int32 a = 1; }\n')
    new = write(t, "3.proto", 'syntax = "proto3";\nmessage M { int32 a = 1; double c = 2; }\n')
    t.must("contract", "diff", newer, new)
    for mode, code in (("BACKWARD_TRANSITIVE", FINDINGS), ("FORWARD_TRANSITIVE", FINDINGS),
                       ("full_transitive", FINDINGS), ("BACKWARD", USAGE), ("SIDEWAYS", USAGE)):
        result = t.pactolus("contract", "diff", newer, oldest, new, "--mode", mode)
        equal(result.code, code, f"exit status of {mode}")
    expect("1.proto, BACKWARD_TRANSITIVE: " in
           t.pactolus("contract", "diff", newer, oldest, new, "--mode", "BACKWARD_TRANSITIVE").out,
           "the version that breaks is not named")


@test(real_kafka=True)
def who_reads_a_contract_is_told(t):
    topic = t.topic("lab.order.changed", partitions=1)
    role = f"analyst of {t.group}"
    config = t.config(streams={"orders": {"descriptors": str(t.folder / "order.binpb"),
                                          "topics": [{"name": topic, "contract": "lab.v1.Order"}]}})
    old = write(t, "order.proto", ORDER, topic)
    compile_contract(t.folder / "order.binpb", old)
    t.migrate(config)
    t.sql("create view public.per_customer as select customer_id, count(*) from lab.order_v1 group by 1")
    t.sql("create view public.best_customer as select * from public.per_customer limit 1")
    t.sql(f'create role "{role}"')
    consumer = confluent_kafka.Consumer({"bootstrap.servers": t.kafka.bootstrap, "group.id": t.group + ".x"})
    try:
        t.sql(f'grant select on lab.order_v1 to "{role}"')
        consumer.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 0)], asynchronous=False)
        told = t.must("contract", "readers", old, *imports(t.folder), "--config", config)
        for part in (f"{t.group}.x reads {topic}: ", "view   public.per_customer, of", "public.best_customer",
                     f"role   {role} may SELECT lab.order_v1"):
            expect(part in told.out, part, "is not told:", told)
        consumer.subscribe([topic])
        wait(lambda: consumer.poll(0.1) is not None or consumer.assignment(), "an assignment")
        found = t.must("contract", "readers", old, *imports(t.folder), "--config", config, "--json")
        reader = [group for group in json.loads(found.out)["groups"] if group["group"] == t.group + ".x"]
        equal((reader[0]["members"], reader[0]["state"]), (1, "Stable"), "the group that holds the partition")
        new = write(t, "new.proto", RENAMED, topic)
        broken = t.pactolus("contract", "diff", old, new, *imports(t.folder), "--config", config, "--connect")
        equal(broken.code, FINDINGS, "exit status of diff")
        expect("Who reads it:" in broken.out and "public.best_customer" in broken.out, "not told:", broken)
    finally:
        consumer.close()
        t.sql("drop view public.best_customer, public.per_customer")
        t.sql(f'drop owned by "{role}"')
        t.sql(f'drop role "{role}"')


@test
def a_server_that_cannot_be_asked_is_named(t):
    old, new = write(t, "old.proto", ORDER), write(t, "new.proto", RENAMED)
    config = t.config(kafka={"bootstrap_servers": "localhost:1"},
                      database={"conninfo": "host=localhost port=1 dbname=none"})
    readers = t.pactolus("contract", "readers", old, *imports(t.folder), "--config", config)
    equal(readers.code, UNAVAILABLE, "exit status of readers")
    for part in ("not asked  consumer groups: ", "not asked  views and grants: "):
        expect(part in readers.out, part, "is not told:", readers)
    broken = t.pactolus("contract", "diff", old, new, *imports(t.folder), "--config", config, "--connect",
                        "--json")
    equal(broken.code, FINDINGS, "exit status of diff")
    equal(len(json.loads(broken.out)["readers"]["unreachable"]), 2, "servers that were not asked")


@test
def lint_tells_people_programs_and_code_hosts(t):
    well, badly = write(t, "well.proto", ORDER), write(t, "badly.proto", ORDER.replace('owner: "lab"', ""))
    warned = write(t, "warned.proto", RENAMED)
    equal(t.must("contract", "lint", well, *imports(t.folder)).out, "1 contract: nothing to say\n", "words")
    both = t.pactolus("contract", "lint", well, badly, *imports(t.folder))
    equal(both.code, FINDINGS, "exit status")
    expect("badly.proto:5: error: lab.v1.Order: no owner is named [lint OWNER_MISSING]\n  hint: " in both.out,
           "not told:", both)
    annotated = t.pactolus("contract", "lint", badly, *imports(t.folder), "--format", "github")
    expect(annotated.out.startswith(f"::error file={badly},line=5,title=lint OWNER_MISSING::"),
           "no annotation:", annotated)
    equal(t.pactolus("contract", "lint", warned, *imports(t.folder)).code, 0, "exit status of a warning")
    equal(t.pactolus("contract", "lint", warned, *imports(t.folder), "--strict").code, FINDINGS,
          "exit status of a warning with --strict")
    for arguments, code in ((["/no/such/file.proto"], BAD), (["/no/such/file.binpb"], BAD), ([], USAGE),
                            ([well, "--format", "xml"], USAGE), ([well, "--message", "Nobody"], USAGE),
                            ([well, "--topic-pattern", "("], USAGE)):
        equal(t.pactolus("contract", "lint", *arguments, *imports(t.folder)).code, code,
              f"exit status of {arguments}")
    equal(t.pactolus("contract", "lnt").code, USAGE, "exit status of a misspelt verb")
    expect("did you mean lint?" in t.pactolus("contract", "lnt").err, "no hint")
