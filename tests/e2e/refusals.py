# SPDX-License-Identifier: Apache-2.0
"""Bad configuration and missing servers: one clear message each, the right exit code, no change."""

import re

from harness import Failure, compile_contract, config_file, equal, expect, test

CONFIG, UNAVAILABLE = 78, 69


def write(t, name, text):
    path = t.folder / name
    path.write_text(text)
    return str(path)


def refused(t, config, code, *words, verb=("check",)):
    """The verb fails with `code` and its message holds every word."""
    result = t.pactolus(*verb, "--config", config)
    if result.code != code:
        raise Failure(f"{' '.join(verb)}: exit {result.code}, expected {code}\n{result}")
    text = result.err + result.out
    for word in words:
        expect(re.search(word, text), f"the message lacks {word!r}:", result)
    expect("Sanitizer" not in text, result)
    return text


def plain(t, **change):
    """The text of a good configuration, with some of it replaced."""
    topic = f"{t.id}.items"
    stream = t.stream(topic)
    for name, item in change.items():
        if item is None:
            stream.pop(name)
        else:
            stream[name] = item
    return config_file({"group": t.group, "kafka": {"bootstrap_servers": t.kafka.bootstrap},
                        "database": {"conninfo": t.conninfo}, "streams": {"items": stream}})


def contract(t, body, name="bad"):
    """The descriptor set of a .proto with `body`."""
    source = t.folder / f"{name}.proto"
    source.write_text('syntax = "proto3";\npackage bad.v1;\n' + body)
    return str(compile_contract(t.folder / f"{name}.binpb", source))


@test
def a_good_configuration_passes(t):
    t.topic("items")
    equal(t.pactolus("check", "--config", write(t, "good.conf", plain(t))).code, 0, "exit status")


@test
def every_fault_of_a_file_is_named_with_its_line(t):
    good = plain(t)
    cases = [
        ("unknown setting", good + 'lanez = 3;\n', ["lanez", r"bad\.conf:\d+"]),
        ("near miss", good + 'log_leval = "info";\n', ["log_level"]),
        ("wrong type", good + 'log_level = 7;\n', ["log_level", r"bad\.conf:\d+"]),
        ("past 32 bits", good.replace("database = {", "database = {\n  pool = 4294967296;"),
         [r"pool|4294967296", r"bad\.conf:\d+"]),
        ("out of range", good.replace("database = {", "database = {\n  pool = 1000;"), ["pool", r"\b64\b"]),
        ("syntax", good + "streams {", [r"bad\.conf:\d+"]),
        ("missing contract", plain(t, topics=[{"name": "x", "contract": "e2e.v1.Itm"}]),
         [r"e2e\.v1\.Itm", r"e2e\.v1\.Item"]),
        ("missing descriptor set", plain(t, descriptors="/nowhere/x.binpb"), ["/nowhere/x.binpb"]),
        ("no key", plain(t, table={}), ["key"]),
        ("unknown key field", plain(t, table={"key": ["item_idd"]}), ["item_idd"]),
        ("float key", plain(t, table={"key": ["price"]}), ["price"]),
        ("two columns of one name", plain(t, columns={"note": {"name": "quantity"}}), ["quantity"]),
        ("name over 63 bytes", plain(t, columns={"note": {"name": "n" * 64}}), ["63"]),
        ("bookkeeping name", plain(t, columns={"note": {"name": "_log"}}), ["_log"]),
        ("offsets are ours", good.replace("kafka = {", 'kafka = {\n  enable_auto_commit = "true";'),
         [r"enable[._]auto[._]commit"]),
    ]
    failures = []
    for name, text, words in cases:
        try:
            refused(t, write(t, "bad.conf", text), CONFIG, *words)
        except Failure as failure:
            failures.append(f"{name}: {failure}")
    if failures:
        raise Failure("\n".join(failures))
    equal(t.sql("select nspname from pg_namespace where nspname in ('pactolus', 'data')"), [], "schemas")


@test
def all_faults_at_once(t):
    text = plain(t, columns={"note": {"name": "quantity"}}, framing="protobuf") + "lanez = 3;\n"
    refused(t, write(t, "bad.conf", text), CONFIG, "lanez", "framing")


@test
def bad_contracts(t):
    cases = [("float key", "message M { double id = 1; }", {"key": ["id"]}, ["id"]),
             ("repeated key", "message M { repeated string id = 1; }", {"key": ["id"]}, ["id"]),
             ("string version", "message M { string id = 1; string v = 2; }",
              {"key": ["id"], "version": "v"}, ["v"]),
             ("long name", f"message M {{ string id = 1; string {'n' * 64} = 2; }}", {"key": ["id"]}, ["63"])]
    for number, (name, body, table, words) in enumerate(cases):
        stream = {"descriptors": contract(t, body, f"bad{number}"),
                  "topics": [{"name": "x", "contract": "bad.v1.M"}], "table": table}
        text = config_file({"group": t.group, "kafka": {"bootstrap_servers": t.kafka.bootstrap},
                            "database": {"conninfo": t.conninfo}, "streams": {"m": stream}})
        try:
            refused(t, write(t, "bad.conf", text), CONFIG, *words)
        except Failure as failure:
            raise Failure(f"{name}: {failure}") from None


