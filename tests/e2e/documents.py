# SPDX-License-Identifier: Apache-2.0
"""The documents tell the truth: their commands run as they stand there, and what they name exists."""

import os
import re
import shlex
import shutil
import subprocess

import confluent_kafka.admin

from harness import ROOT, equal, expect, test, wait

# In the order in which their blocks run.
DOCUMENTS = ["README.md", "docs/contracts.md", "docs/operations.md", "docs/security.md",
             "docs/replay.md", "docs/incident.md", "docs/from-kafka-connect.md",
             "docs/guarantees.md", "docs/metrics.md", "docs/alerts.md", "docs/chaos.md",
             "docs/contract-diff.md", "docs/contract-rules.md", "CONTRIBUTING.md", "CHANGELOG.md"]
# A block to be run: <!-- tested -->, then ```sh. Any other block is only read. The last command of one that is
# "tested until stopped" is a daemon: it has to take up its partitions, and to end with 0 when it is told to.
BLOCK = re.compile(r"^<!-- tested( until stopped)? -->\n+```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
# `tests/e2e/killed.py`: kill_9_at_five_moments, another_one
NAMED_TESTS = re.compile(r"`(tests/[\w/]+\.(?:py|c|h))`: (\w+(?:, \w+)*)")
NAMED_FILE = re.compile(r"`((?:src|tests|scripts|docs|migrations|proto|cmake|tools|etc|include)/[\w./-]+)`")
TOPICS = {"payments.payment.captured": 4, "payments.payment.captured.dlq": 1}


def read(document):
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document):
    """(line, commands, whether the last one is a daemon) of each tested block."""
    text = read(document)
    for found in BLOCK.finditer(text):
        yield text.count("\n", 0, found.start()) + 3, found.group(2), bool(found.group(1))


def make_topics(t):
    """The topics by the very names that the documents use; no other test uses them."""
    admin = t.admin()
    for future in admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1)
                                       for name, partitions in TOPICS.items()]).values():
        future.result(30)
    wait(lambda: all(t.partitions(name) == count for name, count in TOPICS.items()), "the topics")


def make_repository(home):
    """The reader's own, with the contracts of the examples, and what its main branch is elsewhere."""
    shutil.copytree(ROOT / "proto", home / "proto")
    git = ["git", "-C", str(home), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "proto"], ["commit", "-qm", "contracts"],
                    ["update-ref", "refs/remotes/origin/main", "HEAD"]):
        subprocess.run([*git, *command], check=True)


def environment(t, home):
    """What a reader has said in a configuration file, his environment says here."""
    libpq = {"PG" + key.upper().replace("DBNAME", "DATABASE"): value
             for key, value in (pair.split("=", 1) for pair in t.conninfo.split())}
    return {**os.environ, **libpq, "HOME": str(home),
            "PATH": f"{t.world.build.resolve()}:{os.environ['PATH']}",
            "BROKERS": t.kafka.bootstrap, "PACTOLUS_KAFKA_BOOTSTRAP_SERVERS": t.kafka.bootstrap,
            "PACTOLUS_DATABASE_CONNINFO": t.conninfo, "PACTOLUS_GROUP": t.group,
            "PACTOLUS_CONFIG": "conf/pactolus.conf"}


def run_until_stopped(t, place, command, **how):
    log = t.folder / f"{re.sub(r'[^a-z0-9]+', '-', place)}.log"
    with log.open("w", encoding="utf-8") as out, \
            subprocess.Popen(shlex.split(command, comments=True), stdout=out, stderr=out, **how) as daemon:
        try:
            wait(lambda: daemon.poll() is not None or "claiming" in log.read_text(encoding="utf-8"),
                 f"{place}: the daemon to take up its partitions")
            daemon.terminate()
            equal(daemon.wait(60), 0, f"{place}: exit status ({log.read_text(encoding='utf-8')[-1500:]})")
        finally:
            daemon.kill()


@test(real_kafka=True)
def the_commands_of_the_documents_run(t):
    """In the order of the documents, in one home, as a reader would type them."""
    home = t.folder / "home"
    home.mkdir()
    make_repository(home)
    make_topics(t)
    told = environment(t, home)
    count = 0
    for document in DOCUMENTS:
        for line, commands, daemon in blocks(document):
            last = None
            if daemon:
                *lines, last = commands.splitlines()
                commands = "\n".join(lines)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=home, env=told,
                                  text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=180)
            equal(done.returncode, 0, f"{document}:{line}: exit status ({done.stdout[-1500:]})")
            if last:
                run_until_stopped(t, f"{document}:{line}", last, cwd=home, env=told)
            count += 1
    expect(count >= 5, "the documents hold hardly any tested block:", count)
    equal(t.value("select cursors_open::text || ' ' || records_open from pactolus.account "
                  "where stream = 'payment'"), "0 0", "the account that the README shows")


