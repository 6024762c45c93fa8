# SPDX-License-Identifier: Apache-2.0
"""Several runs at once, each with servers of its own: a round waits more than it works.

The seeds are dealt out; what a run prints of a round appears in one piece.
"""

import re
import subprocess
import threading

CLOSING = re.compile(r"(\d+) passed, (\d+) failed\n")


def pieces(lines):
    """The lines of one round after the other: each begins with its seed."""
    piece = []
    for line in lines:
        if piece and (line.startswith("seed ") or CLOSING.fullmatch(line)):
            yield "".join(piece)
            piece = []
        piece.append(line)
    yield "".join(piece)


class Jobs:
    def __init__(self, command, seeds, jobs, stop):
        self.stop = stop
        self.lock = threading.Lock()
        self.passed = self.failed = 0
        self.children = [subprocess.Popen([*command, "--seeds", ",".join(map(str, seeds[n::jobs]))],
                                          text=True, stdout=subprocess.PIPE) for n in range(jobs)]

    def follow(self, child):
        closed = None
        for piece in pieces(child.stdout):
            closed = CLOSING.fullmatch(piece)
            if not closed:
                with self.lock:
                    print(piece, end="", flush=True)
        with self.lock:
            self.passed += int(closed[1]) if closed else 0
            # Who broke off has failed, whatever it counted.
            self.failed += max(int(closed[2]) if closed else 0, child.wait() != 0)
            if self.failed and self.stop:
                self.end()

    def end(self):
        for child in self.children:
            child.terminate()

    def run(self):
        """(rounds that passed, rounds that failed)"""
        threads = [threading.Thread(target=self.follow, args=(child,)) for child in self.children]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:  # an interrupt: each takes its servers down
            self.end()
            for thread in threads:
                thread.join()
            raise
        return self.passed, self.failed
