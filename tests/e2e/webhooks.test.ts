import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { makeTarball } from "@codebox/testing";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";

const FLAGS = ["--no-upstream", "--webhook-private"];

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
let server: Server;
let status = 204;
const received: { headers: Record<string, string>; body: string }[] = [];
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;

beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(path.join(dir.path, "data"), FLAGS);
  server = createServer(async (request, response) => {
    const body = await text(request);
    if (status === 204) received.push({ headers: request.headers as Record<string, string>, body });
    response.writeHead(status).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  await registry.stop();
  server.closeAllConnections();
  server.close();
  await dir[Symbol.asyncDispose]();
});

/** `codebox webhook …`. Returns the JSON lines that it prints. */
async function codebox(...args: readonly string[]) {
  const host = new URL(registry.url).host;
  await writeFile(path.join(dir.path, ".npmrc"), `//${host}/:_authToken=${registry.token}\n`);
  const program = path.join(ROOT, "packages/cli/src/main.ts");
  const child = spawn(process.execPath, [program, "webhook", ...args, "--registry", registry.url], {
    cwd: dir.path,
    env: { PATH: process.env["PATH"], HOME: dir.path },
  });
  const [[code], output, errors] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return { code: code as number, errors, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

async function publish(name: string, version: string): Promise<void> {
  const { bytes, integrity, shasum } = makeTarball({ name, version });
  const body = JSON.stringify({
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { name, version, dist: { integrity, shasum } } },
    _attachments: { [`${name}-${version}.tgz`]: { data: bytes.toString("base64"), length: bytes.length } },
  });
  const headers = { "content-type": "application/json" };
  expect((await registry.fetch(`/${name}`, { method: "PUT", headers, body })).status).toBe(201);
}
const sequences = () => received.map(({ body }) => (JSON.parse(body) as { sequence: number }).sequence);
const distinct = (numbers: readonly number[]) => [...new Set(numbers)];

describe("codebox webhook", () => {
  let id: string;
  let secret: string;

  test("add prints the secret, and the receiver gets signed events from then on", async () => {
    await publish("wire", "1.0.0");
    const { code, errors, records } = await codebox("add", url(), "--packages", "wire");
    expect(code, errors).toBe(0);
    [id, secret] = [String(records[0]?.["id"]), String(records[0]?.["secret"])];
    await publish("other", "1.0.0");
    await publish("wire", "1.1.0");
    await vi.waitUntil(() => received.length === 1, { timeout: 30_000 });
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ name: "wire", sequence: 2, type: "publish" });
    expect(headers["webhook-id"]).toBe((JSON.parse(body) as { id: string }).id);
  });
  test("list shows it without its secret", async () => {
    const { records } = await codebox("list");
    expect(records).toMatchObject([
      { id, url: url(), packages: "wire", by: "admin", waiting: [], dead: [] },
      { webhooks: 1 },
    ]);
    expect(JSON.stringify(records)).not.toContain("whsec_");
  });
  test("what could not be delivered is tried again after the process was killed, and nothing is lost", async () => {
    status = 503;
    await publish("wire", "1.2.0");
    await vi.waitUntil(async () => JSON.stringify((await codebox("list")).records).includes("answered 503"), {
      timeout: 60_000,
    });
    await publish("wire", "1.3.0");
    const { data, token } = registry;
    await registry.kill();
    status = 204;
    registry = await startRegistry(data, FLAGS, token);
    await vi.waitUntil(() => distinct(sequences()).length === 3, { timeout: 60_000 });
    expect(distinct(sequences())).toEqual([2, 3, 4]);
  });
  test("rotate makes a new secret, and the one before signs too", async () => {
    const { records } = await codebox("rotate", id);
    const next = String(records[0]?.["secret"]);
    expect(next).not.toBe(secret);
    const before = received.length;
    await publish("wire", "1.4.0");
    await vi.waitUntil(() => received.length > before, { timeout: 30_000 });
    const { headers, body } = received.at(-1) ?? { headers: {}, body: "" };
    for (const each of [secret, next]) expect(new Webhook(each).verify(body, headers)).toMatchObject({ sequence: 5 });
  });
  test("redeliver sends again what follows a position, with the same ids", async () => {
    const ids = distinct(received.map(({ headers }) => headers["webhook-id"] as unknown as number));
    received.length = 0;
    expect((await codebox("redeliver", id, "--from", "0")).code).toBe(0);
    await vi.waitUntil(() => received.length >= 5, { timeout: 30_000 });
    expect(sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(received.slice(1).map(({ headers }) => headers["webhook-id"])).toEqual(ids);
  });
  test("remove ends it, and an unknown one is refused", async () => {
    expect((await codebox("remove", id)).code).toBe(0);
    const { code, errors } = await codebox("remove", id);
    expect({ code, errors }).toEqual({ code: 1, errors: expect.stringContaining("there is no webhook") as string });
    expect((await codebox("list")).records).toEqual([{ summary: true, webhooks: 0 }]);
  });
  test("an address that is not public is refused without the setting", async () => {
    const { data, token } = registry;
    await registry.stop();
    registry = await startRegistry(data, ["--no-upstream"], token);
    const { code, errors } = await codebox("add", url());
    expect(code).toBe(1);
    expect(errors).toContain("--webhook-private");
  });
});
