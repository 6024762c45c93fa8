#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py [--build DIR] [--pattern REGEX]: `contract diff` and `lint` on a corpus, beside `buf breaking`.

A pair in *.pairs is a change and everything that pactolus has to say about it, notes included:

    === name
    --- old            the body of the old .proto; `--- old NAME` is another file that it imports
    --- new            the same of the new one
    --- expect         lines "layer RULE path", as BACKWARD finds them

`--- field` with "OLD => NEW" instead of old and new is a message M with these fields. CONTRACT(…) and
COLUMN(…) stand for our options, the syntax is proto3 unless said, and each pair has a package of its
own, which is left out of the paths.

cases.lint holds in the same form what `contract lint` says about a `new` alone, with `--- arguments`, with a
`--- config`, or `--- bare` (without source info). Every rule is shown by some pair or case.

Each pair of wire*.pairs is also compared in mode FORWARD, which must find on the wire what BACKWARD finds
in the reversed pair. Then buf judges all of them by its categories WIRE, WIRE_JSON and FILE. Where one of the
two refuses a pair and the other lets it pass, the rule must stand, with a reason, in the table of
docs/contract-diff.md; a row that no pair shows any more is a failure too.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCUMENT = ROOT / "docs/contract-diff.md"
IMPORTS = [ROOT / "proto", ROOT / "tests/proto"]
ROW = re.compile(r"^\| (buf|pactolus) \| (WIRE|WIRE_JSON|FILE) \| `(\w+)` \| (.+) \|$", re.MULTILINE)
# What of our findings answers to a category of buf's: layers, and whether warnings count.
CATEGORIES = {"WIRE": ({"wire"}, {"error"}), "WIRE_JSON": ({"wire", "names"}, {"error", "warning"}),
              "FILE": ({"wire", "names", "table"}, {"error", "warning"})}

# Rules that no .proto shows: one stands for faults without a rule, one for what migrate learns to refuse.
UNSHOWN = {"lint CONTRACT_INVALID", "table MIGRATE_REFUSES"}

Pair = collections.namedtuple("Pair", "name place number files expect more")


def parse(path, number):
    """The pairs of one file, numbered on from `number`."""
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        parts = re.split(r"^--- (.+)\n", rest, flags=re.MULTILINE)
        files, expect, more = {"old": {}, "new": {}}, None, {}
        for title, body in zip(parts[1::2], parts[2::2]):
            side, _, file = title.partition(" ")
            if side == "expect":
                expect = sorted(line for line in body.splitlines() if line.strip())
            elif side in ("arguments", "bare", "config"):
                more[side] = body
            elif side == "field":
                old, new = body.strip().split(" => ")
                files["old"]["contract"] = f"message M {{ {old} }}\n"
                files["new"]["contract"] = f"message M {{ {new} }}\n"
            else:
                files[side][file.removesuffix(".proto") or "contract"] = body
        if expect is None or not files["new"] or bool(files["old"]) != (path.suffix == ".pairs"):
            sys.exit(f"{path.name}: {name}: a pair has old, new and expect")
        number += 1
        yield Pair(name.strip(), path.stem, number, files, expect, more)


def package(pair):
    return f"p{pair.number:03}"


def source(pair, body):
    """A whole .proto of a body."""
    own = package(pair)
    syntax = re.search(r"^syntax.*\n", body, re.MULTILINE)
    said = re.search(r"^package (\S+);\n", body, re.MULTILINE)
    body = body.replace(syntax.group() if syntax else "\0", "").replace(said.group() if said else "\0", "")
    body = re.sub(r'^import "(\w+)\.proto";', rf'import "{own}/\1.proto";', body, flags=re.MULTILINE)
    options = 'import "pactolus/options.proto";\n' if re.search(r"\b(CONTRACT|COLUMN)\(", body) else ""
    return ((syntax.group() if syntax else 'syntax = "proto3";\n')
            + f"package {own}{'.' + said.group(1) if said else ''};\n" + options + expand(body))


def expand(body):
    body = re.sub(r"\bCOLUMN\(([^)]*)\)", r"[(pactolus.column) = { \1 }]", body)
    return re.sub(r"\bCONTRACT\(([^)]*)\)", r"option (pactolus.contract) = { \1 };", body)


