import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { makeTarball } from "@codebox/testing";
import { afterAll, beforeAll, describe } from "vitest";
import { conformanceTests } from "../support/conformance.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

/** An upstream with one package, `left`. */
async function startUpstream(): Promise<Server> {
  const { bytes, integrity } = makeTarball({ name: "left", version: "1.0.0" });
  const server = createServer((request, response) => {
    if (request.url === "/-/npm/v1/security/advisories/bulk") return void response.end("{}");
    if (request.url?.endsWith(".tgz")) return void response.end(bytes);
    if (request.url !== "/left") return void response.writeHead(404).end("{}");
    const dist = { integrity, tarball: `http://${request.headers.host}/left/-/left-1.0.0.tgz` };
    const versions = { "1.0.0": { name: "left", version: "1.0.0", dist } };
    response.end(JSON.stringify({ name: "left", "dist-tags": { latest: "1.0.0" }, versions }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe("npm start keeps PROTOCOL.md", () => {
  let directory: Awaited<ReturnType<typeof scratch>>;
  let upstream: Server;
  let registry: Registry;
  beforeAll(async () => {
    directory = await scratch();
    upstream = await startUpstream();
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    registry = await startRegistry(directory.path, ["--upstream", url]);
  });
  afterAll(async () => {
    await registry.stop();
    upstream.closeAllConnections();
    upstream.close();
    await directory[Symbol.asyncDispose]();
  });
  conformanceTests(() => ({ url: registry.url, token: registry.token, upstreamPackage: "left" }));
});
