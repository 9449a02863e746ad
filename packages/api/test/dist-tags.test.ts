import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

const TAGS = "/-/package/@acme%2fwire/dist-tags";
let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("@acme/wire", "1.0.0");
  await registry.publish("@acme/wire", "1.1.0", "beta");
});
afterEach(() => registry[Symbol.asyncDispose]());

describe("dist-tags", () => {
  test("PUT answers ok, id and the resulting tags", async () => {
    const response = await registry.send("PUT", `${TAGS}/next`, '"1.1.0"');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      ok: true,
      id: "@acme/wire",
      "dist-tags": { latest: "1.0.0", beta: "1.1.0", next: "1.1.0" },
    });
    const change = response.headers.get("codebox-change");
    expect(change).toBeTruthy();
    // With this id the request's log line, the consumer's and the event are found.
    expect(registry.logged.at(-1)).toMatchObject({ change });
  });
  test.each([
    "/-/package/@acme/wire/dist-tags",
    "/-/package/@acme%2Fwire/dist-tags",
    "/-/package/%40acme%2fwire/dist-tags",
  ])("%s is the same", async (path) => {
    expect(await (await registry.request(path)).json()).toEqual({ latest: "1.0.0", beta: "1.1.0" });
  });
  test("GET of one answers its version, an unknown one 404", async () => {
    expect(await (await registry.request(`${TAGS}/beta`)).json()).toBe("1.1.0");
    expect((await registry.request(`${TAGS}/constructor`)).status).toBe(404);
  });
  test("GET has an ETag that answers 304 until the tags change", async () => {
    const etag = (await registry.request(TAGS)).headers.get("etag") ?? "";
    expect((await registry.request(TAGS, { headers: { "if-none-match": etag } })).status).toBe(304);
    await registry.send("PUT", `${TAGS}/next`, '"1.0.0"');
    expect((await registry.request(TAGS, { headers: { "if-none-match": etag } })).status).toBe(200);
  });
  test("DELETE removes; latest is 403, an absent tag 404", async () => {
    expect(await (await registry.send("DELETE", `${TAGS}/beta`)).json()).toMatchObject({
      "dist-tags": { latest: "1.0.0" },
    });
    expect((await registry.send("DELETE", `${TAGS}/latest`)).status).toBe(403);
    expect((await registry.send("DELETE", `${TAGS}/beta`)).status).toBe(404);
  });
  test("PUT of the whole object replaces, POST merges", async () => {
    await registry.send("POST", TAGS, { next: "1.1.0" });
    expect(await (await registry.request(TAGS)).json()).toEqual({ latest: "1.0.0", beta: "1.1.0", next: "1.1.0" });
    await registry.send("PUT", TAGS, { latest: "1.1.0" });
    expect(await (await registry.request(TAGS)).json()).toEqual({ latest: "1.1.0" });
  });
  test("If-Match makes a change conditional: 412 when the tags changed", async () => {
    const etag = (await registry.request(TAGS)).headers.get("etag") ?? "";
    expect((await registry.send("PUT", `${TAGS}/next`, '"1.0.0"', { "if-match": etag })).status).toBe(200);
    expect((await registry.send("PUT", `${TAGS}/next`, '"1.1.0"', { "if-match": etag })).status).toBe(412);
  });
  test("If-Match with several ETags is refused, not misread", async () => {
    const etag = (await registry.request(TAGS)).headers.get("etag") ?? "";
    const answer = await registry.send("PUT", `${TAGS}/next`, '"1.0.0"', { "if-match": `"other", ${etag}` });
    expect(answer.status).toBe(400);
    expect(await errorOf(answer)).toContain("one ETag");
  });
  test("without a token 401 with www-authenticate, with a read-only one 403, with an unknown one 401", async () => {
    const anonymous = await registry.app.request(`http://registry.test${TAGS}/next`, {
      method: "PUT",
      body: '"1.0.0"',
    });
    expect([anonymous.status, anonymous.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    const readonly = { authorization: `Bearer ${await registry.token("bob", true)}` };
    expect((await registry.send("PUT", `${TAGS}/next`, '"1.0.0"', readonly)).status).toBe(403);
    expect((await registry.request(TAGS, { headers: { authorization: "Bearer nobody" } })).status).toBe(401);
  });
  test.each([
    ["an unknown version", "next", '"9.9.9"', 404, "has no version 9.9.9"],
    ["a semver range as tag", "1.x", '"1.0.0"', 400, "semver range"],
    ["__proto__ as tag", "__proto__", '"1.0.0"', 400, "not legal"],
    ["a path trick as tag", "..%2f..%2fetc", '"1.0.0"', 400, "dot segments"],
    ["a tag with a null byte", "a%00b", '"1.0.0"', 400, "control characters"],
    ["a tag of 300 characters", "t".repeat(300), '"1.0.0"', 400, "at most 128"],
    ["a broken escape", "a%zz", '"1.0.0"', 400, "broken percent escape"],
    ["a body without quotes", "next", "1.0.0", 400, "not JSON"],
    ["a body that is no string", "next", "{}", 400, "with its quotes"],
    ["an empty body", "next", "", 400, "body is empty"],
    ["a version with a lone surrogate", "next", '"\ud800"', 400, "not an exact semver"],
  ])("%s is refused with a helpful error", async (_, tag, body, status, words) => {
    const response = await registry.send("PUT", `${TAGS}/${tag}`, body);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toContain(words);
    expect(await (await registry.request(TAGS)).json()).toEqual({ latest: "1.0.0", beta: "1.1.0" });
  });
  test.each([
    ['{"a":"1.0.0","a":"1.1.0"}', "twice"],
    ['{"__proto__":{"latest":"1.0.0"}}', "__proto__"],
    ['{"next":1}', "must be an object of tags"],
    ['["1.0.0"]', "must be an object of tags"],
    ['{"next":"1.0.0"', "not JSON"],
    ['{"1.x":"1.0.0"}', 'the tag "1.x" is a valid semver range; choose'],
    ['{"a/b":"1.0.0"}', 'the tag "a/b" is not legal; use letters'],
    ['{"next":"latest"}', 'tags.next: "latest" is not an exact semver version'],
  ])("the set %s is refused", async (body, words) => {
    const response = await registry.send("POST", TAGS, body);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain(words);
  });
  test("a body over the limit is 413, also when it says nothing of its length", async () => {
    const big = JSON.stringify({ next: "x".repeat(2 * 1024 * 1024) });
    expect((await registry.send("POST", TAGS, big)).status).toBe(413);
    expect((await registry.send("POST", TAGS, big, { "content-length": "10" })).status).toBeGreaterThanOrEqual(400);
  });
  test("a package that does not exist is 404, a name that can't be one 400", async () => {
    expect((await registry.send("PUT", "/-/package/nobody/dist-tags/next", '"1.0.0"')).status).toBe(404);
    expect((await registry.send("PUT", `/-/package/${"n".repeat(300)}/dist-tags/next`, '"1.0.0"')).status).toBe(400);
    expect((await registry.request("/-/package/constructor/dist-tags")).status).toBe(404);
  });
});

