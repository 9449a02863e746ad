import { indexKey } from "@codebox/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";
import { upstreamOf } from "./upstream-double.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.publish("other", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const found = async () => {
  const response = await registry.request("/-/v1/search?text=author:alice");
  const { objects } = (await response.json()) as { objects: { package: { name: string } }[] };
  return objects.map((hit) => hit.package.name);
};

test("a text over the limit is refused: every word of it is looked for in every package", async () => {
  expect((await registry.request(`/-/v1/search?text=${"w+".repeat(128)}`)).status).toBe(200);
  const response = await registry.request(`/-/v1/search?text=${"w+".repeat(129)}`);
  expect(response.status).toBe(400);
  expect(await errorOf(response)).toContain("256");
});
test("a damaged document is left out of the index, reported once, and found again when it is repaired", async () => {
  expect(await found()).toEqual(["other", "wire"]);
  const kept = await registry.store.get(indexKey("other"));
  await registry.store.put(indexKey("other"), Buffer.from("{ damaged"));
  registry.reindex();
  await expect.poll(found).toEqual(["wire"]);
  expect(registry.failures).toHaveLength(1);
  expect(String(registry.failures[0])).toContain("other");
  await registry.store.put(indexKey("other"), kept?.notModified === false ? kept.bytes : Buffer.alloc(0));
  registry.reindex();
  await expect.poll(found).toEqual(["other", "wire"]);
});

test.each(["", "?text=", "?text=%20%20"])(
  "a search without words (%j) is refused with ERR_TEXT_MISSING",
  async (query) => {
    const response = await registry.request(`/-/v1/search${query}`);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain("ERR_TEXT_MISSING");
  },
);

test("a hit has licence, links and dates in ISO 8601", async () => {
  const manifest = {
    description: "carries a signal",
    license: "MIT",
    homepage: "https://wire.example/",
    repository: { type: "git", url: "git+https://git.example/acme/cable.git" },
    bugs: { url: "https://git.example/acme/cable/issues" },
    keywords: ["copper"],
  };
  await registry.send("PUT", "/cable", publishBody("cable", "1.0.0", { manifest }));
  const answer = (await (await registry.request("/-/v1/search?text=copper")).json()) as {
    time: string;
    total: number;
    objects: { package: Record<string, unknown> & { date: string } }[];
  };
  expect(answer.total).toBe(1);
  expect(answer.time).toBe(new Date(answer.time).toISOString());
  const hit = answer.objects[0]?.package;
  expect(hit).toMatchObject({
    name: "cable",
    description: "carries a signal",
    license: "MIT",
    keywords: ["copper"],
    publisher: { username: "alice" },
    links: {
      npm: "http://registry.test/cable",
      homepage: "https://wire.example/",
      repository: "https://git.example/acme/cable",
      bugs: "https://git.example/acme/cable/issues",
    },
  });
  expect(hit?.date).toBe(new Date(hit?.date ?? 0).toISOString());
});

test("a link that is no web address is left out", async () => {
  const manifest = { homepage: "javascript:alert(1)", repository: "github:acme/cable", keywords: ["copper"] };
  await registry.send("PUT", "/cable", publishBody("cable", "1.0.0", { manifest }));
  const { objects } = (await (await registry.request("/-/v1/search?text=copper")).json()) as {
    objects: { package: { links: object } }[];
  };
  expect(objects[0]?.package.links).toEqual({ npm: "http://registry.test/cable" });
});

test("the upstream's hits follow ours, and a warning says when they are missing", async () => {
  const theirs = { name: "wire-tap", version: "2.0.0", keywords: [], links: {}, publisher: "bob", maintainers: [] };
  for (const incomplete of [false, true]) {
    const answer = incomplete
      ? { hits: [], total: 0, missing: "upstream" as const }
      : { hits: [{ ...theirs, stars: [], score: 3 }], total: 1 };
    const upstream = { ...upstreamOf(), search: async () => answer };
    await using passing = await startApp({ upstream });
    await passing.publish("wire", "1.0.0");
    const response = await passing.request("/-/v1/search?text=wire");
    const { objects, total } = (await response.json()) as { objects: { package: { name: string } }[]; total: number };
    const names = objects.map((hit) => hit.package.name);
    expect([names, total]).toEqual(incomplete ? [["wire"], 1] : [["wire", "wire-tap"], 2]);
    expect(response.headers.get("warning")?.includes("the upstream did not answer") ?? false).toBe(incomplete);
  }
});
