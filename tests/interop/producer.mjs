// SPDX-License-Identifier: Apache-2.0
//
// producer.mjs BOOTSTRAP TOPIC raw|confluent PROTO: reads payments as JSON lines from stdin and
// produces them with kafkajs and protobufjs, which know nothing of Pactolus and its options.
import { createInterface } from "node:readline";
import kafkajs from "kafkajs";
import protobuf from "protobufjs";

const [bootstrap, topic, framing, proto] = process.argv.slice(2);
const root = await protobuf.load(proto);
const Payment = root.lookupType("payments.v1.Payment");

// Confluent's prefix: magic 0, schema id 7, and a single 0 for the file's first message.
const prefix = framing === "confluent" ? Buffer.from([0, 0, 0, 0, 7, 0]) : Buffer.alloc(0);

const messages = [];
for await (const line of createInterface({ input: process.stdin })) {
  const payment = Payment.fromObject(JSON.parse(line));
  const fault = Payment.verify(payment);
  if (fault) throw new Error(fault);
  messages.push({
    key: payment.paymentId,
    value: Buffer.concat([prefix, Payment.encode(payment).finish()]),
  });
}

const kafka = new kafkajs.Kafka({
  clientId: "interop",
  brokers: [bootstrap],
  logLevel: kafkajs.logLevel.ERROR,
});
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
await producer.connect();
for (let at = 0; at < messages.length; at += 500) {
  await producer.send({ topic, messages: messages.slice(at, at + 500) });
}
await producer.disconnect();
console.log(messages.length);
