import { describe, expect, test } from "vitest";
import { REDELIVERIES_MAX } from "../../packages/core/src/domain/limits.ts";
import { stack, statements, type Stack } from "./resources.ts";

const QUEUES = ["ChangeQueue", "IntakeQueue", "DeadLetterQueue", "IntakeDeadLetterQueue"] as const;
const DEAD_LETTERS = [
  ["ChangeQueue", "DeadLetterQueue"],
  ["IntakeQueue", "IntakeDeadLetterQueue"],
] as const;
const MAPPINGS = [
  ["ChangeQueue", "Consumer", 50],
  ["IntakeQueue", "Intake", 2],
] as const;
const DAYS_14 = 14 * 24 * 60 * 60;

const queueOf = (of: Stack, name: string) => of.one("sqs/queue:Queue", name).inputs;
const functionOf = (of: Stack, name: string) => of.one("lambda/function:Function", `${name}Function`).inputs;
const arnOf = (queue: Readonly<Record<string, unknown>>) =>
  `arn:aws:sqs:eu-central-1:123456789012:${String(queue["name"])}`;

describe.each(["trial", "production"] as const)("the queues of a %s stage", (variant) => {
  const of = stack(variant);

  test.each(QUEUES)("%s is FIFO, in order and unique by message group", (name) => {
    expect(queueOf(of, name)).toMatchObject({
      fifoQueue: true,
      deduplicationScope: "messageGroup",
      fifoThroughputLimit: "perMessageGroupId",
      contentBasedDeduplication: false,
      delaySeconds: 0,
    });
    expect(queueOf(of, name)["name"]).toMatch(/\.fifo$/);
  });

  test.each(QUEUES)("%s is encrypted", (name) => {
    expect(queueOf(of, name)["sqsManagedSseEnabled"]).toBe(true);
  });

  test.each(QUEUES)("%s keeps a message for fourteen days, accepts a mebibyte and uses long polling", (name) => {
    expect(queueOf(of, name)).toMatchObject({
      messageRetentionSeconds: DAYS_14,
      maxMessageSize: 1024 * 1024,
      receiveWaitTimeSeconds: 20,
    });
  });

  test.each(QUEUES)("%s is refused over plain HTTP", (name) => {
    const policy = statements(of.one("sqs/queuePolicy:QueuePolicy", name).inputs["policy"]);
    expect(policy).toContainEqual({
      effect: "Deny",
      principals: [{ type: "*", identifiers: ["*"] }],
      actions: ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
      resources: [arnOf(queueOf(of, name))],
      conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
    });
  });

  test.each(MAPPINGS)("%s hides a message for six times as long as %s may take", (queue, name) => {
    const timeout = Number(functionOf(of, name)["timeout"]);
    expect(timeout).toBeGreaterThan(0);
    expect(Number(queueOf(of, queue)["visibilityTimeoutSeconds"])).toBeGreaterThanOrEqual(6 * timeout);
  });

  test.each(DEAD_LETTERS)("%s moves a failing message to %s after the domain's number of deliveries", (queue, dead) => {
    expect(JSON.parse(String(queueOf(of, queue)["redrivePolicy"]))).toEqual({
      deadLetterTargetArn: arnOf(queueOf(of, dead)),
      maxReceiveCount: REDELIVERIES_MAX,
    });
  });

  test.each(DEAD_LETTERS)("%s alone has %s as its dead-letter queue, which has none itself", (queue, dead) => {
    const policy = of.one("sqs/redriveAllowPolicy:RedriveAllowPolicy", dead).inputs["redriveAllowPolicy"];
    expect(JSON.parse(String(policy))).toEqual({
      redrivePermission: "byQueue",
      sourceQueueArns: [arnOf(queueOf(of, queue))],
    });
    expect(queueOf(of, dead)["redrivePolicy"]).toBeUndefined();
  });

  test.each([
    ["ChangeQueue", ["Write", "Intake", "Redrive"]],
    ["DeadLetterQueue", ["Consumer"]],
  ] as const)("%s takes messages from %j and the operators, whatever another policy allows", (queue, senders) => {
    const roles = senders.map((name) => {
      const { inputs } = of.one("iam/role:Role", `${name}Role`);
      return `arn:aws:iam::123456789012:role/${String(inputs["name"])}`;
    });
    const operators = variant === "production" ? ["arn:aws:iam::123456789012:role/operator"] : [];
    expect(statements(of.one("sqs/queuePolicy:QueuePolicy", queue).inputs["policy"])).toContainEqual({
      effect: "Deny",
      principals: [{ type: "*", identifiers: ["*"] }],
      actions: ["sqs:SendMessage"],
      resources: [arnOf(queueOf(of, queue))],
      conditions: [{ test: "ArnNotEquals", variable: "aws:PrincipalArn", values: [...roles, ...operators] }],
    });
  });

  test.each(MAPPINGS)("%s is delivered to %s", (queue, name) => {
    expect(of.one("lambda/eventSourceMapping:EventSourceMapping", queue).inputs).toMatchObject({
      eventSourceArn: arnOf(queueOf(of, queue)),
      functionName: expect.stringContaining(`-${name}Function-`) as string,
    });
  });

  test.each(MAPPINGS)("%s: a failed message delays only its own group", (queue) => {
    expect(of.one("lambda/eventSourceMapping:EventSourceMapping", queue).inputs["functionResponseTypes"]).toEqual([
      "ReportBatchItemFailures",
    ]);
  });

  test.each(MAPPINGS)("%s delivers ten messages at once, without waiting for more", (queue) => {
    expect(of.one("lambda/eventSourceMapping:EventSourceMapping", queue).inputs).toMatchObject({
      batchSize: 10,
      maximumBatchingWindowInSeconds: 0,
    });
  });

  test.each(MAPPINGS)("%s keeps %s to its share of the account's concurrency: %i", (queue, _, maximumConcurrency) => {
    expect(of.one("lambda/eventSourceMapping:EventSourceMapping", queue).inputs["scalingConfig"]).toEqual({
      maximumConcurrency,
    });
  });
});

