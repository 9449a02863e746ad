import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createUnansweredPublishes, PUBLISH_RETRY_MS } from "@codebox/core";
import { makeTarball, manualClock } from "@codebox/testing";
import { createApp, registryRoutes } from "../src/index.ts";
import { publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp({ paused: true, settings: { waitMs: 5 } });
});
afterEach(() => registry[Symbol.asyncDispose]());

const put = (body: unknown, headers: Record<string, string> = {}) => registry.send("PUT", "/wire", body, headers);
const applied = () => expect.poll(async () => (await registry.request("/wire")).status).toBe(200);
const history = async () =>
  ((await (await registry.request("/-/package/wire/history")).json()) as { history: unknown[] }).history;

describe("a publish without a key, sent again", () => {
  test("after a 202 is answered like the first, once", async () => {
    const first = await put(publishBody("wire", "1.0.0"));
    expect(first.status).toBe(202);
    registry.start();
    await applied();
    const again = await put(publishBody("wire", "1.0.0"));
    expect(again.status).toBe(201);
    expect(again.headers.get("codebox-change")).toBe(first.headers.get("codebox-change"));
    expect(await history()).toHaveLength(1);
    expect((await put(publishBody("wire", "1.0.0"))).status).toBe(409);
  });
  test("after a connection that broke is answered like the first", async () => {
    registry.start();
    const leaving = new AbortController();
    const body = JSON.stringify(publishBody("wire", "1.0.0"));
    const first = await registry.request("/wire", { method: "PUT", body, signal: leaving.signal });
    leaving.abort();
    const again = await put(publishBody("wire", "1.0.0"));
    const same = first.status === 202 || first.headers.get("codebox-change") === again.headers.get("codebox-change");
    expect([again.status, same]).toEqual([201, true]);
  });
  test("with other bytes, another manifest, other tags or by another user is another publish", async () => {
    await put(publishBody("wire", "1.0.0"));
    registry.start();
    await applied();
    const tarball = makeTarball({ name: "wire", version: "1.0.0", files: { x: "x" } });
    const authorization = `Bearer ${await registry.token("bob")}`;
    expect((await put(publishBody("wire", "1.0.0", { tarball }))).status).toBe(409);
    expect((await put(publishBody("wire", "1.0.0", { manifest: { main: "x.js" } }))).status).toBe(409);
    expect((await put(publishBody("wire", "1.0.0", { tag: "next" }))).status).toBe(409);
    expect((await put(publishBody("wire", "1.0.0"), { authorization })).status).toBe(409);
    expect((await put(publishBody("wire", "1.0.0"))).status).toBe(201);
  });
});

describe("a publish that another process answers", () => {
  const anotherProcess = () => {
    const app = createApp(registry.ports, registry.settings, registryRoutes(registry.ports, registry.settings));
    return (body: unknown) =>
      app.request("http://registry.test/wire", {
        method: "PUT",
        body: JSON.stringify(body),
        headers: { authorization: `Bearer ${registry.alice}` },
      });
  };
  test("after a 202 is answered like the first, once, whichever process is asked then", async () => {
    const first = await put(publishBody("wire", "1.0.0"));
    expect(first.status).toBe(202);
    registry.start();
    await applied();
    const putThere = anotherProcess();
    const again = await putThere(publishBody("wire", "1.0.0"));
    expect([again.status, again.headers.get("codebox-change")]).toEqual([201, first.headers.get("codebox-change")]);
    expect((await put(publishBody("wire", "1.0.0"))).status).toBe(409);
    expect((await putThere(publishBody("wire", "1.0.0"))).status).toBe(409);
    expect((await anotherProcess()(publishBody("wire", "1.0.0"))).status).toBe(409);
    expect(await history()).toHaveLength(1);
  });
  test("after a connection that broke is answered like the first", async () => {
    registry.start();
    const leaving = new AbortController();
    const body = JSON.stringify(publishBody("wire", "1.0.0"));
    await registry.request("/wire", { method: "PUT", body, signal: leaving.signal });
    leaving.abort();
    await applied();
    await expect.poll(async () => (await anotherProcess()(publishBody("wire", "1.0.0"))).status).toBe(201);
  });
  test("with other bytes is another publish, and one that was answered is refused", async () => {
    await put(publishBody("wire", "1.0.0"));
    registry.start();
    await applied();
    const tarball = makeTarball({ name: "wire", version: "1.0.0", files: { x: "x" } });
    expect((await anotherProcess()(publishBody("wire", "1.0.0", { tarball }))).status).toBe(409);
    expect((await anotherProcess()(publishBody("wire", "1.0.0"))).status).toBe(201);
  });
  test("is forgotten after some minutes", async () => {
    const key = { user: "alice", name: "wire", version: "1.0.0" };
    const clock = manualClock();
    const kept = createUnansweredPublishes({ store: registry.store, clock });
    await kept.put(key, { id: "a", digest: "b" });
    expect(await kept.find(key)).toEqual({ id: "a", digest: "b" });
    expect(await kept.find({ ...key, user: "bob" })).toBeUndefined();
    await clock.advance(PUBLISH_RETRY_MS);
    expect(await kept.find(key)).toBeUndefined();
  });
});

test("a publish that was answered and is sent again by hand is refused", async () => {
  await using running = await startApp();
  expect((await running.publish("wire", "1.0.0")).status).toBe(201);
  expect((await running.publish("wire", "1.0.0")).status).toBe(409);
});
test("a publish that was answered 503 although it was queued is answered like the first when it is sent again", async () => {
  await using broken = await startApp({ queueDown: true });
  expect((await broken.publish("wire", "1.0.0")).status).toBe(503);
  await expect.poll(async () => (await broken.request("/wire")).status).toBe(200);
  expect((await broken.publish("wire", "1.0.0")).status).toBe(201);
  expect((await broken.publish("wire", "1.0.0")).status).toBe(409);
});
test("a version that was unpublished can be published again", async () => {
  await using running = await startApp();
  await running.publish("wire", "1.0.0");
  await running.publish("wire", "1.1.0");
  const { versions, ...rest } = (await (await running.request("/wire")).json()) as {
    _rev: string;
    versions: Record<string, object>;
  };
  await running.send("PUT", `/wire/-rev/${rest._rev}`, { ...rest, versions: { "1.1.0": versions["1.1.0"] } });
  expect((await running.publish("wire", "1.0.0")).status).toBe(201);
  expect((await running.request("/wire/1.0.0")).status).toBe(200);
});
