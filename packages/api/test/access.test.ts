import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.publish("@acme/wire", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const get = async (path: string) => (await registry.request(path)).json();
const publishAs = async (user: string, name: string) =>
  registry.send("PUT", `/${name.replace("/", "%2f")}`, publishBody(name, "1.0.0"), {
    authorization: `Bearer ${await registry.token(user)}`,
  });

describe("access list packages", () => {
  test("of a user is what the user owns", async () => {
    await publishAs("bob", "cable");
    expect(await get("/-/user/alice/package")).toEqual({ "@acme/wire": "write", wire: "write" });
    expect(await get("/-/user/bob/package?format=cli")).toEqual({ cable: "write" });
    expect(await get("/-/user/nobody/package")).toEqual({});
  });
  test("without a name is what the caller owns (pnpm)", async () => {
    await publishAs("bob", "cable");
    expect(await get("/-/-/package?format=cli")).toEqual({ "@acme/wire": "write", wire: "write" });
    expect((await registry.app.request("http://registry.test/-/-/package")).status).toBe(401);
  });
  test("of a scope is its packages, with what the caller may do", async () => {
    expect(await get("/-/org/acme/package")).toEqual({ "@acme/wire": "write" });
    expect(await get("/-/org/@acme/package?format=cli")).toEqual({ "@acme/wire": "write" });
    const token = await registry.token("alice", true);
    const response = await registry.request("/-/org/acme/package", { headers: { authorization: `Bearer ${token}` } });
    expect(await response.json()).toEqual({ "@acme/wire": "read" });
  });
  test("of a scope without packages is 404: npm takes the name for a user then", async () => {
    const response = await registry.request("/-/org/alice/package");
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toContain('"@alice"');
  });
  test("has no package that was unpublished, and none that the caller may not read", async () => {
    const { _rev } = (await get("/wire")) as { _rev: string };
    await registry.send("DELETE", `/wire/-rev/${_rev}`);
    expect(await get("/-/user/alice/package")).toEqual({ "@acme/wire": "write" });
    await using closed = await startApp({ unreadable: "wire" });
    expect(await (await closed.request("/-/user/alice/package")).json()).toEqual({});
  });
});

describe("access list collaborators", () => {
  test("is a map of owners for npm", async () => {
    expect(await get("/-/package/@acme%2fwire/collaborators")).toEqual({ alice: "write" });
  });
  test("is a list for pnpm, of one user where one is asked for", async () => {
    await registry.send("PUT", "/-/package/wire/owners", { user: "bob" });
    const bob = { user: "bob", permissions: "write" };
    expect(await get("/-/package/wire/collaborators?format=cli")).toMatchObject([
      { user: "alice", permissions: "write" },
      bob,
    ]);
    expect(await get("/-/package/wire/collaborators?format=cli&user=bob")).toMatchObject([bob]);
  });
  test("is a map for npm up to 8, which asks as pnpm does", async () => {
    const headers = { "user-agent": "npm/8.19.4 node/v24.21.0 linux x64 workspaces/false" };
    const owners = async (query: string) =>
      (await registry.request(`/-/package/wire/collaborators?format=cli${query}`, { headers })).json();
    expect(await owners("")).toEqual({ alice: "write" });
    expect(await owners("&user=bob")).toEqual({});
  });
  test("of a package that does not exist is 404", async () => {
    for (const path of ["collaborators", "visibility", "access"])
      expect((await registry.request(`/-/package/nowhere/${path}`)).status).toBe(404);
  });
});

test("access get status says whether a package can be read without a token", async () => {
  expect(await get("/-/package/@acme%2fwire/visibility")).toEqual({ public: true });
  expect(await get("/-/package/@acme%2fwire/access")).toEqual({ access: "public" });
  await using closed = await startApp({ settings: { anonymousRead: false } });
  await closed.publish("wire", "1.0.0");
  expect(await (await closed.request("/-/package/wire/visibility")).json()).toEqual({ public: false });
  expect(await (await closed.request("/-/package/wire/access")).json()).toEqual({ access: "restricted" });
});

describe("npm stars and pnpm stars", () => {
  const starred = (user: string) => get(`/-/_view/starredByUser?key=%22${user}%22`);
  test("lists the packages that a user starred", async () => {
    expect(await starred("alice")).toEqual({ rows: [] });
    await registry.send("PUT", "/wire", { _id: "wire", users: { alice: true } }, { "npm-command": "star" });
    expect(await starred("alice")).toEqual({ rows: [{ key: "alice", value: "wire" }] });
    expect(await get("/-/user/alice/stars")).toEqual({ wire: true });
    expect(await starred("bob")).toEqual({ rows: [] });
    expect(await get("/-/user/bob/stars")).toEqual({});
    await registry.send("PUT", "/wire", { _id: "wire", users: {} }, { "npm-command": "unstar" });
    expect(await starred("alice")).toEqual({ rows: [] });
  });
  test("a star in a copy of the whole packument is applied (pnpm), and the rest of the copy is not", async () => {
    const copy = (await get("/wire")) as { _rev: string };
    await registry.send("PUT", "/-/package/wire/dist-tags/next", '"1.0.0"');
    const put = (users: object) => registry.send("PUT", `/wire/-rev/${copy._rev}`, { ...copy, users });
    expect((await put({ alice: true, bob: true })).status).toBe(200);
    expect(await get("/wire")).toMatchObject({ users: { alice: true }, "dist-tags": { next: "1.0.0" } });
    expect((await put({})).status).toBe(200);
    expect(await starred("alice")).toEqual({ rows: [] });
  });
  test.each(["", "?key=", "?key=%22%22", `?key=${"a".repeat(215)}`])("refuses the key %s", async (query) => {
    expect((await registry.request(`/-/_view/starredByUser${query}`)).status).toBe(400);
  });
});

describe("pnpm owner", () => {
  const owners = async () =>
    ((await get("/wire")) as { maintainers: { name: string }[] }).maintainers.map(({ name }) => name);
  test("add and rm change one owner", async () => {
    const added = await registry.send("PUT", "/-/package/wire/owners", { user: "bob" });
    expect([added.status, await added.json()]).toEqual([200, { ok: true, id: "wire" }]);
    expect(await owners()).toEqual(["alice", "bob"]);
    expect((await registry.send("DELETE", "/-/package/wire/owners/alice", {})).status).toBe(200);
    expect(await owners()).toEqual(["bob"]);
  });
  test("add of one who is an owner already changes nothing", async () => {
    expect((await registry.send("PUT", "/-/package/wire/owners", { user: "alice" })).status).toBe(200);
    const { history } = (await get("/-/package/wire/history")) as { history: { type: string }[] };
    expect(history.map(({ type }) => type)).toEqual(["publish"]);
  });
  test("rm of one who is no owner is 404, and of the last owner is refused", async () => {
    expect((await registry.send("DELETE", "/-/package/wire/owners/bob")).status).toBe(404);
    const last = await registry.send("DELETE", "/-/package/wire/owners/alice");
    expect(last.status).toBe(400);
    expect(await owners()).toEqual(["alice"]);
  });
  test.each([{}, { user: 7 }, { user: "" }, { user: "a b" }, []])("add with the body %j is refused", async (body) => {
    expect((await registry.send("PUT", "/-/package/wire/owners", body)).status).toBe(400);
  });
  test("needs a package of this registry and the right to write", async () => {
    expect((await registry.send("PUT", "/-/package/nowhere/owners", { user: "bob" })).status).toBe(404);
    const token = await registry.token("alice", true);
    const headers = { authorization: `Bearer ${token}` };
    expect((await registry.send("PUT", "/-/package/wire/owners", { user: "bob" }, headers)).status).toBe(403);
  });
});
