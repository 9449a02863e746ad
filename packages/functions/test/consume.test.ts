import { messageGroup, type Rejected } from "@codebox/aws";
import { REDELIVERIES_MAX, StoreUnavailable, type Change, type ChangeQueue, type ObjectStore } from "@codebox/core";
import { manualClock, tagPut } from "@codebox/testing";
import type { SQSRecord } from "aws-lambda";
import { expect, test } from "vitest";
import { createConsumeHandler, createIntakeHandler, readEnvironment } from "../src/index.ts";

const record = (
  change: Change | string,
  options: { id?: string; group?: string; receives?: number; sender?: string } = {},
): SQSRecord => {
  const body = typeof change === "string" ? change : JSON.stringify(change);
  const id = typeof change === "string" ? (options.id ?? `message-of-${change}`) : change.id;
  return {
    messageId: id,
    receiptHandle: `receipt-${id}`,
    body,
    attributes: {
      ApproximateReceiveCount: String(options.receives ?? 1),
      SentTimestamp: "0",
      SenderId: options.sender ?? "AIDATEST12345678",
      ApproximateFirstReceiveTimestamp: "0",
      MessageGroupId: options.group ?? (typeof change === "string" ? "wire" : messageGroup(change.name)),
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn",
    awsRegion: "eu-central-1",
  };
};
const put = (id: string, name = "wire") => tagPut(name, "next", "1.0.0", id);
const failures = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

/** A consumer that fails for some packages, and what the handler did. */
function setup(
  broken: readonly string[] = [],
  options: { readonly deadLettersDown?: boolean; readonly removeDown?: boolean; readonly hanging?: string } = {},
) {
  const clock = manualClock();
  const late: string[] = [];
  const hung = Promise.withResolvers<void>();
  const calls: [string, string[]][] = [];
  const dead: Rejected[] = [];
  const paused: [string[], number][] = [];
  const removed: string[][] = [];
  const sent: Change[] = [];
  const store = { get: async () => undefined } as unknown as ObjectStore;
  const deadLetters = {
    put: async (letter: Rejected) => {
      if (options.deadLettersDown) throw new Error("the dead letters do not answer");
      dead.push(letter);
    },
  };
  const consume = createConsumeHandler({
    consumer: async (name, changes, { over, enough } = {}) => {
      calls.push([name, changes.map(({ id }) => id)]);
      if (name === options.hanging) await hung.promise;
      over?.throwIfAborted();
      late.push(name);
      if (broken.includes(name)) throw new StoreUnavailable("S3 does not answer");
      const done = enough?.aborted ? changes.slice(0, 1) : changes;
      return done.map(({ id }) => ({ state: "applied", id, name, sequence: 1, revision: 1 }));
    },
    store,
    deadLetters,
    pause: async (records, seconds) => void paused.push([records.map(({ messageId }) => messageId), seconds]),
    remove: async (records) => {
      if (options.removeDown) throw new Error("the queue does not answer");
      removed.push(records.map(({ messageId }) => messageId));
    },
    clock,
    log: { applied: () => undefined, failed: () => undefined, dead: () => undefined, postponed: () => undefined },
  });
  const queue: ChangeQueue = {
    async send(change) {
      if (broken.includes(change.name)) throw new Error("the queue does not answer");
      sent.push(change);
    },
  };
  const services = [{ name: "release", sender: "AROARELEASE12345", actions: ["tag"] as const }];
  const log = { taken: () => undefined, dead: () => undefined, failed: () => undefined };
  return {
    consume,
    intake: createIntakeHandler({ queue, store, services, deadLetters, log }),
    calls,
    dead,
    paused,
    removed,
    sent,
    clock,
    late,
    hung,
  };
}

test("a group is one call of the consumer, in its order; groups are apart", async () => {
  const { consume, calls } = setup();
  const Records = [record(put("a")), record(put("x", "other")), record(put("b")), record(put("c"))];
  expect(await consume({ Records })).toEqual(failures());
  expect(Object.fromEntries(calls)).toEqual({ wire: ["a", "b", "c"], other: ["x"] });
});
test("a group that fails is reported completely, and no other group is", async () => {
  const { consume, paused } = setup(["wire"]);
  const Records = [record(put("a")), record(put("x", "other")), record(put("b"))];
  expect(await consume({ Records })).toEqual(failures("a", "b"));
  expect(paused).toEqual([[["a", "b"], 1]]);
});
test("a group that is not done when the invocation's time is nearly up is reported, and the others are kept", async () => {
  const { consume, paused, clock, late, hung } = setup([], { hanging: "slow" });
  const Records = [record(put("a", "slow")), record(put("x", "fine"))];
  const answer = consume({ Records }, { getRemainingTimeInMillis: () => 30_000 });
  await clock.advance(25_999);
  expect(paused).toEqual([]);
  await clock.advance(1);
  expect(await answer).toEqual(failures("a"));
  expect(paused).toEqual([[["a"], 1]]);
  // What still runs begins no further step when the environment thaws.
  hung.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(late).toEqual(["fine"]);
});
test("a group whose time is nearly up keeps what it applied, and the rest is delivered again at once", async () => {
  const { consume, paused, removed, clock, hung } = setup([], { hanging: "slow" });
  const Records = ["a", "b", "c"].map((id) => record(put(id, "slow"), { receives: 5 }));
  const answer = consume({ Records }, { getRemainingTimeInMillis: () => 30_000 });
  await clock.advance(20_000);
  hung.resolve();
  expect(await answer).toEqual(failures("b", "c"));
  // Deleted first: SQS delivers nothing of a group while one of its messages is in flight.
  expect({ removed, paused }).toEqual({ removed: [["a"]], paused: [[["b", "c"], 0]] });
});
test("the pause before the next delivery grows with the deliveries", async () => {
  const { consume, paused } = setup(["wire"]);
  for (const receives of [1, 2, 3, 6, 500]) await consume({ Records: [record(put("a"), { receives })] });
  expect(paused.map(([, seconds]) => seconds)).toEqual([1, 4, 16, 900, 900]);
});
test("a message that is no change goes to the dead letters with the reason, once, and its group continues", async () => {
  const { consume, calls, dead } = setup();
  const bad = JSON.stringify({ ...put("bad"), version: "latest" });
  expect(
    await consume({
      Records: [
        record(put("a")),
        record("{", { group: "wire" }),
        record(bad, { id: "message-of-bad" }),
        record(put("b")),
      ],
    }),
  ).toEqual(failures());
  expect(calls).toEqual([["wire", ["a", "b"]]]);
  // By the message's id, not the change's: redriven, it may fail again, and SQS must not drop it as a repetition.
  expect(dead.map(({ id }) => id)).toEqual(["message-of-{", "message-of-bad"]);
  expect(dead.map(({ reason }) => reason)).toEqual(["the body is not JSON", expect.stringContaining("version")]);
});
test("a message that could not be put among the dead letters is delivered again", async () => {
  const { consume } = setup([], { deadLettersDown: true });
  expect(await consume({ Records: [record("{"), record(put("a"))] })).toEqual(failures("message-of-{", "a"));
});
test("a change in another package's message group is refused: it could overtake its own package's", async () => {
  const { consume, calls, dead } = setup();
  await consume({ Records: [record(put("a"), { group: "other" })] });
  expect(calls).toEqual([]);
  expect(dead[0]?.reason).toBe('the MessageGroupId of a change of wire must be "wire", not "other"');
});
test("a change that fails is never a dead letter, however often it was delivered: later changes would overtake it", async () => {
  const { consume, dead } = setup(["wire"]);
  const Records = [record(put("a"), { receives: REDELIVERIES_MAX - 1 }), record(put("b"), { receives: 2 })];
  expect(await consume({ Records })).toEqual(failures("a", "b"));
  expect(dead).toEqual([]);
});
test("the messages of a finished group are deleted at once, while another group still works", async () => {
  const { consume, removed, hung } = setup([], { hanging: "slow" });
  const answer = consume({ Records: [record(put("a", "slow")), record(put("x", "fine")), record(put("y", "fine"))] });
  await new Promise((resolve) => setImmediate(resolve));
  expect(removed).toEqual([["x", "y"]]);
  hung.resolve();
  expect(await answer).toEqual(failures());
});
test("a finished group whose messages could not be deleted is not a failure: Lambda deletes them later", async () => {
  const { consume } = setup([], { removeDown: true });
  expect(await consume({ Records: [record(put("a")), record(put("x", "other"))] })).toEqual(failures());
});
test("the messages of the last group are left to Lambda, which deletes them without another request", async () => {
  const { consume, removed } = setup();
  await consume({ Records: [record(put("a"))] });
  expect(removed).toEqual([]);
});

test("the intake queues good changes in their order, raw or as SNS wraps them, and dead-letters the bad ones", async () => {
  const { intake, sent, dead } = setup();
  const wrapped = JSON.stringify({ Type: "Notification", Message: JSON.stringify(put("b")) });
  expect(await intake({ Records: [record(put("a")), record("nonsense"), record(wrapped)] })).toEqual(failures());
  expect(sent.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(dead).toMatchObject([{ reason: "the body is not JSON", body: "nonsense" }]);
});
test("the intake takes no change that claims to be part of a release", async () => {
  const { intake, sent, dead } = setup();
  const release = { id: "rel-1", step: "finish" } as const;
  expect(await intake({ Records: [record({ ...put("a"), release }), record(put("b"))] })).toEqual(failures());
  expect(sent.map(({ id }) => id)).toEqual(["b"]);
  expect(dead).toMatchObject([{ reason: expect.stringContaining("a release is made over HTTP") }]);
});
test("the intake holds back only the group whose change could not be queued, from there on", async () => {
  const { intake, sent } = setup(["wire"]);
  const Records = [record(put("a")), record(put("x", "other")), record(put("b"))];
  expect(await intake({ Records })).toEqual(failures("a", "b"));
  expect(sent.map(({ id }) => id)).toEqual(["x"]);
});
test("the actor of another service's change is its sender, whatever the message says", async () => {
  const { intake, sent } = setup();
  const { actor: _, ...nobody } = put("none");
  const forged = [
    record({ ...put("user"), actor: { kind: "user", name: "alice" } }, { sender: "AIDAEXAMPLE12345" }),
    record(JSON.stringify(nobody), { sender: "AROAEXAMPLE12345:alice" }),
    record({ ...put("wrapped"), actor: { kind: "user", name: "alice" } }, { sender: "AROARELEASE12345:any" }),
  ];
  expect(await intake({ Records: forged })).toEqual(failures());
  expect(sent.map(({ actor }) => actor)).toEqual([
    { kind: "service", name: "AIDAEXAMPLE12345" },
    { kind: "service", name: "AROAEXAMPLE12345" },
    { kind: "service", name: "release" },
  ]);
});
test("a change without the kind of its actor is none: nobody has vouched for it", async () => {
  const { consume, calls, dead } = setup();
  await consume({ Records: [record(JSON.stringify({ ...put("a"), actor: { name: "alice" } }))] });
  expect({ calls, reasons: dead.map(({ reason }) => reason) }).toEqual({
    calls: [],
    reasons: [expect.stringContaining("actor.kind")],
  });
});

test("a function without a setting that it needs says what is missing, and where it is set", () => {
  expect(() =>
    readEnvironment("write", { CODEBOX_BUCKET: "b", CODEBOX_QUEUE_URL: "", CODEBOX_ANONYMOUS_READ: "maybe" }),
  ).toThrow(
    /"write" can't start: CODEBOX_ANONYMOUS_READ must be "true" or "false"; CODEBOX_QUEUE_URL is missing: the URL of the FIFO queue of changes.*stacks\/functions\.ts/,
  );
  expect(
    readEnvironment("read", {
      CODEBOX_BUCKET: "b",
      CODEBOX_SCOPES: "@acme,@labs",
      CODEBOX_PUBLIC_URL: "https://npm.acme.example/",
    }),
  ).toMatchObject({
    CODEBOX_ANONYMOUS_READ: false,
    CODEBOX_SCOPES: ["@acme", "@labs"],
    CODEBOX_PUBLIC_URL: "https://npm.acme.example",
  });
});
