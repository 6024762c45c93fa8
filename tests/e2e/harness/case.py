# SPDX-License-Identifier: Apache-2.0
"""One test: its names, its streams and daemons, its end; and the list of all that are marked."""

import contextlib
import os
import random
import re
import subprocess

from .database import WithDatabase, administer
from .expectations import DEADLINE, Failure, equal, expect
from .programs import Daemon, Result, config_file
from .topics import WithTopics


class Test(WithDatabase, WithTopics):
    """One running test: its names, and what it may do."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.id = re.sub(r"\W+", "_", name).lower()[:40] + f"_{random.randrange(16 ** 4):04x}"
        self.group = self.id
        self.folder = world.folder / "tests" / self.id
        self.folder.mkdir(parents=True)
        self.database = self.id[:63]
        self.postgres, self.kafka = world.postgres, world.kafka
        self.daemons, self.servers, self.connections = [], [], {}
        self.producers = {}
        self.make_database()

    def stream(self, topic, contract="e2e.v1.Item", descriptors="item", **settings):
        """A stream's settings; those of a test win."""
        table = {"key": ["item_id"], "schema": "data", "name": "items"}
        table.update(settings.pop("table", {}))
        found = {"descriptors": self.world.descriptors[descriptors],
                 "topics": [{"name": topic, "contract": contract}]}
        found.update(settings)
        found["table"] = {name: item for name, item in table.items() if item is not None}
        return found

    def config(self, name="pactolus", streams=None, **settings):
        whole = {"group": self.group, "progress_interval": "0",
                 "kafka": {"bootstrap_servers": self.kafka.bootstrap},
                 "database": {"conninfo": self.conninfo},
                 "retry": {"base": "20ms", "cap": "500ms"}}
        for key, item in settings.items():
            if isinstance(item, dict):
                whole.setdefault(key, {}).update(item)
            else:
                whole[key] = item
        whole["streams"] = streams or {}
        path = self.folder / f"{name}.conf"
        path.write_text(config_file(whole))
        return str(path)

    def pactolus(self, *arguments, seconds=DEADLINE, program="pactolus", **options):
        try:
            done = subprocess.run([self.world.program(program), *map(str, arguments)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds,
                                  **options)
        except subprocess.TimeoutExpired as expired:
            raise Failure(f"{program} {' '.join(map(str, arguments))}: no end within {seconds} s\n"
                          f"{(expired.stderr or b'').decode(errors='replace')[-2000:]}") from None
        return Result(done.returncode, done.stdout.decode(errors="replace"),
                      done.stderr.decode(errors="replace"))

    def must(self, *arguments, **options):
        result = self.pactolus(*arguments, **options)
        expect(result.code == 0, " ".join(map(str, arguments)), "failed:", result)
        return result

    def migrate(self, config):
        return self.must("migrate", "--execute", "--config", config)

    def run_to_end(self, config, seconds=DEADLINE):
        """`run --until end`; its log is kept for the report of a failure."""
        daemon = self.daemon(config, "--until", "end")
        code = daemon.finish(seconds)
        expect(code == 0, "run --until end: exit", code)
        return daemon

    def daemon(self, config, *more, env=None):
        number = len(self.daemons) + 1
        environment = dict(os.environ, **env) if env else None
        daemon = Daemon(self, ["run", "--config", config, *more], self.folder / f"daemon{number}.log",
                        environment)
        self.daemons.append(daemon)
        return daemon

    def load(self, topic, count, *more):
        """Payments from the common generator."""
        return self.must("--bootstrap", self.kafka.bootstrap, "--topic", topic, "--count", count,
                         *more, program="pactolus-load", seconds=300)

    def payments(self, topic, **settings):
        settings.setdefault("key", {"format": "text"})
        table = {"key": ["payment_id"], "name": "payments"}
        table.update(settings.pop("table", {}))
        return self.stream(topic, "payments.v1.Payment", "payment", table=table, **settings)

    # --- end

    def settle(self):
        """What every test that passed asks at last: daemons end when asked, and left no complaint."""
        for daemon in self.daemons:
            if daemon.alive():
                daemon.thaw()
                equal(daemon.stop(), 0, f"exit status of {daemon.log_path.stem}")
            found = re.search(r"(.*Sanitizer.*|.*runtime error:.*|.*[Aa]ssertion.*)", daemon.text())
            expect(not found, f"{daemon.log_path.name} holds:", found and found.group(0))

    def tails(self, lines=25):
        for daemon in self.daemons:
            text = daemon.text().splitlines()
            yield f"--- {daemon.log_path.name} ({len(text)} lines)"
            yield from text[-lines:]

    def close(self, keep):
        for daemon in self.daemons:
            daemon.close()
        for connection in self.connections.values():
            with contextlib.suppress(Exception):
                connection.close()
        if keep:
            return
        for server in self.servers:
            with contextlib.suppress(Exception):
                server.down()
        with contextlib.suppress(Exception):
            administer(self.world.postgres, f'drop database if exists "{self.database}" with (force)')


_tests = []


def test(function=None, *, full_only=False, real_kafka=False):
    """Marks a test: a function of one Test, named by what it shows."""
    def mark(body):
        _tests.append((body.__name__, body, full_only, real_kafka))
        return body
    return mark(function) if function else mark


def collected():
    return list(_tests)
