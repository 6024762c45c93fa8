#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The alerts: promtool takes the rules and their tests, every alert is explained, and the tests can fail.

run.py [--jobs N]

Each alert is broken in turn, in every way that the list of mutations knows: its threshold, its time, each of
its guards. A mutation that the tests do not notice is a failure: a test that cannot fail says nothing.
Prints a line for what is wrong and, last, `N passed, N failed`; exits 1 if any failed.
"""

import argparse
import concurrent.futures
import copy
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "etc/prometheus/pactolus.rules.yml"
TESTS = sorted((ROOT / "tests/prometheus").glob("*.test.yml"))
PAGE = ROOT / "docs/alerts.md"
METRICS = ROOT / "docs/metrics.md"
# What is not noticed, and why that is no fault.
HARMLESS = {
    # Five minutes more or less are nothing to a test of a day.
    ("PactolusDeadLettersOld", "for: 0s"),
}


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def metrics_of(expression, rules):
    """The metrics that an expression is made of, through what is recorded."""
    recorded = {rule["record"]: rule["expr"] for rule in rules["groups"][0]["rules"] if "record" in rule}
    found = set(re.findall(r"(?<![:\w])(pactolus_\w+|up)\b", expression))
    for name in re.findall(r"group_stream:[\w:]+", expression):
        found |= metrics_of(recorded[name], rules)
    return found


def about(tests, metrics):
    """Of a parsed file of tests those that speak of one of these metrics, or None."""
    chosen = [test for test in tests["tests"]
              if any(re.match(r"\w+", series["series"]).group(0) in metrics
                     for series in test["input_series"])]
    return dict(tests, rule_files=["rules.yml"], tests=chosen) if chosen else None


def run_tests(rules, tests):
    """What these tests (a parsed file) say of these rules."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "rules.yml").write_text(yaml.safe_dump(rules, allow_unicode=True, width=1000))
        (folder / "tests.yml").write_text(yaml.safe_dump(tests, allow_unicode=True, width=1000))
        return promtool("test", "rules", folder / "tests.yml")


def guards(expression):
    """The expression without one of its guards, for each: lines that begin with `and` or `unless`."""
    lines = expression.split("\n") if "\n" in expression else \
        re.split(r" (?=(?:unless|and|or) )", expression)
    for number, line in enumerate(lines):
        if re.match(r"\s*(unless|and|or) ", line):
            rest = lines[:number] + lines[number + 1:]
            # A bracket that closed on this line closes all the same.
            extra = line.count(")") - line.count("(")
            yield line.strip(), " ".join(rest[:number] + [")" * max(0, extra)] + rest[number:])


def numbers(expression):
    """The expression with one of its compared numbers far greater and far smaller."""
    for match in re.finditer(r"([<>=]=?|!=) (?:bool )?(\d+(?:\.\d+)?)(?![\w.\[])", expression):
        for other in (str(float(match.group(2)) * 1000 + 1000), "-1"):
            yield (f"{match.group(0)} to {other}",
                   expression[:match.start(2)] + other + expression[match.end(2):])


def mutations(rule):
    """(what, rule) for every way to break it."""
    def changed(what, **members):
        other = copy.deepcopy(rule)
        other.update(members)
        return what, other

    expression = " ".join(rule["expr"].split())
    yield changed("never", expr="vector(0) > 1")
    yield changed("always", expr="vector(1)")
    if "for" in rule:
        yield changed("for: 0s", **{"for": "0s"})
    yield changed("for: 3h", **{"for": "3h"})
    for what, other in guards(expression):
        yield changed(f"without {what}", expr=other)
    for what, other in numbers(expression):
        yield changed(what, expr=other)
    if "0.8 *" in expression:
        yield changed("0.95 instead of 0.8", expr=expression.replace("0.8 *", "0.95 *"))
        yield changed("0.5 instead of 0.8", expr=expression.replace("0.8 *", "0.5 *"))


def mutants(rules):
    """(name, rules, tests that may notice) of every mutation."""
    files = [yaml.safe_load(path.read_text()) for path in TESTS]
    for number, rule in enumerate(rules["groups"][0]["rules"]):
        if "alert" not in rule:
            continue
        chosen = (about(file, metrics_of(rule["expr"], rules)) for file in files)
        # Short ones first: most mutations are found there.
        tests = sorted((one for one in chosen if one), key=lambda one: one["evaluation_interval"] != "1m")
        for what, other in mutations(rule):
            if (rule["alert"], what) in HARMLESS:
                continue
            whole = copy.deepcopy(rules)
            whole["groups"][0]["rules"][number] = other
            yield f"{rule['alert']}: {what}", whole, tests


def notices(job):
    """None when some test fails with the mutant. Only tests of the rule's own metrics can."""
    name, rules, tests = job
    for chosen in tests:
        code, said = run_tests(rules, chosen)
        if code:
            wrong = "FAILED" not in said or "parse error" in said
            return f"{name}: the mutation is no rule: {said[:300]}" if wrong else None
    return f"no test notices that {name}"


def explained(rules):
    """Every alert has its annotations, a section in the page, and metrics that exist."""
    page, metrics = PAGE.read_text(), METRICS.read_text()
    known = set(re.findall(r"^\| `(\w+)` ", metrics, re.M)) | {"up"}
    recorded = {rule["record"] for rule in rules["groups"][0]["rules"] if "record" in rule}
    for rule in rules["groups"][0]["rules"]:
        name = rule.get("alert") or rule["record"]
        for metric in re.findall(r"(?<![:\w\"])(pactolus_\w+|up)(?=[{)\[ ]|$)", rule["expr"]):
            if metric not in known:
                yield f"{name}: docs/metrics.md knows no {metric}"
        for metric in re.findall(r"group_stream:[\w:]+", rule["expr"]):
            if metric not in recorded:
                yield f"{name}: no rule records {metric}"
        if "alert" not in rule:
            continue
        for annotation in ("summary", "description", "runbook"):
            if not rule.get("annotations", {}).get(annotation):
                yield f"{name} has no {annotation}"
        if rule.get("labels", {}).get("severity") not in ("page", "ticket"):
            yield f"{name} has no severity"
        if f"docs/alerts.md#{name.lower()}" not in rule["annotations"].get("runbook", ""):
            yield f"{name}: its runbook does not name its section"
        if f"\n### {name}\n" not in page:
            yield f"docs/alerts.md has no section {name}"
    for name in re.findall(r"^### (Pactolus\w+)$", page, re.M):
        if not any(rule.get("alert") == name for rule in rules["groups"][0]["rules"]):
            yield f"docs/alerts.md explains {name}, which is no alert"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rules = yaml.safe_load(RULES.read_text())
    passed, faults = 0, list(explained(rules))
    passed += not faults
    for check in (("check", "rules", RULES), ("test", "rules", *TESTS)):
        code, said = promtool(*check)
        passed += code == 0
        if code:
            faults.append(f"promtool {check[0]} rules: {said}")
    if not faults:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for fault in pool.map(notices, mutants(rules)):
                passed += fault is None
                faults += [fault] if fault else []
    for fault in faults:
        print(f"FAILED {fault}")
    print(f"{passed} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
