import { issueToken, LAYOUT, STAGE_DAYS, type TokenRecord } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiError } from "../src/index.ts";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.ports.rights.edit("admin", (rights) => ({
    ok: true,
    what: "for the test",
    decided: true,
    spec: { ...rights, grants: [{ to: "user:carol", role: "publish", on: "wire" }] },
  }));
});
afterEach(() => registry[Symbol.asyncDispose]());

type Headers = Record<string, string>;
const post = (name: string, version: string, headers: Headers = {}, tag = "latest") =>
  registry.send("POST", `/-/stage/package/${name.replace("/", "%2f")}`, publishBody(name, version, { tag }), headers);
const staged = async (name: string, version: string, headers?: Headers, tag?: string): Promise<string> => {
  const answer = await post(name, version, headers, tag);
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { stageId: string }).stageId;
};
const as = async (user: string): Promise<Headers> => ({ authorization: `Bearer ${await registry.token(user)}` });
const limited = async (limits: Partial<TokenRecord>): Promise<Headers> => {
  const token = { user: "alice", readonly: false, label: "ci", created: "2026-01-01T00:00:00.000Z" };
  return { authorization: `Bearer ${await issueToken({ ...registry, ids: systemIds }, { ...token, ...limits })}` };
};
const approve = (id: string, headers?: Headers) => registry.send("POST", `/-/stage/${id}/approve`, undefined, headers);
const reject = (id: string, headers?: Headers) => registry.send("DELETE", `/-/stage/${id}`, undefined, headers);
const json = async (path: string, headers: Headers = {}) =>
  (await registry.request(path, { headers })).json() as Promise<Record<string, unknown>>;
const stagedKeys = async () => (await registry.store.list(LAYOUT.staged.prefix)).objects.map(({ key }) => key);

describe("a staged version", () => {
  test("is in no packument, tarball, tag, search or history of a reader", async () => {
    const id = await staged("wire", "2.0.0");
    const bob = await as("bob");
    const paths = ["/wire", "/-/package/wire/dist-tags", "/-/v1/search?text=wire", "/-/package/wire/history"];
    for (const path of paths) expect(JSON.stringify(await json(path, bob)), path).not.toMatch(/2\.0\.0/);
    for (const path of ["/wire/2.0.0", "/wire/-/wire-2.0.0.tgz", `/-/stage/${id}`, `/-/stage/${id}/tarball`])
      expect((await registry.request(path, { headers: bob })).status, path).toBe(404);
    expect(await json("/-/stage", bob)).toEqual({ items: [], total: 0 });
    expect(await json("/-/stage?package=wire", bob)).toEqual({ items: [], total: 0 });
    for (const answer of [await approve(id, bob), await reject(id, bob)]) expect(answer.status).toBe(404);
  });
  test("is listed and shown to those who may stage versions of the package, with its manifest and its tarball", async () => {
    const id = await staged("wire", "2.0.0");
    const carol = await as("carol");
    const item = { id, packageName: "wire", version: "2.0.0", tag: "latest", actor: "alice", actorType: "user" };
    for (const path of ["/-/stage?page=0&perPage=100", "/-/stage?package=wire"])
      expect(await json(path, carol)).toMatchObject({ items: [item], total: 1 });
    expect(await json(`/-/stage/${id}`, carol)).toMatchObject({
      ...item,
      manifest: { name: "wire", version: "2.0.0" },
    });
    const tarball = await registry.request(`/-/stage/${id}/tarball`, { headers: carol });
    const [{ data = "" } = {}] = Object.values(publishBody("wire", "2.0.0")._attachments);
    expect(Buffer.from(await tarball.arrayBuffer()).toString("base64")).toBe(data);
    const history = await json("/-/package/wire/history", carol);
    expect(history).toMatchObject({ history: [{ type: "stage", staged: { "2.0.0": { to: id } } }, {}] });
  });
  test("may be the first of a package, whose name is then taken and shows nothing", async () => {
    const id = await staged("@acme/fresh", "1.0.0");
    expect((await registry.request("/@acme%2ffresh")).status).toBe(404);
    expect((await registry.publish("@acme/fresh", "1.0.0", "latest", await as("bob"))).status).toBe(403);
    expect(await json("/-/stage")).toMatchObject({ items: [{ id, packageName: "@acme/fresh" }] });
    expect((await approve(id)).status).toBe(201);
    expect(await json("/@acme%2ffresh")).toMatchObject({ "dist-tags": { latest: "1.0.0" } });
  });
  test("blocks a publish of its version, and a repetition of its staging answers the same id", async () => {
    const id = await staged("wire", "2.0.0");
    expect((await registry.publish("wire", "2.0.0")).status).toBe(409);
    expect(await staged("wire", "2.0.0")).toBe(id);
    const other = await post("wire", "2.0.0", await as("carol"));
    expect([other.status, await errorOf(other)]).toEqual([409, expect.stringContaining("waits for approval")]);
    expect(await stagedKeys()).toHaveLength(2);
  });
  test("is refused as a publish is, and leaves nothing behind", async () => {
    expect((await post("wire", "1.0.0")).status).toBe(409);
    expect((await post("wire", "2.0.0", await as("bob"))).status).toBe(403);
    expect((await registry.send("POST", "/-/stage/package/wire", { name: "wire", versions: {} })).status).toBe(400);
    expect(await stagedKeys()).toEqual([]);
  });
  test(`expires after ${STAGE_DAYS} days`, async () => {
    let now = new Date();
    await using later = await startApp({ clock: { now: () => now, sleep: registry.ports.clock.sleep } });
    const answer = await later.send("POST", "/-/stage/package/wire", publishBody("wire", "2.0.0"));
    const { stageId } = (await answer.json()) as { stageId: string };
    now = new Date(now.getTime() + STAGE_DAYS * 86_400_000);
    expect(await (await later.request("/-/stage")).json()).toEqual({ items: [], total: 0 });
    expect((await later.send("POST", `/-/stage/${stageId}/approve`)).status).toBe(404);
  });
});

