#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random faults on real servers, and a checker that knows what must come out: see docs/chaos.md.

chaos --seed N --rounds M [--jobs N] [--build DIR] [--stop] [--seeds A,B,…] [--postgres 15|17]
      [--only FAULT,…] [--keep] [--faults]

Each round has a seed of its own: N, N + 1, …. Prints one line per round and, last, `N passed,
N failed`; exits 1 if any failed. What fails keeps its logs and prints the command that repeats it.
"""

import argparse
import pathlib
import random
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import harness  # noqa: E402
from faults import FAULTS  # noqa: E402
from jobs import Jobs  # noqa: E402
from round import Round  # noqa: E402
from world import World  # noqa: E402


def known_faults(text):
    unknown = set(text.split(",")) - {fault.name for fault in FAULTS}
    if unknown:
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(sorted(unknown))} (--faults)")
    return text


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, prog="scripts/chaos",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="of the first round; drawn when it is not given")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seeds", help="these seeds, with commas between them, one round each")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, each with servers of its own")
    parser.add_argument("--build", default=str(harness.ROOT / "build" / "release"))
    parser.add_argument("--postgres", default="15", choices=["15", "17"])
    parser.add_argument("--stop", action="store_true", help="end at the first failure")
    parser.add_argument("--only", type=known_faults, help="draw only from these faults, with commas "
                        "between them")
    parser.add_argument("--keep", action="store_true", help="leave the logs of every round")
    parser.add_argument("--faults", action="store_true", help="print the table of faults, and end")
    return parser.parse_args()


def seeds_of(options):
    if options.seeds:
        return [int(seed) for seed in options.seeds.split(",")]
    first = options.seed if options.seed is not None else random.randrange(10 ** 9)
    return list(range(first, first + options.rounds))


def print_faults():
    print("| fault | hand | weight | what happens |\n| --- | --- | --- | --- |")
    for fault in FAULTS:
        print(f"| `{fault.name}` | {fault.hand} | {fault.weight} | {fault.text} |")


def tell_failure(options, round_, folder):
    text = "\n".join([*round_.failures, *(round_.test.tails(8) if round_.test else ())])
    print("\n".join("    " + line for line in text.splitlines()))
    print(f"    logs: {folder}")
    more = "".join(f" --{name} {value}" for name, value in
                   (("only", options.only), ("postgres", options.postgres)) if value and value != "15")
    print(f"    again: scripts/chaos --seed {round_.seed} --rounds 1 --build {options.build}{more}",
          flush=True)


def keep_evidence(world, round_, folder):
    """The servers' logs and the whole database, for whoever looks for the cause."""
    for node in world.postgres.nodes:
        shutil.copyfile(node.log, folder / f"postgres-{node.state.name}.log")
    shutil.copyfile(world.kafka.state / "kafka.log", folder / "kafka.log")
    if round_.test:
        with open(folder / "database.sql", "wb") as dump:
            subprocess.run(["pg_dump", "--inserts", "-d", world.postgres.conninfo(round_.test.database)],
                           stdout=dump, stderr=subprocess.STDOUT)
    if round_.history:
        with open(folder / "history.txt", "w", encoding="utf-8") as out:
            for entry in round_.history.entries:
                print(entry, file=out)


def run_round(options, world, seed):
    """True when the round of this seed passed."""
    round_ = Round(world, seed, options.only.split(",") if options.only else ())
    try:
        passed = round_.run()
    except BaseException:  # an interrupt: the run takes its servers down
        round_.abandon()
        raise
    folder = round_.test.folder if round_.test else world.folder
    print(f"{round_.line()}  {'ok' if passed else 'FAILED'}", flush=True)
    if not passed:
        tell_failure(options, round_, folder)
        keep_evidence(world, round_, folder)
    round_.close()
    if passed and not options.keep:
        harness.remove(folder)
    return passed


def run(options, seeds):
    """(rounds that passed, rounds that failed), all on the same servers."""
    folder = harness.scratch("pactolus-chaos.")
    passed = failed = 0
    world = None
    try:
        world = World(folder, options.build, int(options.postgres))
        if not world.can_mount:
            print("disk-full is not drawn: only root can mount a small disk", flush=True)
        for seed in seeds:
            if run_round(options, world, seed):
                passed += 1
            else:
                failed += 1
                if options.stop:
                    break
    finally:
        if world:
            world.down()
        if not (failed or options.keep):
            harness.remove(folder)
    return passed, failed


def run_jobs(options, seeds):
    command = [sys.executable, __file__, "--build", options.build, "--postgres", options.postgres]
    command += ["--only", options.only] if options.only else []
    command += [f"--{name}" for name in ("stop", "keep") if getattr(options, name)]
    return Jobs(command, seeds, min(options.jobs, len(seeds)), options.stop).run()


def main():
    options = arguments()
    if options.faults:
        print_faults()
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seeds = seeds_of(options)
    passed, failed = run_jobs(options, seeds) if options.jobs > 1 else run(options, seeds)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
