import assert from "node:assert/strict";
import { at, expectCode, expectStatus, header, type Answer } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { tagPath, type Registry } from "../registry.ts";

const LATEST = { latest: "1.1.0" };
const make = (registry: Registry) => registry.package("tags", "1.0.0", "1.1.0");

async function expectTags(registry: Registry, name: string, answer: Answer, tags: object): Promise<void> {
  assert.deepEqual(expectStatus(answer, 200).json, { ok: true, id: name, "dist-tags": tags });
  assert.deepEqual((await registry.get(tagPath(name))).json, tags);
}

/** Not even escaped in a URL is it a tag; nor in a body. */
const rangeTags = ["1.x", "v1", "1.0.0", "*", "~1"];
const unsafeTags = ["a b", "a/b", "a%b", "ü", "a?b"];

async function expectRefused(registry: Registry, tags: readonly string[]): Promise<void> {
  const name = await make(registry);
  for (const tag of tags) {
    const put = await registry.send("PUT", tagPath(name, encodeURIComponent(tag)), { body: "1.0.0" });
    assert.ok(put.status >= 400 && put.status < 500, `the tag ${tag} in a URL was answered with ${put.status}`);
    expectCode(await registry.send("POST", tagPath(name), { body: { [tag]: "1.0.0" } }), 400, "invalid");
  }
  assert.deepEqual((await registry.get(tagPath(name))).json, LATEST);
}

export const distTagChecks: readonly Check[] = [
  check("TAG-1", "GET of the tags answers all, with an ETag that follows them", async (registry) => {
    const name = await make(registry);
    const before = expectStatus(await registry.get(tagPath(name)), 200);
    assert.deepEqual(before.json, LATEST);
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0" }), 200);
    const after = expectStatus(await registry.get(tagPath(name)), 200);
    assert.notEqual(header(after, "etag"), header(before, "etag"));
  }),
  check("TAG-2", "GET of a tag answers its version; a tag that is not there is 404", async (registry) => {
    const name = await make(registry);
    assert.equal(expectStatus(await registry.get(tagPath(name, "latest")), 200).json, "1.1.0");
    expectCode(await registry.get(tagPath(name, "next")), 404, "not_found");
  }),
  check("TAG-3", "PUT of a tag adds it, moves it, and moves latest too", async (registry) => {
    const name = await make(registry);
    const put = (tag: string, version: string) => registry.send("PUT", tagPath(name, tag), { body: version });
    await expectTags(registry, name, await put("next", "1.0.0"), { ...LATEST, next: "1.0.0" });
    await expectTags(registry, name, await put("next", "1.1.0"), { ...LATEST, next: "1.1.0" });
    await expectTags(registry, name, await put("latest", "1.0.0"), { latest: "1.0.0", next: "1.1.0" });
  }),
  check("TAG-4", "DELETE of a tag removes it", async (registry) => {
    const name = await make(registry);
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0" }), 200);
    await expectTags(registry, name, await registry.send("DELETE", tagPath(name, "next")), LATEST);
    expectCode(await registry.send("DELETE", tagPath(name, "next")), 404, "not_found");
  }),
  check("TAG-5", "PUT of all tags replaces them", async (registry) => {
    const name = await make(registry);
    expectStatus(await registry.send("PUT", tagPath(name, "old"), { body: "1.0.0" }), 200);
    const tags = { latest: "1.0.0", next: "1.1.0" };
    await expectTags(registry, name, await registry.send("PUT", tagPath(name), { body: tags }), tags);
  }),
  check("TAG-6", "POST of some tags adds and moves these", async (registry) => {
    const name = await make(registry);
    expectStatus(await registry.send("PUT", tagPath(name, "old"), { body: "1.0.0" }), 200);
    const answer = await registry.send("POST", tagPath(name), { body: { next: "1.1.0", latest: "1.0.0" } });
    await expectTags(registry, name, answer, { latest: "1.0.0", next: "1.1.0", old: "1.0.0" });
  }),
  check("TAG-7", "a tag that is a semver range is refused", (registry) => expectRefused(registry, rangeTags)),
  check("TAG-8", "a tag that a URL has to escape is refused", (registry) => expectRefused(registry, unsafeTags)),
  check(
    "TAG-9",
    "a tag of a version that does not exist is refused, and so are the tags beside it",
    async (registry) => {
      const name = await make(registry);
      expectCode(await registry.send("PUT", tagPath(name, "next"), { body: "9.9.9" }), 404, "not_found");
      const some = { beta: "1.0.0", next: "9.9.9" };
      expectCode(await registry.send("POST", tagPath(name), { body: some }), 404, "not_found");
      expectCode(await registry.send("PUT", tagPath(name), { body: { ...LATEST, ...some } }), 404, "not_found");
      assert.deepEqual((await registry.get(tagPath(name))).json, LATEST);
    },
  ),
  check("TAG-10", "latest cannot be removed", async (registry) => {
    const name = await make(registry);
    expectCode(await registry.send("DELETE", tagPath(name, "latest")), 403, "forbidden");
    expectCode(await registry.send("PUT", tagPath(name), { body: { next: "1.0.0" } }), 403, "forbidden");
    assert.deepEqual((await registry.get(tagPath(name))).json, LATEST);
  }),
  check("TAG-11 TAG-12", "If-Match admits a change of the tags once, then it is 412", async (registry) => {
    const name = await make(registry);
    const headers = { "if-match": header(await registry.get(tagPath(name)), "etag") };
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0", headers }), 200);
    const late: readonly [string, string, object | string | undefined][] = [
      ["PUT", tagPath(name, "next"), "1.1.0"],
      ["DELETE", tagPath(name, "next"), undefined],
      ["PUT", tagPath(name), { latest: "1.0.0" }],
      ["POST", tagPath(name), { beta: "1.0.0" }],
    ];
    for (const [method, path, body] of late)
      expectCode(await registry.send(method, path, { body, headers }), 412, "precondition_failed");
    assert.deepEqual((await registry.get(tagPath(name))).json, { ...LATEST, next: "1.0.0" });
  }),
  check("TAG-11", "of two changes with the same If-Match at the same time one is applied", async (registry) => {
    const name = await make(registry);
    const headers = { "if-match": header(await registry.get(tagPath(name)), "etag") };
    const race = ["one", "two"].map((tag) => registry.send("PUT", tagPath(name, tag), { body: "1.0.0", headers }));
    const statuses = (await Promise.all(race)).map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), [200, 412]);
    assert.equal(Object.keys(Object(at(await registry.packument(name), "dist-tags"))).length, 2);
  }),
];
