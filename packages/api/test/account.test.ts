import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const login = (name: string, password: string, body: object = {}) =>
  registry.app.request(`http://registry.test/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    body: JSON.stringify({ name, password, email: `${name}@example.com`, ...body }),
    headers: { "content-type": "application/json" },
  });
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test("signing in makes the account, and answers 201 with a token that works", async () => {
  const response = await login("bob", "a password");
  expect(response.status).toBe(201);
  const { token } = (await response.json()) as { token: string };
  expect(await (await registry.request("/-/whoami", as(token))).json()).toEqual({ username: "bob" });
});
test("a wrong password is 401", async () => {
  await login("bob", "a password");
  expect((await login("bob", "another")).status).toBe(401);
});
test("a refused sign-in does not reveal which names exist: one answer, with Basic, for which npm names the password", async () => {
  await login("bob", "a password");
  const wrong = await login("bob", "another one");
  const holdsToken = await login("alice", "a password");
  for (const response of [wrong, holdsToken]) {
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Basic");
  }
  expect(await wrong.text()).toBe(await holdsToken.text());
  expect(await registry.tokens.list("alice")).toHaveLength(1);
});
test("a new user's password has at least 8 characters", async () => {
  const response = await login("bob", "1234567");
  expect(response.status).toBe(400);
  expect(await errorOf(response)).toContain("at least 8 characters");
});
test.each(["origin", "x-forwarded-for", "forwarded"])(
  "a request with %s makes no account: it comes from a page or through a proxy",
  async (header) => {
    const credentials = JSON.stringify({ name: "bob", password: "a password" });
    const sent = { method: "PUT", body: credentials, headers: { "content-type": "application/json", [header]: "x" } };
    const path = "http://registry.test/-/user/org.couchdb.user:bob";
    expect((await registry.app.request(path, sent)).status).toBe(401);
    expect((await login("bob", "a password")).status).toBe(201);
    expect((await registry.app.request(path, sent)).status).toBe(201);
  },
);
test("guessing a password is answered 429 with retry-after after some failures", async () => {
  await login("bob", "a password");
  for (let turn = 0; turn < 5; turn++) expect((await login("bob", "another one")).status).toBe(401);
  const response = await login("bob", "a password");
  expect(response.status).toBe(429);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
});
test("answers about the caller are kept by no cache", async () => {
  for (const path of ["/-/whoami", "/-/npm/v1/user", "/-/npm/v1/tokens"])
    expect((await registry.request(path)).headers.get("cache-control")).toBe("no-store");
  expect((await login("bob", "a password")).headers.get("cache-control")).toBe("no-store");
});
test.each([
  ["another name in the body", { name: "carol" }],
  ["no password", { password: "" }],
  ["a name that is none", { name: "../x" }],
])("signing in with %s is 400", async (_, body) => expect((await login("bob", "a password", body)).status).toBe(400));
test("the web login is refused, so that npm asks for user and password", async () => {
  expect((await registry.send("POST", "/-/v1/login", {})).status).toBe(404);
});
test("a profile has a name, and its email for its owner alone; an unknown user is 404", async () => {
  await login("bob", "a password");
  expect(await (await registry.request("/-/user/org.couchdb.user:bob")).json()).toMatchObject({
    name: "bob",
    email: "bob@users.invalid",
  });
  const bob = await registry.token("bob");
  expect(await (await registry.request("/-/user/org.couchdb.user:bob", as(bob))).json()).toMatchObject({
    email: "bob@example.com",
  });
  expect(await (await registry.request("/-/user/org.couchdb.user:alice")).json()).toMatchObject({
    name: "alice",
    email: "alice@users.invalid",
  });
  expect((await registry.request("/-/user/org.couchdb.user:nobody")).status).toBe(404);
});
test("signing out revokes the token; another user's can't be", async () => {
  const theirs = await registry.token("bob");
  expect((await registry.send("DELETE", `/-/user/token/${theirs}`)).status).toBe(404);
  expect((await registry.request(`/-/user/token/${theirs}`, { method: "DELETE", ...as(theirs) })).status).toBe(200);
  expect((await registry.request("/-/whoami", as(theirs))).status).toBe(401);
});
test("no token and no password is ever logged", async () => {
  const token = await registry.token("bob");
  await registry.request(`/-/user/token/${token}`, { method: "DELETE", ...as(token) });
  await login("carol", "a secret password");
  await registry.request(`//-/user/%74oken/${token}`, { method: "DELETE" });
  const logged = JSON.stringify(registry.logged);
  expect(logged).toContain("/-/user/token/…");
  for (const secret of [token, registry.alice, "a secret password"]) expect(logged).not.toContain(secret);
});
test("tokens are stored hashed, listed without themselves, made with the password, and revoked by their key", async () => {
  await login("bob", "a password");
  const { token } = (await (await login("bob", "a password")).json()) as { token: string };
  expect(JSON.stringify(await registry.tokens.list("bob"))).not.toContain(token);
  const made = await registry.request("/-/npm/v1/tokens", {
    method: "POST",
    body: JSON.stringify({ password: "a password", readonly: true }),
    ...as(token),
  });
  expect(made.status).toBe(201);
  const readonly = (await made.json()) as { token: string; key: string };
  expect(
    (
      await registry.request("/-/package/wire/dist-tags/next", {
        method: "PUT",
        body: '"1.0.0"',
        ...as(readonly.token),
      })
    ).status,
  ).toBe(403);
  const { objects } = (await (await registry.request("/-/npm/v1/tokens", as(token))).json()) as {
    objects: { key: string; token: string }[];
  };
  expect(objects).toHaveLength(3);
  expect(JSON.stringify(objects)).not.toContain(token);
  expect(
    (await registry.request(`/-/npm/v1/tokens/token/${readonly.key}`, { method: "DELETE", ...as(token) })).status,
  ).toBe(204);
  expect((await registry.request("/-/whoami", as(readonly.token))).status).toBe(401);
  expect(
    (
      await registry.request("/-/npm/v1/tokens", {
        method: "POST",
        body: JSON.stringify({ password: "wrong" }),
        ...as(token),
      })
    ).status,
  ).toBe(401);
});
test("whoami without a token is 401", async () => {
  expect((await registry.app.request("http://registry.test/-/whoami")).status).toBe(401);
});
test("a revoked token in .npmrc does not keep anybody from signing in: npm sends it along", async () => {
  const revoked = { authorization: "Bearer cbx_revoked" };
  expect((await registry.send("POST", "/-/v1/login", {}, revoked)).status).toBe(404);
  const body = { name: "bob", password: "a password" };
  expect((await registry.send("PUT", "/-/user/org.couchdb.user:bob", body, revoked)).status).toBe(201);
});
test("signing in needs no token on a private registry, however the colon is spelled", async () => {
  await using closed = await startApp({ settings: { anonymousRead: false } });
  const put = (id: string) =>
    closed.app.request(`http://registry.test/-/user/${id}`, {
      method: "PUT",
      body: JSON.stringify({ name: "bob", password: "a password" }),
    });
  expect((await put("org.couchdb.user:bob")).status).toBe(201);
  expect((await put("org.couchdb.user%3Abob")).status).toBe(201);
});

