import { LAYOUT } from "@codebox/core";
import { makeTarball } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { publishBody, startApp, type Harness } from "./harness.ts";

const staged = async ({ keys }: Harness) => (await keys()).filter((key) => key.startsWith(LAYOUT.staging.prefix));
const put = (registry: Harness, body: object, headers: Record<string, string> = {}) =>
  registry.send("PUT", "/wire", body, headers);

describe("what a publish staged", () => {
  test("is deleted once the version is published", async () => {
    await using registry = await startApp();
    expect((await put(registry, publishBody("wire", "1.0.0"))).status).toBe(201);
    expect(await staged(registry)).toEqual([]);
  });
  test("is deleted when the version exists, though its digest is not stated", async () => {
    await using registry = await startApp();
    const key = { "idempotency-key": "one" };
    const other = { ...publishBody("wire", "1.0.0"), readme: "another" };
    await put(registry, publishBody("wire", "1.0.0"));
    expect((await put(registry, other, key)).status).toBe(409);
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
    const broken = await registry.send("PUT", "/wire", text.slice(0, -20));
    expect(broken.status).toBe(400);
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
});
