import { createStoredSearchIndex, indexKey, searchKeys, type SearchIndex } from "@codebox/core";
import { systemClock } from "@codebox/system";
import { createFaults, createMemoryBackend, faultyStore, type MemoryBackend } from "@codebox/testing";
import type { SQSRecord } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createIndexHandler } from "../src/indexer.ts";

let backend: MemoryBackend;
let failures: unknown[];
const built: number[] = [];
beforeEach(() => {
  backend = createMemoryBackend({ clock: systemClock });
  failures = [];
  built.length = 0;
});
afterEach(() => backend.close());

const record = (messageId: string, body: unknown) =>
  ({ messageId, body: typeof body === "string" ? body : JSON.stringify(body) }) as SQSRecord;
const eventOf = (name: string) => record(`message-${name}`, { schema: 1, id: "a", name, sequence: 1 });
const publish = (name: string, version: string, sequence: number) =>
  backend.store.put(
    indexKey(name),
    Buffer.from(
      JSON.stringify({
        name,
        "dist-tags": { latest: version },
        versions: { [version]: { name, version, dist: { tarball: "x" } } },
        _codebox: { schema: 1, revision: sequence, sequence, applied: [], outbox: [] },
      }),
    ),
  );
const handlerOver = (store = backend.store) =>
  createIndexHandler({
    index: createStoredSearchIndex({ store, clock: systemClock }),
    store,
    log: { indexed: () => {}, built: (count) => built.push(count), failed: (error) => failures.push(error) },
  });
const found = async (
  text: string,
  index: SearchIndex = createStoredSearchIndex({ store: backend.store, clock: systemClock }),
) =>
  (await index.query({ text, from: 0, size: 20, mayRead: () => true })).hits.map(
    ({ name, version }) => `${name}@${version}`,
  );

describe("the indexer", () => {
  test("indexes the packages of its events as they are now, however often and in whichever order events come", async () => {
    await publish("wire", "2.0.0", 2);
    const { batchItemFailures } = await handlerOver()({ Records: [eventOf("wire"), eventOf("wire")] });
    expect([batchItemFailures, await found("wire")]).toEqual([[], ["wire@2.0.0"]]);
    await handlerOver()({ Records: [eventOf("wire")] });
    expect(await found("wire")).toEqual(["wire@2.0.0"]);
  });
  test("builds an index that is missing, once", async () => {
    await publish("wire", "1.0.0", 1);
    await publish("@acme/cable", "1.0.0", 1);
    await handlerOver()({ Records: [eventOf("wire")] });
    expect([built, await found("cable")]).toEqual([[2], ["@acme/cable@1.0.0"]]);
    await handlerOver()({ Records: [eventOf("wire")] });
    expect(built).toHaveLength(1);
  });
  test("forgets a package whose document is gone", async () => {
    await publish("wire", "1.0.0", 1);
    await handlerOver()({ Records: [eventOf("wire")] });
    await backend.store.delete(indexKey("wire"));
    await handlerOver()({ Records: [eventOf("wire")] });
    expect(await found("wire")).toEqual([]);
  });
  test("has a message that is no event delivered again, and indexes the others", async () => {
    await publish("wire", "1.0.0", 1);
    const none = [record("a", "no JSON"), record("b", { name: "../etc" }), record("c", {})];
    const { batchItemFailures } = await handlerOver()({ Records: [...none, eventOf("wire")] });
    expect(batchItemFailures).toEqual(["a", "b", "c"].map((itemIdentifier) => ({ itemIdentifier })));
    expect(await found("wire")).toEqual(["wire@1.0.0"]);
  });
  test("has all messages delivered again when the store fails, and loses nothing", async () => {
    await publish("wire", "1.0.0", 1);
    const broken = faultyStore(backend.store, createFaults({ seed: 1, rate: 1 }));
    const { batchItemFailures } = await handlerOver(broken)({ Records: [eventOf("wire")] });
    expect([batchItemFailures, failures.length]).toEqual([[{ itemIdentifier: "message-wire" }], 1]);
    await handlerOver()({ Records: [eventOf("wire")] });
    expect(await found("wire")).toEqual(["wire@1.0.0"]);
  });
  test("leaves a damaged document out, and reports it", async () => {
    await publish("wire", "1.0.0", 1);
    await backend.store.put(indexKey("cable"), Buffer.from("{ damaged"));
    const { batchItemFailures } = await handlerOver()({ Records: [eventOf("cable"), eventOf("wire")] });
    expect([batchItemFailures, await found("wire")]).toEqual([[], ["wire@1.0.0"]]);
    expect(String(failures[0])).toContain("cable");
    expect(await backend.store.head(searchKeys.all)).toBeDefined();
  });
});
