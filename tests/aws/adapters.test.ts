import { createAwsBackend, createBucketPorts, createSnsEventLog, createSqsChangeReceiver } from "@codebox/aws";
import { APPLIED_RING, createConsumer, indexKey, outcomeKey, type ChangeEvent, type EventLog } from "@codebox/core";
import { publishOf, stage, openPolicy } from "@codebox/testing";
import { backendContract, eventLogContract, eventOf, type BackendFixture } from "@codebox/testing/contracts";
import { describe, expect, test } from "vitest";
import { systemClock } from "@codebox/system";
import { clients, drain, makeBucket, makeQueues, makeTopic } from "./support/cloud.ts";
import { limited } from "./support/limited.ts";
import { answerWith, injectFaults, recordRequests } from "./support/wire.ts";

async function open() {
  const { s3 } = clients();
  return {
    s3,
    ...createBucketPorts(s3, { bucket: await makeBucket(s3) }, { clock: systemClock }),
    async [Symbol.asyncDispose]() {
      s3.destroy();
    },
  };
}
const silent: EventLog = { publish: async () => undefined };

async function openLog(fifo: boolean) {
  const all = clients();
  const topic = await makeTopic(all, fifo);
  await topic.subscribe();
  return {
    ...all,
    ...topic,
    events: createSnsEventLog(all.sns, topic),
    taken: async () => (await drain(all.sqs, topic.subscriberUrl)).map((body) => JSON.parse(body) as ChangeEvent),
    async [Symbol.asyncDispose]() {
      all.sns.destroy();
    },
  };
}

/** The whole backend. Lambda has its own receiver: the contract gets the one for other hosts. */
async function openBackend(): Promise<BackendFixture> {
  const all = clients();
  const [bucket, urls, topic] = await Promise.all([makeBucket(all.s3), makeQueues(all.sqs, false), makeTopic(all)]);
  await topic.subscribe();
  const backend = createAwsBackend(all, { bucket, ...urls, topicArn: topic.topicArn }, { clock: systemClock });
  const { store, deadLetters } = backend;
  const ports = { client: all.sqs, store, deadLetters };
  const receiver = createSqsChangeReceiver(ports, { ...urls, leaseSeconds: 30, pauseSeconds: 1, waitSeconds: 1 });
  return {
    backend: { ...backend, store: limited(store), receiver },
    bury: ({ id, name: group, ...change }, reason) =>
      deadLetters.put({ body: JSON.stringify({ id, name: group, ...change }), group, id, reason, receives: 1 }),
    taken: async () => (await drain(all.sqs, topic.subscriberUrl)).map((body) => JSON.parse(body) as ChangeEvent),
    [Symbol.asyncDispose]: () => backend.close(),
  };
}

describe("the backend over S3, SQS and SNS", () =>
  backendContract(openBackend, {
    local: false,
    passwords: false,
    gaps: {
      "copy with If-None-Match does not replace; with If-Match it replaces what was seen":
        "moto's CopyObject ignores both conditions; the tests of the wire in object-store.test.ts cover them",
      "an id that is sent twice is queued once, also after it was acknowledged":
        "moto forgets a deduplication id when its message is deleted; SQS keeps it for five minutes",
      "an outage never reorders a group":
        "when the hiding of two messages of a group ends at the same time, moto delivers the second and skips the first",
    },
  }));

