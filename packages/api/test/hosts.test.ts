import { describe, expect, test } from "vitest";
import { hostCheck } from "../src/hosts.ts";
import { loggable } from "../src/loggable.ts";
import { errorOf, startApp } from "./harness.ts";

const known = hostCheck({
  publicUrl: "https://npm.acme.example/x",
  hosts: ["registry.internal"],
  addresses: ["10.0.0.5", "fd00::5"],
});

test.each([
  "127.0.0.1:4870",
  "localhost",
  "[::1]:4870",
  "npm.acme.example",
  "NPM.acme.example:8443",
  "registry.internal:4870",
  "registry.internal.",
  "10.0.0.5:4870",
  "[fd00::5]:4870",
])("%s is this registry", (host) => expect(known(host)).toBe(true));
test.each([
  "evil.example",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "10.0.0.6",
  "",
  "npm.acme.example.evil.example",
])("%s is not this registry", (host) => expect(known(host)).toBe(false));

describe("a request for another host", () => {
  const settings = { isKnownHost: (host: string) => host === "registry.test" };
  test("is answered 421, and says how to make the host known", async () => {
    await using registry = await startApp({ settings });
    const response = await registry.app.request("http://evil.example/wire");
    expect(response.status).toBe(421);
    expect(await errorOf(response)).toContain("--hosts");
  });
  test("is answered where it only asks whether the registry works", async () => {
    await using registry = await startApp({ settings });
    expect((await registry.app.request("http://10.0.0.9/-/health")).status).toBe(200);
  });
});
test("every answer forbids guessing its type", async () => {
  await using registry = await startApp();
  for (const path of ["/-/ping", "/nobody", "/-/whoami"])
    expect((await registry.request(path)).headers.get("x-content-type-options")).toBe("nosniff");
});

test.each([
  ["/-/user/token/cbx_abc", "/-/user/token/…"],
  ["//-/user/token/cbx_abc", "//-/user/token/…"],
  ["/-/npm/v1/tokens/token/0123abc", "/-/npm/v1/tokens/token/…"],
  ["/wire/cbx_abc-DEF", "/wire/cbx_…"],
  ["/%63bx_abc", "/cbx_…"],
  ["/a\u001b[31m\u009bred", "/a\\u001b[31m\\u009bred"],
])("the path %j is logged as %j", (path, logged) => expect(loggable(path)).toBe(logged));
