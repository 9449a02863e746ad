import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

const PASSWORD = "a password";
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

let registry: Harness;
let bob: string;
const login = (name: string, password: string) =>
  registry.app.request(`http://registry.test/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    body: JSON.stringify({ name, password, email: `${name}@example.com` }),
  });
beforeEach(async () => {
  registry = await startApp();
  bob = ((await (await login("bob", PASSWORD)).json()) as { token: string }).token;
});
afterEach(() => registry[Symbol.asyncDispose]());

const shown = async (token = bob) =>
  (await (await registry.request("/-/npm/v1/user", as(token))).json()) as Record<string, unknown>;
/** As npm: every field as it was read, one of them changed. */
const set = async (change: object, token = bob) => {
  const { email, fullname, homepage, github } = await shown(token);
  const body = JSON.stringify({ email, fullname, homepage, github, ...change });
  return registry.request("/-/npm/v1/user", { method: "POST", body, ...as(token) });
};
const passwordOf = (old: string, chosen = "a new password") => ({ password: { old, new: chosen } });

test("a profile has the fields that npm prints", async () => {
  expect(await shown()).toEqual({
    name: "bob",
    email: "bob@example.com",
    email_verified: false,
    fullname: null,
    homepage: null,
    github: null,
    created: null,
    updated: null,
    cidr_whitelist: null,
    tfa: false,
  });
});

describe("a change of the password", () => {
  test("needs the old one, and is answered with the profile", async () => {
    const response = await set(passwordOf(PASSWORD));
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ name: "bob", email: "bob@example.com" });
    expect(text).not.toContain("a new password");
    expect((await login("bob", PASSWORD)).status).toBe(401);
    expect((await login("bob", "a new password")).status).toBe(201);
  });
  test("with a wrong old one is 401, for which npm names the password, and changes nothing", async () => {
    const response = await set(passwordOf("another one"));
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Basic");
    expect((await login("bob", PASSWORD)).status).toBe(201);
  });
  test("is guessed at no faster than a sign-in", async () => {
    for (let turn = 0; turn < 5; turn++) await set(passwordOf("another one"));
    expect((await set(passwordOf(PASSWORD))).status).toBe(429);
  });
  test("to a short one is 400", async () => {
    const response = await set(passwordOf(PASSWORD, "short"));
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain("at least 8 characters");
  });
  test("revokes the user's other tokens, and not the one of the request", async () => {
    const other = await registry.token("bob");
    const response = await set(passwordOf(PASSWORD));
    expect(response.headers.get("npm-notice")).toContain("other tokens are revoked: 1");
    expect((await registry.request("/-/whoami", as(other))).status).toBe(401);
    expect((await registry.request("/-/whoami", as(bob))).status).toBe(200);
    expect(await registry.tokens.list("alice")).toHaveLength(1);
  });
  test("ends what Basic authentication remembers", async () => {
    const encoded = Buffer.from(`bob:${PASSWORD}`).toString("base64");
    const whoami = () =>
      registry.app.request("https://registry.test/-/whoami", { headers: { authorization: `Basic ${encoded}` } });
    expect((await whoami()).status).toBe(200);
    await set(passwordOf(PASSWORD));
    expect((await whoami()).status).toBe(401);
  });
  test("of a user without one is 403", async () => {
    const response = await set(passwordOf("anything"), registry.alice);
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain("has no password");
  });
});

describe("a change of the profile", () => {
  test("keeps the e-mail address; an empty one removes it", async () => {
    expect(await (await set({ email: "new@example.com" })).json()).toMatchObject({ email: "new@example.com" });
    expect(await (await set({ email: null })).json()).toMatchObject({ email: "bob@users.invalid" });
    expect((await registry.identities.find("bob"))?.email).toBe("");
  });
  test("of the e-mail address needs a token that may write", async () => {
    expect((await set({ email: "new@example.com" }, await registry.token("bob", true))).status).toBe(403);
    expect((await registry.identities.find("bob"))?.email).toBe("bob@example.com");
  });
  test.each([[{ github: "bob" }], [{ homepage: "https://bob.example" }], [{ email: "none" }]])(
    "to %o, which is not kept, is 400",
    async (change) => {
      expect((await set(change)).status).toBe(400);
    },
  );
  test("to two-factor authentication is 400, and says that there is none", async () => {
    const response = await set({ tfa: { password: PASSWORD, mode: "auth-only" } });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain("two-factor");
  });
});
