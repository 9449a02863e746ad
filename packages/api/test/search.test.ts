import { indexKey } from "@codebox/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.publish("other", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const found = async () => {
  const response = await registry.request("/-/v1/search?text=");
  const { objects } = (await response.json()) as { objects: { package: { name: string } }[] };
  return objects.map((hit) => hit.package.name);
};

test("a text over the limit is refused: every word of it is looked for in every package", async () => {
  expect((await registry.request(`/-/v1/search?text=${"w+".repeat(128)}`)).status).toBe(200);
  const response = await registry.request(`/-/v1/search?text=${"w+".repeat(129)}`);
  expect(response.status).toBe(400);
  expect(await errorOf(response)).toContain("256");
});
test("a damaged document is left out of the search, reported once, and found again when it is repaired", async () => {
  const kept = await registry.store.get(indexKey("other"));
  await registry.store.put(indexKey("other"), Buffer.from("{ damaged"));
  expect(await found()).toEqual(["wire"]);
  expect(await found()).toEqual(["wire"]);
  expect(registry.failures).toHaveLength(1);
  expect(String(registry.failures[0])).toContain("other");
  await registry.store.put(indexKey("other"), kept?.notModified === false ? kept.bytes : Buffer.alloc(0));
  expect(await found()).toEqual(["other", "wire"]);
});
