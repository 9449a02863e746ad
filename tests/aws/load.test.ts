import { PutObjectCommand } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { createSqsDeadLetters, hideMessages } from "@codebox/aws";
import type { SQSRecord } from "aws-lambda";
import { describe, expect, inject, test } from "vitest";
import { MOTO_CREDENTIALS, MOTO_REGION } from "../../scripts/moto.ts";
import { publishBody } from "../support/load.ts";
import { foreignWriter, mortal, seeded, staleWriter, troubledStore } from "./support/chaos.ts";
import { startShape, until, type Shape } from "./support/shape.ts";
import { skipPauses } from "./support/wire.ts";

const TAGS = 100;
const VERSIONS = 20;

type Sent = { readonly what: string; readonly status: number; readonly change?: string };

async function put(shape: Shape, path: string, body: unknown, what: string): Promise<Sent> {
  const headers = { "content-type": "application/json" };
  const answer = await shape.fetch(path, { method: "PUT", body: JSON.stringify(body), headers });
  const change = answer.headers.get("codebox-change");
  await answer.arrayBuffer();
  return { what, status: answer.status, ...(change === null ? {} : { change }) };
}
const publish = (shape: Shape, version: string) => put(shape, "/wire", publishBody("wire", version), version);
const putTag = (shape: Shape, tag: string) => put(shape, `/-/package/wire/dist-tags/${tag}`, "1.0.0", tag);

/** 100 tags and 20 versions at once, on one package. */
function load(shape: Shape): Promise<Sent[]> {
  const tags = Array.from({ length: TAGS }, (_, index) => putTag(shape, `tag-${index}`));
  const versions = Array.from({ length: VERSIONS }, (_, index) => publish(shape, `2.0.${index}`));
  return Promise.all([...tags, ...versions]);
}

const succeeded = ({ status }: Sent) => status >= 200 && status < 300;

type State = {
  readonly "dist-tags": Record<string, string>;
  readonly versions: Record<string, unknown>;
};
type History = { readonly history: readonly { readonly id: string; readonly sequence: number }[] };

async function packumentOf(shape: Shape): Promise<State> {
  return (await (await shape.fetch("/wire")).json()) as State;
}
async function historyOf(shape: Shape): Promise<History["history"]> {
  return ((await (await shape.fetch("/-/package/wire/history")).json()) as History).history;
}

/** What was answered with success is there; a 202 once its change is settled. Each applied change is there once, and has its event. */
async function expectNothingLost(shape: Shape, sent: readonly Sent[]): Promise<void> {
  for (const { change } of sent.filter(({ status }) => status === 202))
    await until(`the outcome of ${change}`, async () => {
      const status = (await (await shape.fetch(`/-/changes/${change}`)).json()) as { readonly state: string };
      return status.state === "applied";
    });
  const { "dist-tags": tags, versions } = await packumentOf(shape);
  const there = new Set([...Object.keys(tags), ...Object.keys(versions)]);
  expect(sent.filter((one) => succeeded(one) && !there.has(one.what))).toEqual([]);
  for (const { what } of sent.filter((one) => succeeded(one) && versions[one.what] !== undefined))
    expect((await shape.fetch(`/wire/-/wire-${what}.tgz`)).status).toBe(200);

  const history = await historyOf(shape);
  expect(new Set(history.map(({ id }) => id)).size).toBe(history.length);
  expect(history.map(({ sequence }) => sequence).toSorted((a, b) => a - b)).toEqual(
    history.map((_, index) => index + 1),
  );
  await until("the event of every change", async () => {
    const emitted = new Set((await shape.events()).map(({ id }) => id));
    return history.every(({ id }) => emitted.has(id));
  });
  const bySequence = new Map((await shape.events()).map(({ id, sequence }) => [sequence, id]));
  expect([...bySequence.keys()].toSorted((a, b) => a - b)).toEqual(history.map((_, index) => index + 1));
}

const client = () => ({ endpoint: inject("moto"), region: MOTO_REGION, credentials: MOTO_CREDENTIALS });

