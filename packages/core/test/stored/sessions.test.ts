import { systemIds } from "@codebox/system";
import { createMemoryBackend, manualClock } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { createSessions, LAYOUT, SESSION_MS, type ObjectStore, type Sessions } from "../../src/index.ts";

const alice = { state: "identity", name: "alice" } as const;
const expired = { state: "failed", reason: "expired" };
/** Pauses between two writes end at once. */
const clock = { ...manualClock(), sleep: async () => undefined };
let store: ObjectStore;
let sessions: Sessions;

beforeEach(() => {
  store = createMemoryBackend({ clock }).store;
  sessions = createSessions({ store, clock, ids: systemIds });
});

const begin = () => sessions.begin("login", { agent: "npm/11" });

test("a session is pending until it is settled, and then completes once", async () => {
  const { id, secret } = await begin();
  expect(await sessions.complete("login", secret)).toEqual({ state: "pending" });
  expect(await sessions.settle(id, alice)).toBe(true);
  expect(await sessions.complete("login", secret)).toEqual(alice);
  expect(await sessions.complete("login", secret)).toEqual(expired);
});

test("who knows a session's id, as a browser does, cannot complete it", async () => {
  const { id } = await begin();
  await sessions.settle(id, alice);
  expect(await sessions.complete("login", id)).toEqual(expired);
});

test("a session that confirms a change never ends in a login", async () => {
  const { id, secret } = await sessions.begin("confirm", {});
  expect(await sessions.find("login", id)).toBeUndefined();
  await sessions.settle(id, alice);
  expect(await sessions.complete("login", secret)).toEqual(expired);
  expect(await sessions.complete("confirm", secret)).toEqual(alice);
});

test("of two who complete a session at a time, one gets the identity", async () => {
  const { id, secret } = await begin();
  await sessions.settle(id, alice);
  const states = await Promise.all([sessions.complete("login", secret), sessions.complete("login", secret)]);
  expect(states.filter(({ state }) => state === "identity")).toHaveLength(1);
});

test("a session is settled once, and is then not open any more", async () => {
  const { id } = await begin();
  expect(await sessions.find("login", id)).toMatchObject({ about: { agent: "npm/11" } });
  const settled = await Promise.all([
    sessions.settle(id, alice),
    sessions.settle(id, { state: "failed", reason: "refused" }),
  ]);
  expect(settled.filter(Boolean)).toHaveLength(1);
  expect(await sessions.find("login", id)).toBeUndefined();
});

test("a session ends with its lifetime", async () => {
  const { id, secret } = await begin();
  await clock.advance(SESSION_MS);
  expect(await sessions.find("login", id)).toBeUndefined();
  expect(await sessions.settle(id, alice)).toBe(false);
  expect(await sessions.complete("login", secret)).toEqual(expired);
});

test.each(["nobody", "../../wire", "0".repeat(64)])(
  "an unknown session (%s) cannot be completed or settled",
  async (id) => {
    expect(await sessions.complete("login", id)).toEqual(expired);
    expect(await sessions.settle(id, alice)).toBe(false);
    expect(await sessions.find("login", id)).toBeUndefined();
  },
);

const attempt = { provider: "github", state: "a state", browser: "a browser", nonce: "n", verifier: "v" } as const;
test("a return from a provider is taken once, with its state, provider and browser", async () => {
  const { id } = await begin();
  await sessions.attempt(id, attempt);
  for (const wrong of [{ state: "forged" }, { browser: "another" }, { provider: "oidc" as const }])
    expect(await sessions.return(id, { ...attempt, ...wrong })).toBeUndefined();
  expect(await sessions.return(id, attempt)).toMatchObject({ nonce: "n", verifier: "v" });
  expect(await sessions.return(id, attempt)).toBeUndefined();
});
test("a second attempt replaces the first", async () => {
  const { id } = await begin();
  await sessions.attempt(id, attempt);
  await sessions.attempt(id, { ...attempt, state: "another state" });
  expect(await sessions.return(id, attempt)).toBeUndefined();
  expect(await sessions.return(id, { ...attempt, state: "another state" })).toBeDefined();
});

test("the store holds no secret and no state, and sessions only in their area", async () => {
  const { id, secret } = await begin();
  await sessions.attempt(id, attempt);
  const { objects } = await store.list("");
  for (const { key } of objects) {
    const found = await store.get(key);
    expect(key.startsWith(LAYOUT.sessions.prefix)).toBe(true);
    const text = key + (found?.notModified === false ? Buffer.from(found.bytes).toString() : "");
    for (const hidden of [secret, attempt.state]) expect(text).not.toContain(hidden);
  }
  expect(objects).toHaveLength(1);
});
