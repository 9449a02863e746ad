import { createPackumentReader, createSubmit, LAYOUT, StoreUnavailable } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { countingStore, makeTarball } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { createApp, registryRoutes, type ApiPorts } from "../src/index.ts";
import { withStaging, type Staging, type StagingArea } from "../src/publish/staging.ts";
import { publishBody, startApp, type Harness } from "./harness.ts";

const staged = async ({ keys }: Harness) => (await keys()).filter((key) => key.startsWith(LAYOUT.staging.prefix));
const put = (registry: Harness, body: object | string, headers: Record<string, string> = {}) =>
  registry.send("PUT", "/wire", body, headers);
const { bytes } = makeTarball({ name: "wire", version: "1.0.0" });

/** A publish that names a tarball which the client uploaded before. */
const upload = `${LAYOUT.staging.prefix}upload-1`;
const named = { ...publishBody("wire", "1.0.0"), _attachments: { "wire-1.0.0.tgz": { staged: "upload-1" } } };

/** Sends a publish to the same registry, some ports of which differ. */
async function putOver(
  registry: Harness,
  different: Partial<ApiPorts>,
  body: object,
  more: Record<string, string> = {},
) {
  const failures: unknown[] = [];
  const ports = { ...registry.ports, ...different, onFailure: (error: unknown) => void failures.push(error) };
  const app = createApp(ports, registry.settings, registryRoutes(ports, registry.settings));
  const headers = { authorization: `Bearer ${registry.alice}`, "content-type": "application/json", ...more };
  const init = { method: "PUT", headers, body: JSON.stringify(body) };
  return { response: await app.request("http://registry.test/wire", init), failures };
}

/** The number of times that an operation was called. */
const count = ({ calls }: ReturnType<typeof countingStore>, operation: string) =>
  calls.filter((call) => call.operation === operation).length;

describe("the staged tarball of a publish", () => {
  test("is deleted once the version is published", async () => {
    await using registry = await startApp();
    expect((await put(registry, publishBody("wire", "1.0.0"))).status).toBe(201);
    expect(await staged(registry)).toEqual([]);
  });
  test("is deleted when the version exists, which only its bytes could show", async () => {
    await using registry = await startApp();
    const undeclared = (files: Record<string, string>) =>
      publishBody("wire", "1.0.0", {
        manifest: { dist: {} },
        tarball: makeTarball({ name: "wire", version: "1.0.0", files }),
      });
    await put(registry, undeclared({ a: "1" }));
    const store = countingStore(registry.store);
    const { response } = await putOver(registry, { store }, undeclared({ a: "2" }), { "idempotency-key": "one" });
    expect([response.status, count(store, "put")]).toEqual([409, 1]);
    expect(await staged(registry)).toEqual([]);
  });
  test("is deleted when the change is refused", async () => {
    await using registry = await startApp();
    const tags = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`tag${index}`, "1.0.0"]));
    expect((await put(registry, publishBody("wire", "1.0.0", { top: { "dist-tags": tags } }))).status).toBe(400);
    expect(await staged(registry)).toEqual([]);
  });
  test("is deleted when the document and the tarball disagree", async () => {
    await using registry = await startApp();
    const tarball = makeTarball({ name: "other", version: "1.0.0" });
    expect((await put(registry, publishBody("wire", "1.0.0", { tarball }))).status).toBe(400);
    expect(await staged(registry)).toEqual([]);
  });
  test("is deleted when the body has a second tarball", async () => {
    await using registry = await startApp();
    const body = publishBody("wire", "1.0.0");
    const [attachment] = Object.values(body._attachments);
    const two = { ...body, _attachments: { ...body._attachments, "wire-2.0.0.tgz": attachment } };
    expect((await put(registry, two)).status).toBe(400);
    expect(await staged(registry)).toEqual([]);
  });
  test("is deleted when the body ends early", async () => {
    await using registry = await startApp();
    const text = JSON.stringify(publishBody("wire", "1.0.0"));
    expect((await put(registry, text.slice(0, -20))).status).toBe(400);
    expect(await staged(registry)).toEqual([]);
  });
  test("is kept when the queue does not answer: the change may be queued", async () => {
    await using registry = await startApp({ queueDown: true, paused: true });
    expect((await put(registry, publishBody("wire", "1.0.0"))).status).toBe(503);
    expect(await staged(registry)).toHaveLength(1);
  });
  test("is kept after a 202: the change waits for it", async () => {
    await using registry = await startApp({ paused: true });
    expect((await put(registry, publishBody("wire", "1.0.0"), { prefer: "respond-async" })).status).toBe(202);
    expect(await staged(registry)).toHaveLength(1);
  });
  test("is not stored for a caller who may not publish, wherever it is in the body", async () => {
    await using registry = await startApp({ unreadable: "wire" });
    const store = countingStore(registry.store);
    const { _attachments, ...rest } = publishBody("wire", "1.0.0");
    const { response } = await putOver(registry, { store }, { _attachments, ...rest });
    expect([response.status, count(store, "put")]).toEqual([403, 0]);
  });
});

