import { stateOf } from "@codebox/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.publish("wire", "2.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const TAGS = "/-/package/wire/dist-tags";
const put = (tag: string, version: string, headers?: Record<string, string>) =>
  registry.send("PUT", `${TAGS}/${tag}`, JSON.stringify(version), headers);
const bob = async () => ({ authorization: `Bearer ${await registry.token("bob")}` });
const json = async (response: Response, status = 200) => {
  expect(response.status, await response.clone().text()).toBe(status);
  return (await response.json()) as Record<string, unknown>;
};
type Entry = { readonly sequence: number; readonly id: string; readonly [field: string]: unknown };
const history = async (path = `${TAGS}/history`) => {
  const body = await json(await registry.request(path));
  return body as { readonly name: string; readonly history: readonly Entry[]; readonly next?: number };
};
const tags = async () => json(await registry.request(TAGS));

describe("the history of the tags", () => {
  test("says who moved which tag from where to where, when and why", async () => {
    const why = {
      "npm-command": "dist-tag",
      "codebox-message": encodeURIComponent("zurück, incident 12"),
      "user-agent": "npm/11.0.0 node/v24.0.0 linux x64 workspaces/false ci/github-actions",
    };
    await put("next", "1.0.0", why);
    const [entry, ...older] = (await history()).history;
    expect(entry).toMatchObject({
      sequence: 3,
      type: "tag.put",
      by: "alice",
      tags: { next: { to: "1.0.0" } },
      why: { command: "dist-tag", message: "zurück, incident 12", run: "github-actions" },
    });
    expect(older.map(({ tags }) => tags)).toEqual([
      { latest: { from: "1.0.0", to: "2.0.0" } },
      { latest: { to: "1.0.0" } },
    ]);
  });
  test("leaves out changes that moved no tag; the history of the package has them", async () => {
    await registry.send("PUT", "/wire", { _id: "wire", name: "wire", users: { alice: true } });
    expect((await history()).history.map(({ sequence }) => sequence)).toEqual([2, 1]);
    expect((await history("/-/package/wire/history")).history.map(({ type }) => type)).toEqual([
      "star",
      "publish",
      "publish",
    ]);
  });
  test("comes in pages, each of which names the next one", async () => {
    for (const version of ["1.0.0", "2.0.0", "1.0.0"]) await put("next", version);
    const seen: number[] = [];
    for (let page = await history(`${TAGS}/history?limit=2`); ;) {
      seen.push(...page.history.map(({ sequence }) => sequence));
      if (page.next === undefined) break;
      page = await history(`${TAGS}/history?limit=2&before=${page.next}`);
    }
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });
  test.each(["limit=0", "limit=201", "limit=x", "before=-1", "before=1.5"])("?%s is refused", async (query) => {
    expect((await registry.request(`${TAGS}/history?${query}`)).status).toBe(400);
  });
  test("is for those who may read the package, and a package without one is 404", async () => {
    const other = await startApp({ unreadable: "wire", settings: { anonymousRead: false } });
    expect((await other.request(`${TAGS}/history`)).status).toBe(403);
    expect((await other.app.request(`http://registry.test${TAGS}/history`)).status).toBe(401);
    await other[Symbol.asyncDispose]();
    expect((await registry.request("/-/package/nothing/dist-tags/history")).status).toBe(404);
  });
  test("a reason that is too long is cut, and the change is made", async () => {
    expect((await put("next", "1.0.0", { "codebox-message": "x".repeat(5_000) })).status).toBe(200);
    const [entry] = (await history()).history;
    expect(entry).toMatchObject({ why: { message: "x".repeat(300) } });
  });
});

