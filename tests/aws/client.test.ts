import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { CreateQueueCommand, GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { SubscribeCommand } from "@aws-sdk/client-sns";
import {
  createConsumer,
  createProducer,
  createQueueHandler,
  memoryPositions,
  waitForOutcome,
  type ChangeEvent,
  type NewChange,
} from "@codebox/client";
import { snsTransport } from "@codebox/client/sns";
import { consumeQueue, sqsTransport } from "@codebox/client/sqs";
import { makeTarball } from "@codebox/testing";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { MOTO_CREDENTIALS, MOTO_REGION, PYTHON } from "../../scripts/moto.ts";
import { ROOT, scratch } from "../support/registry.ts";
import { unique } from "./support/cloud.ts";
import { startShape, type Shape } from "./support/shape.ts";

let shape: Shape;
const PACKAGES = ["wire", "@acme/wire", `@acme/${"x".repeat(150)}`];

async function publish(name: string): Promise<void> {
  const { bytes, integrity, shasum } = makeTarball({ name, version: "1.0.0" });
  const body = JSON.stringify({
    _id: name,
    name,
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name, version: "1.0.0", dist: { integrity, shasum } } },
    _attachments: { [`${name}-1.0.0.tgz`]: { data: bytes.toString("base64"), length: bytes.length } },
  });
  const headers = { "content-type": "application/json" };
  const { status } = await shape.fetch(`/${encodeURIComponent(name)}`, { method: "PUT", headers, body });
  expect(status).toBe(201);
}

beforeAll(async () => {
  shape = await startShape();
  for (const name of PACKAGES) await publish(name);
});
afterAll(() => shape.stop());

const move = (id: string, name: string, tag: string, version = "1.0.0"): NewChange => ({
  id,
  name,
  type: "tag.put",
  tag,
  version,
});
const own = () => ({ registry: shape.url, token: shape.token });

/** A queue of a subscriber of its own, with or without SNS's envelope. */
async function subscribed(raw: boolean): Promise<string> {
  const { sqs, sns } = shape.clients;
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: unique("events") }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  await sns.send(
    new SubscribeCommand({
      TopicArn: shape.cloud.topicArn,
      Protocol: "sqs",
      Endpoint: Attributes?.["QueueArn"],
      ...(raw ? { Attributes: { RawMessageDelivery: "true" } } : {}),
    }),
  );
  return QueueUrl;
}

/** Receives events until all of these changes were handled. */
async function receive(queueUrl: string, ids: readonly string[]): Promise<readonly ChangeEvent[]> {
  const seen: ChangeEvent[] = [];
  const done = new AbortController();
  const consumer = createConsumer({
    positions: memoryPositions(),
    handle(event) {
      seen.push(event);
      if (ids.every((id) => seen.some((one) => one.id === id))) done.abort();
    },
  });
  const handler = createQueueHandler({ consumer });
  await consumeQueue({ client: shape.clients.sqs, queueUrl, handler, signal: done.signal });
  return seen;
}

describe("the client and a registry on AWS", () => {
  test.each([
    [
      "the intake topic",
      "raw",
      () => snsTransport({ client: shape.clients.sns, topicArn: shape.cloud.intakeTopicArn }),
    ],
    ["the intake queue", "wrapped", () => sqsTransport({ client: shape.clients.sqs, queueUrl: shape.cloud.intakeUrl })],
  ] as const)("many changes through %s, and their events from a queue (%s)", async (_, delivery, transport) => {
    const queueUrl = await subscribed(delivery === "raw");
    const changes = Array.from({ length: 12 }, (__, index) =>
      move(`${delivery}-${index}`, PACKAGES[index % PACKAGES.length] ?? "", `${delivery}-${index}`),
    );
    const sent = await Array.fromAsync(createProducer({ transport: transport() }).sendAll(changes));
    expect(sent.map(({ id }) => id)).toEqual(changes.map(({ id }) => id));
    for (const each of sent) expect(await waitForOutcome(each, own())).toMatchObject({ id: each.id, state: "applied" });
    const events = await receive(
      queueUrl,
      sent.map(({ id }) => id),
    );
    for (const name of PACKAGES) {
      const of = events.filter((event) => event.name === name);
      expect(of.map(({ id }) => id)).toEqual(sent.filter((each) => each.name === name).map(({ id }) => id));
    }
  });
  test("a change that is sent twice is applied once, and one that is refused has the reason", async () => {
    const producer = createProducer({
      transport: snsTransport({ client: shape.clients.sns, topicArn: shape.cloud.intakeTopicArn }),
    });
    const refused = move("refused", "wire", "next", "9.9.9");
    for (const change of [move("twice", "wire", "twice"), move("twice", "wire", "twice"), refused])
      await producer.send(change);
    expect(await waitForOutcome(refused, own())).toMatchObject({ state: "rejected", code: "not_found" });
    const history = await shape.fetch("/-/package/wire/dist-tags/history?limit=200");
    const { history: entries } = (await history.json()) as { readonly history: readonly { readonly id: string }[] };
    expect(entries.filter(({ id }) => id === "twice")).toHaveLength(1);
  });
  test("the examples in Python: a change through the intake topic, and its events from a queue", async () => {
    const queueUrl = await subscribed(true);
    const env = {
      PATH: process.env["PATH"],
      PYTHONDONTWRITEBYTECODE: "1",
      AWS_ENDPOINT_URL: inject("moto"),
      AWS_DEFAULT_REGION: MOTO_REGION,
      AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
    };
    const example = (file: string) => join(ROOT, "examples/python", file);
    const args = [shape.cloud.intakeTopicArn, "@acme/wire", "python", "1.0.0", "python-1"];
    await promisify(execFile)(PYTHON, [example("tag_sender.py"), ...args], { env });
    expect(await waitForOutcome({ id: "python-1", name: "@acme/wire" }, own())).toMatchObject({ state: "applied" });
    await using dir = await scratch();
    const subscriber = spawn(PYTHON, [example("event_subscriber.py"), "queue", queueUrl, join(dir.path, "p.json")], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface(subscriber.stdout)) {
      expect(JSON.parse(line)).toMatchObject({ id: "python-1", name: "@acme/wire", data: { tag: "python" } });
      subscriber.kill("SIGINT");
    }
  });
  test("nothing failed on the way", () => {
    expect(shape.failures).toEqual([]);
  });
});
