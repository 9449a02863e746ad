import { createMemoryBackend } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { readObject, updateObject, type ObjectStore, type StoredObject } from "../../src/index.ts";

let pauses: number[];
let store: ObjectStore;
const clock = { now: () => new Date(0), sleep: async (ms: number) => void pauses.push(ms) };
const text = (found: StoredObject | undefined) => (found ? Buffer.from(found.bytes).toString() : "");
const update = (mutate: (present: string) => string | undefined, random?: () => number) =>
  updateObject({ store, clock, ...(random ? { random } : {}) }, "a", {
    read: () => readObject(store, "a"),
    attempts: 5,
    mutate: (found) => {
      const next = mutate(text(found));
      return { result: text(found), ...(next === undefined ? {} : { bytes: Buffer.from(next) }) };
    },
  });

beforeEach(() => {
  pauses = [];
  store = createMemoryBackend({ clock }).store;
});

test("an absent object is created, and what mutate saw is returned", async () => {
  expect(await update((present) => `${present}x`)).toMatchObject({ ok: true, result: "", etag: expect.any(String) });
  expect(await update((present) => `${present}y`)).toMatchObject({ ok: true, result: "x" });
  expect(text(await readObject(store, "a"))).toBe("xy");
});
test("of many who update an object at the same time, every change is kept", async () => {
  const letters = ["x", "y", "z"];
  await Promise.all(letters.map((letter) => update((present) => present + letter)));
  expect([...text(await readObject(store, "a"))].toSorted()).toEqual(letters);
});
test("without new bytes nothing is written", async () => {
  expect(await update(() => undefined)).toEqual({ ok: true, result: "" });
  expect(await store.head("a")).toBeUndefined();
});
test("an object that was deleted meanwhile is read again, as absent", async () => {
  await store.put("a", Buffer.from("old"));
  let first = true;
  const seen: string[] = [];
  const { get } = store;
  store = {
    ...store,
    async get(key) {
      const found = await get(key);
      if (first) await store.delete(key);
      first = false;
      return found;
    },
  };
  await update((present) => (seen.push(present), "new"));
  expect(seen).toEqual(["old", ""]);
});
test("when others win every time, each pause is longer and the attempts end", async () => {
  store = { ...store, put: async () => ({ ok: false, reason: "contended" }) };
  expect(await update(() => "x")).toEqual({ ok: false, attempts: 5 });
  expect(pauses).toEqual([10, 20, 40, 80]);
});
test("randomness shortens a pause by half at most", async () => {
  store = { ...store, put: async () => ({ ok: false, reason: "mismatch" }) };
  await update(
    () => "x",
    () => 0,
  );
  expect(pauses).toEqual([5, 10, 20, 40]);
});