describe("outcomes over S3", () => {
  test("an applied change's outcome is read from its packument, and applying writes no other object", async () => {
    await using fixture = await open();
    const { store, reader, outcomes } = fixture;
    const consumer = createConsumer({
      store,
      policy: openPolicy,
      reader,
      outcomes,
      events: silent,
      clock: systemClock,
    });
    const change = publishOf("wire", "1.0.0");
    await stage(store, change);
    const waiting = outcomes.wait(change, 60_000);
    await consumer("wire", [change]);
    const expected = {
      state: "applied",
      id: change.id,
      name: "wire",
      sequence: 1,
      revision: 1,
      distTags: { latest: "1.0.0" },
    };
    expect(await waiting).toEqual(expected);
    expect((await store.list(outcomeKey(""))).objects).toEqual([]);
  });
  test("a remembered change that was applied meanwhile is found applied", async () => {
    await using fixture = await open();
    const { store, reader, outcomes } = fixture;
    const consumer = createConsumer({
      store,
      policy: openPolicy,
      reader,
      outcomes,
      events: silent,
      clock: systemClock,
    });
    const change = publishOf("wire", "1.0.0");
    await stage(store, change);
    await outcomes.remember(change);
    await consumer("wire", [change]);
    expect(await outcomes.find(change.id)).toMatchObject({ state: "applied", sequence: 1 });
  });
  test("a remembered change that the ring has forgotten is unknown, not pending for ever", async () => {
    await using fixture = await open();
    const { store, outcomes } = fixture;
    await outcomes.remember({ id: "old", name: "wire" });
    const at = new Date(Date.now() + 60_000).toISOString();
    const applied = Array.from({ length: APPLIED_RING }, (_, index) => ({
      id: `c${index}`,
      sequence: index + 2,
      type: "tag.put",
      at,
      by: "alice",
    }));
    const state = { schema: 1, revision: APPLIED_RING + 1, sequence: APPLIED_RING + 1, applied, outbox: [] };
    const document = { name: "wire", "dist-tags": {}, versions: {}, _codebox: state };
    await store.put(indexKey("wire"), Buffer.from(JSON.stringify(document)));
    expect(await outcomes.find("old")).toBeUndefined();
  });
  test("a change is remembered also when S3 refuses the first write as contended", async () => {
    await using fixture = await open();
    let refused = 0;
    injectFaults(fixture.s3, (command) =>
      command === "PutObjectCommand" && refused++ === 0
        ? { when: "before", status: 409, code: "ConditionalRequestConflict" }
        : undefined,
    );
    await fixture.outcomes.remember({ id: "a", name: "wire" });
    expect(await fixture.outcomes.find("a")).toEqual({ state: "pending", id: "a", name: "wire" });
  });
  test("the first recorded rejection stays", async () => {
    await using fixture = await open();
    const rejected = (message: string) => ({
      state: "rejected" as const,
      id: "a",
      name: "wire",
      rejection: { code: "not_found" as const, message },
    });
    await fixture.outcomes.record([rejected("first")]);
    await fixture.outcomes.record([rejected("second")]);
    expect(await fixture.outcomes.find("a")).toEqual(rejected("first"));
  });
  test("while the store fails a waiter continues to look, and ends undecided", async () => {
    await using fixture = await open();
    answerWith(fixture.s3, { status: 500, code: "InternalError" });
    expect(await fixture.outcomes.wait({ id: "a", name: "wire" }, 300)).toBeUndefined();
  });
});

describe("tokens over S3", () => {
  test("a hash that is none is nobody's, whatever key it spells", async () => {
    await using fixture = await open();
    await fixture.store.put("_codebox/tokens/x", Buffer.from("{}"));
    expect(await fixture.tokens.find("x")).toBeUndefined();
    expect(await fixture.tokens.find("../secret")).toBeUndefined();
  });
});

describe("event log over a FIFO SNS topic", () => eventLogContract(() => openLog(true)));
describe("events on the wire", () => {
  test("ten events are one request, eleven are two, and large ones stay under 256 KiB a request", async () => {
    await using fixture = await openLog(false);
    const requests = recordRequests(fixture.sns);
    const events = (count: number) => Array.from({ length: count }, (_, index) => eventOf(`e${index}`, index + 1));
    await fixture.events.publish(events(10));
    expect(requests).toHaveLength(1);
    await fixture.events.publish(events(11));
    expect(requests).toHaveLength(3);
    const large = events(4).map((event) => ({ ...event, data: { readme: "x".repeat(100_000) } }));
    await fixture.events.publish(large);
    expect(requests).toHaveLength(5);
    expect(await fixture.taken()).toHaveLength(25);
  });
  test("a subscriber may choose by type, name and scope", async () => {
    const all = clients();
    const topic = await makeTopic(all);
    await topic.subscribe({ scope: ["@acme"], type: ["tag.put"] });
    await createSnsEventLog(all.sns, topic).publish([eventOf("a", 1, "@acme/wire"), eventOf("b", 1, "wire")]);
    const taken = (await drain(all.sqs, topic.subscriberUrl)).map((body) => (JSON.parse(body) as ChangeEvent).id);
    expect(taken).toEqual(["a"]);
  });
  test("events that SNS does not take are named", async () => {
    await using fixture = await openLog(false);
    answerWith(fixture.sns, { status: 500, code: "InternalError" });
    await expect(fixture.events.publish([eventOf("a", 1)])).rejects.toThrow(/took none of a/);
  });
  test("one event that SNS does not take fails the batch and is named", async () => {
    const sns = { send: async () => ({ Failed: [{ Id: "1", Code: "InternalError", SenderFault: false }] }) };
    const events = createSnsEventLog(sns as unknown as Parameters<typeof createSnsEventLog>[0], { topicArn: "arn:x" });
    await expect(events.publish([eventOf("a", 1), eventOf("b", 2)])).rejects.toThrow(/did not take b /);
  });
});