describe("undo", () => {
  const undo = (body: object, headers?: Record<string, string>) =>
    registry.send("POST", "/-/package/wire/undo", body, headers);

  test("takes one change back, named by its id or its sequence", async () => {
    await put("latest", "1.0.0");
    const [{ id } = { id: "" }] = (await history()).history;
    expect(await json(await undo({ change: id }))).toEqual({ ok: true, id: "wire", "dist-tags": { latest: "2.0.0" } });
    await json(await undo({ sequence: 4 }));
    expect(await tags()).toEqual({ latest: "1.0.0" });
  });
  test("of a change behind somebody else's is refused with who and how; forced, it is done", async () => {
    await put("latest", "1.0.0");
    await put("latest", "2.0.0", await bob());
    await put("latest", "1.0.0", await bob());
    const refused = await undo({ sequence: 3 });
    expect(refused.status).toBe(409);
    expect(await errorOf(refused)).toMatch(/moved by bob at .*force/);
    await json(await undo({ sequence: 3, force: true }));
    expect(await tags()).toEqual({ latest: "2.0.0" });
  });
  test("a dry run says what would become of the tags, and changes nothing", async () => {
    await put("latest", "1.0.0");
    const would = { ok: true, id: "wire", dryRun: true, "dist-tags": { latest: "2.0.0" } };
    expect(await json(await undo({ sequence: 3, dryRun: true }))).toEqual(would);
    expect(await tags()).toEqual({ latest: "1.0.0" });
  });
  test("finds a change that left the document", async () => {
    await put("old", "1.0.0");
    for (let index = 0; index < 300; index++) await put("next", index % 2 ? "1.0.0" : "2.0.0");
    const { packument } = (await registry.reader.read("wire")) ?? expect.fail("no package");
    expect(stateOf(packument).applied[0]?.sequence).toBeGreaterThan(3);
    expect((await undo({ sequence: 3 })).status).toBe(409);
    await json(await undo({ sequence: 3, force: true }));
    expect(await tags()).not.toHaveProperty("old");
  });
  test("a change that moved no tag, and one that does not exist, are refused", async () => {
    await registry.send("PUT", "/wire", { _id: "wire", name: "wire", users: { alice: true } });
    expect((await undo({ sequence: 3 })).status).toBe(400);
    expect((await undo({ sequence: 99 })).status).toBe(404);
    expect((await undo({ change: "nobody" })).status).toBe(404);
    expect((await undo({})).status).toBe(400);
  });
  test("a repetition with the same Idempotency-Key is the same change", async () => {
    await put("latest", "1.0.0");
    const headers = { "idempotency-key": "once" };
    const [first, again] = [await undo({ sequence: 3 }, headers), await undo({ sequence: 3 }, headers)];
    expect(first.headers.get("codebox-change")).toBe(again.headers.get("codebox-change"));
    expect((await history()).history).toHaveLength(4);
  });
  test("a read-only token, and nobody, cannot undo", async () => {
    const headers = { authorization: `Bearer ${await registry.token("carol", true)}` };
    expect((await undo({ sequence: 2 }, headers)).status).toBe(403);
    const none = await registry.app.request("http://registry.test/-/package/wire/undo", { method: "POST", body: "{}" });
    expect(none.status).toBe(401);
  });
});

describe("restore", () => {
  const restore = (body: object, headers?: Record<string, string>) =>
    registry.send("POST", "/-/package/wire/restore", body, headers);

  test("returns to the tags after a change, or at a time", async () => {
    await put("next", "1.0.0");
    const [{ at } = { at: "" }] = (await history()).history;
    await registry.send("POST", TAGS, { next: "2.0.0", beta: "1.0.0", latest: "1.0.0" });
    await json(await restore({ sequence: 3 }));
    expect(await tags()).toEqual({ latest: "2.0.0", next: "1.0.0" });
    await put("beta", "1.0.0");
    await json(await restore({ at, force: true }));
    expect(await tags()).toMatchObject({ latest: "2.0.0", next: "1.0.0" });
  });
  test("is refused when it would undo somebody else's change, unless forced", async () => {
    await put("next", "1.0.0", await bob());
    expect((await restore({ sequence: 2 })).status).toBe(409);
    await json(await restore({ sequence: 2, force: true }));
    expect(await tags()).toEqual({ latest: "2.0.0" });
  });
  test("a sequence that is still to come is 404", async () => {
    expect((await restore({ sequence: 99 })).status).toBe(404);
  });
});

describe("compare-and-set", () => {
  test("a 412 has the tags as they are now and their ETag, on every route", async () => {
    await put("next", "1.0.0");
    const etag = (await registry.request(TAGS)).headers.get("etag");
    const headers = { "if-match": '"old"' };
    const late = [
      await put("next", "2.0.0", headers),
      await registry.send("DELETE", `${TAGS}/next`, undefined, headers),
      await registry.send("PUT", TAGS, { latest: "1.0.0" }, headers),
      await registry.send("POST", TAGS, { beta: "1.0.0" }, headers),
      await registry.send("POST", "/-/package/wire/undo", { sequence: 3 }, headers),
      await registry.send("POST", "/-/package/wire/restore", { sequence: 2 }, headers),
    ];
    for (const answer of late) {
      expect(answer.headers.get("etag")).toBe(etag);
      expect(await json(answer, 412)).toMatchObject({
        code: "precondition_failed",
        "dist-tags": { latest: "2.0.0", next: "1.0.0" },
      });
    }
  });
  test("If-None-Match: * makes a tag, and does not move one", async () => {
    const headers = { "if-none-match": "*" };
    expect((await put("next", "1.0.0", headers)).status).toBe(200);
    expect((await put("next", "2.0.0", headers)).status).toBe(412);
    expect((await registry.send("POST", TAGS, { beta: "1.0.0", next: "2.0.0" }, headers)).status).toBe(412);
    expect(await tags()).toEqual({ latest: "2.0.0", next: "1.0.0" });
  });
  test("If-None-Match with an ETag, or where nothing is made, is refused", async () => {
    expect((await put("next", "1.0.0", { "if-none-match": '"etag"' })).status).toBe(400);
    const headers = { "if-none-match": "*" };
    expect((await registry.send("PUT", TAGS, { latest: "1.0.0" }, headers)).status).toBe(400);
    expect((await registry.send("DELETE", `${TAGS}/latest`, undefined, headers)).status).toBe(400);
  });
});
