import { fail, openPolicy } from "@codebox/testing";
import { expect, test } from "vitest";
import {
  createConsumer,
  createPackumentReader,
  createSubmit,
  indexKey,
  parsePackument,
  stateOf,
  type Draft,
} from "@codebox/core";
import { createWorker } from "@codebox/core";
import { openSqlite } from "@codebox/sqlite";
import { systemIds } from "@codebox/system";
import {
  createFaults,
  faultyEvents,
  faultyOutcomes,
  faultyQueue,
  faultyStore,
  manualClock,
  publishOf,
  stage,
} from "@codebox/testing";

const SEEDS = 40;
const WRITES = 60;

/** Answers that a client may get: an outcome, or an error after which it does not know. */
type Answer = { readonly tag: string; readonly state: "applied" | "rejected" | "accepted" | "unknown" };

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  "store, queue, outcomes and events fail before and after the operation, and a foreign writer overwrites: nothing answered is lost, nothing applied twice (seed %i)",
  async (seed) => {
    const clock = manualClock();
    const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
    const first = publishOf("wire", "1.0.0");
    await stage(embedded.store, first);
    await createConsumer({ ...embedded, policy: openPolicy, reader: createPackumentReader(embedded.store), clock })(
      "wire",
      [first],
    );

    const faults = createFaults({ seed, rate: 0.15 });
    const store = faultyStore(embedded.store, faults);
    const queue = faultyQueue(embedded.queue, faults);
    const outcomes = faultyOutcomes(embedded.outcomes, faults);
    const events = faultyEvents(embedded.events, faults);
    const consumer = createConsumer({
      store,
      policy: openPolicy,
      events,
      outcomes,
      reader: createPackumentReader(store),
      clock,
    });
    const submit = createSubmit({
      policy: openPolicy,
      reader: createPackumentReader(embedded.store),
      queue,
      outcomes,
      clock,
      ids: systemIds,
    });
    const worker = createWorker({
      queue: { ...queue, isEmpty: embedded.queue.isEmpty },
      consumer,
      concurrency: 2,
      onFailure: () => {},
    });
    worker.start();

    const send = async (index: number): Promise<Answer> => {
      const tag = `tag-${index}`;
      const draft: Draft = { type: "tag.put", name: "wire", tag, version: "1.0.0" };
      try {
        const submission = await submit(draft, { principal: { kind: "user", name: "alice" }, waitMs: 10_000 });
        return { tag, state: submission.kind === "accepted" ? "accepted" : submission.outcome.state };
      } catch {
        return { tag, state: "unknown" };
      }
    };
    /** Another client of the bucket, with the manners to write what it just read, touches a field that we do not know. */
    const meddle = async () => {
      const found = await embedded.store.get(indexKey("wire"));
      if (found?.notModified !== false) return;
      const document = JSON.parse(Buffer.from(found.bytes).toString()) as Record<string, unknown>;
      document["foreign"] = faults.random();
      await embedded.store.put(indexKey("wire"), Buffer.from(JSON.stringify(document)), {
        condition: { ifMatch: found.etag },
      });
    };
    let over = false;
    const passing = (async () => {
      while (!over) {
        await clock.advance(100);
        if (faults.random() < 0.2) await meddle();
      }
    })();
    const answers = await Promise.all(Array.from({ length: WRITES }, (_, index) => send(index)));
    while (!embedded.queue.isEmpty()) await new Promise((resolve) => setImmediate(resolve));
    over = true;
    await passing;
    await worker.drain();

    const found = await embedded.store.get(indexKey("wire"));
    if (found?.notModified !== false) throw new Error("gone");
    const packument = parsePackument("wire", found.bytes);
    const present = new Set(Object.keys(packument["dist-tags"]));
    const letters = await Array.fromAsync(embedded.queue.list());
    const dead = new Set(letters.map(({ body }) => (body as { tag: string }).tag));
    for (const { tag, state } of answers) {
      if (state === "applied") expect(present.has(tag), `${tag} was answered as applied`).toBe(true);
      if (state === "accepted") expect(present.has(tag) || dead.has(tag), `${tag} was accepted`).toBe(true);
      expect(state).not.toBe("rejected");
    }
    const { applied, sequence } = stateOf(packument);
    expect(new Set(applied.map(({ id }) => id)).size).toBe(applied.length);
    expect(applied.map((record) => record.sequence)).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
    expect(applied).toHaveLength(present.size);
    const emitted = (await embedded.events.read(0, 1_000)).map(({ event }) => event);
    const unsent = stateOf(packument).outbox.map(({ id }) => id);
    const known = new Set([...emitted.map(({ id }) => id), ...unsent]);
    expect(applied.filter(({ id }) => !known.has(id))).toEqual([]);
    expect(new Set(emitted.map(({ id }) => id)).size).toBe(emitted.length);
    await embedded.close();
  },
);
