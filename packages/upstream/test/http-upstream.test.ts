import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UpstreamMalformed, UpstreamRefused, UpstreamUnavailable } from "@codebox/core";
import { createHttpUpstream, defaultUpstreamUrl } from "../src/index.ts";

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const seen: IncomingMessage[] = [];

beforeEach(async () => {
  seen.length = 0;
  server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
const upstream = (more: object = {}) => createHttpUpstream({ url: `${url}/npm`, userAgent: "codebox", ...more });
const status = (code: number) => (_: IncomingMessage, response: ServerResponse) => void response.writeHead(code).end();

describe("a packument", () => {
  test("is asked for as npm does, and comes decompressed with its ETag", async () => {
    answer = (_, response) =>
      response.writeHead(200, { etag: '"1"', "content-encoding": "gzip" }).end(gzipSync('{"name":"@a/b"}'));
    const found = await upstream().packument({ name: "@a/b", form: "abbreviated" });
    expect(found).toMatchObject({ kind: "found", etag: '"1"' });
    expect(found.kind === "found" && Buffer.from(found.bytes).toString()).toBe('{"name":"@a/b"}');
    expect(seen[0]?.url).toBe("/npm/@a%2Fb");
    expect(seen[0]?.headers.accept).toContain("vnd.npm.install-v1");
  });
  test("that did not change is not modified", async () => {
    answer = (request, response) => response.writeHead(request.headers["if-none-match"] === '"1"' ? 304 : 200).end();
    expect(await upstream().packument({ name: "a", form: "full", ifNoneMatch: '"1"' })).toEqual({
      kind: "not_modified",
    });
  });
  test("that does not exist is absent", async () => {
    answer = status(404);
    expect(await upstream().packument({ name: "a", form: "full" })).toEqual({ kind: "absent" });
  });
  test.each([500, 503, 429, 408])("an answer of %i is an upstream that is unavailable", async (code) => {
    answer = status(code);
    await expect(upstream().packument({ name: "a", form: "full" })).rejects.toThrow(UpstreamUnavailable);
  });
  test.each([400, 401, 403, 451])("an answer of %i is a refusal of this package", async (code) => {
    answer = status(code);
    await expect(upstream().packument({ name: "a", form: "full" })).rejects.toThrow(UpstreamRefused);
  });
  test("a refusal says whether the registry showed a token", async () => {
    answer = status(401);
    const ask = (more: object) => upstream(more).packument({ name: "a", form: "full" });
    await expect(ask({})).rejects.toThrow("the registry has no token for it");
    await expect(ask({ token: "secret" })).rejects.toThrow("does not take the registry's token");
  });
  test("that never comes is given up", async () => {
    answer = () => {};
    await expect(upstream({ timeoutMs: 20 }).packument({ name: "a", form: "full" })).rejects.toThrow(
      "no answer within 20 ms",
    );
  });
  test("that is too large is refused", async () => {
    answer = (_, response) => response.end("x".repeat(1_000));
    await expect(upstream({ packumentBytesMax: 100 }).packument({ name: "a", form: "full" })).rejects.toThrow(
      "over 100 bytes",
    );
  });
  test("from nobody is unavailable, and the message has no URL", async () => {
    const nobody = createHttpUpstream({ url: "http://user:secret@127.0.0.1:1/", userAgent: "codebox" });
    const failure = await nobody.packument({ name: "a", form: "full" }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UpstreamUnavailable);
    expect(String(failure)).not.toContain("secret");
  });
});

test("the token goes to the upstream's own origin, and to no other", async () => {
  answer = (_, response) => response.end("tgz");
  const other = createServer((request, response) => {
    seen.push(request);
    response.end("tgz");
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  const with_ = upstream({ token: "secret" });
  await with_.tarball(`${url}/a.tgz`);
  await with_.tarball(`http://127.0.0.1:${(other.address() as AddressInfo).port}/a.tgz`);
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer secret", undefined]);
  other.closeAllConnections();
  other.close();
});
test("a tarball is a stream with its size; one that is gone is undefined; one at no http URL is refused", async () => {
  answer = (request, response) =>
    request.url === "/a.tgz"
      ? response.writeHead(200, { "content-length": "3" }).end("tgz")
      : response.writeHead(404).end();
  const found = await upstream().tarball(`${url}/a.tgz`);
  expect(found?.size).toBe(3);
  expect(Buffer.concat(await Array.fromAsync(found?.body ?? [])).toString()).toBe("tgz");
  expect(await upstream().tarball(`${url}/b.tgz`)).toBeUndefined();
  await expect(upstream().tarball("file:///etc/passwd")).rejects.toThrow("not at an http URL");
});
test("an answer to an audit that is not JSON is told as such", async () => {
  answer = (_, response) => response.end("<html>");
  await expect(upstream().advisories({ a: ["1.0.0"] })).rejects.toThrow(UpstreamMalformed);
});
test("an upstream that turns out to be nowhere has no package", async () => {
  const nowhere = createHttpUpstream({ url: async () => undefined, userAgent: "codebox" });
  expect(await nowhere.packument({ name: "a", form: "full" })).toEqual({ kind: "absent" });
  expect(await nowhere.tarball("http://127.0.0.1:1/a.tgz")).toBeUndefined();
  expect(await nowhere.advisories({ a: ["1.0.0"] })).toEqual({});
});
test("an audit is forwarded", async () => {
  answer = (_, response) => response.end('{"a":[]}');
  expect(await upstream().advisories({ a: ["1.0.0"] })).toEqual({ a: [] });
  expect(seen[0]?.url).toBe("/npm/-/npm/v1/security/advisories/bulk");
});
test("the default upstream is what npm is configured with: the project's .npmrc, and the environment before it", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "codebox-npmrc-"));
  await writeFile(join(cwd, "package.json"), "{}");
  await writeFile(join(cwd, ".npmrc"), "registry=https://npmrc.example/\n");
  const around = { cwd, execPath: process.execPath, platform: process.platform };
  const env = { HOME: cwd, PATH: process.env["PATH"] };
  expect(await defaultUpstreamUrl({ ...around, env })).toBe("https://npmrc.example/");
  expect(await defaultUpstreamUrl({ ...around, env: { ...env, npm_config_registry: "https://env.example/" } })).toBe(
    "https://env.example/",
  );
  await rm(cwd, { recursive: true });
});
