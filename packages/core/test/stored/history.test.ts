import {
  createFaults,
  createMemoryBackend,
  faultyStore,
  openPolicy,
  publishOf,
  stage,
  tagPut,
  type MemoryBackend,
} from "@codebox/testing";
import { systemClock } from "@codebox/system";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  APPLIED_RING,
  createConsumer,
  createPackumentReader,
  findRecord,
  historyKey,
  historyPage,
  HISTORY_SEGMENT,
  indexKey,
  LAYOUT,
  stateOf,
  StoreUnavailable,
  type Change,
  type HistoryEntry,
  type ObjectStore,
  type Packument,
} from "../../src/index.ts";

let backend: MemoryBackend;
beforeEach(() => {
  backend = createMemoryBackend({ clock: systemClock });
});
afterEach(() => backend.close());

const consume = (changes: readonly Change[], store: ObjectStore = backend.store) =>
  createConsumer({ ...backend, store, policy: openPolicy, reader: createPackumentReader(store), clock: systemClock })(
    "wire",
    changes,
  );
const document = async (): Promise<Packument> =>
  (await createPackumentReader(backend.store).read("wire"))?.packument ?? expect.fail("no document");
const published = async () => {
  const first = publishOf("wire", "1.0.0", { tags: ["latest", "next"] });
  await stage(backend.store, first);
  await consume([first]);
};
/** Moves of a tag, each by a change of its own. */
const moves = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => tagPut("wire", "next", "1.0.0", `move-${from + index}`));
/** In batches of 100, the largest of a host. */
const consumeAll = async (changes: readonly Change[], store?: ObjectStore) => {
  for (let at = 0; at < changes.length; at += 100) await consume(changes.slice(at, at + 100), store);
};
/** The whole history, page by page, newest first. */
const wholeHistory = async (limit = 70): Promise<HistoryEntry[]> => {
  const packument = await document();
  const all: HistoryEntry[] = [];
  for (let before: number | undefined = Number.MAX_SAFE_INTEGER; before !== undefined;) {
    const page = await historyPage(backend.store, packument, { before, limit });
    all.push(...page.entries);
    before = page.next;
  }
  return all;
};
const expectWhole = async (count: number) => {
  const sequences = (await wholeHistory()).map(({ sequence }) => sequence);
  expect(sequences).toEqual(Array.from({ length: count }, (_, index) => count - index));
};

