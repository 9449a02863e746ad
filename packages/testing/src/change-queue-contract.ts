import { expect, test } from "vitest";
import type { Change, ChangeBatch, ChangeQueue, ChangeReceiver, DeadLetters, LocalReceiver } from "@codebox/core";
import { publishOf, tagPut } from "./builders.ts";
import { testOrGap, type KnownGaps } from "./known-gaps.ts";

export type QueueFixture = AsyncDisposable & {
  readonly queue: ChangeQueue & ChangeReceiver & DeadLetters;
  /** Lets the time of a released group's pause pass. */
  readonly afterPause: () => Promise<void>;
  /** Adds a dead letter as the adapter stores one. */
  readonly bury: (change: Change, reason: string) => Promise<void>;
};

/** More failures in a row than any queue's usual limit of receives. */
const MANY_FAILURES = 12;

const ids = (batch: ChangeBatch | undefined) => batch?.messages.map(({ change }) => change.id);

/**
 * What every queue must do. Source of the group rules: SQS, "FIFO queue delivery logic".
 * @param gaps rules that a stand-in for the real queue is known to break: rule → reason, which is printed.
 */
export function changeQueueContract(open: () => Promise<QueueFixture>, gaps: KnownGaps = {}): void {
  const rule = (name: string, check: (fixture: QueueFixture) => Promise<void>) =>
    testOrGap(gaps, name, async () => {
      await using fixture = await open();
      await check(fixture);
    });
  const receive = (queue: ChangeReceiver, max = 10) => queue.receive({ max, signal: AbortSignal.timeout(10_000) });
  /** What can be received now: nothing, when nothing is offered until all that is under way has happened. */
  const receiveNow = async (queue: ChangeReceiver) => {
    const stop = new AbortController();
    const received = queue.receive({ max: 10, signal: stop.signal });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    return received;
  };

  rule("changes of a group come in the order in which they were sent", async ({ queue }) => {
    for (const id of ["a", "b", "c"]) await queue.send(tagPut("wire", "next", "1.0.0", id));
    expect(ids(await receive(queue))).toEqual(["a", "b", "c"]);
  });
  rule("a batch holds one group only, and at most as many as asked for", async ({ queue }) => {
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    await queue.send(tagPut("other", "next", "1.0.0", "b"));
    await queue.send(tagPut("wire", "next", "1.0.0", "c"));
    const batches = [await receive(queue, 1), await receive(queue, 1)];
    expect(batches.map((batch) => batch?.group).toSorted()).toEqual(["other", "wire"]);
    expect(batches.every((batch) => batch?.messages.length === 1)).toBe(true);
  });
  rule("while a group is in flight no more of it is handed out, and other groups go on", async ({ queue }) => {
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    const first = await receive(queue);
    await queue.send(tagPut("wire", "next", "1.0.0", "b"));
    await queue.send(tagPut("other", "next", "1.0.0", "c"));
    expect(ids(await receive(queue))).toEqual(["c"]);
    expect(await receiveNow(queue)).toBeUndefined();
    if (first) await queue.acknowledge(first);
    expect(ids(await receive(queue))).toEqual(["b"]);
  });
  rule("an acknowledged change does not come again", async ({ queue }) => {
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    const batch = await receive(queue);
    if (batch) await queue.acknowledge(batch);
    expect(await receiveNow(queue)).toBeUndefined();
  });
  rule("a released batch comes again, first, and counted", async ({ queue, afterPause }) => {
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    const batch = await receive(queue);
    await queue.send(tagPut("wire", "next", "1.0.0", "b"));
    if (batch) await queue.release(batch);
    await afterPause();
    const again = await receive(queue);
    expect(ids(again)).toEqual(["a", "b"]);
    expect(again?.messages.map(({ receives }) => receives)).toEqual([2, 1]);
  });
  rule("while a released group pauses, other groups go on", async ({ queue }) => {
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    const batch = await receive(queue);
    if (batch) await queue.release(batch);
    await queue.send(tagPut("other", "next", "1.0.0", "b"));
    expect(ids(await receive(queue))).toEqual(["b"]);
  });
  rule("an id that is sent twice is queued once, also after it was acknowledged", async ({ queue }) => {
    const change = tagPut("wire", "next", "1.0.0", "a");
    await Promise.all([queue.send(change), queue.send(change)]);
    const batch = await receive(queue);
    expect(ids(batch)).toEqual(["a"]);
    if (batch) await queue.acknowledge(batch);
    await queue.send(change);
    expect(await receiveNow(queue)).toBeUndefined();
  });
  rule("an outage never moves a change to the dead letters", async ({ queue, afterPause }) => {
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    for (let turn = 0; turn < MANY_FAILURES; turn++) {
      const batch = await receive(queue);
      expect(ids(batch)).toEqual(["a"]);
      if (batch) await queue.release(batch);
      await afterPause();
    }
    expect(await Array.fromAsync(queue.list())).toEqual([]);
  });
  rule("an outage never reorders a group", async ({ queue, afterPause }) => {
    for (const id of ["a", "b"]) await queue.send(tagPut("wire", "next", "1.0.0", id));
    for (let turn = 0; turn < MANY_FAILURES; turn++) {
      const batch = await receive(queue);
      expect(ids(batch)).toEqual(["a", "b"]);
      if (batch) await queue.release(batch);
      await afterPause();
    }
  });
  rule("a dead letter is listed with its reason", async ({ queue, bury }) => {
    await bury(tagPut("wire", "next", "1.0.0", "poison"), "it cannot be applied");
    const letters = await Array.fromAsync(queue.list());
    expect(letters).toMatchObject([{ id: "poison", group: "wire", reason: "it cannot be applied" }]);
  });
  rule("a redriven dead letter is received again; an unknown one is not", async ({ queue, bury }) => {
    await bury(tagPut("wire", "next", "1.0.0", "poison"), "it cannot be applied");
    expect(await queue.redrive("nobody")).toBe(false);
    expect(await queue.redrive("poison")).toBe(true);
    expect(ids(await receive(queue))).toEqual(["poison"]);
    expect(await Array.fromAsync(queue.list())).toEqual([]);
  });
  rule("receive ends when its signal aborts", async ({ queue }) => {
    const stop = new AbortController();
    const waiting = queue.receive({ max: 1, signal: stop.signal });
    stop.abort();
    expect(await waiting).toBeUndefined();
  });
}

