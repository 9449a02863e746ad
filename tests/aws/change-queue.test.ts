import {
  createS3ObjectStore,
  createSqsChangeQueue,
  createSqsChangeReceiver,
  createSqsDeadLetters,
  messageGroup,
} from "@codebox/aws";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { messageKey, QueueUnavailable, type ChangeOf } from "@codebox/core";
import { publishOf, tagPut } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { clients, makeBucket, makeQueues } from "./support/cloud.ts";
import { answerWith, recordRequests } from "./support/wire.ts";

async function open() {
  const { s3, sqs } = clients();
  const store = createS3ObjectStore(s3, { bucket: await makeBucket(s3) });
  const urls = await makeQueues(sqs, false);
  const queue = createSqsChangeQueue({ client: sqs, store }, urls);
  const deadLetters = createSqsDeadLetters(sqs, urls);
  const settings = { ...urls, leaseSeconds: 30, pauseSeconds: 1, waitSeconds: 1 };
  const receiver = createSqsChangeReceiver({ client: sqs, store, deadLetters }, settings);
  return {
    sqs,
    store,
    urls,
    queue: { ...queue, ...receiver, ...deadLetters },
    async [Symbol.asyncDispose]() {
      sqs.destroy();
    },
  };
}
const receive = (fixture: Awaited<ReturnType<typeof open>>) =>
  fixture.queue.receive({ max: 10, signal: AbortSignal.timeout(10_000) });

describe("what the SQS adapter does beyond the contract", () => {
  test("a name that is no message group is hashed, and its changes are applied under their own name", async () => {
    await using fixture = await open();
    const long = `@acme/${"w".repeat(200)}`;
    expect(messageGroup("@acme/wire")).toBe("@acme/wire");
    expect(messageGroup(long)).toMatch(/^[0-9a-f]{64}$/);
    await fixture.queue.send(tagPut(long, "next", "1.0.0", "a"));
    expect((await receive(fixture))?.messages[0]?.change.name).toBe(long);
  });
  test("a change over the message limit travels by reference, and arrives whole", async () => {
    await using fixture = await open();
    const change = { ...publishOf("wire", "1.0.0"), readme: "x".repeat(1_200_000) };
    await fixture.queue.send(change);
    expect((await fixture.store.list(messageKey(""))).objects).toHaveLength(1);
    expect((await receive(fixture))?.messages[0]?.change).toEqual(change);
  });
  test("a batch keeps its order, and is cut at ten messages and one MiB", async () => {
    await using fixture = await open();
    const requests = recordRequests(fixture.sqs);
    const small = Array.from({ length: 11 }, (_, index) => tagPut("wire", "next", "1.0.0", `s${index}`));
    const large = [1, 2, 3].map((n): ChangeOf<"publish"> => ({
      ...publishOf("wire", `${n}.0.0`),
      readme: "x".repeat(400_000),
    }));
    await fixture.queue.sendBatch([...small, ...large]);
    expect(requests).toHaveLength(3);
    const ids: string[] = [];
    while (ids.length < 14) {
      const batch = await receive(fixture);
      if (!batch) break;
      ids.push(...batch.messages.map(({ change }) => change.id));
      await fixture.queue.acknowledge(batch);
    }
    expect(ids).toEqual([...small, ...large].map(({ id }) => id));
  });
  test("changes of a batch that SQS does not take are named", async () => {
    await using fixture = await open();
    const sqs = { send: async () => ({ Failed: [{ Id: "1", Code: "InternalError", SenderFault: false }] }) };
    const client = sqs as unknown as Parameters<typeof createSqsChangeQueue>[0]["client"];
    const queue = createSqsChangeQueue({ client, store: fixture.store }, fixture.urls);
    const sent = queue.sendBatch([tagPut("wire", "a", "1.0.0", "one"), tagPut("wire", "b", "1.0.0", "two")]);
    await expect(sent).rejects.toThrow(/did not take two/);
    await expect(sent).rejects.toBeInstanceOf(QueueUnavailable);
  });
  test("a queue that does not answer is QueueUnavailable; one that refuses us is not", async () => {
    await using down = await open();
    answerWith(down.sqs, { status: 503, code: "ServiceUnavailable" });
    await expect(down.queue.send(tagPut("wire", "a", "1.0.0"))).rejects.toBeInstanceOf(QueueUnavailable);
    await using refused = await open();
    answerWith(refused.sqs, { status: 403, code: "AccessDenied" });
    await expect(refused.queue.send(tagPut("wire", "a", "1.0.0"))).rejects.toMatchObject({ name: "AccessDenied" });
  });
  test("a message that is no change goes to the dead letters with the reason, and its group continues", async () => {
    await using fixture = await open();
    const raw = (MessageBody: string, id: string) =>
      fixture.sqs.send(
        new SendMessageCommand({
          QueueUrl: fixture.urls.queueUrl,
          MessageBody,
          MessageGroupId: "wire",
          MessageDeduplicationId: id,
        }),
      );
    await raw("not json", "x");
    await raw(JSON.stringify({ ...tagPut("wire", "next", "1.0.0", "y"), version: "latest" }), "y");
    await fixture.queue.send(tagPut("wire", "next", "1.0.0", "z"));
    expect((await receive(fixture))?.messages.map(({ change }) => change.id)).toEqual(["z"]);
    const letters = await Array.fromAsync(fixture.queue.list());
    expect(letters.map(({ reason }) => reason)).toEqual([
      "the body is not JSON",
      expect.stringContaining('version: "latest" is not an exact semver version'),
    ]);
  });
  test("characters that SQS refuses travel escaped, and arrive as they were", async () => {
    await using fixture = await open();
    const bodies: string[] = [];
    const spy: typeof fixture.sqs.send = fixture.sqs.send.bind(fixture.sqs);
    fixture.sqs.send = ((command: SendMessageCommand) => {
      if (command instanceof SendMessageCommand) bodies.push(command.input.MessageBody ?? "");
      return spy(command);
    }) as typeof fixture.sqs.send;
    const change = { ...publishOf("wire", "1.0.0"), readme: "odd \uFFFE and \uFFFF" };
    await fixture.queue.send(change);
    expect(bodies.join("")).not.toMatch(/[\uFFFE\uFFFF]/);
    expect((await receive(fixture))?.messages[0]?.change).toEqual(change);
  });
  test("a dead letter from another group is redriven into its package's own", async () => {
    await using fixture = await open();
    const change = tagPut("wire", "next", "1.0.0", "a");
    await fixture.queue.put({ body: JSON.stringify(change), group: "a-service", id: "m", reason: "down", receives: 8 });
    expect(await fixture.queue.redrive("a")).toBe(true);
    expect(await receive(fixture)).toMatchObject({ group: "wire", messages: [{ change: { id: "a" } }] });
  });
  test("a redrive within five minutes of the change is not dropped as a repetition", async () => {
    await using fixture = await open();
    const requests = recordRequests(fixture.sqs);
    const change = tagPut("wire", "next", "1.0.0", "a");
    await fixture.queue.send(change);
    await fixture.queue.put({ body: JSON.stringify(change), group: "wire", id: "a", reason: "down", receives: 8 });
    expect(await fixture.queue.redrive("a")).toBe(true);
    const sent = requests.filter(({ command }) => command === "SendMessageCommand");
    expect(sent).toHaveLength(3);
    expect((await receive(fixture))?.messages.map(({ change: { id } }) => id)).toEqual(["a", "a"]);
  });
});
