import { createMemoryBackend, countingStore, fail, publishOf, stage, openPolicy } from "@codebox/testing";
import { expect, test } from "vitest";
import { systemClock } from "@codebox/system";
import { createConsumer, createSearch, upstreamKey } from "../../src/index.ts";

test("a search passes over what is cached of the upstream, however much it is", async () => {
  const embedded = createMemoryBackend({ clock: systemClock });
  const consume = createConsumer({ ...embedded, policy: openPolicy, clock: systemClock });
  for (const name of ["@acme/wire", "wire"]) {
    const change = publishOf(name, "1.0.0");
    await stage(embedded.store, change);
    await consume(name, [change]);
  }
  const cached = Array.from({ length: 5_000 }, (_, index) => upstreamKey(`left-${index}`, "full.json"));
  await Promise.all(cached.map((key) => embedded.store.put(key, Buffer.from("{}"))));
  const store = countingStore(embedded.store);
  const { hits } = await createSearch(store, embedded.reader, fail)({ text: "wire", from: 0, size: 10 });
  expect(hits.map(({ name }) => name)).toEqual(["wire", "@acme/wire"]);
  expect(store.calls.filter(({ operation }) => operation === "list")).toHaveLength(2);
  await embedded.close();
});
