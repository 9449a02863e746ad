import { createMemoryBackend, type MemoryBackend, manualClock, publishOf, stage, openPolicy } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemIds } from "@codebox/system";
import { createConsumer, createPackumentReader, createSubmit, type Consumer, type Submit } from "../../src/index.ts";

const principal = { kind: "user", name: "alice" } as const;
let embedded: MemoryBackend;
let consume: Consumer;
let submit: Submit;

beforeEach(async () => {
  const clock = manualClock();
  embedded = createMemoryBackend({ clock });
  const reader = createPackumentReader(embedded.store);
  consume = createConsumer({ ...embedded, policy: openPolicy, reader, clock });
  submit = createSubmit({ ...embedded, policy: openPolicy, reader, clock, ids: systemIds });
});
afterEach(() => embedded.close());

/** Sends a publish under an id; `respond-async`, since nobody consumes. */
const send = (name: string, id: string) => {
  const { schema: _schema, id: _id, at: _at, actor: _actor, ...draft } = publishOf(name, "1.0.0");
  return submit(draft, { principal, id, waitMs: 0 });
};

test("a change with an id whose rejection is known is answered like the first, and not queued again", async () => {
  // Its tarball is gone: the consumer rejects it, and the queue has forgotten it since.
  await consume("wire", [publishOf("wire", "1.0.0", { id: "release-7" })]);
  expect(await send("wire", "release-7")).toMatchObject({
    kind: "settled",
    outcome: { state: "rejected", id: "release-7", rejection: { code: "tarball_missing" } },
  });
  expect(embedded.queue.isEmpty()).toBe(true);
});
test("a change that was applied is answered so, whatever else is recorded under its id", async () => {
  await consume("wire", [publishOf("wire", "1.0.0", { id: "release-7" })]);
  const change = publishOf("wire", "1.0.0", { id: "release-7" });
  await stage(embedded.store, change);
  await consume("wire", [change]);
  expect(await send("wire", "release-7")).toMatchObject({ kind: "settled", outcome: { state: "applied" } });
});
test("an id that is another package's change is refused", async () => {
  await consume("wire", [publishOf("wire", "1.0.0", { id: "release-7" })]);
  expect(await send("other", "release-7")).toMatchObject({
    outcome: { state: "rejected", rejection: { code: "invalid", message: expect.stringContaining("wire") as string } },
  });
  expect(embedded.queue.isEmpty()).toBe(true);
});
test("a new id is queued", async () => {
  expect(await send("wire", "release-8")).toEqual({ kind: "accepted", id: "release-8", name: "wire" });
  expect(embedded.queue.isEmpty()).toBe(false);
});
