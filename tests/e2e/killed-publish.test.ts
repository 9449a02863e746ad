import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { npmSettings, project } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

/** Waits between npm's tries that a test can wait for. By default they are 10 and 60 seconds. */
const QUICK_RETRIES = "fetch-retries=20\nfetch-retry-mintimeout=200\nfetch-retry-maxtimeout=500\n";

let directory: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeEach(async () => {
  directory = await scratch();
  registry = await startRegistry(`${directory.path}/data`);
  gateway = await startGateway();
});
afterEach(async () => {
  gateway.close();
  await registry.stop();
  await directory[Symbol.asyncDispose]();
});

/** The address that npm knows. It passes requests on to the server that runs, and lets them wait while there is none. */
async function startGateway() {
  const puts: number[] = [];
  const state = {
    /** Ends the server when it gets the first PUT. */
    kill: false,
    restarted: Promise.resolve(),
    puts,
  };
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    const kill = request.method === "PUT" && state.kill;
    if (kill) state.kill = false;
    const { host: _, connection: __, "content-length": ___, "transfer-encoding": ____, ...headers } = request.headers;
    const init = { method: request.method ?? "GET", headers: headers as Record<string, string> };
    await state.restarted;
    const asked = fetch(`${registry.url}${request.url}`, body.length === 0 ? init : { ...init, body });
    // The answer to this one is lost; the next requests wait for the new server.
    if (kill) state.restarted = restart();
    const answer = await asked;
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (request.method === "PUT") puts.push(answer.status);
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(bytes);
  };
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
}

async function restart(): Promise<void> {
  const { token } = registry;
  await registry.kill();
  registry = await startRegistry(`${directory.path}/data`, ["--no-upstream"], token);
}

test("npm publish succeeds when the server is killed while npm waits, and the version is published once", async () => {
  const at = { url: gateway.url, token: registry.token };
  const source = await project(directory.path, registry, { name: "wire", version: "1.0.0", license: "MIT" });
  await source.write(".npmrc", `${npmSettings(at)}${QUICK_RETRIES}`);
  gateway.kill = true;
  const result = await source.run("npm", "publish");
  expect(result.code, result.all).toBe(0);
  expect(gateway.puts.at(-1)).toBe(201);
  const { history } = (await (await registry.fetch("/-/package/wire/history")).json()) as { history: object[] };
  expect(history).toMatchObject([{ type: "publish", sequence: 1, versions: ["1.0.0"] }]);
  // It has its answer now: the same publish by hand is another one.
  const again = await source.run("npm", "publish");
  expect(again.code).not.toBe(0);
});
