import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { temporary } from "./temporary.ts";

const BUDGET = 8 * 1024 * 1024;
const LARGE = 600_000;

let directory: string;
let backend: SqliteBackend;
beforeEach(async () => {
  directory = await temporary();
  backend = await openSqlite({ directory, clock: systemClock, onFailure: fail, memoryBytes: BUDGET });
});
afterEach(async () => {
  await backend.close();
  await rm(directory, { recursive: true });
});

const filled = (size: number, text: string) => Buffer.alloc(size, text);
async function read(key: string, range?: { start: number; end?: number }): Promise<Buffer | undefined> {
  const found = await backend.store.open(key, range);
  const bytes = found && Buffer.concat(await Array.fromAsync(found.body));
  if (found?.bytes) expect(Buffer.from(found.bytes).equals(bytes ?? Buffer.alloc(0))).toBe(true);
  return bytes;
}
const removeFiles = async () => {
  for (const file of await readdir(join(directory, "blobs"))) await rm(join(directory, "blobs", file));
};

test("an object that was opened is read from memory, also a range of it, also when its file is gone", async () => {
  await backend.store.put("a", filled(LARGE, "ab"));
  expect(await read("a")).toHaveLength(LARGE);
  await removeFiles();
  expect((await read("a"))?.equals(filled(LARGE, "ab"))).toBe(true);
  expect((await read("a", { start: 2, end: 5 }))?.toString()).toBe("abab");
});
test.each([
  ["small", 10],
  ["large", LARGE],
])("a %s object that is written, copied over or deleted is never read as it was", async (_, size) => {
  await backend.store.put("a", filled(size, "1"));
  expect((await read("a"))?.[0]).toBe(0x31);
  await backend.store.put("a", filled(size, "2"));
  expect((await read("a"))?.[0]).toBe(0x32);
  await backend.store.put("b", filled(size, "3"));
  await backend.store.copy("b", "a");
  expect((await read("a"))?.[0]).toBe(0x33);
  expect((await backend.store.head("a"))?.etag).toBe((await backend.store.head("b"))?.etag);
  await backend.store.delete("a");
  expect(await read("a")).toBeUndefined();
  expect(await backend.store.head("a")).toBeUndefined();
});
test("what is read while its object is replaced is not kept", async () => {
  await backend.store.put("a", filled(LARGE, "1"));
  const opening = backend.store.open("a");
  await backend.store.put("a", filled(LARGE, "2"));
  await opening;
  expect((await read("a"))?.[0]).toBe(0x32);
});
test("a write that is refused or undone changes nothing of what is read", async () => {
  await backend.store.put("a", filled(10, "1"));
  await read("a");
  await backend.store.put("a", filled(10, "2"), { condition: { ifNoneMatch: "*" } });
  await backend.database.write(() => Promise.reject(new Error("undone"))).catch(() => {});
  expect((await read("a"))?.[0]).toBe(0x31);
});
test("an object that is large for the budget is streamed, and the bytes in use are bounded", async () => {
  await backend.store.put("large", filled(BUDGET / 4, "x"));
  expect((await backend.store.open("large"))?.bytes).toBeUndefined();
  // Slow clients hold what they were given.
  const held: (Uint8Array | undefined)[] = [];
  for (let number = 0; number < 40; number++) {
    await backend.store.put(`${number}`, filled(LARGE, "x"));
    const found = await backend.store.open(`${number}`);
    held.push(found?.bytes);
    await found?.body[Symbol.asyncIterator]().return?.();
  }
  const bytes = held.reduce((sum, each) => sum + (each?.byteLength ?? 0), 0);
  expect(bytes).toBeGreaterThan(BUDGET);
  expect(bytes).toBeLessThanOrEqual(2 * BUDGET);
});