describe("100 parallel tag PUTs and 20 publishes through the AWS shape", () => {
  test.each([1, 2, 3, 4, 5])("nothing that was answered 2xx is missing (run %i)", async () => {
    await using shape = await startShape();
    await publish(shape, "1.0.0");
    const sent = await load(shape);
    expect(sent.filter((one) => !succeeded(one))).toEqual([]);
    await expectNothingLost(shape, sent);
    expect(await historyOf(shape)).toHaveLength(1 + TAGS + VERSIONS);
  });

  test.each([1, 2, 3, 4, 5])(
    "nor with the consumer killed mid-batch, and S3 failing before and after its writes (seed %i)",
    async (seed) => {
      const random = seeded(seed);
      const trouble = { on: false };
      let deaths = () => 0;
      const draw = () => (trouble.on ? random() : 1);
      await using shape = await startShape({
        apiClients: (clients) => troubledStore(clients, draw, 0.04),
        consumer: (make, clients) => {
          const troubled = () => {
            const own = clients();
            troubledStore(own, draw, 0.1);
            skipPauses(own.sqs);
            return own;
          };
          // The first under load dies for certain, whatever the timing makes of the seed.
          const due = () => trouble.on && (deaths() === 0 || random() < 0.25);
          const release = (records: readonly SQSRecord[]) => {
            const receipts = records.map(({ receiptHandle: receipt }) => ({ receipt }));
            return hideMessages(shape.clients.sqs, shape.cloud.queueUrl, receipts, 0);
          };
          const consumer = mortal({ make, clients: troubled, random, due, release });
          deaths = consumer.deaths;
          return consumer.handler;
        },
      });
      await until("the first version", async () => succeeded(await publish(shape, "1.0.0")));
      trouble.on = true;
      const sent = await load(shape);
      trouble.on = false;
      expect(deaths()).toBeGreaterThan(0);
      expect(sent.filter(succeeded).length).toBeGreaterThan(TAGS / 2);
      await until("the queue's end", () => settled(shape));
      await redriveAll(shape);
      await expectNothingLost(shape, sent);
    },
  );

  test.each([1, 2, 3])("nor beside a foreign writer that overwrites index.json (seed %i)", async (seed) => {
    const foreign = foreignWriter(client(), seeded(seed), 0.5);
    await using shape = await startShape({
      consumer: (make, clients) => {
        const own = clients();
        foreign.between(own, "wire");
        return make(own);
      },
    });
    await shape.clients.s3.send(
      new PutObjectCommand({ Bucket: shape.cloud.bucket, Key: "wire/index.json", Body: OLD }),
    );
    await publish(shape, "1.0.0");
    const sent = await load(shape);
    expect(sent.filter((one) => !succeeded(one))).toEqual([]);
    await expectNothingLost(shape, sent);
    expect(foreign.written.length).toBeGreaterThan(0);
    expect(Object.keys((await packumentOf(shape))["dist-tags"])).toEqual(expect.arrayContaining(foreign.written));
  });
});

test.each([
  [1, 1],
  [2, 1],
  [3, 1],
  [4, 2],
])(
  "a foreign writer puts index.json back under load: after one more change in each environment nothing is missing (seed %i, environments %i)",
  async (seed, environments) => {
    const foreign = staleWriter(client(), seeded(seed), 0.7);
    await using shape = await startShape({
      consumer: (make, clients) => {
        const byTurns = Array.from({ length: environments }, () => {
          const own = clients();
          foreign.behind(own, "wire");
          return make(own);
        });
        return async (event) => {
          const next = byTurns.shift() ?? expect.fail("no environment");
          byTurns.push(next);
          return next(event);
        };
      },
    });
    await publish(shape, "1.0.0");
    const sent = await load(shape);
    expect(foreign.written.length).toBeGreaterThan(0);
    await foreign.leave();
    for (let turn = 0; turn < environments; turn++) sent.push(await putTag(shape, `last-${turn}`));
    expect(sent.filter((one) => !succeeded(one))).toEqual([]);
    await expectNothingLost(shape, sent);
    expect(await historyOf(shape)).toHaveLength(1 + sent.length);
    expect(Object.keys((await packumentOf(shape))["dist-tags"])).toEqual(expect.arrayContaining(foreign.written));
  },
);

/** A document as the predecessor left it. */
const OLD = JSON.stringify({
  _id: "wire",
  name: "wire",
  "dist-tags": {},
  versions: {},
  _attachments: {},
});

/** What failed eight times, as an operator would put it back once the trouble is over: a listing shows ten of a package. */
async function redriveAll(shape: Shape): Promise<void> {
  const letters = createSqsDeadLetters(shape.clients.sqs, shape.cloud);
  for (;;) {
    const ids = new Set<string>();
    for await (const { id } of letters.list()) ids.add(id);
    if (ids.size === 0) return;
    for (const id of ids) await letters.redrive(id);
    await until("the redriven changes' end", () => settled(shape));
  }
}

/** Nothing waits in the queue of changes, and nothing is in flight. */
async function settled({ clients, cloud }: Shape): Promise<boolean> {
  const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const command = new GetQueueAttributesCommand({ QueueUrl: cloud.queueUrl, AttributeNames: [...AttributeNames] });
  const { Attributes = {} } = await clients.sqs.send(command);
  return AttributeNames.every((name) => Attributes[name] === "0");
}
