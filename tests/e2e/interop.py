# SPDX-License-Identifier: Apache-2.0
"""Records of another toolchain (kafkajs, protobufjs) land like our own."""

import json
import os
import pathlib
import shutil
import subprocess
import threading

from harness import ROOT, Skipped, equal, expect, test
import model

_lock = threading.Lock()


def modules():
    """The packages of tests/interop, installed once into the cache at their pinned versions."""
    if not shutil.which("npm"):
        raise Skipped("no npm")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "pactolus" / "interop"
    wanted = (ROOT / "tests/interop/package.json").read_text()
    with _lock:
        stamp = folder / "installed.json"
        if not stamp.exists() or stamp.read_text() != wanted:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_text(wanted)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent",
                            "--ignore-scripts"], cwd=folder, check=True, timeout=300)
            stamp.write_text(wanted)
        shutil.copy(ROOT / "tests/interop/producer.mjs", folder)
    return folder


def payments(count):
    for n in range(count):
        yield {"paymentId": f"pay-{n:06}", "accountId": 1000 + n, "amountMinor": (-1) ** n * n * 10 ** (n % 12),
               "currency": "EUR", "status": 1 + n % 4,
               "createdAt": {"seconds": 1_700_000_000 + n, "nanos": n * 1000},
               "merchant": f"Café № {n} 🌍", **({"note": ""} if n % 3 == 0 else {})}


def produce_by_node(t, topic, framing, lines):
    done = subprocess.run(
        ["node", "producer.mjs", t.kafka.bootstrap, topic, framing,
         str(ROOT / "proto/examples/payments/v1/payment.proto")], cwd=modules(),
        input="\n".join(json.dumps(line) for line in lines), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    expect(done.returncode == 0, "the Node producer failed:", done.stderr[-2000:])


@test(real_kafka=True)
def node_writes_the_same_payments(t):
    lines = list(payments(2000))
    tables = {}
    for framing in ("raw", "confluent"):
        topic = t.topic(framing)
        produce_by_node(t, topic, framing, lines)
        config = t.config(framing, group=f"{t.group}.{framing}", streams={framing: t.payments(
            topic, framing=framing, table={"name": framing, "view": framing})})
        t.migrate(config)
        t.run_to_end(config)
        tables[framing] = t.sql(f"select {model.PAYMENT_COLUMNS} from data.{framing} order by 1")
    statuses = {1: "AUTHORIZED", 2: "CAPTURED", 3: "REFUNDED", 4: "FAILED"}
    wanted = [(line["paymentId"], line["accountId"], line["amountMinor"], "EUR",
               "PAYMENT_STATUS_" + statuses[line["status"]],
               line["createdAt"]["seconds"] * 1_000_000 + line["createdAt"]["nanos"] // 1000,
               line["merchant"], line.get("note")) for line in lines]
    for framing, rows in tables.items():
        equal(len(rows), len(wanted), f"{framing}: rows")
        for got, row in zip(rows, wanted):
            equal(got, row, framing)
