import { createHash } from "node:crypto";
import path from "node:path";
import { messageGroup as groupOfQueue, messageJson } from "@codebox/aws";
import {
  createConsumer,
  createProducer,
  filePositions,
  followEvents,
  httpTransport,
  messageGroup,
  waitForOutcome,
  type ChangeEvent,
  type NewChange,
} from "@codebox/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish } from "../support/load.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
const own = () => ({ registry: registry.url, token: registry.token });

beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(path.join(dir.path, "data"));
  for (const version of ["1.0.0", "1.1.0"]) expect((await publish(registry, "wire", version)).status).toBe(201);
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

/** Follows the events until one has this id, with positions in a file. */
async function followUntil(id: string): Promise<readonly ChangeEvent[]> {
  const seen: ChangeEvent[] = [];
  const done = new AbortController();
  const positions = await filePositions(path.join(dir.path, "positions.json"));
  const consumer = createConsumer({
    positions,
    handle(event) {
      seen.push(event);
      if (event.id === id) done.abort();
    },
  });
  await followEvents({ ...own(), consumer, positions, from: "beginning", signal: done.signal });
  return seen;
}

describe("the client and a registry on one machine", () => {
  const move = (id: string, tag: string, version = "1.0.0"): NewChange => ({
    id,
    name: "wire",
    type: "tag.put",
    tag,
    version,
  });

  test("a change that is sent again with its id is the same change, and its outcome is known", async () => {
    const producer = createProducer({ transport: httpTransport(own()) });
    const first = await producer.send(move("release-1", "one"));
    expect(await producer.send(move("release-1", "one"))).toEqual(first);
    expect(await waitForOutcome(first, own())).toMatchObject({ state: "applied", "dist-tags": { one: "1.0.0" } });
  });
  test("a refused change has the registry's reason as its outcome", async () => {
    const { outcome } = await createProducer({ transport: httpTransport(own()) }).send(
      move("release-2", "two", "9.9.9"),
    );
    expect(outcome).toMatchObject({
      state: "rejected",
      code: "not_found",
      error: expect.stringContaining("9.9.9") as string,
    });
  });
  test("a subscriber gets every event once and in order, also over a restart of it and of the registry", async () => {
    const producer = createProducer({ transport: httpTransport(own()) });
    const third = await producer.send(move("release-3", "three"));
    const before = await followUntil(third.id);
    const data = registry.data;
    const { token } = registry;
    await registry.stop();
    registry = await startRegistry(data, ["--no-upstream"], token);
    const later = createProducer({ transport: httpTransport(own()) });
    const ids = ["four", "five"].map(async (tag) => (await later.send(move(`release-${tag}`, tag))).id);
    await Promise.all(ids);
    const last = await later.send(move("release-6", "six"));
    const after = await followUntil(last.id);
    const sequences = [...before, ...after].map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    expect(after).toHaveLength(3);
  });
});

test("group and body are exactly those of the registry's own messages", () => {
  const name = fc.oneof(fc.string({ maxLength: 214 }), fc.string({ unit: "grapheme", maxLength: 214 }));
  fc.assert(
    fc.property(name, (each) => {
      expect(messageGroup(each)).toBe(groupOfQueue(each));
    }),
  );
  expect(groupOfQueue("x".repeat(200))).toBe(createHash("sha256").update("x".repeat(200)).digest("hex"));
  expect(messageJson("\uFFFE")).toBe(String.raw`"\ufffe"`);
});