describe("time that runs out", () => {
  test("Prefer: respond-async answers 202 at once, with the status URL in location and npm-notice", async () => {
    const response = await registry.send("PUT", `${TAGS}/next`, '"1.1.0"', { prefer: "respond-async" });
    expect(response.status).toBe(202);
    const location = response.headers.get("location") ?? "";
    expect(response.headers.get("npm-notice")).toContain(location);
    const path = new URL(location).pathname;
    await expect
      .poll(async () => (await registry.request(path)).json())
      .toMatchObject({ state: "applied", "dist-tags": { next: "1.1.0" } });
  });
  test("a change whose outcome is not known in time is 202, pending, and applied later", async () => {
    await using slow = await startApp({ paused: true, settings: { waitMs: 1 } });
    const response = await slow.publish("wire", "1.0.0");
    expect(response.status).toBe(202);
    const path = new URL(response.headers.get("location") ?? "").pathname;
    expect(await (await slow.request(path)).json()).toMatchObject({ state: "pending", name: "wire" });
    slow.start();
    await expect.poll(async () => (await slow.request(path)).json()).toMatchObject({ state: "applied" });
    expect((await slow.request("/wire")).status).toBe(200);
  });
  test("an unknown change is 404", async () => {
    expect((await registry.request("/-/changes/nobody")).status).toBe(404);
  });
  test("a queue that does not answer is 503 with retry-after, and the tarball that may be needed stays staged", async () => {
    await using broken = await startApp({ queueDown: true, paused: true });
    const answer = await broken.publish("wire", "1.0.0");
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await broken.keys()).length).toBe(1);
  });
});
