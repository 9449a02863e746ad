import { fail, openPolicy } from "@codebox/testing";
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createConsumer,
  createPackumentReader,
  indexKey,
  stagingKey,
  StoreUnavailable,
  upstreamKey,
} from "@codebox/core";
import { countingStore, manualClock, publishOf, stage, tagPut } from "@codebox/testing";
import { eventOf } from "@codebox/testing/contracts";
import { openDatabase } from "../src/database.ts";
import { LAZY_MS } from "../src/writer.ts";
import { bury } from "./dead-letters.ts";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { createWorker } from "@codebox/core";
import { systemClock } from "@codebox/system";
import { keepSwept, sweep } from "@codebox/core";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "codebox-durability-"));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

const file = () => join(directory, "codebox.db");
const open = () => openSqlite({ directory, onFailure: fail, clock: systemClock });
const lines = async () =>
  (await readFile(join(directory, "events.jsonl"), "utf8")).split("\n").filter((line) => line !== "");

describe("the database", () => {
  test("a job that throws is undone alone; its neighbours in the same commit stand", async () => {
    const database = openDatabase(file());
    const insert = (id: string) => database.run("INSERT INTO dead_letters VALUES (?, 'wire', '{}', 'r', 1, 0)", id);
    const results = await Promise.allSettled([
      database.write(() => insert("a")),
      database.write(() => {
        insert("b");
        throw new Error("no");
      }),
      database.write(() => insert("c")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(database.all("SELECT id FROM dead_letters ORDER BY id").map(({ id }) => id)).toEqual(["a", "c"]);
    await database.close();
  });
  test("a lazy job is durable in the end, also when nothing follows it", async () => {
    const database = openDatabase(file());
    await database.writeLazily(() => database.run("INSERT INTO dead_letters VALUES ('a', 'wire', '{}', 'r', 1, 0)"));
    await database.close();
    const again = openDatabase(file());
    expect(again.all("SELECT id FROM dead_letters")).toHaveLength(1);
    await again.close();
  });
  test("a lazy job waits its whole time for others, however soon the jobs before it were written", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const database = openDatabase(":memory:");
    const written: string[] = [];
    const job = (name: string) => () => void written.push(name);
    const lazy = database.writeLazily(job("lazy"));
    await database.write(job("eager"));
    await lazy;
    vi.advanceTimersByTime(LAZY_MS - 1);
    const next = database.writeLazily(job("next"));
    vi.advanceTimersByTime(LAZY_MS - 1);
    expect(written).toEqual(["lazy", "eager"]);
    vi.advanceTimersByTime(1);
    await next;
    expect(written).toEqual(["lazy", "eager", "next"]);
    await database.close();
  });
  test("a second process on the same directory is refused with the reason", async () => {
    const database = openDatabase(file());
    expect(() => openDatabase(file())).toThrow("another process uses the data directory");
    await database.close();
  });
  test("a directory of a newer version is refused", async () => {
    const database = openDatabase(file());
    await database.write(() => database.run("PRAGMA user_version = 99"));
    await database.close();
    expect(() => openDatabase(file())).toThrow("written by a newer codebox");
  });
});

describe("the sweep", () => {
  const DAY = 24 * 3_600_000;
  const sweptAfter = async (days: number, old: string, young: string) => {
    const clock = manualClock();
    const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
    await embedded.store.put(old, Buffer.from("1"));
    await embedded.store.put("wire/index.json", Buffer.from("{}"));
    await clock.advance(DAY);
    await embedded.store.put(young, Buffer.from("1"));
    await clock.advance((days - 1) * DAY + 1);
    await sweep({ ...embedded, clock }, new AbortController().signal);
    const left = (await embedded.store.list("")).objects.map(({ key }) => key);
    await embedded.close();
    return left;
  };
  test("takes a staged tarball that nobody published for 30 days, and leaves a younger one", async () => {
    expect(await sweptAfter(30, stagingKey("old"), stagingKey("young"))).toEqual([
      stagingKey("young"),
      "wire/index.json",
    ]);
  });
  test("leaves a staged tarball, however old, that a waiting change or a dead letter needs", async () => {
    const clock = manualClock();
    const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
    const [waiting, dead] = [publishOf("wire", "1.0.0"), publishOf("other", "1.0.0")];
    for (const change of [waiting, dead]) {
      await stage(embedded.store, change);
      await embedded.queue.send(change);
    }
    await bury(embedded, dead);
    expect(await Array.fromAsync(embedded.queue.list())).toMatchObject([{ id: dead.id }]);
    await clock.advance(100 * DAY);
    await sweep({ ...embedded, clock }, new AbortController().signal);
    const left = (await embedded.store.list("")).objects.map(({ key }) => key);
    expect(left.toSorted()).toEqual([waiting.tarball.staging, dead.tarball.staging].toSorted());
    await embedded.close();
  });
  test("takes what came from the upstream 90 days ago, as the bucket does on AWS", async () => {
    const [old, young] = [upstreamKey("a", "full.json"), upstreamKey("b", "full.json")];
    expect(await sweptAfter(90, old, young)).toEqual([young, "wire/index.json"]);
  });
  test("comes once a day while the server runs, continues after a failure, and ends with it", async () => {
    const clock = manualClock();
    const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
    const stop = new AbortController();
    const failures: unknown[] = [];
    let listings = 0;
    const list: SqliteBackend["store"]["list"] = async (prefix, cursor) => {
      if (prefix === stagingKey("") && ++listings === 1) throw new StoreUnavailable("busy");
      return embedded.store.list(prefix, cursor);
    };
    const swept = keepSwept({ ...embedded, store: { ...embedded.store, list }, clock }, stop.signal, (error) =>
      failures.push(error),
    );
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    await clock.advance(DAY);
    await vi.waitFor(() => expect(listings).toBe(2));
    stop.abort();
    await swept;
    await embedded.close();
  });
});

describe("after a restart", () => {
  test("objects, queue, events and tokens are as they were", async () => {
    const first = await open();
    await first.store.put("a", Buffer.from("1"));
    await first.queue.send(tagPut("wire", "next", "1.0.0", "x"));
    await first.events.publish([eventOf("e", 1)]);
    await first.tokens.put({ hash: "h", user: "alice", readonly: true, label: "l", created: "c" });
    await first.close();
    const second = await open();
    expect(await second.store.head("a")).toMatchObject({ size: 1 });
    const batch = await second.queue.receive({ max: 10, signal: AbortSignal.timeout(5_000) });
    expect(batch?.messages.map(({ change }) => change.id)).toEqual(["x"]);
    expect(await second.events.read(0, 10)).toHaveLength(1);
    expect(await second.tokens.find("h")).toMatchObject({ user: "alice", readonly: true });
    await second.close();
  });
  test("bytes of an upload that never ended are gone", async () => {
    const first = await open();
    await first.store.put("a", Buffer.alloc(300_000, "a"));
    await first.close();
    await writeFile(join(directory, "blobs", "left-over"), "half");
    const second = await open();
    expect(await readdir(join(directory, "blobs"))).toHaveLength(1);
    expect(await second.store.get("a")).toMatchObject({ size: 300_000, notModified: false });
    await second.close();
  });
  test("a torn last line of the event file is repaired, and each event is in it once", async () => {
    const first = await open();
    await first.events.publish([eventOf("a", 1), eventOf("b", 2)]);
    await first.close();
    const [one = ""] = await lines();
    await truncate(join(directory, "events.jsonl"), one.length + 20);
    const second = await open();
    await second.events.publish([eventOf("c", 3)]);
    await second.close();
    expect((await lines()).map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(["a", "b", "c"]);
  });
  test.each([
    ["an empty line", "\n"],
    ["a line of somebody else", "# looked at on Monday\n"],
    ["a line of JSON that is no event", "null\n"],
    ["an event of another registry", '{"id":"theirs"}\n'],
  ])("an event file that ends with %s is written again from the database", async (_, line) => {
    const first = await open();
    await first.events.publish([eventOf("a", 1), eventOf("b", 2)]);
    await first.close();
    await appendFile(join(directory, "events.jsonl"), line);
    const second = await open();
    await second.events.publish([eventOf("c", 3)]);
    await second.close();
    expect((await lines()).map((entry) => (JSON.parse(entry) as { id: string }).id)).toEqual(["a", "b", "c"]);
  });
  test("an event file that was taken away is written again", async () => {
    const first = await open();
    await first.events.publish([eventOf("a", 1)]);
    await first.close();
    await rm(join(directory, "events.jsonl"));
    const second = await open();
    await second.close();
    expect(await lines()).toHaveLength(1);
  });
});

test("10,000 changes queued for 1,000 packages drain with at most one GET and one PUT a package batch", async () => {
  const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
  const store = countingStore(embedded.store);
  const consume = createConsumer({
    ...embedded,
    policy: openPolicy,
    store,
    reader: createPackumentReader(store),
    clock: systemClock,
  });
  const names = Array.from({ length: 1_000 }, (_, index) => `wire-${index}`);
  for (const name of names) {
    const change = publishOf(name, "1.0.0");
    await stage(embedded.store, change);
    await consume(name, [change]);
  }
  await Promise.all(
    names.flatMap((name) =>
      Array.from({ length: 10 }, (_, index) => embedded.queue.send(tagPut(name, `tag-${index}`, "1.0.0"))),
    ),
  );
  store.calls.length = 0;
  let batches = 0;
  const consumer: typeof consume = (name, changes) => {
    batches++;
    return consume(name, changes);
  };
  const worker = createWorker({
    queue: embedded.queue,
    consumer,
    concurrency: 16,
    onFailure: (error) => expect.fail(String(error)),
  });
  worker.start();
  await worker.drain();

  const count = (operation: string) => store.calls.filter((call) => call.operation === operation).length;
  expect(batches).toBe(1_000);
  expect({ get: count("get"), put: count("put"), all: store.calls.length }).toEqual({
    get: 1_000,
    put: 1_000,
    all: 2_000,
  });
  for (const name of names.slice(0, 5)) {
    const found = await embedded.store.get(indexKey(name));
    const tags =
      found?.notModified === false
        ? (JSON.parse(Buffer.from(found.bytes).toString()) as { "dist-tags": object })["dist-tags"]
        : {};
    expect(Object.keys(tags)).toHaveLength(11);
  }
  await embedded.close();
});
