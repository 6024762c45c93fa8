# SPDX-License-Identifier: Apache-2.0
"""Random contracts × random messages, through the daemon into PostgreSQL and read back twice: the rows are
those that another implementation makes of the same bytes."""

import functools
import os
import random
import subprocess

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import Failure, Record, compile_contract, equal, expect, shorten, test
import property_contracts
from property_rows import Mapping, copy_rows, from_psycopg2, from_text, numbers

SPOILED = 0.03  # share of messages that no row can hold


def compiled(folder, contract):
    """(path of the descriptor set, full name → class): protoc compiles, python protobuf loads."""
    proto, binpb = folder / f"c{contract.number}.proto", folder / f"c{contract.number}.binpb"
    proto.write_text(contract.text)
    compile_contract(binpb, proto)
    pool, found = descriptor_pool.DescriptorPool(), {}
    files = descriptor_pb2.FileDescriptorSet.FromString(binpb.read_bytes()).file
    for file in files:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)

    def take(descriptor):
        found[descriptor.full_name] = factory.GetPrototype(descriptor)
        for nested in descriptor.nested_types:
            take(nested)
    for file in files:
        for descriptor in pool.FindFileByName(file.name).message_types_by_name.values():
            take(descriptor)
    return binpb, found


class Subject:
    """A contract with its messages as bytes, and what must become of them."""

    def __init__(self, folder, contract, count, seed):
        self.contract, self.name = contract, f"c{contract.number}"
        self.descriptors, classes = compiled(folder, contract)
        self.mapping = Mapping(contract, classes)
        self.sample = classes[f"{contract.package}.Sample"]
        draw = random.Random(f"{seed}/{contract.number}")
        messages = property_contracts.Messages(contract, classes, draw)
        self.bytes, self.spoiled = {}, set()
        for n in range(count):
            message = messages.sample(f"m{n}")
            if draw.random() < SPOILED and property_contracts.spoil(contract, message, draw):
                self.spoiled.add(n)
            self.bytes[f"m{n}"] = message.SerializeToString()

    @functools.lru_cache(maxsize=None)
    def wanted(self, item):
        message = self.sample.FromString(self.bytes[item])
        return [numbers(column.wanted(message)) if column.kind == "jsonb" else column.wanted(message)
                for column in self.mapping.columns]


def compare(subject, how, seed, rows):
    """`rows`: id → cells in the form of property_rows."""
    standing = {item for n, item in enumerate(subject.bytes) if n not in subject.spoiled}
    equal(set(rows) ^ standing, set(), f"{how}, {subject.name}, seed {seed}: rows that one side lacks")
    for item, got in rows.items():
        for column, found, wanted in zip(subject.mapping.columns, got, subject.wanted(item)):
            if found != wanted:
                raise Failure(f"{how}, seed {seed}: {subject.name}.{item}, "
                              f"column {column.name} ({column.kind}): expected {shorten(wanted)}, got {shorten(found)}\n"
                              f"bytes {shorten(subject.bytes[item].hex(), 4000)}")
    return len(rows)


def read_twice(t, subject, seed):
    """The table through psycopg2, and as psql prints it."""
    columns = subject.mapping.columns
    shape = t.sql("select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = "
                  "%s::regclass and attnum > 0 and attname !~ '^_' order by attnum", f"data.{subject.name}")
    equal(shape, [(c.name, c.kind) for c in columns], f"columns of {subject.name}, seed {seed}")
    # psycopg2 has no time 24:00:00
    names = ", ".join(f'"{c.name}"' + "::text" * c.kind.startswith("time without") for c in columns)
    t.sql("set timezone = 'UTC'")
    rows = {row[0]: [from_psycopg2(c.kind, value) for c, value in zip(columns, row)]
            for row in t.sql(f"select {names} from data.{subject.name}")}
    compare(subject, "psycopg2", seed, rows)
    plain = ", ".join(f'"{c.name}"' for c in columns)
    done = subprocess.run(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", t.conninfo, "-c",
         f"copy (select {plain} from data.{subject.name}) to stdout"], check=True, stdout=subprocess.PIPE,
        env=dict(os.environ, PGOPTIONS="-c timezone=UTC -c intervalstyle=postgres", PGCLIENTENCODING="UTF8"))
    rows = {row[0]: [None if text is None else from_text(c.kind, text) for c, text in zip(columns, row)]
            for row in copy_rows(done.stdout)}
    return compare(subject, "psql", seed, rows)


def round_trip(t, seed, contracts, messages):
    found = property_contracts.contracts(seed, contracts)
    missing = set(property_contracts.KINDS) - set().union(*(c.kinds for c in found))
    expect(not missing, "kinds that no contract has:", missing)
    subjects = [Subject(t.folder, contract, messages, seed) for contract in found]
    streams = {}
    for subject in subjects:
        topic = t.topic(subject.name, partitions=1)
        t.produce(topic, [Record(payload) for payload in subject.bytes.values()])
        streams[subject.name] = {
            "descriptors": subject.descriptors, "flood": {"share": 0.0, "consecutive": 0},
            "topics": [{"name": topic, "contract": f"{subject.contract.package}.Sample"}],
            "table": {"key": ["id"], "schema": "data", "name": subject.name}}
    config = t.config(streams=streams)
    t.migrate(config)
    t.run_to_end(config, seconds=300)
    stood = spoiled = 0
    for subject in subjects:
        letters = t.sql('select "offset", reason from pactolus.dead_letters where topic like %s',
                        f"%.{subject.name}")
        equal(sorted(letters), [(n, "value") for n in sorted(subject.spoiled)],
              f"dead letters of {subject.name}, seed {seed}")
        t.check_account(subject.name, consumed=messages, dead_lettered=len(subject.spoiled))
        stood += read_twice(t, subject, seed)
        spoiled += len(subject.spoiled)
    expect(spoiled > 0 and stood + spoiled == contracts * messages, "every message stands or is a dead letter")


def seed_of(text):
    return os.environ.get("PACTOLUS_SEED", text)


@test
def random_contracts_read_back_as_another_implementation_decodes_them(t):
    round_trip(t, seed_of("short"), contracts=8, messages=300)


@test(full_only=True)
def twenty_thousand_messages_of_random_contracts_read_back(t):
    round_trip(t, seed_of("pactolus"), contracts=44, messages=500)
