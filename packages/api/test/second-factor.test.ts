import { DEFAULT_RIGHTS, type RightsSpec } from "@codebox/core";
import { codeAt, manualClock, type ManualClock } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

const PASSWORD = "a long password";
let registry: Harness;
let clock: ManualClock;
let bob: string;
let url: string;
const open = async (rights: Partial<RightsSpec> = {}) => {
  clock = manualClock();
  registry = await startApp({ clock, settings: { rights: { ...DEFAULT_RIGHTS, ...rights } } });
  bob = ((await (await login()).json()) as { token: string }).token;
};
const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}, token = bob) =>
  registry.app.request(`http://registry.test${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const login = (headers: Record<string, string> = {}, password = PASSWORD) =>
  registry.app.request("http://registry.test/-/user/org.couchdb.user:bob", {
    method: "PUT",
    headers,
    body: JSON.stringify({ name: "bob", password }),
  });
const code = () => codeAt(url, clock.now());
/** A code that no request had yet. */
const otp = async () => {
  await clock.advance(30_000);
  return { "npm-otp": code() };
};
const tfa = async (change: unknown, headers: Record<string, string> = {}) => {
  const response = await send("POST", "/-/npm/v1/user", { tfa: change }, headers);
  return { status: response.status, tfa: ((await response.json()) as { tfa?: unknown }).tfa };
};
const enable = async (mode = "auth-only") => {
  url = String((await tfa({ password: PASSWORD, mode })).tfa);
  return (await tfa([code()])).tfa as string[];
};
const publish = (name: string, headers: Record<string, string> = {}, token = bob, version = "1.0.0") =>
  send("PUT", `/${name.replace("/", "%2f")}`, publishBody(name, version), headers, token);
const asksForCode = async (response: Response) => {
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe("otp");
  expect(await response.clone().text()).toContain("one-time pass");
};
afterEach(() => registry[Symbol.asyncDispose]());

describe("npm profile enable-2fa", () => {
  beforeEach(() => open());
  test("gives the URL for the app, then recovery codes for the first code, and is shown in the profile", async () => {
    expect(await enable()).toHaveLength(10);
    expect(await (await send("GET", "/-/npm/v1/user")).json()).toMatchObject({
      tfa: { mode: "auth-only", pending: false },
    });
  });
  test("needs the password, and the right first code", async () => {
    expect((await tfa({ password: "wrong", mode: "auth-only" })).status).toBe(401);
    url = String((await tfa({ password: PASSWORD, mode: "auth-only" })).tfa);
    expect((await tfa(["000000"])).status).toBe(400);
    expect((await login()).status).toBe(201);
  });
  test("is refused to a read-only token", async () => {
    const readonly = await registry.token("bob", true);
    const body = { tfa: { password: PASSWORD, mode: "auth-only" } };
    expect((await send("POST", "/-/npm/v1/user", body, {}, readonly)).status).toBe(403);
  });
  test("changes the mode, and is disabled, with the password and a code", async () => {
    await enable();
    await asksForCode(await send("POST", "/-/npm/v1/user", { tfa: { password: PASSWORD, mode: "auth-and-writes" } }));
    expect((await tfa({ password: PASSWORD, mode: "auth-and-writes" }, await otp())).tfa).toMatchObject({
      mode: "auth-and-writes",
    });
    expect((await tfa({ password: PASSWORD, mode: "disable" }, await otp())).tfa).toBe(false);
    expect((await login()).status).toBe(201);
  });
});

describe("a user with a second factor", () => {
  let recovery: string[];
  beforeEach(async () => {
    await open();
    recovery = await enable();
  });
  test("signs in with password and code, or a recovery code; each counts once", async () => {
    await asksForCode(await login());
    const headers = await otp();
    expect((await login(headers)).status).toBe(201);
    await asksForCode(await login(headers));
    const spare = { "npm-otp": recovery[0] ?? "" };
    expect((await login(spare)).status).toBe(201);
    await asksForCode(await login(spare));
  });
  test("is not asked for a code after a wrong password", async () => {
    const response = await login(await otp(), "a wrong password");
    expect(response.headers.get("www-authenticate")).toBe("Basic");
  });
  test("can't be guessed at by sending the right password in between", async () => {
    for (let turn = 0; turn < 5; turn++) {
      await login({ "npm-otp": "000000" });
      await login();
    }
    expect((await login(await otp())).status).toBe(429);
  });
  test("has no Basic authentication with the password: there is no code beside it", async () => {
    const basic = `Basic ${Buffer.from(`bob:${PASSWORD}`).toString("base64")}`;
    const response = await registry.app.request("https://registry.test/-/whoami", {
      headers: { authorization: basic },
    });
    expect(response.status).toBe(401);
  });
  test("makes a token, and changes the password, with a code", async () => {
    const body = { password: PASSWORD };
    await asksForCode(await send("POST", "/-/npm/v1/tokens", body));
    expect((await send("POST", "/-/npm/v1/tokens", body, await otp())).status).toBe(201);
    const change = { password: { old: PASSWORD, new: "another long password" } };
    await asksForCode(await send("POST", "/-/npm/v1/user", change));
    expect((await send("POST", "/-/npm/v1/user", change, await otp())).status).toBe(200);
  });
  test("in the mode auth-only, writes without a code", async () => {
    expect((await publish("wire")).status).toBe(201);
  });
  test("in the mode auth-and-writes, needs a code for every write; one code serves one command", async () => {
    await tfa({ password: PASSWORD, mode: "auth-and-writes" }, await otp());
    await asksForCode(await publish("wire"));
    const headers = await otp();
    expect((await publish("wire", headers)).status).toBe(201);
    expect((await publish("wire", headers, bob, "1.1.0")).status).toBe(201);
    await asksForCode(await publish("wire", headers, await registry.token("bob"), "1.2.0"));
    await asksForCode(await send("PUT", "/-/package/wire/dist-tags/next", "1.0.0"));
  });
});

describe("a rule for a package", () => {
  beforeEach(() => open({ secondFactor: { "@acme/*": "required", "@acme/open": "off", "@acme/ci": "automation" } }));
  test("refuses a user without a second factor, and says how to get one", async () => {
    const response = await publish("@acme/wire");
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain("npm profile enable-2fa");
    expect((await publish("@acme/open")).status).toBe(201);
    expect((await publish("wire")).status).toBe(201);
  });
  test("asks for a code to publish, move latest and change owners, not for another tag or a deprecation", async () => {
    await enable();
    expect((await publish("@acme/wire", await otp())).status).toBe(201);
    const tag = (name: string) => send("PUT", `/-/package/@acme%2fwire/dist-tags/${name}`, "1.0.0");
    expect((await tag("next")).status).toBe(200);
    await clock.advance(300_000);
    await asksForCode(await tag("latest"));
    await asksForCode(await send("PUT", "/-/package/@acme%2fwire/owners", { user: "carol" }));
    await asksForCode(await publish("@acme/wire", {}, bob, "1.1.0"));
    const { _rev } = (await (await send("GET", "/@acme%2fwire?write=true")).json()) as { _rev: string };
    await asksForCode(await send("DELETE", `/@acme%2fwire/-rev/${_rev}`));
  });
  test("is not passed by Basic authentication or by a token for machines; where it says automation, by the latter", async () => {
    await enable();
    const made = await send("POST", "/-/npm/v1/tokens", { password: PASSWORD, bypass_2fa: true }, await otp());
    const { token } = (await made.json()) as { token: string };
    await asksForCode(await publish("@acme/wire", {}, token));
    expect((await publish("@acme/ci", {}, token)).status).toBe(201);
    await asksForCode(await publish("@acme/ci", {}, bob, "1.1.0"));
  });
  test("protects the rights too: they could take it away", async () => {
    const admin = await registry.token("admin");
    const edit = (headers: Record<string, string> = {}) =>
      send("PUT", "/-/org/acme/user", { user: "carol", role: "developer" }, headers);
    await registry.ports.rights.edit("test", (before) => ({
      ok: true,
      what: "…",
      spec: {
        ...before,
        grants: [
          { to: "user:bob", role: "admin", on: "**" },
          { to: "user:admin", role: "admin", on: "**" },
        ],
      },
    }));
    expect((await edit()).status).toBe(403);
    await enable();
    await asksForCode(await edit());
    const current = await send("GET", "/-/access", undefined, {}, admin);
    const headers = { "if-match": current.headers.get("etag") ?? "" };
    expect((await send("PUT", "/-/access", DEFAULT_RIGHTS, headers, admin)).status).toBe(403);
    expect((await edit(await otp())).status).toBe(201);
  });
  test("is set by npm access set mfa, and taken away with a code", async () => {
    await enable();
    await publish("wire");
    const set = (body: object, headers = {}) => send("POST", "/-/package/wire/access", body, headers);
    expect((await set({ publish_requires_tfa: true, automation_token_overrides_tfa: true }, await otp())).status).toBe(
      201,
    );
    await clock.advance(300_000);
    await asksForCode(await publish("wire", {}, bob, "1.1.0"));
    await asksForCode(await set({ publish_requires_tfa: false }));
    expect((await set({ publish_requires_tfa: false }, await otp())).status).toBe(201);
    expect((await publish("wire", {}, bob, "1.1.0")).status).toBe(201);
  });
});

describe("the confirmation in the browser", () => {
  beforeEach(async () => {
    await open({ secondFactor: { wire: "required" } });
    await enable();
  });
  const begin = async () => {
    const response = await publish("wire", { "npm-auth-type": "web" });
    await asksForCode(response);
    return (await response.json()) as { authUrl: string; doneUrl: string };
  };
  const submit = async (authUrl: string, fields: Record<string, string>, more: Record<string, string> = {}) => {
    const shown = await registry.app.request(authUrl);
    expect(shown.status).toBe(200);
    const csrf = /name="csrf" value="([^"]+)"/.exec(await shown.text())?.[1] ?? "";
    return registry.app.request(authUrl, {
      method: "POST",
      headers: {
        cookie: shown.headers.get("set-cookie")?.split(";")[0] ?? "",
        "content-type": "application/x-www-form-urlencoded",
        ...more,
      },
      body: new URLSearchParams({ csrf, ...fields }).toString(),
    });
  };
  test("takes password and code on a page; the client that polls gets a token for its request", async () => {
    const { authUrl, doneUrl } = await begin();
    const pending = await registry.app.request(doneUrl);
    expect([pending.status, pending.headers.get("retry-after")]).toEqual([202, "1"]);
    expect((await submit(authUrl, { password: PASSWORD, code: (await otp())["npm-otp"] })).status).toBe(200);
    for (const method of ["GET", "PUT", "DELETE"]) {
      const done = await registry.app.request(doneUrl, { method });
      const { token } = (await done.json()) as { token: string };
      expect(done.status).toBe(200);
      expect((await publish("wire", { "npm-otp": token }, await registry.token("bob"))).status).toBe(401);
      if (method === "DELETE") expect((await publish("wire", { "npm-otp": token })).status).toBe(201);
    }
  });
  test("is offered only to clients that can open a page", async () => {
    expect(await (await publish("wire", { "npm-auth-type": "legacy" })).json()).not.toHaveProperty("authUrl");
  });
  test("refuses a wrong password or code, another site's form, and a page that is over", async () => {
    const { authUrl, doneUrl } = await begin();
    const right = { password: PASSWORD, code: (await otp())["npm-otp"] };
    expect((await submit(authUrl, { ...right, password: "wrong" })).status).toBe(403);
    expect((await submit(authUrl, right, { origin: "https://evil.example" })).status).toBe(403);
    expect((await submit(authUrl, right, { cookie: "" })).status).toBe(403);
    expect((await registry.app.request(doneUrl)).status).toBe(202);
    expect((await submit(authUrl, right)).status).toBe(200);
    expect((await registry.app.request(authUrl)).status).toBe(404);
  });
});
