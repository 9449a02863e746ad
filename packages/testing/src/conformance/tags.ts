import assert from "node:assert/strict";
import { check, expectStatus, tagsPath, type Check } from "./check.ts";

/** PROTOCOL.md, "Dist-tags". */
export const tags: readonly Check[] = [
  check(["TAG-1"], "the tags are read with an ETag", async (registry) => {
    const name = await registry.published("tags");
    const answer = await registry.request(tagsPath(name));
    assert.deepEqual(answer.json(), { latest: "1.0.0" });
    const etag = answer.headers.get("etag") ?? "";
    assert.match(etag, /^"/);
    expectStatus(await registry.request(tagsPath(name), { headers: { "if-none-match": etag } }), 304);
  }),
  check(["TAG-2"], "one tag is its version", async (registry) => {
    const name = await registry.published("tag");
    assert.equal((await registry.request(tagsPath(name, "latest"))).json(), "1.0.0");
    expectStatus(await registry.request(tagsPath(name, "nowhere")), 404);
  }),
  check(["TAG-3", "TAG-4"], "a tag is set and removed", async (registry) => {
    const name = await registry.published("set");
    const set = await registry.send("PUT", tagsPath(name, "next"), "1.0.0");
    assert.deepEqual(set.json(), { ok: true, id: name, "dist-tags": { latest: "1.0.0", next: "1.0.0" } });
    const removed = await registry.send("DELETE", tagsPath(name, "next"));
    assert.deepEqual(removed.json(), { ok: true, id: name, "dist-tags": { latest: "1.0.0" } });
  }),
  check(["TAG-5", "TAG-6"], "all tags are replaced, some are merged", async (registry) => {
    const name = await registry.published("all");
    await registry.send("PUT", tagsPath(name, "a"), "1.0.0");
    const replaced = await registry.send("PUT", tagsPath(name), { latest: "1.0.0", b: "1.0.0" });
    assert.deepEqual(replaced.json()["dist-tags"], { latest: "1.0.0", b: "1.0.0" });
    const merged = await registry.send("POST", tagsPath(name), { c: "1.0.0" });
    assert.deepEqual(merged.json()["dist-tags"], { latest: "1.0.0", b: "1.0.0", c: "1.0.0" });
  }),
  check(
    ["TAG-7", "TAG-8", "TAG-9"],
    "a tag that is a range, needs escaping, or names no version is refused",
    async (registry) => {
      const name = await registry.published("bad");
      for (const tag of ["1.x", "^2", "v1.0.0", "a b", "a/b", "ä"])
        expectStatus(await registry.send("PUT", tagsPath(name, tag), "1.0.0"), 400, 404);
      expectStatus(await registry.send("PUT", tagsPath(name, "next"), "2.0.0"), 404);
      assert.deepEqual(await registry.tags(name), { latest: "1.0.0" });
    },
  ),
  check(["TAG-10"], "latest moves, and is never removed", async (registry) => {
    const name = await registry.published("latest", ["1.0.0", "2.0.0"]);
    expectStatus(await registry.send("PUT", tagsPath(name, "latest"), "1.0.0"), 200);
    expectStatus(await registry.send("DELETE", tagsPath(name, "latest")), 403);
    expectStatus(await registry.send("PUT", tagsPath(name), { next: "1.0.0" }), 403);
  }),
  check(["TAG-11", "TAG-12"], "If-Match makes a tag change compare-and-set", async (registry) => {
    const name = await registry.published("cas", ["1.0.0", "2.0.0"]);
    const etag = (await registry.request(tagsPath(name))).headers.get("etag") ?? "";
    expectStatus(await registry.send("PUT", tagsPath(name, "next"), "1.0.0", { "if-match": etag }), 200);
    expectStatus(await registry.send("PUT", tagsPath(name, "next"), "2.0.0", { "if-match": etag }), 412);
    assert.equal((await registry.tags(name))["next"], "1.0.0");
  }),
  check(["TAG-12"], "of many compare-and-set changes with one ETag, one is applied", async (registry) => {
    const name = await registry.published("race");
    const etag = (await registry.request(tagsPath(name))).headers.get("etag") ?? "";
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        registry.send("PUT", tagsPath(name, `tag-${index}`), "1.0.0", { "if-match": etag }),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(Object.keys(await registry.tags(name)).length, 2);
  }),
];
