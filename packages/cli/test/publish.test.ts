import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeTarball } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explain } from "../src/errors.ts";
import { askForUpload, publishUploaded, upload } from "../src/publish/registry.ts";
import { never } from "./support.ts";

type Answer = { readonly status: number; readonly body?: object; readonly headers?: Record<string, string> };
type Seen = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
};

let server: Server;
let url: string;
let dir: string;
let seen: Seen[];
let answers: Answer[];
beforeEach(async () => {
  [seen, answers] = [[], []];
  dir = await mkdtemp(join(tmpdir(), "codebox-publish-test-"));
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(chunks) });
      const { status, body = {}, headers: more = {} } = answers.shift() ?? { status: 200 };
      response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(dir, { recursive: true });
});

const options = () => ({ registry: `${url}/`, fetchRetries: 0, [`${url.replace("http:", "")}/:_authToken`]: "cbx_x" });
async function packed() {
  const { bytes, integrity, shasum } = makeTarball({ name: "@acme/wire", version: "1.0.0" });
  const file = join(dir, "wire.tgz");
  await writeFile(file, bytes);
  const manifest = { name: "@acme/wire", version: "1.0.0", description: "a wire" };
  return { packed: { manifest, file, size: bytes.length, integrity, shasum }, bytes };
}
const pauses: number[] = [];
const clock = { now: () => new Date(0), sleep: async (ms: number) => void pauses.push(ms) };
const place = () => ({
  upload: "01J",
  url: `${url}/bucket/key?signed=1`,
  method: "PUT" as const,
  headers: { "x-amz-server-side-encryption": "AES256" },
});

describe("asking for an upload", () => {
  test("names the size, with the token; the registry's answer is checked", async () => {
    const { packed: one } = await packed();
    answers.push({ status: 201, body: { ok: true, ...place() } });
    expect(await askForUpload(one, options())).toEqual(place());
    expect(seen).toMatchObject([
      { method: "POST", url: "/-/package/@acme%2fwire/uploads", headers: { authorization: "Bearer cbx_x" } },
    ]);
    expect(JSON.parse(String(seen[0]?.body))).toEqual({ size: one.size });
    answers.push({ status: 200, body: { nonsense: true } });
    await expect(askForUpload(one, options())).rejects.toThrow(/none of codebox's/);
  });
  test.each([404, 405])("%i: the registry takes none, and needs none", async (status) => {
    answers.push({ status });
    expect(await askForUpload((await packed()).packed, options())).toBeUndefined();
  });
  test("any other refusal is shown in the registry's words", async () => {
    answers.push({ status: 413, body: { error: "at most 512 MiB are taken" } });
    await expect(askForUpload((await packed()).packed, options())).rejects.toThrow(/413.*at most 512 MiB/);
  });
});

describe("uploading", () => {
  test("sends the bytes with their length and the given headers, and begins again after trouble", async () => {
    const { packed: one, bytes } = await packed();
    answers.push({ status: 503 }, { status: 200 });
    const sent: number[] = [];
    const headers = { ...place().headers, "content-length": String(one.size) };
    await upload({ ...place(), headers }, one, { clock, signal: never, onBytes: (count) => sent.push(count) });
    expect(seen).toHaveLength(2);
    expect(seen[1]).toMatchObject({ method: "PUT", url: "/bucket/key?signed=1", headers });
    expect(seen[1]?.headers["transfer-encoding"]).toBeUndefined();
    expect(seen[1]?.body.equals(bytes)).toBe(true);
    expect(sent).toEqual([0, one.size, 0, one.size]);
  });
  test("that is interrupted ends at once, and says that nothing is published", async () => {
    const { packed: one } = await packed();
    const stopped = upload(place(), one, { clock, signal: AbortSignal.abort(), onBytes: () => {} });
    const error = await stopped.catch((reason: unknown) => reason);
    expect(explain(error)).toContain("not published");
    expect(seen).toEqual([]);
  });
  test("a signature that is refused is not tried again", async () => {
    answers.push({ status: 403, body: { error: "expired" } });
    const { packed: one } = await packed();
    await expect(upload(place(), one, { clock, signal: never, onBytes: () => {} })).rejects.toThrow(
      /403.*Nothing is published/,
    );
    expect(seen).toHaveLength(1);
  });
});

describe("publishing what was uploaded", () => {
  const settings = () => ({ options: options(), tag: "next", clock, signal: never, session: "s-1" });
  test("is an ordinary publish whose attachment names the upload, under one session", async () => {
    const { packed: one } = await packed();
    answers.push({ status: 201 });
    await publishUploaded(one, place(), settings());
    expect(seen).toMatchObject([{ method: "PUT", url: "/@acme%2fwire", headers: { "npm-session": "s-1" } }]);
    expect(JSON.parse(String(seen[0]?.body))).toMatchObject({
      name: "@acme/wire",
      "dist-tags": { next: "1.0.0" },
      versions: { "1.0.0": { description: "a wire", dist: { integrity: one.integrity, shasum: one.shasum } } },
      _attachments: { "@acme/wire-1.0.0.tgz": { staged: "01J", length: one.size } },
    });
  });
  test("that is only queued in time is watched until it is applied", async () => {
    const location = `${url}/-/changes/c1`;
    answers.push(
      { status: 202, headers: { location } },
      { status: 200, body: { state: "pending" } },
      { status: 200, body: { state: "applied" } },
    );
    await publishUploaded((await packed()).packed, place(), settings());
    expect(seen.map(({ url }) => url)).toEqual(["/@acme%2fwire", "/-/changes/c1", "/-/changes/c1"]);
  });
  test("that is refused after all says why", async () => {
    const location = `${url}/-/changes/c1`;
    answers.push(
      { status: 202, headers: { location } },
      { status: 200, body: { state: "rejected", error: "published already" } },
    );
    await expect(publishUploaded((await packed()).packed, place(), settings())).rejects.toThrow(/published already/);
  });
});
