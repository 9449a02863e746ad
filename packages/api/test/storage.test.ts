import { StoreUnavailable, type ObjectStore, type StoreProblem } from "@codebox/core";
import { describe, expect, test } from "vitest";
import { createApp, registryRoutes } from "../src/index.ts";
import { publishBody, startApp, type Harness } from "./harness.ts";

type Failure = { readonly error: string; readonly code: string };

/** The registry of a harness, over a store that reads and does not write. */
function withProblem(registry: Harness, problem: StoreProblem) {
  const failure = () => Promise.reject(new StoreUnavailable("a detail of the disk", { problem }));
  const store: ObjectStore = { ...registry.store, put: failure, copy: failure, delete: failure };
  const ports = { ...registry.ports, store, checkWritable: failure };
  const app = createApp(ports, registry.settings, registryRoutes(ports, registry.settings));
  return (path: string, init: RequestInit = {}) =>
    app.request(`http://registry.test${path}`, {
      ...init,
      headers: { authorization: `Bearer ${registry.alice}`, "content-type": "application/json" },
    });
}
const publish = { method: "PUT", body: JSON.stringify(publishBody("wire", "1.1.0")) };

describe("a store that reads and does not write", () => {
  test("because its disk is full fails writes with 507 and what helps, without a time to retry after", async () => {
    await using registry = await startApp();
    const answer = await withProblem(registry, "full")("/wire", publish);
    expect(answer.status).toBe(507);
    expect(answer.headers.has("retry-after")).toBe(false);
    const { error, code } = (await answer.json()) as Failure;
    expect(code).toBe("storage_full");
    expect(error).toMatch(/disk is full.*freed space/);
    expect(error).not.toContain("a detail of the disk");
    expect(registry.failures).toHaveLength(1);
  });
  test.each([
    ["refused", "refuses writes"],
    ["stopped", "disk failed"],
  ] as const)("because its disk is %s fails writes with 503 and the reason", async (problem, reason) => {
    await using registry = await startApp();
    const answer = await withProblem(registry, problem)("/wire", publish);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("30");
    expect(((await answer.json()) as Failure).error).toContain(reason);
  });
  test("answers ping, packuments and tarballs, and says in health what is wrong", async () => {
    await using registry = await startApp();
    await registry.publish("wire", "1.0.0");
    const request = withProblem(registry, "full");
    const paths = ["/-/ping", "/wire", "/wire/-/wire-1.0.0.tgz"];
    expect(await Promise.all(paths.map(async (path) => (await request(path)).status))).toEqual([200, 200, 200]);
    const health = await request("/-/health");
    expect(health.status).toBe(507);
    expect(health.headers.get("cache-control")).toBe("no-store");
    expect(((await health.json()) as Failure).error).toContain("disk is full");
  });
});

test("stored bytes that are damaged are 500 for the request that needs them", async () => {
  await using registry = await startApp();
  const failure = () => Promise.reject(new StoreUnavailable("a page", { problem: "damaged" }));
  const ports = { ...registry.ports, store: { ...registry.store, head: failure } };
  await registry.publish("wire", "1.0.0");
  const app = createApp(ports, registry.settings, registryRoutes(ports, registry.settings));
  const get = async (path: string) => (await app.request(`http://registry.test${path}`)).status;
  expect(await get("/wire/-/wire-1.0.0.tgz")).toBe(500);
  expect(await get("/wire")).toBe(200);
});
