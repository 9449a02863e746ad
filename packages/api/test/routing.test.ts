import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("@acme/wire", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

describe("a method that a path does not have", () => {
  test.each([
    ["DELETE", "/wire", "GET, HEAD, PUT"],
    ["POST", "/@acme%2fwire", "GET, HEAD, PUT"],
    ["PATCH", "/-/package/@acme%2fwire/dist-tags", "GET, HEAD, PUT, POST"],
    ["PUT", "/-/whoami", "GET, HEAD"],
    ["GET", "/-/v1/login", "POST"],
  ])("%s %s is 405, and says which it has", async (method, path, allow) => {
    const response = await registry.request(path, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
    expect(await response.json()).toMatchObject({ ok: false, code: "method_not_allowed" });
  });
  test.each(["/-/nowhere", "/-/v1/nowhere", "/a/b/c/d"])("POST %s, a path that is none, is 404", async (path) => {
    expect((await registry.request(path, { method: "POST" })).status).toBe(404);
  });
});

test("a tarball's path routes alike however its scope is spelled", async () => {
  for (const path of [
    "/@acme/wire/-/wire-1.0.0.tgz",
    "/@acme%2fwire/-/wire-1.0.0.tgz",
    "/%40acme%2Fwire/-/wire-1.0.0.tgz",
    "/@acme/wire/-/@acme/wire-1.0.0.tgz",
    "/@acme%2fwire/-/@acme%2fwire-1.0.0.tgz",
  ])
    expect((await registry.request(path)).status, path).toBe(200);
});
test.each([
  "/-/package/..%2f..%2fetc/dist-tags",
  "/-/package/%2e%2e%2fetc/dist-tags",
  "/-/package/@acme%2f..%2fwire/dist-tags",
  "/@acme%252fwire",
  "/%252e%252e%252fetc",
  "/@acme/wire/-/..%2findex.json",
])("the path trick %s is 400", async (path) => {
  const response = await registry.request(path);
  expect(response.status).toBe(400);
  expect(await errorOf(response)).not.toBe("");
});
test("HEAD of a packument has the headers of GET and no body", async () => {
  const get = await registry.request("/@acme%2fwire");
  const head = await registry.request("/@acme%2fwire", { method: "HEAD" });
  for (const name of ["etag", "content-length", "content-type"])
    expect(head.headers.get(name), name).toBe(get.headers.get(name));
  expect(await head.text()).toBe("");
});