describe("npm token", () => {
  let bob: string;
  const create = (body: object, token = bob) =>
    registry.request("/-/npm/v1/tokens", {
      method: "POST",
      body: JSON.stringify({ password: "a password", ...body }),
      ...as(token),
    });
  beforeEach(async () => {
    const response = await login("bob", "a password");
    bob = ((await response.json()) as { token: string }).token;
  });
  test("create without a name, as npm 11 sends it, makes a token", async () => {
    const response = await create({ name: null, cidr_whitelist: [] });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ readonly: false });
  });
  test("create by a user without a password is refused, and registers nobody", async () => {
    const response = await create({ password: "mistyped" }, registry.alice);
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain("has no password");
    expect((await login("alice", "mistyped")).status).toBe(401);
    expect(await registry.tokens.list("alice")).toHaveLength(1);
  });
  test("create with the permission read-only makes a token that can't write", async () => {
    const { token } = (await (await create({ packages_and_scopes_permission: "read-only" })).json()) as {
      token: string;
    };
    const tag = { method: "PUT", body: '"1.0.0"', ...as(token) };
    expect((await registry.request("/-/package/wire/dist-tags/next", tag)).status).toBe(403);
  });
  test.each([
    [{ cidr_whitelist: ["10.0.0.0/8"] }, "cidr_whitelist"],
    [{ expires: 7 }, "expires"],
    [{ packages: ["wire"] }, "packages"],
    [{ scopes: ["@acme"] }, "scopes"],
    [{ orgs: ["acme"] }, "orgs"],
    [{ orgs_permission: "read-only" }, "orgs_permission"],
    [{ packages_and_scopes_permission: "no-access" }, "packages_and_scopes_permission"],
  ])("create with a limit that is not kept is refused, not ignored: %o", async (limit, words) => {
    const response = await create(limit);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain(words);
    expect(await registry.tokens.list("bob")).toHaveLength(1);
  });
  test("a read-only token revokes none but itself, by whatever route", async () => {
    const revoke = (path: string, token: string) => registry.request(path, { method: "DELETE", ...as(token) });
    const make = async () => (await (await create({ readonly: true })).json()) as { token: string; key: string };
    const [one, two] = [await make(), await make()];
    const [first] = await registry.tokens.list("bob");
    expect((await revoke(`/-/npm/v1/tokens/token/${first?.hash.slice(0, 32) ?? ""}`, one.token)).status).toBe(403);
    expect((await revoke(`/-/user/token/${bob}`, one.token)).status).toBe(403);
    expect((await revoke(`/-/user/token/${two.token}`, one.token)).status).toBe(403);
    expect(await registry.tokens.list("bob")).toHaveLength(3);
    expect((await revoke(`/-/user/token/${one.token}`, one.token)).status).toBe(200);
    expect((await revoke(`/-/npm/v1/tokens/token/${two.key}`, two.token)).status).toBe(204);
    expect(await registry.tokens.list("bob")).toHaveLength(1);
  });
  test("revoke by the token itself passes npm's own check: it begins with what the list shows", async () => {
    const { objects } = (await (await registry.request("/-/npm/v1/tokens", as(bob))).json()) as {
      objects: { token: string }[];
    };
    expect(bob.startsWith(objects[0]?.token ?? "none")).toBe(true);
    expect((await registry.request(`/-/npm/v1/tokens/token/${bob}`, { method: "DELETE", ...as(bob) })).status).toBe(
      204,
    );
    expect((await registry.request("/-/whoami", as(bob))).status).toBe(401);
  });
});
