import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createConsumer,
  createQueueHandler,
  filePositions,
  memoryPositions,
  type ChangeEvent,
  type ConsumerOptions,
  type Gap,
} from "../src/index.ts";

const eventOf = (name: string, sequence: number) => ({
  schema: 1,
  id: `${name}-${sequence}`,
  name,
  sequence,
  revision: sequence,
  type: "star",
  at: "2026-01-01T00:00:00.000Z",
  actor: { name: "alice" },
  data: { name, starred: true },
});
type Sent = ReturnType<typeof eventOf>;

function subscriber(options: Partial<ConsumerOptions> = {}) {
  const handled: string[] = [];
  const gaps: Gap[] = [];
  const consumer = createConsumer({
    positions: memoryPositions(),
    handle: ({ id }) => void handled.push(id),
    onGap: (gap) => void gaps.push(gap),
    ...options,
  });
  return { consumer, handled, gaps };
}

describe("a consumer", () => {
  test("handles an event once", async () => {
    const { consumer, handled } = subscriber();
    expect(await consumer.take(eventOf("wire", 1))).toBe("handled");
    expect(await consumer.take(eventOf("wire", 1))).toBe("repeated");
    expect(handled).toEqual(["wire-1"]);
  });
  test("does not handle an event before those that are missing, and handles it after them", async () => {
    const { consumer, handled, gaps } = subscriber({ from: "beginning" });
    expect(await consumer.take(eventOf("wire", 2))).toBe("early");
    expect(await consumer.take(eventOf("wire", 1))).toBe("handled");
    expect(await consumer.take(eventOf("wire", 2))).toBe("handled");
    expect(handled).toEqual(["wire-1", "wire-2"]);
    expect(gaps).toEqual([]);
  });
  test("reports the gap when missing events are not waited for any longer", async () => {
    const { consumer, handled, gaps } = subscriber();
    await consumer.take(eventOf("wire", 3));
    expect(await consumer.take(eventOf("wire", 6), { isLast: true })).toBe("handled");
    expect(gaps).toEqual([{ name: "wire", from: 4, to: 5 }]);
    expect(handled).toEqual(["wire-3", "wire-6"]);
  });
  test("an event whose handling failed comes again", async () => {
    let fails = true;
    const { consumer } = subscriber({
      handle: () => {
        if (fails) throw new Error("the database is down");
      },
    });
    await expect(consumer.take(eventOf("wire", 1))).rejects.toThrow("the database is down");
    fails = false;
    expect(await consumer.take(eventOf("wire", 1))).toBe("handled");
  });
  test("handles one event of a package at a time, and packages at the same time", async () => {
    const open: string[] = [];
    const seen: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { consumer } = subscriber({
      handle: async ({ id }) => {
        open.push(id);
        if (id === "wire-1") await promise;
        seen.push(id);
      },
    });
    const slow = consumer.take(eventOf("wire", 1));
    const next = consumer.take(eventOf("wire", 2));
    expect(await consumer.take(eventOf("other", 1))).toBe("handled");
    expect(open).toEqual(["wire-1", "other-1"]);
    resolve();
    await Promise.all([slow, next]);
    expect(seen).toEqual(["other-1", "wire-1", "wire-2"]);
  });
  test.each([null, 1, "text", [], {}, { ...eventOf("wire", 1), schema: 2 }, { ...eventOf("wire", 1), sequence: 0 }])(
    "refuses %j, which is no event",
    async (value) => {
      await expect(subscriber().consumer.take(value)).rejects.toMatchObject({ code: "invalid" });
    },
  );
  test("takes a type that it does not know, and keeps unknown fields", async () => {
    const seen: ChangeEvent[] = [];
    const { consumer } = subscriber({ handle: (event) => void seen.push(event) });
    const later = { ...eventOf("wire", 1), type: "later", more: 1 };
    expect(await consumer.take(later)).toBe("handled");
    expect(seen).toEqual([later]);
  });
});