describe("a clean-up that fails", () => {
  const withoutDeletes = ({ store }: Harness) => ({
    store: { ...store, delete: () => Promise.reject(new StoreUnavailable("no deletes")) },
  });
  test("is reported, and does not change the answer of a publish that was applied", async () => {
    await using registry = await startApp();
    const { response, failures } = await putOver(registry, withoutDeletes(registry), publishBody("wire", "1.0.0"));
    expect(response.status).toBe(201);
    expect(failures).toEqual([expect.any(StoreUnavailable)]);
  });
  test("is reported, and does not change the answer of a publish that was refused", async () => {
    await using registry = await startApp();
    const body = publishBody("wire", "1.0.0", { dist: { shasum: "0".repeat(40) } });
    const { response, failures } = await putOver(registry, withoutDeletes(registry), body);
    expect(response.status).toBe(400);
    expect(failures).toEqual([expect.any(StoreUnavailable)]);
  });
});

describe("an upload that a publish names", () => {
  test("is deleted with its copy once the version is published", async () => {
    await using registry = await startApp();
    await registry.store.put(upload, bytes);
    expect((await put(registry, named)).status).toBe(201);
    await expect.poll(() => staged(registry)).toEqual([]);
  });
  test("is deleted after a 202; its copy is kept, since the change waits for it", async () => {
    await using registry = await startApp({ paused: true });
    await registry.store.put(upload, bytes);
    expect((await put(registry, named, { prefer: "respond-async" })).status).toBe(202);
    expect(await staged(registry)).toEqual([expect.not.stringContaining(upload)]);
  });
  test("is kept with its copy when the queue does not answer", async () => {
    await using registry = await startApp({ queueDown: true, paused: true });
    await registry.store.put(upload, bytes);
    expect((await put(registry, named)).status).toBe(503);
    expect(await staged(registry)).toHaveLength(2);
  });
  test("is not copied when the version exists", async () => {
    await using registry = await startApp();
    await registry.publish("wire", "1.0.0");
    await registry.store.put(upload, bytes);
    const store = countingStore(registry.store);
    const { response } = await putOver(registry, { store }, named);
    expect([response.status, count(store, "copy")]).toEqual([409, 0]);
  });
});

describe("a staging area", () => {
  const run = <T>({ store }: Harness, work: (staging: Staging, area: StagingArea) => Promise<T>) =>
    withStaging({ store, ids: systemIds, onFailure: () => {} }, { tarballBytesMax: 1024 * 1024 }, (area) =>
      work(area.open(), area),
    );
  const pieces = async function* () {
    yield bytes;
  };
  test("deletes its tarball at its end when no change was sent", async () => {
    await using registry = await startApp();
    await run(registry, async (staging) => {
      await staging.stream("wire-1.0.0.tgz", pieces());
      expect(await staged(registry)).toEqual([staging.attachment()?.staging]);
    });
    expect(await staged(registry)).toEqual([]);
  });
  test("keeps its tarball when sending the change fails in any way but a refusal", async () => {
    await using registry = await startApp();
    const sending = run(registry, async (staging, area) => {
      await staging.stream("wire-1.0.0.tgz", pieces());
      return area.handOver(() => Promise.reject(new Error("a fault in the program")));
    });
    await expect(sending).rejects.toThrow("a fault in the program");
    expect(await staged(registry)).toHaveLength(1);
  });
});

test("a publish reads the packument twice: before its tarball is stored, and when its change is submitted", async () => {
  await using registry = await startApp({ paused: true });
  const store = countingStore(registry.store);
  const reader = createPackumentReader(store);
  const submit = createSubmit({ ...registry.ports, reader, queue: registry.queue });
  const { response } = await putOver(registry, { reader, submit }, publishBody("wire", "1.0.0"), {
    prefer: "respond-async",
  });
  expect([response.status, count(store, "get")]).toEqual([202, 2]);
});
