import {
  countingStore,
  createMemoryBackend,
  manualClock,
  openPolicy,
  publishOf,
  stage,
  tagPut,
} from "@codebox/testing";
import { expect, test } from "vitest";
import {
  createConsumer,
  createPackumentReader,
  tarballKey,
  type Change,
  type ObjectStore,
  type TimeLimit,
} from "../../src/index.ts";

/** Seconds of an invocation until no further change begins, and until nothing may begin at all. */
const ENOUGH = 20;
const OVER = 26;

/** A consumer over a store that takes some seconds for a copy, and an invocation that runs out of time on the manual clock. */
function setup({ copySeconds = 0 } = {}) {
  const clock = manualClock();
  const backend = createMemoryBackend({ clock });
  let beforeWrite: (() => Promise<void>) | undefined;
  const slow: ObjectStore = {
    ...backend.store,
    async copy(...args) {
      const copied = await backend.store.copy(...args);
      // A condition that fails is answered at once.
      if (copied.ok) await clock.advance(copySeconds * 1_000);
      return copied;
    },
    async put(...args) {
      const meddle = beforeWrite;
      beforeWrite = undefined;
      await meddle?.();
      return backend.store.put(...args);
    },
  };
  const store = countingStore(slow);
  const consumer = createConsumer({
    ...backend,
    store,
    reader: createPackumentReader(store),
    policy: openPolicy,
    // The pause after a lost write takes no time here.
    clock: { now: clock.now, sleep: async () => undefined },
  });
  const invoke = async (changes: readonly Change[]) => {
    const [enough, over] = [new AbortController(), new AbortController()];
    void clock.sleep(ENOUGH * 1_000).then(() => enough.abort());
    void clock.sleep(OVER * 1_000).then(() => over.abort(new Error("the time is up")));
    const time: TimeLimit = { enough: enough.signal, over: over.signal };
    return consumer("wire", changes, time);
  };
  const packument = async () => (await createPackumentReader(backend.store).read("wire"))?.packument;
  const onFirstWrite = (meddle: () => Promise<void>) => {
    beforeWrite = meddle;
  };
  return { clock, backend, store, invoke, packument, onFirstWrite };
}

const publishes = (backend: { readonly store: ObjectStore }, ...versions: string[]) =>
  Promise.all(
    versions.map(async (version) => {
      const change = publishOf("wire", version);
      await stage(backend.store, change);
      return change;
    }),
  );

test("a consumer whose time is nearly up writes what it applied, and leaves the other changes untouched", async () => {
  const { backend, invoke, packument } = setup({ copySeconds: 8 });
  const changes = await publishes(backend, "1.0.0", "1.1.0", "1.2.0", "1.3.0");
  const first = await invoke(changes);
  expect(first.map(({ state, id }) => [state, id])).toEqual(changes.slice(0, 3).map(({ id }) => ["applied", id]));
  expect(Object.keys((await packument())?.versions ?? {})).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
  // The tarball of the change that is to come stays staged.
  expect(await backend.store.head(changes[3]!.tarball.staging)).toBeDefined();
  expect(await invoke(changes.slice(3))).toMatchObject([{ state: "applied", id: changes[3]!.id }]);
});

test("what was folded before the time was nearly up is written, though the write is lost once", async () => {
  const { backend, invoke, packument, clock, onFirstWrite } = setup();
  const [publish] = await publishes(backend, "1.0.0");
  await invoke([publish!]);
  onFirstWrite(async () => {
    const found = await backend.store.get("wire/index.json");
    if (found?.notModified !== false) throw new Error("the package has no document");
    await backend.store.put("wire/index.json", Buffer.concat([found.bytes, Buffer.from("\n")]));
    await clock.advance(ENOUGH * 1_000);
  });
  const outcomes = await invoke([tagPut("wire", "a", "1.0.0"), tagPut("wire", "b", "1.0.0")]);
  expect(outcomes.map(({ state }) => state)).toEqual(["applied", "applied"]);
  expect((await packument())?.["dist-tags"]).toEqual({ latest: "1.0.0", a: "1.0.0", b: "1.0.0" });
});

test("a tarball that was copied before the time was up is not copied again", async () => {
  const { backend, store, invoke } = setup({ copySeconds: OVER + 1 });
  const changes = await publishes(backend, "1.0.0");
  await expect(invoke(changes)).rejects.toThrow("the time is up");
  store.calls.length = 0;
  expect(await invoke(changes)).toMatchObject([{ state: "applied" }]);
  // The condition of the one try fails at once; no bytes are copied.
  expect(store.calls.filter(({ operation }) => operation === "copy")).toHaveLength(1);
});

test("a tarball that is not the staged one is replaced", async () => {
  const { backend, invoke } = setup();
  const [change] = await publishes(backend, "1.0.0");
  await backend.store.put(tarballKey("wire", "1.0.0"), Buffer.alloc(change!.tarball.size));
  await invoke([change!]);
  const stored = await backend.store.get(tarballKey("wire", "1.0.0"));
  expect(stored?.notModified === false && Buffer.from(stored.bytes).equals(Buffer.alloc(change!.tarball.size))).toBe(
    false,
  );
});
