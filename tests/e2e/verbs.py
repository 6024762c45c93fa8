# SPDX-License-Identifier: Apache-2.0
"""The verbs that people and scripts use: init, produce, cat."""

import json
import re
import shutil
import subprocess

from harness import ROOT, equal, expect, json_rows, test

LINES = [{"itemId": "a", "quantity": "9007199254740993", "note": "ü🌍\n", "price": 0.1,
          "madeAt": "2026-01-02T03:04:05.000006Z", "colour": "COLOUR_RED", "tags": ["x", ""],
          "tree": {"label": "root", "child": {"label": "leaf"}}},
         {"itemId": "b"}]


def jsonl(lines):
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@test
def what_produce_writes_cat_reads(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, key={"format": "text"})})
    t.must("produce", topic, "--config", config, input=jsonl(LINES))
    read = json_rows(t.must("cat", topic, "--exit", "--config", config).out)
    equal([{name: row[name] for name in line} for row, line in zip(read, LINES)], LINES, "what cat read")
    equal([m.key() for m in t.consume(topic)], [b"a", b"b"], "keys")
    last = json_rows(t.must("cat", topic, "--exit", "-o", "-1", "--config", config).out)
    equal([row["itemId"] for row in last], ["b"], "cat of the last record")


@test
def produce_says_which_lines_it_refuses(t):
    topic, dlq = t.topic("items", partitions=1), t.topic("items.dlq", partitions=1)
    config = t.config(streams={"items": t.stream(topic, key={"format": "text"}, dlq={"topic": dlq})})
    bad = [{"itemId": "x", "quantity": "ten"}, {"itemId": "y", "nonsense": 1}]
    lines = jsonl(LINES[:1]) + jsonl(bad) + b"{not json\n" + jsonl(LINES[1:])
    result = t.pactolus("produce", topic, "--config", config, input=lines)
    equal(result.code, 65, "exit status")
    for number in (2, 3, 4):
        expect(re.search(rf"\b{number}\b", result.err), f"line {number} is not named:", result)
    equal([m.key() for m in t.consume(topic)], [b"a", b"b"], "keys of what was produced")
    equal(len(t.consume(dlq)), 3, "records in the DLQ topic")


@test
def init_leads_to_a_running_stream(t):
    """init writes files that check, migrate and run take as they are, but for the addresses."""
    topic = t.topic(partitions=1)
    folder = t.folder / "conf"
    folder.mkdir()
    result = t.must("init", "-d", folder, "-m", "e2e.v1.Item", str(ROOT / "tests/e2e/proto/item.proto"), topic)
    expect("pactolus" in result.out and "check" in result.out, "no next commands:", result)
    files = sorted(path for path in folder.rglob("*.conf"))
    expect(files, "no stream file was written")
    again = t.pactolus("init", "-d", folder, "-m", "e2e.v1.Item", str(ROOT / "tests/e2e/proto/item.proto"), topic)
    equal(again.code, 78, "exit status when the files are there already")


def told_options(t, words):
    """The options of a verb as its --help lists them."""
    return re.findall(r"^  (?:-\w, |    )(--[\w-]+)", t.must(*words, "--help").out, re.M)


def verbs_of(t, words=()):
    """(words, has verbs of its own) of every verb, as the helps list them."""
    text = t.must(*words, "--help").out
    section = text.split("Verbs\n")[1].split("\n\n")[0] if not words else text.split("\n\n")[2]
    for name in re.findall(r"^  (\w+) ", section, re.M):
        below = (*words, name)
        family = t.must(*below, "--help").out.startswith(f"Usage: pactolus {' '.join(below)} VERB")
        yield below, family
        if family:
            yield from verbs_of(t, below)


@test
def completions_offer_every_verb_and_option(t):
    scripts = {shell: t.folder / f"pactolus.{shell}" for shell in ("bash", "zsh")}
    for shell, path in scripts.items():
        path.write_text(t.must("--generate", shell).out)
        if shutil.which(shell):
            subprocess.run([shell, "-n", str(path)], check=True)

    def offered(*words):
        line = " ".join(f"'{word}'" for word in ("pactolus", *words))
        script = (f"source {scripts['bash']}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _pactolus; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.split()

    verbs = list(verbs_of(t))
    expect(len(verbs) > 12, "verbs that --help lists:", verbs)
    for words, family in verbs:
        expect(words[-1] in offered(*words[:-1], ""), "bash does not offer", words)
        expect(re.search(rf"'{words[-1]}:", scripts["zsh"].read_text()), "zsh does not offer", words)
        if family:
            continue
        options = told_options(t, words)
        expect("--help" in options, "the options of", words, options)
        equal(sorted(offered(*words, "--")), sorted(options), f"what bash offers after {' '.join(words)}")
        block = scripts["zsh"].read_text().split(f"    '{' '.join(words)}')\n")[1].split(";;")[0]
        equal(sorted(set(re.findall(r"'(--[\w-]+)", block))), sorted(options),
              f"what zsh offers after {' '.join(words)}")
    equal(offered("check", "--config", str(scripts["bash"])[:-3]), [str(scripts["bash"])], "a file")


@test
def every_verb_and_setting_has_its_manual(t):
    folder = t.folder / "man"
    folder.mkdir()
    t.must("--generate", "man", folder)
    pages = {path.name: path.read_text() for path in folder.iterdir()}
    for words, family in verbs_of(t):
        page = pages[f"pactolus-{'-'.join(words)}.1"]
        for option in [] if family else told_options(t, words):
            expect(option.replace("-", r"\-") in page, f"the page of {' '.join(words)} lacks", option)
    for name in re.findall(r"^\| `([^`]+)` \|", t.must("--help-settings").out, re.M):
        expect(f".B {name}\n" in pages["pactolus.conf.5"], "pactolus.conf.5 lacks", name)
    if shutil.which("mandoc"):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *map(str, folder.iterdir())],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        equal((done.returncode, done.stdout), (0, ""), "mandoc's words")