@test
def usage(t):
    for words in (["chekc"], ["check", "--no-such-option"], []):
        equal(t.pactolus(*words).code, 64, f"exit status of pactolus {' '.join(words)}")
    equal(t.pactolus("--help").code, 0, "exit status of --help")
    version = t.must("--version").out
    for library in ("librdkafka", "libpq|PostgreSQL", "protobuf-c"):
        expect(re.search(library, version), f"--version lacks {library}:", version)


@test
def an_unreachable_broker(t):
    t.migrate(write(t, "good.conf", plain(t)))
    config = write(t, "x.conf", plain(t).replace(t.kafka.bootstrap, "127.0.0.1:1"))
    refused(t, config, UNAVAILABLE, r"127\.0\.0\.1:1\b", verb=("check", "--connect"))


@test
def an_unreachable_database(t):
    config = write(t, "x.conf", plain(t).replace(t.postgres.base, "host=127.0.0.1 port=1 user=x"))
    refused(t, config, UNAVAILABLE, "127.0.0.1", verb=("check", "--connect"))


@test
def a_missing_database(t):
    config = write(t, "x.conf", plain(t).replace(f"dbname={t.database}", "dbname=nowhere_at_all"))
    result = t.pactolus("check", "--connect", "--config", config)
    expect(result.code in (UNAVAILABLE, CONFIG), "exit status", result)
    expect("nowhere_at_all" in result.err + result.out, "the database is not named:", result)


@test
def a_wrong_password(t):
    port = 20000 + hash(t.id) % 20000
    t.own_postgres(listen=port)
    secret = t.folder / "password"
    secret.write_text("not-the-password\n")
    secret.chmod(0o600)
    text = plain(t).replace(t.conninfo, f"host=127.0.0.1 port={port} user=pactolus dbname={t.database}")
    text = text.replace("database = {", f'database = {{\n  password_file = "{secret}";')
    result = t.pactolus("check", "--connect", "--config", write(t, "x.conf", text))
    expect(result.code in (77, CONFIG, UNAVAILABLE), "exit status", result)
    expect("password" in result.err + result.out, "the message does not speak of the password:", result)
    expect("not-the-password" not in result.err + result.out, "the password is in the output")
    secret.write_text("pactolus\n")
    t.topic("items")
    config = write(t, "x.conf", text)
    t.must("migrate", "--execute", "--config", config)
    t.must("check", "--connect", "--config", config)


@test(real_kafka=True)
def a_missing_topic_is_told_with_its_remedy(t):
    config = write(t, "x.conf", plain(t))
    t.must("migrate", "--execute", "--config", config)
    result = t.pactolus("check", "--connect", "--config", config)
    expect(result.code != 0, "a missing topic passed")
    text = result.err + result.out
    expect(f"{t.id}.items" in text and "kafka-topics" in text, "no command that creates it:", result)


@test
def a_database_older_than_the_migrations(t):
    t.topic("items")
    config = write(t, "x.conf", plain(t))
    for verb in (("run", "--until", "end"), ("check", "--connect")):
        refused(t, config, CONFIG, "migrate", verb=verb)
    equal(t.sql("select nspname from pg_namespace where nspname = 'pactolus'"), [], "schemas")


@test
def migrate_plans_and_repeats(t):
    t.topic("items")
    config = write(t, "x.conf", plain(t))
    plan = t.must("migrate", "--dry-run", "--config", config).out
    expect("create table" in plan.lower(), "no plan:", plan)
    equal(t.sql("select nspname from pg_namespace where nspname in ('pactolus', 'data')"), [], "schemas")
    t.migrate(config)
    t.migrate(config)
    again = t.must("migrate", "--dry-run", "--config", config).out
    expect("create table" not in again.lower(), "a second plan makes tables:", again)
    t.must("check", "--connect", "--config", config)


@test
def a_table_that_was_changed_halts_its_stream(t):
    t.topic("items", partitions=1)
    config = write(t, "x.conf", plain(t))
    t.migrate(config)
    t.sql("alter table data.items rename column note to remark")
    result = t.pactolus("run", "--until", "end", "--config", config)
    equal(result.code, CONFIG, "exit status (no stream can start)")
    expect("note" in result.err, "the column is not named:", result)