def compile_side(pairs, side, folder, name):
    """One descriptor set of the pairs' files."""
    files = []
    for pair in pairs:
        for file, body in pair.files[side].items():
            path = folder / side / package(pair) / f"{file}.proto"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source(pair, body), encoding="utf-8")
            files.append(str(path.relative_to(folder / side)))
    out = folder / f"{name}.{side}.binpb"
    roots = [arg for root in [folder / side, *IMPORTS] for arg in ("-I", str(root))]
    done = subprocess.run(["protoc", *roots, "--include_imports", "--include_source_info", "-o", str(out),
                           *files])
    if done.returncode:
        sys.exit("run.py: protoc refuses the corpus")
    return out


def compile_both(pairs, folder, name):
    return [compile_side(pairs, side, folder, name) for side in ("old", "new")]


# ------------------------------------------------------------------------------------- pactolus


def diff(program, pair, old, new, mode="BACKWARD"):
    """(exit status, findings) of one comparison."""
    done = subprocess.run(
        [str(program), "contract", "diff", str(old), str(new), "--file", f"{package(pair)}/contract.proto",
         "--mode", mode, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 65):
        raise AssertionError(f"exit status {done.returncode}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)["findings"]


def told(pair, finding):
    path = finding["path"].removeprefix(package(pair) + ".").removeprefix(package(pair) + "/")
    return f"{finding['layer']} {finding['rule']} {path}"


def on_the_wire(findings):
    return sorted({finding["rule"] for finding in findings if finding["layer"] == "wire"})


def judge(program, pair, old, new):
    """What pactolus says about a pair; raises when it is not what the pair expects."""
    code, findings = diff(program, pair, old, new)
    said = sorted({told(pair, finding) for finding in findings})
    if said != pair.expect:
        raise AssertionError("\n".join(
            [f"  too much:  {line}" for line in said if line not in pair.expect]
            + [f"  missing:   {line}" for line in pair.expect if line not in said]))
    broken = any(finding["severity"] == "error" for finding in findings)
    if (code == 65) != broken:
        raise AssertionError(f"exit status {code}")
    if any(finding["severity"] != "note" and not finding.get("advice") for finding in findings):
        raise AssertionError("a finding without advice")
    if not pair.place.startswith("wire"):
        return findings
    forward = on_the_wire(diff(program, pair, old, new, "FORWARD")[1])
    backward = on_the_wire(diff(program, pair, new, old)[1])
    if forward != backward:
        raise AssertionError(f"FORWARD finds {forward}, BACKWARD of the reverse {backward}")
    return findings


# ----------------------------------------------------------------------------------------- lint


def lint_case(program, case, folder):
    """What lint says about the new side of a case; raises when it is not what the case expects."""
    out = compile_side([case], "new", folder, package(case))
    if "bare" in case.more:
        roots = [arg for root in [folder / "new", *IMPORTS] for arg in ("-I", str(root))]
        subprocess.run(["protoc", *roots, "--include_imports", "-o", str(out),
                        f"{package(case)}/contract.proto"], check=True)
    arguments = case.more.get("arguments", "").split()
    if "config" in case.more:
        config = folder / f"{package(case)}.conf"
        config.write_text(case.more["config"].replace("PACKAGE", package(case)))
        arguments += ["--config", str(config)]
    done = subprocess.run([str(program), "contract", "lint", str(out), "--json", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 65):
        raise AssertionError(f"exit status {done.returncode}: {done.stderr}")
    findings = json.loads(done.stdout)["findings"]
    said = sorted(told(case, finding) for finding in findings)
    if said != case.expect:
        raise AssertionError(f"  said:      {said}\n  expected:  {case.expect}")
    if (done.returncode == 65) != any(finding["severity"] == "error" for finding in findings):
        raise AssertionError(f"exit status {done.returncode}")
    if "bare" not in case.more and "CONTRACT_MISSING" not in str(said) and \
            any("line" not in finding for finding in findings if finding["rule"] != "DELETES_UNORDERED"):
        raise AssertionError("a finding without a line")
    return findings


def every_rule_is_shown(program, pairs):
    """Rules of the table that no pair and no case expects."""
    page = subprocess.run([str(program), "contract", "lint", "--rules"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    rules, layer = set(), None
    for line in page.splitlines():
        title = re.match(r"## .*(lint|wire|names|table)\b", line)
        layer = title.group(1) if title else layer
        row = re.match(r"\| `(\w+)`", line)
        if row:
            rules.add(f"{layer} {row.group(1)}")
    shown = {" ".join(line.split()[:2]) for pair in pairs for line in pair.expect}
    return [f"no pair shows the rule {rule}" for rule in sorted(rules - shown - UNSHOWN)] + \
        [f"{rule} is shown after all" for rule in sorted(UNSHOWN & shown)]


# ------------------------------------------------------------------------------------------ buf


def buf():
    """The program at its pinned version, installed once into the cache."""
    if not shutil.which("npm"):
        sys.exit("run.py: npm is not there: scripts/setup test")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "pactolus" / "contracts"
    wanted = (HERE / "package.json").read_text()
    stamp = folder / "installed.json"
    if not stamp.exists() or stamp.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(wanted)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent",
                        "--ignore-scripts"], cwd=folder, check=True, timeout=300)
        stamp.write_text(wanted)
    return folder / "node_modules/.bin/buf"


def breaking(program, old, new, category):
    """Rules that buf finds broken, by number of the pair."""
    config = json.dumps({"version": "v2", "breaking": {"use": [category]}})
    done = subprocess.run([str(program), "breaking", str(new), "--against", str(old), "--config", config,
                           "--error-format", "json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 100):
        sys.exit(f"run.py: buf: {done.stderr}")
    found = collections.defaultdict(set)
    for line in done.stdout.splitlines():
        finding = json.loads(line)
        if finding["type"] == "COMPILE":
            sys.exit(f"run.py: buf: {line}")
        own = re.match(r"p(\d+)/", finding.get("path", ""))
        if own:  # a file of others that no pair imports any more has no path
            found[int(own.group(1))].add(finding["type"])
    return found


def disagreements(pairs, findings, theirs, category):
    """{(who refuses, category, rule): names of pairs} where only one of the two refuses."""
    layers, severities = CATEGORIES[category]
    seen = collections.defaultdict(list)
    for pair in pairs:
        ours = {finding["rule"] for finding in findings[pair.number]
                if finding["layer"] in layers and finding["severity"] in severities}
        if bool(ours) == bool(theirs[pair.number]):
            continue
        for rule in ours:
            seen["pactolus", category, rule].append(pair.name)
        for rule in theirs[pair.number]:
            seen["buf", category, rule].append(pair.name)
    return seen


def compare_with_buf(pairs, findings, old, new):
    """(rows that hold, faults) of the document's table."""
    program, seen = buf(), {}
    for category in CATEGORIES:
        seen |= disagreements(pairs, findings, breaking(program, old, new, category), category)
    explained = {match.groups()[:3] for match in ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))}
    faults = [f"only {who} refuses by {category}, and {DOCUMENT.name} does not say why {rule}: "
              + ", ".join(names) for (who, category, rule), names in seen.items()
              if (who, category, rule) not in explained]
    faults += [f"{DOCUMENT.name} explains {' '.join(row)}, which no pair shows"
               for row in sorted(explained - seen.keys())]
    return len(explained & seen.keys()), faults


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    arguments.add_argument("--pattern", default="",
                           help="only pairs whose name matches; buf is not asked then")
    options = arguments.parse_args()
    program, pairs, number = options.build.resolve() / "pactolus", [], 0
    for path in sorted(HERE.glob("*.pairs")):
        pairs += parse(path, len(pairs))
    cases = list(parse(HERE / "cases.lint", len(pairs)))
    passed = failed = 0
    findings = {}
    with tempfile.TemporaryDirectory(prefix="pactolus-contracts-") as name:
        folder = pathlib.Path(name)
        sets = {place: compile_both([pair for pair in pairs if pair.place == place], folder, place)
                for place in {pair.place for pair in pairs}}
        chosen = [pair for pair in pairs if re.search(options.pattern, pair.name)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            linted = [(case, pool.submit(lint_case, program, case, folder)) for case in cases
                      if re.search(options.pattern, case.name)]
            running = linted + [(pair, pool.submit(judge, program, pair, *sets[pair.place]))
                                for pair in chosen]
            for pair, future in running:
                try:
                    findings[pair.number] = future.result()
                    passed += 1
                except AssertionError as fault:
                    failed += 1
                    print(f"{pair.place}: {pair.name} FAILED\n{fault}", flush=True)
        if not failed and not options.pattern:
            faults = every_rule_is_shown(program, pairs + cases)
            rows, more = compare_with_buf(pairs, findings, *compile_both(pairs, folder, "all"))
            print(f"{rows} disagreements with buf are explained")
            faults += more
            for fault in faults:
                print(f"FAILED: {fault}")
            passed, failed = passed + rows, len(faults)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
