# SPDX-License-Identifier: Apache-2.0
"""How long the runner itself waits: for servers, topics and reports, while other faults go on.

What the daemons do is judged by standstill (round.py). What the runner waits for takes as long as a busy
machine needs to start a broker; this ends only what will never come.
"""

import harness

SECONDS = 300


def wait(condition, what, every=0.05):
    """The first true value of `condition`; Failure when there is none in SECONDS."""
    return harness.wait(condition, what, SECONDS, every)
