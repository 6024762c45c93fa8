# SPDX-License-Identifier: Apache-2.0
"""Kafka records as the tests make them."""

import importlib


class Record:
    """A Kafka message as a test wants it: exact bytes, headers and time."""

    def __init__(self, value, key=None, headers=(), timestamp=0, partition=None):
        self.value, self.key, self.headers = value, key, list(headers)
        self.timestamp, self.partition = timestamp, partition


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def confluent_frame(payload, schema_id=1, path=(0,)):
    """Confluent's prefix: magic 0, schema id, message index path as zigzag varints."""
    if tuple(path) == (0,):
        index = b"\0"
    else:
        index = b"".join(varint(n << 1) for n in (len(path), *path))
    return b"\0" + schema_id.to_bytes(4, "big") + index + payload


def message_class(module, name):
    """The Python class of a message: python protobuf is the tests' independent opinion."""
    return getattr(importlib.import_module(f"{module}_pb2"), name)
