# SPDX-License-Identifier: Apache-2.0
"""Our programs under test: the configuration that they get, and what they say and end with."""

import contextlib
import json
import pathlib
import signal
import subprocess

from .expectations import DEADLINE, Failure


def config_text(value, indent=0):
    """A Python value as libconfig: dict = block, list = list, the rest as it is."""
    pad = "  " * indent
    if isinstance(value, dict):
        inner = "".join(f"{pad}  {name} = {config_text(item, indent + 1)};\n"
                        for name, item in value.items())
        return "{\n" + inner + pad + "}"
    if isinstance(value, (list, tuple)):
        return "( " + ", ".join(config_text(item, indent) for item in value) + " )"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def config_file(settings):
    return "".join(f"{name} = {config_text(item)};\n" for name, item in settings.items())


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out.strip()}\nstderr: {self.err.strip()}"


class Daemon:
    def __init__(self, test, arguments, log, env=None):
        self.log_path = pathlib.Path(log)
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([test.world.program("pactolus"), *arguments], env=env,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.pid = self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait(30)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stop(self, seconds=30):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.finish(seconds)

    def finish(self, seconds=DEADLINE):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the daemon did not end within {seconds} s") from None

    def alive(self):
        return self.process.poll() is None

    def text(self):
        return self.log_path.read_text(errors="replace")

    def close(self):
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.log.close()


def json_rows(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