@test
def the_documents_name_what_exists(t):
    """Links, files and tests that the documents name; and CONTRIBUTING names every source file."""
    missing = []
    for document in DOCUMENTS:
        text, folder = read(document), (ROOT / document).parent
        missing += [f"{document}: link to {link}" for link in LINK.findall(text)
                    if not (folder / link).exists()]
        # NAME, FOLDER and NNNN are for the reader to fill in.
        missing += [f"{document}: {name}" for name in NAMED_FILE.findall(text)
                    if not re.search("[A-Z]{4}", name) and not (ROOT / name).exists()]
        for path, names in NAMED_TESTS.findall(text):
            body = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""
            missing += [f"{document}: {path}: {name}" for name in names.split(", ")
                        if not re.search(rf"\b{name}\b", body)]
    modules = {f"{path.parent.name}/{path.stem}" for path in (ROOT / "src").glob("*/*.[ch]")}
    mapped = set(re.findall(r"`(\w+/\w+)`", read("CONTRIBUTING.md")))
    missing += [f"CONTRIBUTING.md does not map src/{module}" for module in sorted(modules - mapped)]
    equal(missing, [], "what the documents name and is not there")


def commands_of(document):
    """The words behind `pactolus` of every line of code that calls it, its continuations joined."""
    text = re.sub(r"\\\n\s*", " ", read(document))
    for line in re.findall(r"^(?: {4,}|\$ )?(pactolus [a-z].*)$", text, re.MULTILINE):
        line = re.split(r"\s+#|\s\|\|?\s|\s&&\s|;", line)[0]
        yield shlex.split(line)[1:]


def told_commands():
    """(document, words) of all documents."""
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]):
        for words in commands_of(path.relative_to(ROOT)):
            yield path.name, words


@test
def every_command_of_the_documents_can_be_typed(t):
    """Also those that no test runs as they stand: their verbs and options are the program's."""
    verbs, wrong, count = {}, [], 0

    def help_of(*words):
        if words not in verbs:
            result = t.pactolus(*words, "--help")
            verbs[words] = result.out if result.code == 0 else None
        return verbs[words]

    for document, words in told_commands():
        count += 1
        family = words[0] in ("contract", "dlq") and len(words) > 1
        said = help_of(*words[:2 if family else 1])
        if said is None:
            wrong.append(f"{document}: no verb {' '.join(words[:2])}")
            continue
        for option in (word.split("=")[0] for word in words if re.match(r"--[a-z]", word)):
            if not re.search(rf"(?<![\w-]){option}(?![\w-])", said):
                wrong.append(f"{document}: pactolus {words[0]} has no {option}")
    equal(wrong, [], "what the documents say and the program does not take")
    expect(count > 50, "hardly any command was found:", count)


@test
def the_table_of_faults_is_the_runners(t):
    """docs/chaos.md holds what `scripts/chaos --faults` prints."""
    done = subprocess.run([str(ROOT / "scripts" / "chaos"), "--faults"], text=True, check=True,
                          stdout=subprocess.PIPE)
    expect("| `kill` |" in done.stdout, "no table:", done.stdout)
    expect(done.stdout in read("docs/chaos.md"), "docs/chaos.md has another table than:", done.stdout)


@test
def the_planted_faults_can_be_planted(t):
    """What tests/chaos/planted.py replaces stands once in the sources, and docs/chaos.md has its table."""
    power = str(ROOT / "scripts" / "chaos-power")
    done = subprocess.run([power, "--check"], text=True, stdout=subprocess.PIPE)
    equal(done.returncode, 0, f"chaos-power --check ({done.stdout[-1500:]})")
    expect(re.search(r"^[1-9]\d+ passed, 0 failed$", done.stdout, re.MULTILINE), "it checks:", done.stdout)
    table = subprocess.run([power, "--table"], text=True, check=True, stdout=subprocess.PIPE).stdout
    expect("| `fence-dropped` |" in table, "no table:", table)
    expect(table in read("docs/chaos.md"), "docs/chaos.md has another table than:", table)
