# SPDX-License-Identifier: Apache-2.0
"""What a test does with Kafka."""

import threading
import time

import confluent_kafka
import confluent_kafka.admin

from .expectations import DEADLINE, expect, wait
from .servers import Kafka


class WithTopics:
    """The part of a Test that has topics in `kafka`, whose names begin with its `id`. Each thread has a
    producer of its own in `producers`."""

    def own_kafka(self):
        self.kafka = Kafka(self.folder / "kafka")
        self.servers.append(self.kafka)
        self.producers.clear()

    def admin(self):
        """Whoever calls it keeps it until its futures have their results: they end with it."""
        return confluent_kafka.admin.AdminClient({"bootstrap.servers": self.kafka.bootstrap})

    def topic(self, name="items", partitions=4, **settings):
        """Make a topic of this test's own; its full name."""
        full = f"{self.id}.{name}"
        if not self.kafka.real:
            self.kafka.command("topic", full, partitions)
            return full
        new = confluent_kafka.admin.NewTopic(full, partitions, 1, config={
            key.replace("_", "."): str(item) for key, item in settings.items()})
        admin = self.admin()
        admin.create_topics([new])[full].result(30)
        wait(lambda: self.partitions(full) == partitions and self.leads(full), f"topic {full}")
        return full

    def leads(self, topic):
        """True when every partition's leader answers: a new topic's do so a moment later."""
        try:
            return bool(self.end(topic))
        except confluent_kafka.KafkaException:
            return False

    def delete_topic(self, topic):
        admin = self.admin()
        admin.delete_topics([topic])[topic].result(30)

    def add_partitions(self, topic, partitions):
        """The topic gets more of them: so many in all."""
        admin = self.admin()
        admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, partitions)])[topic].result(30)

    def partitions(self, topic):
        found = self.admin().list_topics(timeout=10).topics.get(topic)
        return len(found.partitions) if found and not found.error else 0

    def produce(self, topic, records):
        """Produce and await every report; [(partition, offset)] in the order of `records`."""
        producer = self.producers.get(threading.get_ident())
        if producer is None:
            producer = self.producers[threading.get_ident()] = confluent_kafka.Producer({
                "bootstrap.servers": self.kafka.bootstrap, "linger.ms": 5, "log_level": 2,
                "message.max.bytes": 20_000_000, "enable.idempotence": self.kafka.real})
        places = [None] * len(records)

        def report(number):
            def note(error, message):
                places[number] = error or (message.partition(), message.offset())
            return note

        for number, record in enumerate(records):
            options = {} if record.partition is None else {"partition": record.partition}
            while True:
                try:
                    producer.produce(topic, record.value, record.key, headers=record.headers,
                                     timestamp=record.timestamp, on_delivery=report(number), **options)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        left = producer.flush(60)
        expect(left == 0, f"{left} records were not produced")
        for place in places:
            expect(isinstance(place, tuple), "producing failed:", place)
        return places

    def end(self, topic):
        """Partition → high watermark."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap,
                                             "group.id": "none"})
        try:
            found = consumer.list_topics(topic, timeout=10).topics[topic]
            return {p: consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(topic, p), timeout=10)[1] for p in found.partitions}
        finally:
            consumer.close()

    def consume(self, topic):
        """Every record of the topic up to its present end, as confluent_kafka messages."""
        end = {p: high for p, high in self.end(topic).items() if high}
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.kafka.bootstrap, "group.id": f"{self.id}.reader",
            "enable.auto.commit": False, "auto.offset.reset": "error",
            "fetch.message.max.bytes": 20_000_000})
        messages = []
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in end])
            deadline = time.monotonic() + DEADLINE
            while end:
                for message in consumer.consume(10000, timeout=0.2):
                    expect(message.error() is None, "consuming failed:", message.error())
                    messages.append(message)
                    if message.offset() + 1 >= end.get(message.partition(), 0):
                        end.pop(message.partition(), None)
                expect(time.monotonic() < deadline, "the topic could not be read to its end")
        finally:
            consumer.close()
        return messages

    def caught_up(self, topic):
        """True when every record of the topic lies below its cursor; false while no broker says how
        many there are, as it is when partitions get another leader."""
        try:
            end = self.end(topic)
        except confluent_kafka.KafkaException:
            return False
        have = self.positions()
        return all(have.get((topic, p), 0) >= high for p, high in end.items() if high)
