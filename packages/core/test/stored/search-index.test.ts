import { systemClock } from "@codebox/system";
import { countingStore, createMemoryBackend, indexedOf } from "@codebox/testing";
import { searchIndexContract } from "@codebox/testing/contracts";
import { describe, expect, test } from "vitest";
import { createStoredSearchIndex, searchKeys, type ObjectStore, type SearchIndex } from "../../src/index.ts";

const open = () => {
  const backend = createMemoryBackend({ clock: systemClock });
  return { store: backend.store, [Symbol.asyncDispose]: () => backend.close() };
};
const indexOver = (store: Pick<ObjectStore, "get" | "put">) => createStoredSearchIndex({ store, clock: systemClock });
const search = async (index: SearchIndex, text: string) =>
  (await index.query({ text, from: 0, size: 20, mayRead: () => true })).hits.map(({ name }) => name);
const many = (count: number, label = "wire") => Array.from({ length: count }, (_, at) => indexedOf(`${label}-${at}`));
async function* once(packages: ReturnType<typeof many>) {
  yield packages;
}

describe("over any store", () =>
  searchIndexContract(async () => {
    const { store, ...fixture } = open();
    return { ...fixture, index: indexOver(store) };
  }));

describe("the stored index", () => {
  test("is read with two reads, and with no bytes when nothing has changed", async () => {
    await using fixture = open();
    await indexOver(fixture.store).rebuild(once(many(50)));
    await indexOver(fixture.store).put([indexedOf("cable")]);
    const store = countingStore(fixture.store);
    const index = indexOver(store);
    const answers: boolean[] = [];
    const get: ObjectStore["get"] = async (...args) => {
      const found = await store.get(...args);
      answers.push(found?.notModified === true);
      return found;
    };
    const reading = indexOver({ ...store, get });
    for (let time = 0; time < 2; time++) expect(await search(reading, "cable")).toEqual(["cable"]);
    expect(answers).toEqual([false, false, true, true]);
    expect(await search(index, "wire-7")).toEqual(["wire-7"]);
    expect(store.calls.map(({ operation }) => operation)).not.toContain("put");
  });
  test("sees what another process puts", async () => {
    await using fixture = open();
    const [one, other] = [indexOver(fixture.store), indexOver(fixture.store)];
    expect(await search(one, "wire")).toEqual([]);
    await other.put([indexedOf("wire")]);
    expect(await search(one, "wire")).toEqual(["wire"]);
    await other.put([{ name: "wire", sequence: 2 }]);
    expect(await search(one, "wire")).toEqual([]);
  });
  test("moves recent packages into the large object, and loses none when others write meanwhile", async () => {
    await using fixture = open();
    await indexOver(fixture.store).rebuild(once(many(10)));
    const writers = Array.from({ length: 3 }, (_, at) => at);
    await Promise.all(
      writers.map(async (at) => {
        const index = createStoredSearchIndex({ store: fixture.store, clock: systemClock, random: Math.random });
        for (let step = 0; step < 8; step++) await index.put(many(60, `w${at}x${step}`));
      }),
    );
    const listed = await indexOver(fixture.store).list();
    expect(listed).toHaveLength(10 + 3 * 8 * 60);
    const { size } = (await fixture.store.head(searchKeys.recent)) ?? {};
    const all = await fixture.store.head(searchKeys.all);
    expect(size).toBeLessThan(all?.size ?? 0);
  });
  test("keeps what another process moved while it was built", async () => {
    await using fixture = open();
    const [one, other] = [indexOver(fixture.store), indexOver(fixture.store)];
    await one.rebuild(once([indexedOf("wire")]));
    await one.rebuild(
      (async function* () {
        yield [indexedOf("wire")];
        await other.put([...many(600, "more"), indexedOf("wire", { sequence: 2, description: "newer" })]);
      })(),
    );
    expect(await search(indexOver(fixture.store), "newer")).toEqual(["wire"]);
    expect(await indexOver(fixture.store).list()).toHaveLength(601);
  });
  test("whose object can't be read is not complete, and is built again", async () => {
    await using fixture = open();
    const index = indexOver(fixture.store);
    await index.rebuild(once(many(3)));
    expect(await index.isComplete()).toBe(true);
    await fixture.store.put(searchKeys.all, Buffer.from("no gzip"));
    expect(await index.isComplete()).toBe(false);
    expect(await search(index, "wire")).toEqual([]);
    await index.rebuild(once(many(3)));
    expect(await search(index, "wire")).toHaveLength(3);
  });
});
