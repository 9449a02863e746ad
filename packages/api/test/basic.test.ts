import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

const PASSWORD = "a password: with colons";
const basic = (name: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`,
});

let registry: Harness;
beforeEach(async () => {
  registry = await startApp({ address: "10.0.0.1" });
  const body = JSON.stringify({ name: "bob", password: PASSWORD });
  await registry.app.request("http://registry.test/-/user/org.couchdb.user:bob", { method: "PUT", body });
});
afterEach(() => registry[Symbol.asyncDispose]());

const whoami = (headers: Record<string, string>, at = "https://registry.test", app = registry.app) =>
  app.request(`${at}/-/whoami`, { headers });

describe("Basic authentication", () => {
  test("with a name and a password makes the request as that user", async () => {
    expect(await (await whoami(basic("bob", PASSWORD))).json()).toEqual({ username: "bob" });
  });
  test("with a name and a token of that user makes the request with the token", async () => {
    const token = await registry.token("bob", true);
    expect(await (await whoami(basic("bob", token))).json()).toEqual({ username: "bob" });
    const tag = { method: "PUT", body: '"1.0.0"', headers: basic("bob", token) };
    expect((await registry.app.request("https://registry.test/-/package/wire/dist-tags/next", tag)).status).toBe(403);
    expect((await whoami(basic("alice", token))).status).toBe(401);
    expect((await whoami(basic("bob", "cbx_revoked"))).status).toBe(401);
  });
  test("changes a package", async () => {
    await registry.publish("wire", "1.0.0");
    const put = { method: "PUT", body: '"1.0.0"', headers: basic("bob", PASSWORD) };
    expect((await registry.app.request("https://registry.test/-/package/wire/dist-tags/next", put)).status).toBe(200);
  });
  test.each([
    ["a wrong password", basic("bob", "another password")],
    ["an unknown name", basic("nobody", PASSWORD)],
    ["an empty password", basic("bob", "")],
    ["no colon", { authorization: `Basic ${Buffer.from("bob").toString("base64")}` }],
    ["a name that is none", basic("../bob", PASSWORD)],
  ])("with %s is 401, for which npm names the password", async (_, headers) => {
    const response = await whoami(headers);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Basic");
  });
  test("of a wrong password is 401 also where anonymous callers may read", async () => {
    const response = await registry.app.request("https://registry.test/-/v1/search?text=wire", {
      headers: basic("bob", "another password"),
    });
    expect(response.status).toBe(401);
  });
  test("is refused without TLS, from another machine, and taken from this one", async () => {
    const refused = await whoami(basic("bob", PASSWORD), "http://registry.test");
    expect(refused.status).toBe(401);
    expect(await errorOf(refused)).toContain("over https only");
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      await using local = await startApp({ address });
      const token = await local.token("bob");
      expect((await whoami(basic("bob", token), "http://registry.test", local.app)).status).toBe(200);
    }
  });
  test.each(["origin", "sec-fetch-site"])("is refused from a page in a browser: %s", async (header) => {
    expect((await whoami({ ...basic("bob", PASSWORD), [header]: "https://page.example" })).status).toBe(401);
  });
  test("of wrong passwords makes the address wait", async () => {
    for (let turn = 0; turn < 5; turn++) await whoami(basic("bob", "another password"));
    expect((await whoami(basic("bob", PASSWORD))).status).toBe(429);
  });
  test("is not looked at while signing in: pnpm sends a name that is not registered yet", async () => {
    const body = JSON.stringify({ name: "carol", password: PASSWORD });
    const sent = { method: "PUT", body, headers: basic("carol", PASSWORD) };
    for (let turn = 0; turn < 6; turn++)
      expect(
        (await registry.app.request("https://registry.test/-/user/org.couchdb.user:carol", sent)).status,
        `turn ${turn}`,
      ).toBe(201);
  });
  test("with another scheme says what is taken", async () => {
    const response = await whoami({ authorization: "Digest abc" });
    expect(response.status).toBe(401);
    expect(await errorOf(response)).toContain("Bearer <token>");
  });
});
