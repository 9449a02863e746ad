import { systemIds } from "@codebox/system";
import { createMemoryBackend, manualClock } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { createSessions, LAYOUT, SESSION_MS, type ObjectStore, type Sessions } from "../../src/index.ts";

const alice = { state: "identity", name: "alice" } as const;
const expired = { state: "failed", reason: "expired" };
const clock = manualClock();
let store: ObjectStore;
let sessions: Sessions;

beforeEach(() => {
  store = createMemoryBackend({ clock }).store;
  sessions = createSessions({ store, clock, ids: systemIds });
});

test("a session is pending until it is settled, and then completes once", async () => {
  const secret = await sessions.begin();
  expect(await sessions.complete(secret)).toEqual({ state: "pending" });
  expect(await sessions.settle(secret, alice)).toBe(true);
  expect(await sessions.complete(secret)).toEqual(alice);
  expect(await sessions.complete(secret)).toEqual(expired);
});

test("of two who complete a session at a time, one gets the identity", async () => {
  const secret = await sessions.begin();
  await sessions.settle(secret, alice);
  const states = await Promise.all([sessions.complete(secret), sessions.complete(secret)]);
  expect(states.filter(({ state }) => state === "identity")).toHaveLength(1);
});

test("a session is settled once", async () => {
  const secret = await sessions.begin();
  const settled = await Promise.all([
    sessions.settle(secret, alice),
    sessions.settle(secret, { state: "failed", reason: "refused" }),
  ]);
  expect(settled.filter(Boolean)).toHaveLength(1);
});

test("a session ends with its lifetime", async () => {
  const secret = await sessions.begin();
  await clock.advance(SESSION_MS);
  expect(await sessions.settle(secret, alice)).toBe(false);
  expect(await sessions.complete(secret)).toEqual(expired);
});

test("an unknown session has failed, and cannot be settled", async () => {
  expect(await sessions.complete("nobody")).toEqual(expired);
  expect(await sessions.settle("nobody", alice)).toBe(false);
});

test("the store holds no secret, and sessions only in their area", async () => {
  const secret = await sessions.begin();
  const { objects } = await store.list("");
  for (const { key } of objects) {
    const found = await store.get(key);
    expect(key.startsWith(LAYOUT.sessions.prefix)).toBe(true);
    expect(key + (found?.modifiedSince ? Buffer.from(found.bytes).toString() : "")).not.toContain(secret);
  }
  expect(objects).toHaveLength(1);
});
