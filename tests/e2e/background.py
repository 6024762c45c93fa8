# SPDX-License-Identifier: Apache-2.0
"""What goes on in a thread of its own while a test does other things: a load, a reader, a verb that waits.

A class of this kind says in `work` what its thread does. It begins with start(), or with `with`. It ends
with stop(), which `with` calls at the block's end: work without an end of its own looks at `ended` between
its steps (`while not self.ended.wait(0.1)`, which keeps the pace too). Who waits for the end raises what
`work` raised: a failure in the thread is the test's failure, and comes before one that the test itself
met in the meantime, which may well follow from it.
"""

import threading

from harness import Failure

PATIENCE = 120  # seconds that work may take to end: more than any one step of it


class Background:
    def __init__(self):
        self.ended, self.failure = threading.Event(), None
        # A thread that never ends is a failure told by join(), and must not keep the whole run from its end.
        self.thread = threading.Thread(target=self.run, name=type(self).__name__, daemon=True)

    def work(self):
        raise NotImplementedError

    def run(self):
        try:
            self.work()
        except Exception as failure:  # told by check()
            self.failure = failure

    def start(self):
        self.thread.start()
        return self

    def alive(self):
        return self.thread.is_alive()

    def check(self):
        """Raises what `work` raised, if it did."""
        if self.failure:
            raise self.failure

    def join(self):
        """Waits for work that ends by itself."""
        self.thread.join(PATIENCE)
        self.check()
        if self.alive():
            raise Failure(f"{self.thread.name} has not ended within {PATIENCE} s")

    def stop(self):
        """Asks for the end and waits for it; once more does no harm."""
        self.ended.set()
        self.join()

    def __enter__(self):
        if self.thread.ident is None:  # else somebody has started it before
            self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Call(Background):
    """One call of a function."""

    def __init__(self, function):
        super().__init__()
        self.function, self.value = function, None

    def work(self):
        self.value = self.function()

    def result(self):
        """What the function returned, once it has."""
        self.join()
        return self.value
