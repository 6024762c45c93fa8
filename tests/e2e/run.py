#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests on real servers that it starts and removes itself.

run.py [--pattern REGEX] [--build DIR] [--postgres 15|17] [--embedded] [--full] [--jobs N] [--keep]

Prints one line per test and, last, `N passed, N failed`; exits 1 if any failed.
"""

import argparse
import concurrent.futures
import pathlib
import re
import signal
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402

# The themes; each module marks its tests.
THEMES = ["first", "killed", "together", "broken", "semantics", "columns", "property_types",
          "place", "outages", "poolers", "refusals", "verbs", "status", "interop", "sinks", "sinks_tables",
          "sinks_refused", "flood", "bounds", "membership", "identity", "partitions", "classes",
          "replay", "reread", "incident", "traffic", "migrate", "contracts", "walk", "people",
          "personal", "live", "unit", "rights", "secure", "letters", "ledger", "rebuild", "rebuild_trouble",
          "metrics", "debian", "documents"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pattern", default="", help="only tests whose name matches")
    parser.add_argument("--leave", default="", help="but for those whose name matches")
    parser.add_argument("--build", default=str(harness.ROOT / "build" / "release"))
    parser.add_argument("--postgres", default="15", choices=["15", "17"])
    parser.add_argument("--embedded", action="store_true", help="the embedded broker: no Java")
    parser.add_argument("--full", action="store_true", help="the long forms, and the long tests")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave servers and files for a look")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def shared(frame):
    """Whether it is in what all tests share, so that a failure is another line's."""
    path = pathlib.Path(frame.filename)
    return path.parent.name == "harness" or path.name == "background.py"


def run_one(world, name, body, keep):
    """(seconds, text): text None when it passed, else what to print."""
    started = time.monotonic()
    test, text = None, None
    try:
        test = harness.Test(world, name)
        body(test)
        test.settle()
    except harness.Skipped as skipped:
        text = f"skipped: {skipped}"
    except harness.Failure as failure:
        text = str(failure)
        where = [frame for frame in traceback.extract_tb(failure.__traceback__) if not shared(frame)]
        if where:
            text += f"\n  at {pathlib.Path(where[-1].filename).name}:{where[-1].lineno}"
    except Exception:  # a test that breaks has failed; the others go on
        text = traceback.format_exc()
    if test:
        if text and not text.startswith("skipped"):
            text = "\n".join([text, *test.tails()])
        test.close(keep)
    return time.monotonic() - started, text


def select(options):
    for theme in THEMES:
        __import__(theme)
    for name, body, full_only, real_kafka in harness.collected():
        if not re.search(options.pattern, name) or (full_only and not options.full) or \
                (real_kafka and options.embedded) or \
                (options.leave and re.search(options.leave, name)):
            continue
        yield name, body


def told(future, name):
    """Prints what became of a test; "ok", "FAILED", or why it was skipped."""
    seconds, text = future.result()
    verdict = "ok" if not text else text if text.startswith("skipped") else "FAILED"
    print(f"{name:<58} {seconds:7.1f} s  {verdict}", flush=True)
    if verdict == "FAILED":
        print("\n".join("    " + line for line in text.splitlines()), flush=True)
    return verdict


def run_all(world, tests, options, verdicts):
    """Adds to `verdicts` what became of each. An interrupted run waits for the tests that have begun, and
    begins no more."""
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(run_one, world, name, body, options.keep): name for name, body in tests}
        try:
            for future in concurrent.futures.as_completed(running):
                verdicts.append(told(future, running[future]))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def main():
    options = arguments()
    tests = list(select(options))
    if options.list:
        print("\n".join(name for name, _ in tests))
        return 0
    # An interrupted run takes its servers down as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = harness.scratch()
    verdicts, world = [], None
    try:
        world = harness.World(folder, options.build, int(options.postgres), options.embedded,
                              options.full, options.keep)
        run_all(world, tests, options, verdicts)
    finally:
        if world:
            world.down()
        if options.keep or "FAILED" in verdicts:
            print(f"kept: {folder}")
        else:
            harness.remove(folder)
    passed, failed = verdicts.count("ok"), verdicts.count("FAILED")
    skipped = len(verdicts) - passed - failed
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
