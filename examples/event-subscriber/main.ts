import process from "node:process";
import { SQSClient } from "@aws-sdk/client-sqs";
import { createConsumer, createQueueHandler, filePositions, followEvents } from "@codebox/client";
import { consumeQueue } from "@codebox/client/sqs";

const [kind, source, file] = process.argv.slice(2);
if ((kind !== "stream" && kind !== "queue") || source === undefined || file === undefined) {
  process.stderr.write(
    "usage: CODEBOX_TOKEN=… node main.ts stream <registry> <file for the positions>\n" +
      "       node main.ts queue <URL of an SQS queue> <file for the positions>\n",
  );
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop.abort());

const positions = await filePositions(file);
const consumer = createConsumer({
  positions,
  // A queue that was subscribed later has only the events since then.
  from: kind === "stream" ? "beginning" : "now",
  handle: (event) => void process.stdout.write(`${JSON.stringify(event)}\n`),
  onGap: ({ name, from, to }) =>
    void process.stderr.write(`${name}: the events ${from} to ${to} did not come; read the package\n`),
});
if (kind === "queue") {
  const handler = createQueueHandler({
    consumer,
    onFailure: (error) => void process.stderr.write(`${String(error)}\n`),
  });
  await consumeQueue({ client: new SQSClient({}), queueUrl: source, handler, signal: stop.signal });
} else {
  const token = process.env["CODEBOX_TOKEN"];
  const registry = { registry: source, ...(token === undefined ? {} : { token }) };
  await followEvents({ ...registry, consumer, positions, from: "beginning", signal: stop.signal });
}
