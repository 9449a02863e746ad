import { issueToken } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const login = (name: string, password: string) =>
  registry.app.request(`http://registry.test/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    body: JSON.stringify({ name, password }),
  });
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

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
    [{ orgs: ["acme"] }, "orgs"],
    [{ orgs_permission: "read-only" }, "orgs_permission"],
    [{ packages_and_scopes_permission: "admin" }, "packages_and_scopes_permission"],
    [{ cidr: ["10.0.0.0/8"] }, "cidr_whitelist"],
    [{ expiry: "2027-01-01" }, "expires"],
    [{ permissions: [{ name: "package", action: "read" }] }, "packages_and_scopes_permission"],
    [{ cidr_whitelist: ["10.1"] }, "cidr_whitelist"],
    [{ expires: 0 }, "expires"],
    [{ expires: 1.5 }, "expires"],
    [{ expires: 4_000 }, "3650 days"],
    [{ packages: ["../wire"] }, "packages"],
    [{ scopes: ["@acme/wire"] }, "scopes"],
    [{ packages: Array.from({ length: 51 }, () => "wire") }, "at most 50"],
    [{ packages: ["wire"], packages_all: true }, "packages_all"],
  ])("create with a limit that is not kept, or makes no sense, is refused, not ignored: %o", async (limit, words) => {
    const response = await create(limit);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain(words);
    expect(await registry.tokens.list("bob")).toHaveLength(1);
  });
  test("create keeps every limit, answers with it, and lists it", async () => {
    const limits = {
      name: "ci",
      description: "of the build",
      expires: 7,
      packages: ["wire"],
      scopes: ["acme", "@labs"],
      packages_and_scopes_permission: "read-write-stage-only",
      cidr_whitelist: ["10.0.0.1", "2001:db8::/32"],
    };
    const response = await create(limits);
    expect(response.status).toBe(201);
    const kept = {
      ...limits,
      expires: expect.any(String) as string,
      scopes: ["@acme", "@labs"],
      cidr_whitelist: ["10.0.0.1/32", "2001:db8::/32"],
      readonly: false,
    };
    expect(await response.json()).toMatchObject(kept);
    const { objects } = (await (await registry.request("/-/npm/v1/tokens", as(bob))).json()) as { objects: object[] };
    expect(objects).toContainEqual(expect.objectContaining(kept));
  });
  test("create with packages makes a token that publishes these and no others", async () => {
    const { token } = (await (await create({ packages: ["wire"] })).json()) as { token: string };
    expect((await registry.publish("wire", "1.0.0", "latest", as(token).headers)).status).toBe(201);
    const other = await registry.publish("left", "1.0.0", "latest", as(token).headers);
    expect([other.status, await errorOf(other)]).toEqual([
      403,
      'this token is not for the package "left", only for wire',
    ]);
    expect(await registry.keys()).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
  });
  test("create with the permission read-write-stage-only makes a token that publishes nothing directly", async () => {
    const permission = { packages_and_scopes_permission: "read-write-stage-only" };
    const { token } = (await (await create(permission)).json()) as { token: string };
    const refused = await registry.publish("wire", "1.0.0", "latest", as(token).headers);
    expect(refused.status).toBe(403);
    expect(await errorOf(refused)).toContain("use a token that may publish");
  });
  test("create with a network makes a token that is refused from another address, with both in the message", async () => {
    await using inside = await startApp({ address: "10.1.2.3" });
    const limits = { readonly: false, label: "ci", created: "2026-01-01T00:00:00.000Z", user: "alice" };
    const near = await issueToken({ ...inside, ids: systemIds }, { ...limits, cidr: ["10.0.0.0/8"] });
    const far = await issueToken({ ...inside, ids: systemIds }, { ...limits, cidr: ["192.0.2.0/24"] });
    expect((await inside.request("/-/whoami", as(near))).status).toBe(200);
    // A header is not the client's address.
    const forged = { headers: { ...as(far).headers, "x-forwarded-for": "192.0.2.1" } };
    const refused = await inside.request("/-/whoami", forged);
    expect([refused.status, await errorOf(refused)]).toEqual([
      403,
      "this token may not be used from 10.1.2.3, only from 192.0.2.0/24",
    ]);
  });
  test("create without a lifetime, and a sign-in, make tokens that end after the registry's default", async () => {
    await using short = await startApp({ settings: { tokenLifetimes: { defaultDays: 30, maxDays: 60 } } });
    const credentials = JSON.stringify({ name: "bob", password: "a password" });
    const signedIn = await short.request("/-/user/org.couchdb.user:bob", { method: "PUT", body: credentials });
    const { token } = (await signedIn.json()) as { token: string };
    const post = (body: object) =>
      short.request("/-/npm/v1/tokens", {
        method: "POST",
        body: JSON.stringify({ password: "a password", ...body }),
        ...as(token),
      });
    expect((await post({})).status).toBe(201);
    expect((await post({ expires: 60 })).status).toBe(201);
    const refused = await post({ expires: 61 });
    expect([refused.status, await errorOf(refused)]).toEqual([
      400,
      "expires: a token of this registry ends after 60 days at most; ask for fewer",
    ]);
    const days = (await short.tokens.list("bob")).map(({ created, expires = "" }) =>
      Math.round((Date.parse(expires) - Date.parse(created)) / 86_400_000),
    );
    expect(days.toSorted()).toEqual([30, 30, 60]);
  });
  test("the use of a token is recorded for its account and for changes, never for reading packages", async () => {
    const lastUsed = async () => (await registry.tokens.list("carol"))[0]?.lastUsed;
    const carol = await registry.token("carol");
    for (const path of ["/wire", "/-/v1/search?text=wire", "/-/ping", "/-/package/wire/dist-tags"])
      await registry.request(path, as(carol));
    expect(await lastUsed()).toBeUndefined();
    await registry.request("/-/whoami", as(carol));
    expect(await lastUsed()).toMatch(/^\d{4}-\d\d-\d\d$/);
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