describe("the approval of a staged version", () => {
  test("publishes exactly the staged bytes, once, and removes what was staged", async () => {
    const id = await staged("wire", "2.0.0", undefined, "next");
    const answer = await approve(id, await as("carol"));
    expect([answer.status, await answer.json()]).toEqual([
      201,
      { ok: true, id: "wire", stageId: id, version: "2.0.0", "dist-tags": { latest: "1.0.0", next: "2.0.0" } },
    ]);
    const tarball = await registry.request("/wire/-/wire-2.0.0.tgz");
    const [{ data = "" } = {}] = Object.values(publishBody("wire", "2.0.0")._attachments);
    expect(Buffer.from(await tarball.arrayBuffer()).toString("base64")).toBe(data);
    expect((await approve(id)).status).toBe(404);
    expect(await stagedKeys()).toEqual([]);
    expect(await json("/-/package/wire/history")).toMatchObject({
      history: [{ type: "publish", by: "carol", versions: ["2.0.0"], staged: { "2.0.0": { from: id } } }, {}, {}],
    });
  });
  test("is refused when the stored content is not what was staged", async () => {
    const id = await staged("wire", "2.0.0");
    const key = `${LAYOUT.staged.prefix}${id}.json`;
    const found = await registry.store.get(key);
    const content = JSON.parse(Buffer.from(found?.notModified === false ? found.bytes : []).toString()) as object;
    const other = { ...content, manifest: { name: "wire", version: "2.0.0", dependencies: { evil: "*" } } };
    await registry.store.put(key, Buffer.from(JSON.stringify(other)));
    expect((await approve(id)).status).toBe(409);
  });
  test("obeys the rules for tags; a refusal leaves the version staged", async () => {
    const id = await staged("wire", "2.0.0");
    const rules = [{ tags: "latest", movers: ["carol"] }];
    await registry.send("PUT", "/-/package/wire/rules", { rules });
    const refused = await approve(id);
    expect([refused.status, await errorOf(refused)]).toEqual([403, expect.stringContaining("ask one of carol")]);
    expect((await approve(id, await as("carol"))).status).toBe(201);
  });
  test("and the rejection wait for a fresh confirmation where the host asks for one", async () => {
    const id = await staged("wire", "2.0.0");
    const asked: unknown[] = [];
    Object.assign(registry.ports, {
      needsFreshConfirmation: async (_: unknown, what: object) => {
        asked.push(what);
        throw new ApiError("unauthenticated", "confirm it", { "www-authenticate": "otp" });
      },
    });
    for (const answer of [await approve(id), await reject(id)]) expect(answer.status).toBe(401);
    expect(asked).toEqual([
      { action: "approve", name: "wire", version: "2.0.0" },
      { action: "reject", name: "wire", version: "2.0.0" },
    ]);
    expect(await json("/-/stage")).toMatchObject({ total: 1 });
  });
});

test("a rejected version is gone, and its version is free", async () => {
  const id = await staged("wire", "2.0.0");
  const answer = await reject(id);
  expect([answer.status, await answer.text()]).toEqual([204, ""]);
  expect(await stagedKeys()).toEqual([]);
  expect(await json("/-/stage")).toEqual({ items: [], total: 0 });
  expect((await registry.publish("wire", "2.0.0")).status).toBe(201);
});

describe("a token that may only stage", () => {
  test.each<[string, Partial<TokenRecord>]>([
    ["of a user", { stageOnly: true }],
    [
      "of a CI job",
      { user: "github:acme/wire", packages: ["wire"], workload: { type: "github", rule: "r", permissions: ["stage"] } },
    ],
  ])("%s stages, and neither approves nor publishes", async (_, limits) => {
    const headers = await limited(limits);
    const id = await staged("wire", "2.0.0", headers);
    expect((await approve(id, headers)).status).toBe(403);
    expect((await reject(id, headers)).status).toBe(403);
    expect((await registry.publish("wire", "3.0.0", "latest", headers)).status).toBe(403);
    expect((await registry.send("PUT", "/-/package/wire/dist-tags/next", '"1.0.0"', headers)).status).toBe(403);
    expect((await approve(id)).status).toBe(201);
  });
  test("that is read-only stages nothing and sees nothing", async () => {
    const headers = await limited({ readonly: true });
    const id = await staged("wire", "2.0.0");
    expect((await post("wire", "3.0.0", headers)).status).toBe(403);
    expect((await registry.request(`/-/stage/${id}`, { headers })).status).toBe(404);
  });
});

test.each(["nothing", "00000000-0000-4000-8000-000000000000", "..%2f..%2ftokens"])(
  "%s is no staged version",
  async (id) => {
    expect([400, 404]).toContain((await registry.request(`/-/stage/${id}`)).status);
  },
);
