import { createApp, createPasswords, signInRoutes } from "@codebox/api";
import { createInvitations, createLivePolicy, createRightsStore, DEFAULT_RIGHTS, issueToken } from "@codebox/core";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock, systemIds } from "@codebox/system";
import { fail } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watchRevocations } from "../src/revocations.ts";
import { invitationRoutes, userRoutes } from "../src/users-route.ts";

const PASSWORD = "a long password";
let backend: SqliteBackend;
let admin: string;
let ask: (method: string, path: string, body?: object, token?: string | null) => Promise<Response>;
let watch: ReturnType<typeof watchRevocations>["watch"];
const make = (user: string) =>
  issueToken(
    { ...backend, ids: systemIds },
    { user, readonly: false, label: "laptop", created: "2026-01-01T00:00:00.000Z" },
  );
beforeEach(async () => {
  backend = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
  const rights = createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: Number.POSITIVE_INFINITY });
  await rights.edit("test", () => ({ ok: true, spec: DEFAULT_RIGHTS, what: "new", decided: true }));
  const policy = createLivePolicy({ anonymousRead: true, admins: ["admin"] }, rights);
  const revocations = watchRevocations(backend.tokens, systemClock);
  watch = revocations.watch;
  const ports = {
    ...backend,
    tokens: revocations.tokens,
    policy,
    rights,
    clock: systemClock,
    ids: systemIds,
    passwords: createPasswords({ ...backend, clock: systemClock }),
    invitations: createInvitations({ ...backend, clock: systemClock, ids: systemIds }),
    admins: ["admin"],
    addressOf: () => "192.0.2.1",
  };
  const groups = [userRoutes(ports), invitationRoutes(ports), signInRoutes(ports, {})];
  const app = createApp(ports, {}, groups);
  admin = await make("admin");
  ask = async (method, path, body, token = admin) =>
    app.request(`http://registry.test${path}`, {
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
});
afterEach(() => backend.close());

const json = async (response: Promise<Response>) => (await (await response).json()) as Record<string, unknown>;
const codeFor = async (name: string) => String((await json(ask("PUT", `/-/users/${name}/invitation`, {})))["code"]);
const accept = (name: string, code: string, password = PASSWORD) =>
  ask("POST", "/-/invitation", { name, code, password }, null);
const login = (name: string, password = PASSWORD) =>
  ask("PUT", `/-/user/org.couchdb.user:${name}`, { name, password }, null);
const users = async () => (await json(ask("GET", "/-/users")))["users"];

describe("an invitation", () => {
  test("lets its user choose a password, once, also where registration is closed", async () => {
    const code = await codeFor("bob");
    expect((await login("bob")).status).toBe(401);
    expect((await accept("bob", code)).status).toBe(201);
    expect((await login("bob")).status).toBe(201);
    expect((await accept("bob", code, "another password")).status).toBe(403);
    expect(await users()).toMatchObject([{ name: "admin" }, { name: "bob", disabled: false }]);
  });
  test("is listed until it is accepted or taken back", async () => {
    const code = await codeFor("bob");
    expect(await json(ask("GET", "/-/users"))).toMatchObject({ invited: [{ name: "bob", by: "admin" }] });
    expect((await ask("DELETE", "/-/users/bob/invitation")).status).toBe(200);
    expect(await json(ask("GET", "/-/users"))).toMatchObject({ invited: [] });
    expect((await accept("bob", code)).status).toBe(403);
  });
  test("is not spent by a password that is too short", async () => {
    const code = await codeFor("bob");
    expect((await accept("bob", code, "short")).status).toBe(400);
    expect((await accept("bob", code)).status).toBe(201);
  });
  test("of a user who has a password, or of a name that differs in capitals, is refused", async () => {
    await accept("bob", await codeFor("bob"));
    expect((await ask("PUT", "/-/users/bob/invitation", {})).status).toBe(409);
    expect((await ask("PUT", "/-/users/Bob/invitation", {})).status).toBe(409);
  });
  test("is guessed at no faster than a password", async () => {
    await codeFor("bob");
    for (let turn = 0; turn < 5; turn++) await accept("bob", "wrong");
    expect((await accept("bob", "wrong")).status).toBe(429);
  });
  test("counts for the days that were asked for, 30 at most", async () => {
    expect((await ask("PUT", "/-/users/bob/invitation", { days: 31 })).status).toBe(400);
    expect((await ask("PUT", "/-/users/bob/invitation", { days: 1 })).status).toBe(201);
  });
});

describe("a reset", () => {
  test("ends the password and the tokens at once, and its code makes a new password", async () => {
    await accept("bob", await codeFor("bob"));
    const token = await make("bob");
    const { code, revoked } = await json(ask("POST", "/-/users/bob/reset", {}));
    expect(revoked).toBe(1);
    expect((await login("bob")).status).toBe(401);
    expect(await backend.tokens.list("bob")).toEqual([]);
    expect((await ask("GET", "/-/users", undefined, token)).status).toBe(401);
    expect((await accept("bob", String(code), "another long password")).status).toBe(201);
    expect((await login("bob", "another long password")).status).toBe(201);
  });
  test("of nobody is 404", async () => {
    expect((await ask("POST", "/-/users/nobody/reset", {})).status).toBe(404);
  });
});

describe("a disabled user", () => {
  test("ends at once: tokens, open streams, sign-in and invitations", async () => {
    await accept("bob", await codeFor("bob"));
    const { token } = (await json(login("bob"))) as { token: string };
    const [held] = await backend.tokens.list("bob");
    let ended = false;
    const streaming = new AbortController();
    watch(held?.hash ?? "", () => (ended = true), streaming.signal);
    expect(await json(ask("PUT", "/-/users/bob/disabled", {}))).toMatchObject({ revoked: 1 });
    expect(ended).toBe(true);
    expect((await ask("GET", "/-/users", undefined, token)).status).toBe(401);
    const refused = await login("bob");
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain("disabled");
    expect((await accept("bob", await codeFor("carol"))).status).toBe(403);
    expect(await users()).toMatchObject([{ name: "admin" }, { name: "bob", disabled: true }]);
    streaming.abort();
  });
  test("signs in after being enabled", async () => {
    await accept("bob", await codeFor("bob"));
    await ask("PUT", "/-/users/bob/disabled", {});
    expect((await ask("DELETE", "/-/users/bob/disabled")).status).toBe(200);
    expect((await login("bob")).status).toBe(201);
  });
  test("with a wrong password does not learn that the account is disabled", async () => {
    await accept("bob", await codeFor("bob"));
    await ask("PUT", "/-/users/bob/disabled", {});
    expect((await login("bob", "a wrong password")).status).toBe(401);
  });
  test("is never an administrator of the settings", async () => {
    expect((await ask("PUT", "/-/users/admin/disabled", {})).status).toBe(403);
  });
});

test.each([
  ["GET", "/-/users"],
  ["PUT", "/-/users/carol/invitation"],
  ["DELETE", "/-/users/carol/invitation"],
  ["POST", "/-/users/carol/reset"],
  ["PUT", "/-/users/carol/disabled"],
  ["DELETE", "/-/users/carol/disabled"],
])("%s %s is for administrators", async (method, path) => {
  const body = method === "GET" ? undefined : {};
  expect((await ask(method, path, body, await make("bob"))).status).toBe(403);
  expect((await ask(method, path, body, null)).status).toBe(401);
});
