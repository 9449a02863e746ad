import { systemClock } from "@codebox/system";
import {
  createMemoryBackend,
  type MemoryBackend,
  changeOf,
  countingStore,
  publishOf,
  stage,
  tagPut,
  openPolicy,
} from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createConsumer,
  createPackumentReader,
  indexKey,
  parsePackument,
  stateOf,
  StoreUnavailable,
  type Change,
  type ChangeEvent,
  type ObjectStore,
  type Packument,
} from "../../src/index.ts";

let embedded: MemoryBackend;
let emitted: ChangeEvent[];
beforeEach(async () => {
  embedded = createMemoryBackend({ clock: systemClock });
  emitted = [];
});
afterEach(() => embedded.close());

const consumerOver = (store: ObjectStore) =>
  createConsumer({
    store,
    policy: openPolicy,
    events: { publish: async (events) => void emitted.push(...events) },
    outcomes: embedded.outcomes,
    reader: createPackumentReader(store),
    clock: { ...systemClock, sleep: async () => {} },
  });
const document = async (): Promise<Packument> => {
  const found = await embedded.store.get(indexKey("wire"));
  return found?.notModified === false ? parsePackument("wire", found.bytes) : expect.fail("no document");
};
/** The predecessor: what it read, altered, and written whole whenever it comes to it. */
const foreignRead = async (tag: string) => {
  const read = await document();
  const altered = { ...read, "dist-tags": { ...read["dist-tags"], [tag]: "1.0.0" } };
  return () => embedded.store.put(indexKey("wire"), Buffer.from(JSON.stringify(altered)));
};
const tagsOf = async () => Object.keys((await document())["dist-tags"]).toSorted();
const historyOf = async () => stateOf(await document()).applied.map(({ id, sequence }) => [id, sequence]);

/** A consumer that has published 1.0.0. */
async function warm(store: ObjectStore = embedded.store) {
  const consumer = consumerOver(store);
  const first = publishOf("wire", "1.0.0", { id: "first" });
  await stage(embedded.store, first);
  await consumer("wire", [first]);
  return (...changes: readonly Change[]) => consumer("wire", changes);
}
const put = (tag: string) => tagPut("wire", tag, "1.0.0", tag);

describe("after a foreign writer put the document back to before our last changes", () => {
  test("the next batch brings them back beside its edit, with one read and one write", async () => {
    const store = countingStore(embedded.store);
    const consume = await warm(store);
    const overwrite = await foreignRead("foreign");
    await consume(put("a"));
    await consume(put("b"));
    await overwrite();
    store.calls.splice(0);
    await consume(put("c"));
    expect(store.calls.map(({ operation }) => operation)).toEqual(["get", "put"]);
    expect(await tagsOf()).toEqual(["a", "b", "c", "foreign", "latest"]);
    expect(await historyOf()).toEqual([
      ["first", 1],
      ["a", 2],
      ["b", 3],
      ["c", 4],
    ]);
  });
  test.each([
    ["is delivered again", () => put("a"), "applied"],
    ["is refused", () => tagPut("wire", "next", "9.0.0"), "rejected"],
  ] as const)("a batch that %s brings them back, too", async (_, change, state) => {
    const consume = await warm();
    const overwrite = await foreignRead("foreign");
    await consume(put("a"));
    await overwrite();
    expect(await consume(change())).toMatchObject([{ state }]);
    expect(await tagsOf()).toEqual(["a", "foreign", "latest"]);
  });
  test("a publish is there again, and an unpublished version is not", async () => {
    const consume = await warm();
    const second = publishOf("wire", "2.0.0");
    const third = publishOf("wire", "3.0.0");
    for (const change of [second, third]) await stage(embedded.store, change);
    await consume(second);
    const overwrite = await foreignRead("foreign");
    await consume(third, changeOf("unpublish.versions", "wire", { versions: ["2.0.0"] }));
    await overwrite();
    await consume(put("a"));
    expect(Object.keys((await document()).versions)).toEqual(["1.0.0", "3.0.0"]);
    expect((await document())["dist-tags"]["latest"]).toBe("3.0.0");
  });
  test("no event goes out twice, and the sequence has no gap", async () => {
    const consume = await warm();
    const overwrite = await foreignRead("foreign");
    await consume(put("a"), put("b"));
    await overwrite();
    await consume(put("c"));
    expect(emitted.map(({ id, sequence }) => [id, sequence])).toEqual(await historyOf());
  });
  test("they come back although the writer comes between read and write, time and again", async () => {
    let overwrite: (() => Promise<unknown>) | undefined;
    let lost = 0;
    const store: ObjectStore = {
      ...embedded.store,
      async put(key, body, options) {
        if (key === indexKey("wire") && overwrite && ++lost <= 3) await overwrite();
        return embedded.store.put(key, body, options);
      },
    };
    const consume = await warm(store);
    const stale = await foreignRead("foreign");
    await consume(put("a"));
    overwrite = stale;
    await consume(put("b"));
    expect(lost).toBeGreaterThan(1);
    expect(await tagsOf()).toEqual(["a", "b", "foreign", "latest"]);
  });
  test("a batch that fails does not forget them", async () => {
    let down = false;
    const store: ObjectStore = {
      ...embedded.store,
      put: (...given) => (down ? Promise.reject(new StoreUnavailable("down")) : embedded.store.put(...given)),
    };
    const consume = await warm(store);
    const overwrite = await foreignRead("foreign");
    await consume(put("a"));
    await overwrite();
    down = true;
    await expect(consume(put("b"))).rejects.toThrow("down");
    down = false;
    await consume(put("b"));
    expect(await tagsOf()).toEqual(["a", "b", "foreign", "latest"]);
  });
  test("a consumer that has just started knows nothing of them; the one that wrote them brings them back later", async () => {
    const consume = await warm();
    const overwrite = await foreignRead("foreign");
    await consume(put("a"));
    await overwrite();
    await consumerOver(embedded.store)("wire", [put("b")]);
    expect(await tagsOf()).toEqual(["b", "foreign", "latest"]);
    await consume(put("c"));
    expect(await tagsOf()).toEqual(["a", "b", "c", "foreign", "latest"]);
    expect(await historyOf()).toEqual([
      ["first", 1],
      ["b", 2],
      ["a", 3],
      ["c", 4],
    ]);
    expect(new Set(emitted.map(({ sequence }) => sequence))).toEqual(new Set([1, 2, 3, 4]));
  });
});

test("a foreign write over our last one costs no write of ours", async () => {
  const store = countingStore(embedded.store);
  const consume = await warm(store);
  await (
    await foreignRead("foreign")
  )();
  store.calls.splice(0);
  await consume(tagPut("wire", "next", "9.0.0"));
  expect(store.calls.map(({ operation }) => operation)).toEqual(["get"]);
});
