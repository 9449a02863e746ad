import { indexKey } from "@codebox/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let it: Harness;
beforeEach(async () => {
  it = await startApp();
  await it.publish("wire", "1.0.0");
  await it.publish("other", "1.0.0");
});
afterEach(() => it[Symbol.asyncDispose]());

const found = async () => {
  const response = await it.request("/-/v1/search?text=");
  const { objects } = (await response.json()) as { objects: { package: { name: string } }[] };
  return objects.map((hit) => hit.package.name);
};

test("a text over the limit is refused: every word of it is looked for in every package", async () => {
  expect((await it.request(`/-/v1/search?text=${"w+".repeat(128)}`)).status).toBe(200);
  const response = await it.request(`/-/v1/search?text=${"w+".repeat(129)}`);
  expect(response.status).toBe(400);
  expect(await errorOf(response)).toContain("256");
});
test("a damaged document is left out of the search, reported once, and found again when mended", async () => {
  const kept = await it.store.get(indexKey("other"));
  await it.store.put(indexKey("other"), Buffer.from("{ damaged"));
  expect(await found()).toEqual(["wire"]);
  expect(await found()).toEqual(["wire"]);
  expect(it.failures).toHaveLength(1);
  expect(String(it.failures[0])).toContain("other");
  await it.store.put(indexKey("other"), kept?.modifiedSince ? kept.bytes : Buffer.alloc(0));
  expect(await found()).toEqual(["other", "wire"]);
});
