import { open as openFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@codebox/system";
import { tagPut } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { temporary } from "./temporary.ts";

let directory: string;
const failures: unknown[] = [];
const open = () => openSqlite({ directory, clock: systemClock, onFailure: (error) => failures.push(error) });
beforeEach(async () => {
  failures.length = 0;
  directory = await temporary();
});
afterEach(() => rm(directory, { recursive: true }));

const problem = (name: string) => ({ name: "StoreUnavailable", problem: name });
const keyOf = (number: number) => `wire-${String(number).padStart(4, "0")}/index.json`;

/** Fills the table of objects, so that it has many pages. */
async function fill(backend: SqliteBackend): Promise<void> {
  const keys = Array.from({ length: 400 }, (_, number) => keyOf(number));
  await Promise.all(keys.map((key) => backend.store.put(key, Buffer.alloc(500, "x"))));
}

/** Overwrites the page of the database that has the text. */
async function damagePageOf(text: string): Promise<void> {
  const file = join(directory, "codebox.db");
  const bytes = await readFile(file);
  const size = bytes.readUInt16BE(16);
  const handle = await openFile(file, "r+");
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    const start = Math.floor(at / size) * size;
    await handle.write(Buffer.alloc(size, 0xff), 0, size, start);
  }
  await handle.close();
}

describe("a damaged page", () => {
  test("fails what needs it, and nothing else", async () => {
    const first = await open();
    await fill(first);
    await first.close();
    await damagePageOf(keyOf(200));
    const second = await open();
    await expect(second.store.get(keyOf(200))).rejects.toMatchObject(problem("damaged"));
    expect(await second.store.get(keyOf(0))).toMatchObject({ size: 500 });
    const results = await Promise.allSettled([
      second.store.put(keyOf(200), Buffer.from("new")),
      second.store.put(keyOf(0), Buffer.from("new")),
    ]);
    expect(results).toMatchObject([
      { status: "rejected", reason: problem("damaged") },
      { status: "fulfilled", value: { ok: true } },
    ]);
    await second.checkWritable?.();
    await second.close();
  });
  test("in the head of the file is refused at the start, with what to do", async () => {
    const first = await open();
    await first.close();
    await writeFile(join(directory, "codebox.db"), Buffer.alloc(8_192, 0xff));
    await expect(open()).rejects.toThrow("restore it from a backup");
  });
});

describe("a disk that refuses writes", () => {
  test("fails writes with the reason; reading goes on, health says so, and it recovers without a restart", async () => {
    const backend = await open();
    await backend.store.put("small", Buffer.from("1"));
    await backend.store.put("large", Buffer.alloc(300_000));
    // SQLite's own switch stands for a disk that was remounted read-only.
    backend.database.get("PRAGMA query_only = 1");
    await expect(backend.store.put("small", Buffer.from("2"))).rejects.toMatchObject(problem("refused"));
    await expect(backend.queue.send(tagPut("wire", "next", "1.0.0"))).rejects.toMatchObject(problem("refused"));
    expect(await backend.store.get("small")).toMatchObject({ size: 1 });
    expect(await backend.store.get("large")).toMatchObject({ size: 300_000 });
    await expect(backend.checkWritable?.()).rejects.toMatchObject(problem("refused"));
    backend.database.get("PRAGMA query_only = 0");
    await backend.checkWritable?.();
    expect(await backend.store.put("small", Buffer.from("2"))).toMatchObject({ ok: true });
    await backend.close();
  });
});
