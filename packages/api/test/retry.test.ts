import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const put = (body: unknown, headers: Record<string, string> = {}) => registry.send("PUT", "/wire", body, headers);
const history = async () =>
  ((await (await registry.request("/-/package/wire/history")).json()) as { history: { type: string }[] }).history;
const installed = async () => Buffer.from(await (await registry.request("/wire/-/wire-1.0.0.tgz")).arrayBuffer());

/** A client that says nothing of its tarball. */
const undeclared = (files: Record<string, string>) => {
  const tarball = makeTarball({ name: "wire", version: "1.0.0", files });
  return { tarball, body: publishBody("wire", "1.0.0", { tarball, manifest: { dist: {} } }) };
};

describe("a publish with a key", () => {
  const keyed = { "idempotency-key": "k1" };
  test("is the same only with the same bytes, also when the document does not show them", async () => {
    const [one, two] = [undeclared({ a: "1" }), undeclared({ a: "2" })];
    const first = await put(one.body, keyed);
    const again = await put(one.body, keyed);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.headers.get("codebox-change")).toBe(first.headers.get("codebox-change"));
    expect((await put(two.body, keyed)).status).toBe(409);
    expect(await installed()).toEqual(one.tarball.bytes);
  });
  test("is the same only with the same manifest, tags and user", async () => {
    await put(publishBody("wire", "1.0.0"), keyed);
    expect((await put(publishBody("wire", "1.0.0", { manifest: { bin: "x" } }), keyed)).status).toBe(409);
    expect((await put(publishBody("wire", "1.0.0", { tag: "next" }), keyed)).status).toBe(409);
    const authorization = `Bearer ${await registry.token("bob")}`;
    expect((await put(publishBody("wire", "1.0.0"), { ...keyed, authorization })).status).toBe(409);
    expect(await history()).toHaveLength(1);
  });
  test("is recognised whatever the order of its document", async () => {
    const { "dist-tags": tags, ...rest } = publishBody("wire", "1.0.0");
    for (let time = 0; time < 2; time++) expect((await put({ ...rest, "dist-tags": tags }, keyed)).status).toBe(201);
  });
  test("leaves nothing staged when it was sent several times at once", async () => {
    const { body } = undeclared({});
    const answers = await Promise.all(Array.from({ length: 5 }, () => put(body, keyed)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    await expect.poll(registry.keys).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
    expect(await history()).toHaveLength(1);
  });
});

describe("a change with a key", () => {
  beforeEach(() => put(publishBody("wire", "1.0.0")));
  const tag = (method: string, body?: string, headers: Record<string, string> = { "idempotency-key": "k1" }) =>
    registry.send(method, "/-/package/wire/dist-tags/next", body, headers);
  test("is made once", async () => {
    const first = await tag("PUT", '"1.0.0"');
    const again = await tag("PUT", '"1.0.0"');
    expect(again.status).toBe(200);
    expect(again.headers.get("codebox-change")).toBe(first.headers.get("codebox-change"));
    expect(await history()).toHaveLength(2);
  });
  test("that was made is answered like the first, where it could not be made again", async () => {
    await tag("PUT", '"1.0.0"');
    expect((await tag("DELETE")).status).toBe(200);
    expect((await tag("DELETE")).status).toBe(200);
    expect((await tag("DELETE", undefined, {})).status).toBe(404);
  });
  test("is another change with another body, path, method or user", async () => {
    await tag("PUT", '"1.0.0"');
    await tag("DELETE");
    await registry.send("PUT", "/-/package/wire/dist-tags/beta", '"1.0.0"', { "idempotency-key": "k1" });
    await tag("PUT", '"1.0.0"', { "idempotency-key": "k1", authorization: `Bearer ${await registry.token("bob")}` });
    expect(await history()).toHaveLength(5);
  });
});

describe("a provenance bundle", () => {
  const bundle = JSON.stringify({ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", dsseEnvelope: {} });
  const signed = (data: string, file = "wire-1.0.0.sigstore") => {
    const body = publishBody("wire", "1.0.0");
    const attachment = { content_type: "application/vnd.dev.sigstore.bundle.v0.3+json", data, length: data.length };
    return { ...body, _attachments: { ...body._attachments, [file]: attachment } };
  };
  test("may come with the tarball; it is not kept, nothing claims it, and the publisher gets a notice", async () => {
    const response = await put(signed(bundle));
    expect(response.status).toBe(201);
    expect(response.headers.get("npm-notice")).toContain("not kept");
    const { dist } = (await (await registry.request("/wire/1.0.0")).json()) as { dist: object };
    expect(dist).not.toHaveProperty("attestations");
  });
  test("may come first", async () => {
    const { _attachments: files, ...body } = signed(bundle);
    const reversed = Object.fromEntries(Object.entries(files).toReversed());
    expect((await put({ ...body, _attachments: reversed })).status).toBe(201);
  });
  test.each([
    ["over its limit", signed(JSON.stringify({ mediaType: "x".repeat(600_000) })), 413],
    ["no JSON", signed("AAAA"), 400],
    ["no bundle", signed("{}"), 400],
    ["another version's", signed(bundle, "wire-2.0.0.sigstore"), 400],
  ])("is refused when it is %s", async (_, body, status) => {
    expect((await put(body)).status).toBe(status);
    expect(await registry.keys()).toEqual([]);
  });
  test("is no publish without a tarball", async () => {
    const { _attachments: files, ...body } = signed(bundle);
    const only = { "wire-1.0.0.sigstore": files["wire-1.0.0.sigstore"] };
    expect((await put({ ...body, _attachments: only })).status).toBe(400);
  });
});

describe("an upload that a publish names", () => {
  const upload = "_codebox/staging/upload-1";
  const { bytes } = makeTarball({ name: "wire", version: "1.0.0" });
  const named = { ...publishBody("wire", "1.0.0"), _attachments: { "wire-1.0.0.tgz": { staged: "upload-1" } } };
  test("may be overwritten once it was checked: what is installed is what was checked", async () => {
    await using slow = await startApp({ paused: true });
    await slow.store.put(upload, bytes);
    const queued = await slow.send("PUT", "/wire", named, { prefer: "respond-async" });
    expect(queued.status).toBe(202);
    await slow.store.put(upload, makeTarball({ name: "evil", version: "6.6.6" }).bytes);
    slow.start();
    await expect.poll(async () => (await slow.request("/wire")).status).toBe(200);
    const tarball = await slow.request("/wire/-/wire-1.0.0.tgz");
    expect(Buffer.from(await tarball.arrayBuffer())).toEqual(bytes);
  });
  test("is removed with its publish, and the same publish again is answered like the first", async () => {
    await registry.store.put(upload, bytes);
    const session = { "npm-session": "abc" };
    expect((await put(named, session)).status).toBe(201);
    await expect.poll(registry.keys).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
    expect((await put(named, session)).status).toBe(201);
    expect((await put(named)).status).toBe(409);
  });
  test("stays when the publish is refused, to be named by a better one; its copy does not", async () => {
    await registry.store.put(upload, bytes);
    const wrong = publishBody("wire", "1.0.0", { dist: { shasum: "0".repeat(40) } });
    expect((await put({ ...wrong, _attachments: named._attachments })).status).toBe(400);
    expect(await registry.keys()).toEqual([upload]);
  });
  test("is refused like any other tarball that is none", async () => {
    await registry.store.put(upload, Buffer.from("nothing"));
    expect((await put(named)).status).toBe(400);
    expect(await registry.keys()).toEqual([upload]);
  });
});
