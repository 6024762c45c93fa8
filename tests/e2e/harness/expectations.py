# SPDX-License-Identifier: Apache-2.0
"""What a test expects, and how it waits: nothing sleeps in place of a condition, `wait` polls one until its
deadline.
"""

import time

DEADLINE = 60.0  # seconds that a condition may take unless the test says otherwise


class Failure(AssertionError):
    """A test's expectation that did not hold."""


class Skipped(Exception):
    """The test does not apply to this run."""


def expect(condition, text, *details):
    if not condition:
        raise Failure(" ".join([text] + [str(d) for d in details]))


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: expected {shorten(wanted)}, got {shorten(got)}")


def shorten(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def wait(condition, what, seconds=DEADLINE, every=0.02):
    """The first true value of `condition`; Failure when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
