# SPDX-License-Identifier: Apache-2.0
"""The daemons of a round, and who starts them again.

As under systemd: a daemon that ends because a server is out of reach is started again. Any other end
that no fault asked for is a failure of the round.
"""

import signal
import threading

from harness import Failure, equal

AGAIN = (69, 75)  # unavailable, temporary
STOPPED = (0, -signal.SIGTERM)  # the latter: it had hardly begun


class Member:
    def __init__(self, members, number):
        self.members, self.number = members, number
        self.wanted = False
        self.frozen = False
        self.daemon = None

    def start(self):
        self.daemon = self.members.test.daemon(self.members.config)
        self.wanted = True

    def kill(self):
        self.wanted = False
        self.daemon.kill()

    def stop(self):
        """SIGTERM; it ends in good order whatever else is broken."""
        self.wanted = False
        if self.daemon.alive():
            code = self.daemon.stop(40)
            if code not in (*STOPPED, *AGAIN):
                equal(code, 0, f"exit status of {self.daemon.log_path.stem} after SIGTERM")

    def freeze(self):
        self.frozen = True
        self.daemon.freeze()

    def thaw(self):
        self.frozen = False
        self.daemon.thaw()


class Members:
    def __init__(self, test, config, count):
        self.test, self.config = test, config
        self.list = [Member(self, number) for number in range(count)]
        self.ended = threading.Event()
        self.failure = None
        self.restarts = 0
        self.thread = threading.Thread(target=self.tend, name="members", daemon=True)

    def start(self):
        for member in self.list:
            member.start()
        self.thread.start()

    def tend(self):
        while not self.ended.wait(0.1):
            for member in list(self.list):
                if member.wanted and not member.daemon.alive():
                    self.gone(member)

    def gone(self, member):
        code = member.daemon.process.returncode
        if code in AGAIN:
            self.restarts += 1
            member.start()
        else:
            member.wanted = False
            self.failure = self.failure or Failure(
                f"{member.daemon.log_path.stem} ended by itself with status {code}")

    def stop(self):
        """All of them, at once."""
        for member in self.list:
            member.wanted = False
            if member.daemon.alive():
                member.daemon.signal(signal.SIGTERM)
        for member in self.list:
            member.stop()

    def end(self):
        self.ended.set()
        if self.thread.ident:
            self.thread.join()
