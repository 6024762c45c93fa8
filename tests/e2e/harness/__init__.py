# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: servers, a database and topics per test, daemons, waiting.

One pair of servers serves the whole run. Each test has a database, a consumer group and topic names
of its own, so tests may run side by side.
"""

from .case import Test, collected, test
from .contracts import compile_contract
from .database import administer
from .expectations import DEADLINE, Failure, Skipped, equal, expect, shorten, wait
from .programs import Daemon, Result, config_file, json_rows
from .records import Record, confluent_frame, message_class, varint
from .servers import HERE, ROOT, EmbeddedKafka, Kafka, Postgres, free_port, run_script
from .world import World, remove, scratch

__all__ = [
    "DEADLINE", "Daemon", "EmbeddedKafka", "Failure", "HERE", "Kafka", "Postgres", "ROOT", "Record",
    "Result", "Skipped", "Test", "World", "administer", "collected", "compile_contract", "config_file",
    "confluent_frame", "equal", "expect", "free_port", "json_rows", "message_class", "remove",
    "run_script", "scratch", "shorten", "test", "varint", "wait",
]
