# SPDX-License-Identifier: Apache-2.0
"""The servers and programs of a run: PostgreSQL and Kafka by the scripts, or the broker that is embedded."""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from .expectations import expect

HERE = pathlib.Path(__file__).resolve().parents[1]  # tests/e2e
ROOT = HERE.parents[1]


def scratch(prefix="pactolus-e2e."):
    """A folder that the server's user can reach too."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


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


class World:
    """The servers and programs of one run."""

    def __init__(self, folder, build, version=15, embedded=False, full=False, keep=False):
        self.folder, self.build = pathlib.Path(folder), pathlib.Path(build)
        self.full, self.keep = full, keep
        self.sanitized = b"__asan_init" in pathlib.Path(self.program("pactolus")).read_bytes()
        self.version = version
        self.postgres = self.kafka = None
        self.descriptors = self.compile_contracts()
        try:
            self.postgres = Postgres(self.folder / "postgres", version)
            self.kafka = (EmbeddedKafka(self.build / "pactolus-broker")
                          if embedded else Kafka(self.folder / "kafka"))
        except BaseException:
            self.down()
            raise

    def compile_contracts(self):
        """The tests' own contracts and the examples: descriptor sets, and Python classes."""
        out, python = self.folder / "contracts", self.folder / "python"
        out.mkdir(parents=True, exist_ok=True)
        python.mkdir(exist_ok=True)
        sets = {}
        for root, protos in ((HERE / "proto", sorted((HERE / "proto").glob("*.proto"))),
                             (ROOT / "proto", [ROOT / "proto/examples/payments/v1/payment.proto",
                                               ROOT / "proto/examples/debian/v1/package.proto"])):
            for proto in protos:
                sets[proto.stem] = out / f"{proto.stem}.binpb"
                subprocess.run(["protoc", "-I", str(proto.parent), "--include_imports",
                                "--include_source_info", "-o", str(sets[proto.stem]),
                                f"--python_out={python}", str(proto)], check=True)
        sys.path.insert(0, str(python))
        return sets

    def program(self, name):
        return str(self.build / name)

    def down(self):
        for server in (self.kafka, self.postgres):
            if server and not self.keep:
                with contextlib.suppress(Exception):
                    server.down()
