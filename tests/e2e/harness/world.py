# SPDX-License-Identifier: Apache-2.0
"""One run: its folder, its servers and programs, and the contracts that all tests know."""

import contextlib
import pathlib
import shutil
import sys
import tempfile

from .contracts import compile_contract
from .servers import HERE, ROOT, EmbeddedKafka, Kafka, Postgres


def scratch(prefix="pactolus-e2e."):
    """A folder that the server's user can reach too."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


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
                compile_contract(sets[proto.stem], proto, more=[f"--python_out={python}"])
        sys.path.insert(0, str(python))
        return sets

    def program(self, name):
        return str(self.build / name)

    def down(self):
        for server in (self.kafka, self.postgres):
            if server and not self.keep:
                with contextlib.suppress(Exception):
                    server.down()
