# SPDX-License-Identifier: Apache-2.0
"""The producer: a load drawn from the seed, and a history of it that is exact.

What is drawn does not depend on time; how much of it is sent and where new partitions begin does.
Offsets come from the delivery reports and are compared with what the topics hold at the end: a
resend of the idempotent producer may be reported without its offset, and a record may lie there twice.
"""

import collections
import contextlib
import copy
import random
import threading
import time
import zlib

import confluent_kafka

from harness import Failure, equal, expect
import patience
from patience import wait

MOST = 15_000  # records of a round: the load ends there even if faults still go on


class History:
    def __init__(self, world, streams, seed):
        self.world, self.streams = world, streams
        self.draw = random.Random(f"{seed} load")
        self.entries = []
        self.lock = threading.Lock()
        self.failure = None
        self.ended = threading.Event()
        self.partitions = {topic: count for s in streams for topic, count in s.topics.items()}
        self.incarnations = dict.fromkeys(self.partitions, 1)
        self.paused = set()  # topics that are being made anew
        self.producer = self.make_producer()
        self.thread = threading.Thread(target=self.run, name="producer", daemon=True)

    def make_producer(self):
        return confluent_kafka.Producer({
            "bootstrap.servers": self.world.kafka.bootstrap, "enable.idempotence": True, "linger.ms": 2,
            "log_level": 0, "topic.metadata.refresh.interval.ms": 500,
            "reconnect.backoff.max.ms": 300})

    def start(self):
        self.thread.start()

    def stop(self):
        """End the load, and know where every record lies."""
        self.ended.set()
        if self.thread.ident:
            self.thread.join()
        if self.failure:
            raise self.failure

    def run(self):
        try:
            while not self.ended.is_set() and len(self.entries) < MOST:
                self.burst()
                self.producer.poll(0)
                self.ended.wait(self.draw.choice([0.005, 0.02, 0.05]))  # the load's pace
            wait(lambda: self.failure or self.producer.flush(1) == 0, "all records to be produced")
        except Exception as failure:  # told by stop()
            self.failure = failure

    def burst(self):
        """Some records of one stream, one after the other."""
        stream = self.draw.choices(self.streams, [s.weight for s in self.streams])[0]
        for _ in range(self.draw.choice([1, 3, 10, 40, 120])):
            entry = stream.make(len(self.entries))
            with self.lock:
                if entry.topic not in self.paused:
                    self.send(entry)

    def send(self, entry):
        entry.incarnation, count = self.incarnations[entry.topic], self.partitions[entry.topic]
        entry.partition = (zlib.crc32(entry.item.encode()) % count if entry.stream.sticky
                           else self.draw.randrange(count))

        def report(error, message):
            entry.reported = True
            if error:
                self.failure = self.failure or Failure(f"producing failed: {error}")
            elif message.offset() is not None and message.offset() >= 0:
                entry.offset = message.offset()

        self.entries.append(entry)
        deadline = time.monotonic() + patience.SECONDS
        while True:
            try:
                self.producer.produce(entry.topic, entry.value, entry.key, entry.partition,
                                      on_delivery=report, timestamp=entry.timestamp,
                                      headers=entry.headers)
                return
            except BufferError:
                self.producer.poll(0.1)
            except confluent_kafka.KafkaException as error:
                # A partition that it has not heard of since the broker came back.
                expect(error.args[0].code() == confluent_kafka.KafkaError._UNKNOWN_PARTITION and
                       time.monotonic() < deadline, "producing failed:", error)
                self.producer.poll(0.1)

    def grown(self, topic, total):
        """The topic has `total` partitions now; records go there once the producer has heard of it."""
        def heard():
            with contextlib.suppress(confluent_kafka.KafkaException):
                return len(self.producer.list_topics(topic, timeout=1).topics[topic].partitions) == total
        wait(heard, "the producer to hear of new partitions")
        self.partitions[topic] = total

    def hold(self, test, topic):
        """No record goes to the topic any more; where all lie that went is known."""
        with self.lock:
            self.paused.add(topic)
        wait(lambda: self.failure or all(e.reported for e in self.entries if e.topic == topic),
             "the reports of a topic's records")
        expect(not self.failure, self.failure)
        self.verify(test, {topic})

    def renew(self, topic):
        """The topic was made anew. The old producer remembers the one that is gone."""
        with self.lock:
            wait(lambda: self.failure or self.producer.flush(1) == 0, "records of other topics")
            self.producer = self.make_producer()
            self.incarnations[topic] += 1

    def go_on(self, topic):
        self.paused.discard(topic)

    def verify(self, test, topics):
        """Read the topics back: every record lies where its report said. One may lie there twice: a broker
        that was killed forgets producers whose last timestamps are old, and takes a resend as new. Then
        it is two records, for a daemon as for us."""
        for topic in sorted(topics):
            mine = [e for e in list(self.entries)
                    if (e.topic, e.incarnation) == (topic, self.incarnations[topic])]
            found, = wait(lambda: self.all_of(test, topic, mine), f"{topic} to be readable to its end")
            for entry in mine:
                self.take_places(entry, found[entry.number])

    def all_of(self, test, topic, entries):
        """[number → where it lies]; None while the broker, which was just away, shows a part only."""
        found = collections.defaultdict(list)
        for message in self.world.kafka.read(test, topic):
            number = int(dict(message.headers())["n"])
            found[number].append((message.partition(), message.offset(), message.timestamp()[1]))
        return [found] if all(e.number in found for e in entries) else None

    def take_places(self, entry, lies):
        for partition, _, timestamp in lies:
            equal((partition, timestamp), (entry.partition, entry.timestamp),
                  f"where record {entry.number} lies in {entry.topic}")
        offsets = sorted(offset for _, offset, _ in lies)
        expect(entry.offset is None or entry.offset in offsets,
               f"record {entry.number} lies at {offsets}, and was reported at {entry.offset}")
        if entry.offset is None:
            entry.offset = offsets[0]
        for offset in offsets:
            if offset != entry.offset:
                again = copy.copy(entry)
                again.offset = offset
                self.entries.append(again)

    def ends(self, topic=None):
        """Log → the offset behind the last record; of the topic's present logs, or of all."""
        ends = {}
        for entry in list(self.entries):
            if topic and (entry.topic, entry.incarnation) != (topic, self.incarnations[topic]):
                continue
            ends[entry.log] = max(ends.get(entry.log, 0), entry.offset + 1)
        return ends
