#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Is the chaos runner worth anything? Plants faults in the daemon, and sees whether they are caught.

chaos-power [--only NAME,…] [--rounds N] [--seed N] [--seeds A,B,…] [--no-control] [--check] [--list]
            [--table]

Each fault of tests/chaos/planted.py is planted, alone, in a copy of the tree below build/power, which is
built anew as far as it changed; then rounds run as scripts/chaos runs them, from the fault's seed on,
until the checker finds it. Prints one line per fault and, last, `N caught, M missed`; exits 1 on a miss.
The daemon as it is runs the seeds that caught something at the end, and must pass. `--table` prints what
docs/chaos.md holds.
"""

import argparse
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import harness  # noqa: E402
from planted import CAUGHT, PLANTED, by_name  # noqa: E402
from round import Round  # noqa: E402
from world import World  # noqa: E402

COPY = harness.ROOT / "build" / "power"
BUILD = COPY / "build" / "release"
MOST_WORDS = 110
COPIED = ("CMakeLists.txt", "CMakePresets.json", "cmake", "include", "migrations", "proto", "scripts", "src",
          "tests", "tools")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, prog="scripts/chaos-power",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="these faults, with commas between them")
    parser.add_argument("--rounds", type=int, default=12, help="at most, for each fault")
    parser.add_argument("--seed", type=int, help="where the search begins, instead of each fault's own")
    parser.add_argument("--seeds", help="try these, with commas between them")
    parser.add_argument("--no-control", action="store_true", help="do not run the daemon as it is")
    parser.add_argument("--check", action="store_true",
                        help="only see whether each fault's text is still in the sources")
    parser.add_argument("--list", action="store_true", help="print the names of the faults, and end")
    parser.add_argument("--table", action="store_true", help="print the table of what was caught, and end")
    return parser.parse_args()


# --- the copy ------------------------------------------------------------------------------------


def write(path, data):
    """Only when it differs, so that no more than that is built."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def copy_tree():
    """The tree as it is; a fault that an interrupted run has left is gone then."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *COPIED], cwd=harness.ROOT,
                            check=True, text=True, stdout=subprocess.PIPE).stdout.split("\n")
    for name in filter(None, listed):
        source = harness.ROOT / name
        if source.is_file():
            write(COPY / name, source.read_bytes())
            shutil.copymode(source, COPY / name)


def run(*command):
    done = subprocess.run(command, cwd=COPY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    harness.expect(done.returncode == 0, " ".join(command), done.stdout[-3000:])


def build():
    if not (BUILD / "CMakeCache.txt").exists():
        run("cmake", "--preset", "release")
    run("cmake", "--build", str(BUILD), "--target", "pactolus")


class Copy:
    """The copy with a fault planted, until the end of a `with`."""

    def __init__(self, fault):
        self.fault, self.sound = fault, {}

    def __enter__(self):
        for change in self.fault.changes:
            path, text = change.planted(COPY)
            self.sound.setdefault(path, path.read_bytes())
            path.write_text(text, encoding="utf-8")
        try:
            build()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for path, data in self.sound.items():
            path.write_bytes(data)


# --- rounds --------------------------------------------------------------------------------------


def run_round(world, seed, draw=()):
    """What the runner says of this seed's round; "" when it passes."""
    round_ = Round(world, seed, draw)
    try:
        passed = round_.run()
    except BaseException:  # an interrupt
        round_.abandon()
        raise
    said = "" if passed else round_.failures[0]
    round_.close()
    if round_.test:
        harness.remove(round_.test.folder)
    return said


def in_short(said):
    """The first words that tell something: of a traceback the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = lines[-1] if "Traceback" in lines[0] else lines[0]
    return text if len(text) <= MOST_WORDS else text[:MOST_WORDS] + " …"


def seeds_for(options, fault):
    """Those that are tried, in this order."""
    if options.seeds:
        return [int(seed) for seed in options.seeds.split(",")]
    first = CAUGHT.get(fault.name, (1,))[0] if options.seed is None else options.seed
    return range(first, first + options.rounds)


def search(world, fault, seeds):
    """(seed, round, what was said) of the round that caught the fault, or None."""
    for number, seed in enumerate(seeds, 1):
        said = run_round(world, seed, fault.draw)
        if said and re.search(fault.shows, said, re.MULTILINE):
            return seed, number, said
        if said:
            print(f"    seed {seed} failed of something else: {in_short(said)}", flush=True)
    return None


def hunt(world, options, fault):
    """(seed, faults to draw from) of the round that caught this fault, or None. Prints its line."""
    started = time.monotonic()
    with Copy(fault):
        built = time.monotonic()
        seeds = seeds_for(options, fault)
        caught = search(world, fault, seeds)
    seconds = time.monotonic() - built
    if not caught:
        print(f"{fault.name:<28} MISSED in {len(seeds)} rounds, {seconds:.0f} s", flush=True)
        return None
    seed, number, said = caught
    print(f"{fault.name:<28} caught by seed {seed} in round {number} after {seconds:.0f} s: {in_short(said)}"
          f"  (built in {built - started:.0f} s)", flush=True)
    return seed, fault.draw


def control(world, rounds):
    """The daemon as it is passes where the planted ones were caught. How many rounds it fails."""
    build()
    wrong = 0
    for seed, draw in sorted(rounds):
        said = run_round(world, seed, draw)
        if said:
            wrong += 1
            print(f"seed {seed} fails without any fault: {in_short(said)}", flush=True)
    print(f"without a fault: {len(rounds) - wrong} of these {len(rounds)} rounds pass", flush=True)
    return wrong


def check():
    """Every text that a fault replaces stands once where the table says, and each fault was caught."""
    passed = failed = 0
    for fault in PLANTED:
        try:
            texts = {}
            for change in fault.changes:
                path, text = change.planted(harness.ROOT)
                harness.expect(text != path.read_text(encoding="utf-8"), "nothing changes", path)
                texts[path] = text
            said = CAUGHT[fault.name][1]
            harness.expect(re.search(fault.shows, said), f"this does not show it: {said}")
            passed += 1
        except (LookupError, harness.Failure, OSError) as wrong:
            failed += 1
            print(f"{fault.name} FAILED: {wrong!r}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def print_table():
    print("| planted | breaks | caught by seed | the runner says |\n| --- | --- | --- | --- |")
    for fault in PLANTED:
        seed, said = CAUGHT[fault.name]
        only = f" of `--only {','.join(fault.draw)}`" if fault.draw else ""
        print(f"| `{fault.name}` | {fault.breaks} | {seed}{only} | {said} |")


def main():
    options = arguments()
    if options.list:
        print("\n".join(f"{fault.name:<28} {fault.breaks}" for fault in PLANTED))
        return 0
    if options.check:
        return check()
    if options.table:
        print_table()
        return 0
    chosen = [by_name(name) for name in options.only.split(",")] if options.only else PLANTED
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    copy_tree()
    folder = harness.scratch("pactolus-power.")
    world, rounds, missed, wrong = None, set(), 0, 0
    try:
        world = World(folder, BUILD)
        for fault in chosen:
            caught = hunt(world, options, fault)
            missed += caught is None
            rounds |= {caught} - {None}
        if not options.no_control:
            wrong = control(world, rounds)
    finally:
        if world:
            world.down()
        harness.remove(folder)
    print(f"{len(chosen) - missed} caught, {missed} missed")
    return 1 if missed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
