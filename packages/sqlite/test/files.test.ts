import { readdir, readlink, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { temporary } from "./temporary.ts";

const LARGE = Buffer.alloc(2_000_000, "0123456789");

let directory: string;
let backend: SqliteBackend;
beforeEach(async () => {
  directory = await temporary();
  backend = await openSqlite({ directory, clock: systemClock, onFailure: fail });
  await backend.store.put("large", LARGE);
});
afterEach(async () => {
  await backend.close();
  await rm(directory, { recursive: true });
});

const blobs = () => readdir(join(directory, "blobs"));
const changes = () => backend.database.get("SELECT total_changes() AS n")?.["n"];
async function open(range?: { start: number; end?: number }) {
  const found = await backend.store.open("large", range);
  if (!found) throw new Error("missing");
  return found.body;
}
const collect = async (body: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(body));
/** The files under blobs/ that this process has open. */
async function openFiles(): Promise<string[]> {
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return links.filter((link) => link.includes(`${directory}/blobs/`));
}

test("reading a large object writes nothing", async () => {
  const before = { changes: changes(), blobs: await blobs() };
  expect((await collect(await open())).equals(LARGE)).toBe(true);
  expect((await collect(await open({ start: 300_000, end: 700_000 }))).equals(LARGE.subarray(300_000, 700_001))).toBe(
    true,
  );
  await backend.store.get("large");
  expect({ changes: changes(), blobs: await blobs() }).toEqual(before);
});

test("an object that is replaced or deleted while it is read is read to its end, and its file goes", async () => {
  const first = await open();
  await backend.store.put("large", Buffer.alloc(300_000, "x"));
  const second = await open();
  await backend.store.delete("large");
  expect(await blobs()).toEqual([]);
  expect((await collect(first)).equals(LARGE)).toBe(true);
  expect((await collect(second)).length).toBe(300_000);
});

test("a copy shares the file, which goes with the last object that names it", async () => {
  await backend.store.copy("large", "copy");
  expect(await blobs()).toHaveLength(1);
  await backend.store.delete("large");
  expect(await blobs()).toHaveLength(1);
  await backend.store.delete("copy");
  expect(await blobs()).toEqual([]);
});

test("a refused write leaves no file", async () => {
  expect(await backend.store.put("large", LARGE, { condition: { ifNoneMatch: "*" } })).toMatchObject({ ok: false });
  expect(await blobs()).toHaveLength(1);
});

test("a small object that is streamed needs no file", async () => {
  async function* pieces() {
    yield Buffer.from("one ");
    yield Buffer.from("two");
  }
  await backend.store.put("small", pieces());
  expect(await blobs()).toHaveLength(1);
  const found = await backend.store.get("small");
  expect(found?.notModified === false && Buffer.from(found.bytes).toString()).toBe("one two");
});

test("a body whose sender must stop is ended when its file can't be written", async () => {
  let ended = false;
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(100_000);
    } finally {
      ended = true;
    }
  }
  await rm(join(directory, "blobs"), { recursive: true });
  await expect(backend.store.put("more", endless())).rejects.toMatchObject({ name: "StoreUnavailable" });
  expect(ended).toBe(true);
});

test("an object whose file is missing or cut is damaged, and no other one is", async () => {
  await backend.store.put("other", LARGE);
  const [file = ""] = await blobs();
  await truncate(join(directory, "blobs", file), 1_000);
  const read = async (key: string) => {
    const found = await backend.store.open(key);
    return found && (await collect(found.body)).length;
  };
  const results = await Promise.allSettled([read("large"), read("other")]);
  expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  await rm(join(directory, "blobs", file));
  const again = await Promise.allSettled([backend.store.get("large"), backend.store.get("other")]);
  const refused = again.find((result) => result.status === "rejected");
  expect(refused?.reason).toMatchObject({ name: "StoreUnavailable", problem: "damaged" });
  expect(again.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
});

test.runIf(process.platform === "linux")(
  "a reader that goes away before, during or after its reading lets go of the file",
  async () => {
    await collect(await open());
    for await (const _ of await open()) break;
    const never = (await open())[Symbol.asyncIterator]();
    expect(await openFiles()).toHaveLength(1);
    await never.return?.();
    const begun = (await open())[Symbol.asyncIterator]();
    // Asked to stop while a piece is being read.
    const piece = begun.next();
    await begun.return?.();
    await piece;
    expect(await openFiles()).toEqual([]);
  },
);