describe("positions", () => {
  test("in memory are bounded: the package that changed longest ago gives way", async () => {
    const positions = memoryPositions({ max: 2 });
    for (const name of ["a", "b", "a", "c"]) await positions.save({ name, sequence: 1 });
    expect([await positions.sequence("a"), await positions.sequence("b")]).toEqual([1, undefined]);
  });
  test("in a file survive a restart, with the place in the stream", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "codebox-positions-"));
    try {
      const file = path.join(directory, "positions.json");
      const first = await filePositions(file);
      await Promise.all([
        first.save({ name: "wire", sequence: 1, cursor: "10" }),
        first.save({ name: "wire", sequence: 2, cursor: "11" }),
        first.save({ name: "__proto__", sequence: 3 }),
      ]);
      const second = await filePositions(file);
      expect([await second.sequence("wire"), await second.sequence("other"), await second.cursor()]).toEqual([
        2,
        undefined,
        "11",
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

/** A standard queue that delivers in any order, and again what was not handled, until it is empty. */
async function deliver(
  events: readonly Sent[],
  take: (batch: readonly Sent[], receives: number) => Promise<readonly string[]>,
) {
  let waiting = [...events];
  for (let receives = 1; waiting.length > 0 && receives < 50; receives++) {
    const failed: string[] = [];
    for (let index = 0; index < waiting.length; index += 10)
      failed.push(...(await take(waiting.slice(index, index + 10), receives)));
    waiting = waiting.filter(({ id }) => failed.includes(id));
  }
  return waiting;
}

describe("a queue's handler", () => {
  const record = (event: unknown, receives: number, messageId: string) => ({
    messageId,
    body: JSON.stringify(event),
    attributes: { ApproximateReceiveCount: String(receives) },
  });
  const taker =
    (handler: ReturnType<typeof createQueueHandler>) => async (batch: readonly Sent[], receives: number) => {
      const { batchItemFailures } = await handler({ Records: batch.map((event) => record(event, receives, event.id)) });
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    };

  test("handles each package's events in order, once, in whatever order and how often they are delivered", async () => {
    const all = ["a", "b"].flatMap((name) => Array.from({ length: 8 }, (_, index) => eventOf(name, index + 1)));
    const order = fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 });
    await fc.assert(
      fc.asyncProperty(order, async (events) => {
        const { consumer, handled, gaps } = subscriber({ from: "beginning" });
        const handler = createQueueHandler({ consumer, gapReceives: 100 });
        expect(await deliver(events, taker(handler))).toEqual([]);
        for (const name of ["a", "b"])
          expect(handled.filter((id) => id.startsWith(name))).toEqual(
            all.filter((event) => event.name === name).map(({ id }) => id),
          );
        expect(gaps).toEqual([]);
      }),
    );
  });
  test("gives up a gap after some deliveries, and says so", async () => {
    const { consumer, handled, gaps } = subscriber({ from: "beginning" });
    const handler = createQueueHandler({ consumer, gapReceives: 3 });
    expect(await deliver([eventOf("wire", 1), eventOf("wire", 4)], taker(handler))).toEqual([]);
    expect(handled).toEqual(["wire-1", "wire-4"]);
    expect(gaps).toEqual([{ name: "wire", from: 2, to: 3 }]);
  });
  test("takes events that SNS wraps, and reports what is no event and what fails", async () => {
    const failures: unknown[] = [];
    const { consumer, handled } = subscriber();
    const handler = createQueueHandler({ consumer, onFailure: (error) => failures.push(error) });
    const wrapped = { Type: "Notification", Message: JSON.stringify(eventOf("wire", 1)) };
    const { batchItemFailures } = await handler({
      Records: [
        record(wrapped, 1, "wrapped"),
        { ...record({}, 1, "broken"), body: "{" },
        record({ schema: 1 }, 1, "other"),
      ],
    });
    expect(handled).toEqual(["wire-1"]);
    expect(batchItemFailures).toEqual([{ itemIdentifier: "broken" }, { itemIdentifier: "other" }]);
    expect(failures).toHaveLength(2);
  });
});
