import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createConsumer, createWorker } from "@codebox/core";
import { systemClock } from "@codebox/system";
import { openPolicy, publishOf, stage, tagPut } from "@codebox/testing";
import { eventOf } from "@codebox/testing/contracts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { temporary } from "./temporary.ts";

let directory: string;
let backend: SqliteBackend;
const failures: unknown[] = [];
const open = () => openSqlite({ directory, clock: systemClock, onFailure: (error) => failures.push(error) });
beforeEach(async () => {
  failures.length = 0;
  directory = await temporary();
  backend = await open();
});
afterEach(async () => {
  await backend.close();
  await rm(directory, { recursive: true });
});

/** SQLite's own limit stands for a full disk: no page more than there are. */
async function fill(): Promise<void> {
  const { database } = backend;
  const pages = Number(database.get("PRAGMA page_count")?.["page_count"]);
  database.get(`PRAGMA max_page_count = ${pages}`);
}
const makeSpace = () => backend.database.get("PRAGMA max_page_count = 1000000");
const SMALL = Buffer.alloc(200_000, "s");
const full = { name: "StoreUnavailable", problem: "full", message: expect.stringContaining("disk") as string };

describe("on a full disk", () => {
  test("a write fails with a message about the disk, and works again once there is space, without a restart", async () => {
    await fill();
    await expect(backend.store.put("a", SMALL)).rejects.toMatchObject(full);
    await expect(backend.store.put("a", SMALL)).rejects.toMatchObject(full);
    makeSpace();
    expect(await backend.store.put("a", SMALL)).toMatchObject({ ok: true });
  });
  test("everything that is stored can be read, also large objects", async () => {
    await backend.store.put("small", SMALL);
    await backend.store.put("large", Buffer.alloc(2_000_000));
    await fill();
    await expect(backend.store.put("a", SMALL)).rejects.toMatchObject(full);
    expect(await backend.store.get("small")).toMatchObject({ size: 200_000 });
    const found = await backend.store.open("large");
    expect(Buffer.concat(await Array.fromAsync(found?.body ?? [])).length).toBe(2_000_000);
  });
  test("a large object that can't be stored leaves no file", async () => {
    await fill();
    const keys = Array.from({ length: 50 }, (_, index) => `${"k".repeat(200)}${index}`);
    const results = await Promise.allSettled(keys.map((key) => backend.store.put(key, Buffer.alloc(300_000))));
    expect(results.map(({ status }) => status)).toContain("rejected");
    const stored = await backend.store.list("");
    expect(await readdir(join(directory, "blobs"))).toHaveLength(stored.objects.length);
  });
  test("health says so until writing works again", async () => {
    await expect(backend.checkWritable?.()).resolves.toBeUndefined();
    await fill();
    await expect(backend.store.put("a", SMALL)).rejects.toMatchObject(full);
    await expect(backend.checkWritable?.()).rejects.toMatchObject(full);
    makeSpace();
    await expect(backend.checkWritable?.()).resolves.toBeUndefined();
    expect(await readdir(join(directory, "blobs"))).toEqual([]);
  });
  test("events that are published wait for space, are read then, and do not hold up a reader meanwhile", async () => {
    await backend.events.publish([eventOf("a", 1)]);
    expect(await backend.events.read(0, 10)).toHaveLength(1);
    await fill();
    const large = { ...eventOf("b", 2), data: { readme: "x".repeat(100_000) } };
    await backend.events.publish([large]);
    await expect(backend.store.put("a", SMALL)).rejects.toMatchObject(full);
    expect(await backend.events.read(0, 10)).toHaveLength(1);
    makeSpace();
    await backend.store.put("a", SMALL);
    expect((await backend.events.read(0, 10)).map(({ event }) => event.id)).toEqual(["a", "b"]);
  });
  test("what waits for space when the registry stops does not hold up the stop, and is reported", async () => {
    await fill();
    await backend.events.publish([{ ...eventOf("b", 1), data: { readme: "x".repeat(100_000) } }]);
    await backend.close();
    expect(failures).toMatchObject([full]);
    backend = await open();
  });
  test("an accepted change stays queued, and is applied once when there is space", async () => {
    const consumer = createConsumer({ ...backend, policy: openPolicy, clock: systemClock });
    const publish = publishOf("wire", "1.0.0");
    await stage(backend.store, publish);
    await consumer("wire", [publish]);
    for (let index = 0; index < 30; index++)
      await backend.queue.send(tagPut("wire", `t-${index}`, "1.0.0", `${index}`));
    await fill();
    const worker = createWorker({
      queue: backend.queue,
      consumer: async (name, changes) => {
        await backend.store.put("more", Buffer.alloc(250_000, "m"));
        return consumer(name, changes);
      },
      concurrency: 1,
      onFailure: (error) => failures.push(error),
    });
    worker.start();
    await vi.waitFor(() => expect(failures.length).toBeGreaterThan(1));
    expect(failures[0]).toMatchObject(full);
    makeSpace();
    await vi.waitFor(async () => expect((await backend.events.read(0, 100)).length).toBe(31), 20_000);
    await worker.drain();
    const sequences = (await backend.events.read(0, 100)).map(({ event }) => event.sequence);
    expect(sequences).toEqual(Array.from({ length: 31 }, (_, index) => index + 1));
  });
});
