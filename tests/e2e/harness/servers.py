# SPDX-License-Identifier: Apache-2.0
"""The servers of a run: PostgreSQL and Kafka by the scripts, or the broker that is embedded."""

import contextlib
import pathlib
import socket
import subprocess
import threading

from .expectations import expect

HERE = pathlib.Path(__file__).resolve().parents[1]  # tests/e2e
ROOT = HERE.parents[1]


def free_port():
    """A port of this machine at which nobody listens."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_script(script, *arguments, timeout=300):
    done = subprocess.run([str(ROOT / "scripts" / script), *map(str, arguments)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"scripts/{script} {' '.join(map(str, arguments))} failed with "
                           f"{done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Postgres:
    """A real server through scripts/postgres."""

    def __init__(self, folder, version=15, listen=None, tls=None):
        self.state = pathlib.Path(folder)
        options = ["--state", self.state, "--version", version, "--fast"]
        if listen:
            options += ["--listen", listen]
        if tls:
            options += ["--tls", tls]
        self.base = run_script("postgres", "up", *options).strip().rsplit(" dbname=", 1)[0]

    def conninfo(self, database="postgres"):
        return f"{self.base} dbname={database}"

    def stop(self, immediate=False):
        run_script("postgres", "stop", "--state", self.state, *(["--immediate"] if immediate else []))

    def start(self):
        run_script("postgres", "start", "--state", self.state)

    def down(self):
        run_script("postgres", "down", "--state", self.state)


class Kafka:
    """A real broker through scripts/kafka."""

    real = True

    def __init__(self, folder, *options):
        self.state = pathlib.Path(folder)
        self.bootstrap = self.script(*options, "up").strip()

    def script(self, *arguments):
        return run_script("kafka", "--state", self.state, *arguments)

    def down(self):
        self.script("down")


class EmbeddedKafka:
    """librdkafka's mock cluster in a process of its own: no Java."""

    real = False

    def __init__(self, binary):
        self.process = subprocess.Popen([str(binary), "--until-eof"], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.bootstrap = self.process.stdout.readline().strip()
        self.lock = threading.Lock()

    def command(self, *words):
        with self.lock:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            answer = self.process.stdout.readline().strip()
        expect(answer.startswith("ok"), f"embedded broker: {' '.join(map(str, words))}: {answer}")
        return answer[3:]

    def down(self):
        self.process.stdin.close()
        self.process.wait(10)
