import { indexKey, type Change } from "@codebox/core";
import { consumerFunction, readEnvironment } from "@codebox/functions";
import { publishOf, stage, tagPut } from "@codebox/testing";
import { createS3ObjectStore } from "@codebox/aws";
import type { SQSEvent } from "aws-lambda";
import { expect, test } from "vitest";
import { environmentOf, makeCloud } from "../../scripts/aws-local/cloud.ts";
import { systemClock } from "@codebox/system";
import { clients, drain, unique } from "./support/cloud.ts";
import { recordRequests } from "./support/wire.ts";

/** An event as Lambda's event source mapping makes one. */
function eventOf(changes: readonly Change[]): SQSEvent {
  const Records = changes.map((change, index) => ({
    messageId: `message-${change.id}`,
    receiptHandle: `receipt-${index}`,
    body: JSON.stringify(change),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "0",
      SenderId: "test",
      ApproximateFirstReceiveTimestamp: "0",
      MessageGroupId: change.name,
      MessageDeduplicationId: change.id,
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:changes.fifo",
    awsRegion: "eu-central-1",
  }));
  return { Records };
}

test("10 changes of one package in one SQS event cost a warm consumer one GET, one conditional PUT and one SNS batch; a new one sends the outbox again", async () => {
  const own = clients();
  const cloud = await makeCloud(own, { prefix: unique("cost") });
  const log = { applied: () => undefined, failed: () => undefined, dead: () => undefined, postponed: () => undefined };
  const make = () =>
    consumerFunction(readEnvironment("consumer", environmentOf(cloud)), { ...own, clock: systemClock, log });
  const store = createS3ObjectStore(own.s3, { bucket: cloud.bucket });
  const first = publishOf("wire", "1.0.0");
  await stage(store, first);
  await make()(eventOf([first]));
  const ten = (round: string) => Array.from({ length: 10 }, (_, index) => tagPut("wire", `${round}-${index}`, "1.0.0"));
  await drain(own.sqs, cloud.subscriberUrl);

  const sent = [recordRequests(own.s3), recordRequests(own.sns), recordRequests(own.sqs)];
  const since = () => sent.flatMap((requests) => requests.splice(0));
  const cold = make();
  expect(await cold(eventOf(ten("cold")))).toEqual({ batchItemFailures: [] });
  // The first of them in a new environment emits the publish again: nobody there knows that its event went out.
  expect(since().map(({ command }) => command)).toEqual([
    "GetObjectCommand",
    "PutObjectCommand",
    "PublishBatchCommand",
    "PublishBatchCommand",
  ]);

  expect(await cold(eventOf(ten("warm")))).toEqual({ batchItemFailures: [] });
  const warm = since();
  expect(warm.map(({ command, path }) => [command, path.endsWith(indexKey("wire"))])).toEqual([
    ["GetObjectCommand", true],
    ["PutObjectCommand", true],
    ["PublishBatchCommand", false],
  ]);
  expect(warm[0]?.headers["if-none-match"]).toBeDefined();
  expect(warm[1]?.headers["if-match"]).toBe(warm[0]?.headers["if-none-match"]);

  const events = (await drain(own.sqs, cloud.subscriberUrl)).map(
    (body) => (JSON.parse(body) as { sequence: number }).sequence,
  );
  expect([...new Set(events)].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
});

test("10 packages in one SQS event cost as many: each its own GET and PUT, and none waits for another", async () => {
  const own = clients();
  const cloud = await makeCloud(own, { prefix: unique("cost") });
  const log = { applied: () => undefined, failed: () => undefined, dead: () => undefined, postponed: () => undefined };
  const handler = consumerFunction(readEnvironment("consumer", environmentOf(cloud)), {
    ...own,
    clock: systemClock,
    log,
  });
  const store = createS3ObjectStore(own.s3, { bucket: cloud.bucket });
  const first = Array.from({ length: 10 }, (_, index) => publishOf(`wire-${index}`, "1.0.0"));
  await Promise.all(first.map((change) => stage(store, change)));
  await handler(eventOf(first));
  const requests = recordRequests(own.s3);
  await handler(eventOf(first.map(({ name }) => tagPut(name, "next", "1.0.0"))));
  expect(requests.filter(({ command }) => command === "GetObjectCommand")).toHaveLength(10);
  expect(requests.filter(({ command }) => command === "PutObjectCommand")).toHaveLength(10);
  expect(requests).toHaveLength(20);
});
