import { systemClock } from "@codebox/system";
import {
  createFaults,
  createMemoryBackend,
  faultyStore,
  manualClock,
  publishOf,
  stage,
  tagPut,
} from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  createConsumer,
  createLivePolicy,
  createRightsStore,
  DEFAULT_RIGHTS,
  OPEN_RIGHTS,
  RightsInvalid,
  rightsKey,
  setVisibility,
  StoreUnavailable,
  type ObjectStore,
  type Rights,
} from "../../src/index.ts";

const setup = () => {
  const clock = manualClock("2026-11-25T10:00:00.000Z");
  return { clock, backend: createMemoryBackend({ clock }) };
};
const hide = (name: string) => (rights: Rights) =>
  ({ ok: true, what: `${name} is private`, spec: setVisibility(rights, name, "private") }) as const;

describe("the rights in the store", () => {
  test("are those of an undecided registry where there is no document", async () => {
    const { clock, backend } = setup();
    const store = createRightsStore({ ...backend, clock }, { maxAgeMs: 0 });
    expect(await store.current()).toEqual({ rights: OPEN_RIGHTS, etag: undefined });
  });
  test("are edited conditionally, with history: two at once both count", async () => {
    const { backend } = setup();
    const parts = { ...backend, clock: systemClock };
    const one = createRightsStore(parts, { maxAgeMs: 0 });
    const two = createRightsStore(parts, { maxAgeMs: 0 });
    await Promise.all([one.edit("alice", hide("wire")), two.edit("bob", hide("cable"))]);
    const { rights } = await one.current();
    expect(rights.visibility).toEqual({ wire: "private", cable: "private" });
    expect(rights.revision).toBe(2);
    expect(rights.history.map(({ by, what }) => `${by}: ${what}`).toSorted()).toEqual([
      "alice: wire is private",
      "bob: cable is private",
    ]);
  });
  test("are not written when an edit changes nothing", async () => {
    const { clock, backend } = setup();
    const store = createRightsStore({ ...backend, clock }, { maxAgeMs: 0 });
    await store.edit("alice", hide("wire"));
    expect(await store.edit("alice", hide("wire"))).toMatchObject({
      ok: true,
      unchanged: true,
      rights: { revision: 1 },
    });
  });
  test("an edit that breaks a rule is refused, and nothing is written", async () => {
    const { clock, backend } = setup();
    const store = createRightsStore({ ...backend, clock }, { maxAgeMs: 0 });
    await expect(store.edit("alice", hide("../wire"))).rejects.toThrow(RightsInvalid);
    expect(await backend.store.head(rightsKey)).toBeUndefined();
  });
  test("of another process are known when they are too old, and at once where they are asked for fresh", async () => {
    const { clock, backend } = setup();
    const here = createRightsStore({ ...backend, clock }, { maxAgeMs: 10_000 });
    const there = createRightsStore({ ...backend, clock }, { maxAgeMs: 10_000 });
    await here.current();
    await there.edit("alice", hide("wire"));
    expect((await here.current()).rights.visibility).toEqual({});
    await clock.advance(10_000);
    expect((await here.current()).rights.visibility).toEqual({ wire: "private" });
    await there.edit("alice", hide("cable"));
    expect((await here.current({ fresh: true })).rights.visibility).toEqual({ wire: "private", cable: "private" });
  });
  test("of this process are known at once", async () => {
    const { clock, backend } = setup();
    const store = createRightsStore({ ...backend, clock }, { maxAgeMs: Number.POSITIVE_INFINITY });
    await store.current();
    await store.edit("alice", hide("wire"));
    expect((await store.current()).rights.visibility).toEqual({ wire: "private" });
  });
  test("that are damaged are a failure, not a right", async () => {
    const { clock, backend } = setup();
    await backend.store.put(rightsKey, Buffer.from("{"));
    const store = createRightsStore({ ...backend, clock }, { maxAgeMs: 0 });
    await expect(store.current()).rejects.toThrow(StoreUnavailable);
    await expect(store.edit("alice", hide("wire"))).rejects.toThrow(StoreUnavailable);
  });
});

describe("the policy over the rights", () => {
  test("allows nobody anything before it read them", () => {
    const { clock, backend } = setup();
    const policy = createLivePolicy({ anonymousRead: true }, createRightsStore({ ...backend, clock }, { maxAgeMs: 0 }));
    expect(policy.may({ kind: "user", name: "alice" }, "read").allowed).toBe(false);
  });
  test("lets the consumer fail, and be redelivered, while the rights can't be read: nothing is applied or rejected", async () => {
    const { clock, backend } = setup();
    let down = true;
    const faults = faultyStore(backend.store, createFaults({ seed: 1, rate: 1 }));
    const store: ObjectStore = {
      ...backend.store,
      get: (key, options) => (key === rightsKey && down ? faults : backend.store).get(key, options),
    };
    const policy = createLivePolicy({ anonymousRead: true }, createRightsStore({ store, clock }, { maxAgeMs: 0 }));
    const consumer = createConsumer({ ...backend, store, policy, clock });
    const change = publishOf("wire", "1.0.0");
    await stage(backend.store, change);
    await expect(consumer("wire", [change])).rejects.toThrow(StoreUnavailable);
    expect(await backend.outcomes.find(change.id)).toBeUndefined();
    down = false;
    expect(await consumer("wire", [change])).toMatchObject([{ state: "applied" }]);
  });
  test("counts in the consumer for a change that was queued before the right was taken away", async () => {
    const { clock, backend } = setup();
    const rights = createRightsStore({ ...backend, clock }, { maxAgeMs: 0 });
    const policy = createLivePolicy({ anonymousRead: true }, rights);
    const consumer = createConsumer({ ...backend, policy, clock });
    const change = publishOf("wire", "1.0.0");
    await stage(backend.store, change);
    await consumer("wire", [change]);
    await rights.edit("root", () => ({ ok: true, what: "decided", decided: true, spec: DEFAULT_RIGHTS }));
    const late = { ...tagPut("wire", "next", "1.0.0"), actor: { kind: "user", name: "mallory" } as const };
    expect(await consumer("wire", [late, tagPut("wire", "beta", "1.0.0")])).toMatchObject([
      { state: "rejected", rejection: { code: "forbidden" } },
      { state: "applied" },
    ]);
  });
});