describe.each(["trial", "production"] as const)("the queue of the search index in a %s stage", (variant) => {
  const of = stack(variant);

  test.each(["IndexQueue", "IndexDeadLetterQueue"])(
    "%s is encrypted, and takes messages from the event topic",
    (name) => {
      expect(queueOf(of, name)["sqsManagedSseEnabled"]).toBe(true);
      const policy = statements(of.one("sqs/queuePolicy:QueuePolicy", name).inputs["policy"]);
      const topic = String((of.outputs as Record<string, string>)["events"]);
      expect(policy).toContainEqual({
        effect: "Allow",
        principals: [{ type: "Service", identifiers: ["sns.amazonaws.com"] }],
        actions: ["sqs:SendMessage"],
        resources: [arnOf(queueOf(of, name))],
        conditions: [{ test: "ArnEquals", variable: "aws:SourceArn", values: [topic] }],
      });
    },
  );
  test("hides a message for six times as long as the indexer may take, and dead-letters it after a hundred receives", () => {
    const queue = queueOf(of, "IndexQueue");
    expect(queue["visibilityTimeoutSeconds"]).toBe(6 * Number(functionOf(of, "Indexer")["timeout"]));
    expect(JSON.parse(String(queue["redrivePolicy"]))).toEqual({
      deadLetterTargetArn: arnOf(queueOf(of, "IndexDeadLetterQueue")),
      maxReceiveCount: 100,
    });
  });
  test("gathers events for two seconds, for two indexers at most", () => {
    expect(of.one("lambda/eventSourceMapping:EventSourceMapping", "IndexQueue").inputs).toMatchObject({
      eventSourceArn: arnOf(queueOf(of, "IndexQueue")),
      functionResponseTypes: ["ReportBatchItemFailures"],
      batchSize: 100,
      maximumBatchingWindowInSeconds: 2,
      scalingConfig: { maximumConcurrency: 2 },
    });
  });
});