describe("the history in the store", () => {
  test("has every record that left the ring, each once and in order, over all pages", async () => {
    await published();
    await consumeAll(moves(900));
    expect((await historyPage(backend.store, await document(), { before: 800, limit: 70 })).entries).toHaveLength(70);
    expect(stateOf(await document()).applied.length).toBeLessThanOrEqual(APPLIED_RING + HISTORY_SEGMENT);
    await expectWhole(901);
  });
  test("an entry says who, when, from, to and why", async () => {
    await published();
    const why = { command: "dist-tag", message: "roll out", run: "https://ci.example/7" };
    await consume([{ ...tagPut("wire", "beta", "1.0.0", "why"), why }]);
    await consumeAll(moves(600));
    const record = await findRecord(backend.store, await document(), ({ id }) => id === "why");
    expect(record).toMatchObject({ by: "alice", type: "tag.put", detail: { tags: { beta: { to: "1.0.0" } } }, why });
  });
  test("a change costs no more writes, except one for every full object of records", async () => {
    await published();
    let puts = 0;
    const store: ObjectStore = {
      ...backend.store,
      put(key, body, options) {
        if (key.startsWith(LAYOUT.history.prefix)) puts++;
        return backend.store.put(key, body, options);
      },
    };
    await consumeAll(moves(900), store);
    // The last batch read a document with 801 changes.
    expect(puts).toBe(Math.floor(801 / HISTORY_SEGMENT));
  });
  test.each(["before", "after"])("a crash %s the object is written loses nothing and doubles nothing", async (when) => {
    await published();
    let crashes = 0;
    const store: ObjectStore = {
      ...backend.store,
      async put(key, body, options) {
        const isHistory = key.startsWith(LAYOUT.history.prefix);
        if (isHistory && when === "before" && crashes++ % 2 === 0) throw new Error("crashed");
        const result = await backend.store.put(key, body, options);
        if (isHistory && when === "after" && crashes++ % 2 === 0) throw new Error("crashed");
        return result;
      },
    };
    const changes = moves(700);
    for (let at = 0; at < changes.length; at += 10) {
      const batch = changes.slice(at, at + 10);
      await consume(batch, store).catch(() => consume(batch, store));
    }
    expect(crashes).toBeGreaterThan(2);
    await expectWhole(701);
  });
  test.each([1, 2, 3])(
    "whatever the store does, no record is lost, doubled or out of order (seed %i)",
    async (seed) => {
      await published();
      const faults = createFaults({ seed, rate: 0.15 });
      const store = faultyStore(backend.store, faults);
      const changes = moves(600);
      for (let at = 0, size = 0; at < changes.length; at += size) {
        size = 1 + Math.floor(faults.random() * 60);
        const batch = changes.slice(at, at + size);
        // As the queue does it: a batch that failed is delivered again until it succeeds.
        for (let delivered = false; !delivered;)
          delivered = await consume(batch, store).then(
            () => true,
            (error: unknown) => (error instanceof StoreUnavailable ? false : Promise.reject(error as Error)),
          );
      }
      await expectWhole(601);
      expect((await wholeHistory()).map(({ id }) => id).toReversed().slice(1)).toEqual(changes.map(({ id }) => id)); // prettier-ignore
    },
  );
  test("a crash between the object and the document: the next consumer stores the same records once", async () => {
    await published();
    await consumeAll(moves(130));
    const store: ObjectStore = {
      ...backend.store,
      put: (key, body, options) =>
        key === indexKey("wire") ? Promise.reject(new Error("crashed")) : backend.store.put(key, body, options),
    };
    const next = moves(1, 130);
    await expect(consume(next, store)).rejects.toThrow("crashed");
    const segment = async () => (await backend.store.get(historyKey("wire", 1))) ?? expect.fail("no object");
    const before = await segment();
    await consume(next);
    expect((await segment()).etag).toBe(before.etag);
    await expectWhole(132);
  });
  test("an object that another line of history filled keeps its records beside ours", async () => {
    await published();
    const stale = await backend.store.get(indexKey("wire"));
    await consumeAll(moves(300));
    if (stale?.notModified !== false) throw new Error("no document");
    await backend.store.put(indexKey("wire"), stale.bytes);
    const others = moves(600).map((change) => ({ ...change, id: `other-${change.id}` }));
    await consumeAll(others);
    const ids = (await wholeHistory()).map(({ id }) => id);
    for (let index = 0; index < 127; index++) expect(ids).toContain(`move-${index}`);
    for (const { id } of others) expect(ids).toContain(id);
  });
  test("a change of many tags has its detail in an object of its own, named in the document by its digest", async () => {
    await published();
    const tags = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`tag-${index}`, "1.0.0"]));
    const { tag: _, version: __, ...rest } = tagPut("wire", "x", "1.0.0", "many");
    await consume([{ ...rest, type: "tags.merge", tags }]);
    expect(stateOf(await document()).applied.at(-1)).toMatchObject({ id: "many", detailIn: { of: ["tags"] } });
    const [entry] = await wholeHistory();
    expect(Object.keys(entry?.tags ?? {})).toHaveLength(200);
  });
  test("what a search does not find within its bound is said to be too far", async () => {
    await published();
    await consumeAll(moves(700));
    const packument = await document();
    expect(await findRecord(backend.store, packument, ({ id }) => id === "nobody")).toBeUndefined();
    const far = { ...packument, _codebox: { ...stateOf(packument), archived: { from: 1, to: 10_000_000 } } };
    const ring = stateOf(packument).applied.map((record) => ({ ...record, sequence: record.sequence + 9_000_000 }));
    const moved = { ...far, _codebox: { ...far._codebox, applied: ring } };
    expect(await findRecord(backend.store, moved, ({ id }) => id === "nobody")).toBe("too far");
  });
});
