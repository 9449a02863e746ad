import { createMemoryBackend } from "@codebox/testing";
import { expect, test } from "vitest";
import { StoreUnavailable, type ObjectStore } from "../../src/index.ts";
import { updateObject } from "../../src/write/update-object.ts";

const pauses: number[] = [];
const clock = { now: () => new Date(0), sleep: async (ms: number) => void pauses.push(ms) };
const text = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString() : "");

test("of two who update an object at a time, both changes are kept", async () => {
  const { store } = createMemoryBackend({ clock });
  const append = (letter: string) =>
    updateObject(store, "a", (present) => Buffer.from(text(present) + letter), { clock });
  await Promise.all([append("x"), append("y")]);
  const found = await store.get("a");
  expect(found?.modifiedSince && [...text(found.bytes)].toSorted()).toEqual(["x", "y"]);
});

test("an object that stays as it is is not written", async () => {
  const { store } = createMemoryBackend({ clock });
  await updateObject(store, "a", () => undefined, { clock });
  expect(await store.head("a")).toBeUndefined();
});

test("when others win every time, it pauses longer each time and gives up", async () => {
  pauses.length = 0;
  const put: ObjectStore["put"] = async () => ({ ok: false, reason: "contended" });
  const store = { get: async () => undefined, put };
  await expect(updateObject(store, "a", () => Buffer.from("x"), { clock })).rejects.toBeInstanceOf(StoreUnavailable);
  expect(pauses).toEqual([20, 40, 80, 160]);
});
