import { gzipSync } from "node:zlib";
import { createApp, readJson, routeGroup, withFilter, type AppPorts } from "@codebox/api";
import { createCatalog, type PackumentReader, type TokenStore } from "@codebox/core";
import { manualClock, openPolicy } from "@codebox/testing";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { describe, expect, test } from "vitest";
import { LAMBDA_BODY_BYTES_MAX, bodyLimit, gatewayHandler, publishNotice } from "../src/index.ts";

const tokens = { find: async () => undefined } as unknown as TokenStore;
const ports: AppPorts = { clock: manualClock(), policy: openPolicy, tokens };

/** Answers with what the app was asked for. */
const echo = routeGroup("public", (on) => {
  on.get("/huge", (c) => c.text("x".repeat(6 * 1024 * 1024)));
  on.get("/binary", (c) => c.body(new Uint8Array([0, 255]), 200, { "content-type": "application/octet-stream" }));
  on.put("/-/json", async (c) => c.json(await readJson(c, 1_000)));
  on.get("/:name/:rest{.*}", (c) => c.json({ name: c.req.param("name"), rest: c.req.param("rest"), url: c.req.url }));
  on.get("/:name", async (c) => c.json({ name: c.req.param("name"), origin: c.get("origin") }));
  on.put("/:name", async (c) => c.json({ name: c.req.param("name"), body: await c.req.text() }));
});
const handler = gatewayHandler(createApp(ports, {}, [withFilter(echo, bodyLimit)]));

function send(rawPath: string, more: Partial<APIGatewayProxyEventV2> & { method?: string } = {}) {
  const { method = "GET", ...rest } = more;
  return handler({
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString: "",
    headers: { host: "npm.acme.example" },
    requestContext: { domainName: "npm.acme.example", http: { method, path: rawPath } },
    isBase64Encoded: false,
    ...rest,
  } as unknown as APIGatewayProxyEventV2);
}
const json = (body: string | undefined) => JSON.parse(body ?? "") as Record<string, unknown>;

describe("an app behind API Gateway", () => {
  test("a decoded scope is a package's name again", async () => {
    expect(json((await send("/@acme/wire")).body)).toMatchObject({
      name: "@acme/wire",
      origin: "https://npm.acme.example",
    });
    expect(json((await send("/@acme/wire/-/wire-1.0.0.tgz")).body)).toMatchObject({
      name: "@acme/wire",
      rest: "-/wire-1.0.0.tgz",
    });
  });
  test.each(["/a?b", "/a#b", "/100%", "/a b"])("the decoded path %j is one segment, not another URL", async (path) => {
    expect(json((await send(path)).body)).toMatchObject({ name: path.slice(1) });
  });
  test("dot segments lead nowhere", async () => {
    const answer = await send("/-/package/no/dist-tags/../../wire/dist-tags");
    expect(answer.statusCode).toBe(400);
    expect(json(answer.body)).toMatchObject({ ok: false, code: "invalid" });
  });
  test("a body in base64 is decoded; bytes are answered in base64", async () => {
    const body = Buffer.from([1, 2, 3]).toString("base64");
    const answer = await send("/wire", { method: "PUT", body, isBase64Encoded: true });
    expect(json(answer.body)).toMatchObject({ body: "\u0001\u0002\u0003" });
    expect(await send("/binary")).toMatchObject({
      isBase64Encoded: true,
      body: Buffer.from([0, 255]).toString("base64"),
    });
  });
  test.each([
    ["in base64 as it was sent", { body: gzipSync('{"next":"1.0.0"}').toString("base64"), isBase64Encoded: true }],
    ["as text, decompressed on its way", { body: '{"next":"1.0.0"}', isBase64Encoded: false }],
  ])("a compressed body is read whether it comes %s", async (_, more) => {
    const headers = { host: "npm.acme.example", "content-type": "application/json", "content-encoding": "gzip" };
    const answer = await send("/-/json", { method: "PUT", headers, ...more });
    expect(json(answer.body)).toEqual({ next: "1.0.0" });
  });
  test("a body over the limit is a 413 that names the limit and the way out; one at the limit is taken", async () => {
    const put = (bytes: number) => send("/wire", { method: "PUT", body: "x".repeat(bytes) });
    expect((await put(LAMBDA_BODY_BYTES_MAX)).statusCode).toBe(200);
    const refused = await put(LAMBDA_BODY_BYTES_MAX + 1);
    expect(refused.statusCode).toBe(413);
    expect(json(refused.body)).toMatchObject({
      ok: false,
      code: "too_large",
      error: expect.stringMatching(/5 MiB.*codebox publish/) as string,
    });
  });
  test("a document that is too large to send back gets an error about the change message, not about publishing", async () => {
    const headers = { host: "npm.acme.example", "npm-command": "deprecate" };
    const refused = await send("/wire", { method: "PUT", body: "x".repeat(LAMBDA_BODY_BYTES_MAX + 1), headers });
    expect(json(refused.body)["error"]).toMatch(/5 MiB.*send the change itself/);
    expect(json(refused.body)["error"]).not.toContain("codebox publish");
  });
  test.each([
    ["a first publish", undefined, true],
    ["a large package", 5_000_000, true],
    ["a small package", 10_000, false],
  ])("before %s npm gets a notice of the limit: %s", async (_, unpackedSize, shown) => {
    const dist = { unpackedSize };
    const versions = { "1.0.0": { name: "wire", version: "1.0.0", dist } };
    const packument = { name: "wire", "dist-tags": { latest: "1.0.0" }, versions };
    const reader = { read: async () => (unpackedSize === undefined ? undefined : { packument, etag: '"a"' }) };
    const catalog = createCatalog({ reader: reader as unknown as PackumentReader, policy: openPolicy });
    const app = createApp(ports, {}, [withFilter(echo, publishNotice(catalog))]);
    const noticeOf = async (command: string) => {
      const headers = { "npm-command": command };
      return (await app.request("https://npm.acme.example/wire", { headers })).headers.get("npm-notice");
    };
    expect((await noticeOf("publish")) !== null).toBe(shown);
    expect(await noticeOf("install")).toBeNull();
  });
  test("an answer that Lambda can't send is a 406 that says how to ask for it", async () => {
    const answer = await send("/huge");
    expect(answer.statusCode).toBe(406);
    expect(json(answer.body)).toMatchObject({
      code: "not_acceptable",
      error: expect.stringContaining("accept-encoding: gzip") as string,
    });
  });
});