/** What a receiver must do whose host drains the queue and sweeps the store. */
export function localReceiverContract(
  open: () => Promise<
    AsyncDisposable & {
      readonly queue: ChangeQueue;
      readonly receiver: LocalReceiver;
      readonly bury: QueueFixture["bury"];
    }
  >,
): void {
  test("a queue is empty when nothing waits and nothing is in flight", async () => {
    await using fixture = await open();
    const { queue, receiver } = fixture;
    expect(await receiver.isEmpty()).toBe(true);
    await queue.send(tagPut("wire", "next", "1.0.0", "a"));
    expect(await receiver.isEmpty()).toBe(false);
    const batch = await receiver.receive({ max: 10, signal: AbortSignal.timeout(10_000) });
    expect(await receiver.isEmpty()).toBe(false);
    if (batch) await receiver.acknowledge(batch);
    expect(await receiver.isEmpty()).toBe(true);
  });
  test("a staged tarball is needed while its publish waits, is in flight or is a dead letter", async () => {
    await using fixture = await open();
    const { queue, receiver, bury } = fixture;
    const [change, dead] = [publishOf("wire", "1.0.0"), publishOf("other", "1.0.0")];
    expect(await receiver.needs(change.tarball.staging)).toBe(false);
    await queue.send(change);
    expect(await receiver.needs(change.tarball.staging)).toBe(true);
    const batch = await receiver.receive({ max: 10, signal: AbortSignal.timeout(10_000) });
    expect(await receiver.needs(change.tarball.staging)).toBe(true);
    if (batch) await receiver.acknowledge(batch);
    await bury(dead, "it cannot be applied");
    expect(await receiver.needs(dead.tarball.staging)).toBe(true);
  });
}
