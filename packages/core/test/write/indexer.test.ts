import { systemClock } from "@codebox/system";
import { createMemoryBackend, openPolicy, publishOf, stage, tagPut, type MemoryBackend } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createConsumer, createIndexer, indexKey, without, type Change, type Indexer } from "../../src/index.ts";

let backend: MemoryBackend;
let failures: unknown[];
let stopping: AbortController;
let running: Promise<void> | undefined;
beforeEach(() => {
  backend = createMemoryBackend({ clock: systemClock });
  failures = [];
  running = undefined;
});
afterEach(async () => {
  await stop();
  await backend.close();
});

const stop = async () => {
  stopping.abort();
  await running;
};
/** As a process does at its start. */
const start = (parts: Partial<Parameters<typeof createIndexer>[0]> = {}): Indexer => {
  stopping = new AbortController();
  const { searchIndex: index, eventReader: events, store, reader } = backend;
  const onFailure = (error: unknown) => void failures.push(error);
  const indexer = createIndexer({ index, events, store, reader, clock: systemClock, onFailure, ...parts });
  running = indexer.run(stopping.signal);
  return indexer;
};
const apply = async (...changes: Change[]) => {
  const consume = createConsumer({ ...backend, policy: openPolicy, clock: systemClock });
  for (const change of changes) {
    if (change.type === "publish") await stage(backend.store, change);
    await consume(change.name, [change]);
  }
};
const found = async ({ fresh }: Pick<Indexer, "fresh">, text = "wire") =>
  (await fresh.query({ text, from: 0, size: 20, mayRead: () => true })).hits.map(
    ({ name, version }) => `${name}@${version}`,
  );
const complete = ({ status }: Indexer) => expect.poll(async () => (await status()).complete).toBe(true);

describe("the indexer", () => {
  test("builds an index that is new from the documents", async () => {
    await apply(publishOf("wire", "1.0.0"), publishOf("@acme/wire", "2.0.0"));
    const indexer = start();
    await complete(indexer);
    expect(await found(indexer)).toEqual(["wire@1.0.0", "@acme/wire@2.0.0"]);
    expect(await indexer.status()).toEqual({ running: false, packages: 2, complete: true });
  });
  test("gives a search every change that was answered before it", async () => {
    const indexer = start();
    await complete(indexer);
    await apply(publishOf("wire", "1.0.0"));
    expect(await found(indexer)).toEqual(["wire@1.0.0"]);
    await apply(publishOf("wire", "1.1.0"), tagPut("wire", "latest", "1.0.0"));
    expect(await found(indexer)).toEqual(["wire@1.0.0"]);
  });
  test("forgets a package of which every version was unpublished", async () => {
    const indexer = start();
    const publish = publishOf("wire", "1.0.0");
    await apply(publish);
    expect(await found(indexer)).toEqual(["wire@1.0.0"]);
    await apply({ ...without(tagPut("wire", "latest", "1.0.0"), ["tag", "version"]), type: "unpublish.all" } as Change);
    expect(await found(indexer)).toEqual([]);
  });
  test("continues where the process before it ended, and reads no document again", async () => {
    await apply(publishOf("wire", "1.0.0"));
    await complete(start());
    await stop();
    await apply(publishOf("cable", "1.0.0"));
    const read: string[] = [];
    const reader = { read: (name: string) => (read.push(name), backend.reader.read(name)) };
    const indexer = start({ reader });
    await expect.poll(async () => found(indexer, "cable")).toEqual(["cable@1.0.0"]);
    expect(read).toEqual(["cable"]);
    expect((await indexer.status()).packages).toBe(0);
  });
  test("builds the index again when its events are others, as those of a restored backup are", async () => {
    await apply(publishOf("wire", "1.0.0"));
    await backend.searchIndex.put([], "1 another-event");
    await backend.searchIndex.rebuild((async function* () {})());
    const indexer = start();
    await expect.poll(() => found(indexer)).toEqual(["wire@1.0.0"]);
  });
  test("tries again what failed, and loses nothing", async () => {
    let broken = true;
    const index = {
      ...backend.searchIndex,
      put: async (...args: Parameters<typeof backend.searchIndex.put>) => {
        if (broken && args[0].length > 0) throw new RangeError("no space");
        return backend.searchIndex.put(...args);
      },
    };
    const indexer = start({ index });
    await complete(indexer);
    await apply(publishOf("wire", "1.0.0"));
    expect(await found(indexer)).toEqual([]);
    await expect.poll(() => failures.length).toBeGreaterThan(0);
    broken = false;
    expect(await found(indexer)).toEqual(["wire@1.0.0"]);
  });
  test("leaves a damaged document out, reports it, and goes on", async () => {
    await apply(publishOf("wire", "1.0.0"), publishOf("cable", "1.0.0"));
    await backend.store.put(indexKey("wire"), Buffer.from("{ damaged"));
    const indexer = start();
    await complete(indexer);
    expect([await found(indexer), await found(indexer, "cable")]).toEqual([[], ["cable@1.0.0"]]);
    expect(failures.map(String)).toEqual([expect.stringContaining("wire/index.json is damaged")]);
  });
  test("builds the index again on request, while searches find what was there", async () => {
    await apply(publishOf("wire", "1.0.0"));
    const indexer = start();
    await complete(indexer);
    // A foreign writer announces nothing.
    await backend.store.delete(indexKey("wire"));
    expect(await found(indexer)).toEqual(["wire@1.0.0"]);
    indexer.rebuild();
    expect((await indexer.status()).running).toBe(true);
    await expect.poll(() => found(indexer)).toEqual([]);
  });
});
