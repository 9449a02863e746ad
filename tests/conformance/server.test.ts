import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { CHECKS, registryUnderTest, Skipped, type RegistryUnderTest } from "@codebox/testing/conformance";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
let upstream: Server;
let target: RegistryUnderTest;

beforeAll(async () => {
  dir = await scratch();
  const { bytes, integrity } = makeTarball({ name: "left", version: "1.0.0" });
  upstream = createServer((request, response) => {
    if (request.url?.endsWith(".tgz")) return void response.end(bytes);
    if (request.url !== "/left") return void response.writeHead(404).end("{}");
    const tarball = `http://${request.headers.host}/left/-/left-1.0.0.tgz`;
    const manifest = { name: "left", version: "1.0.0", dist: { integrity, tarball } };
    const document = { name: "left", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": manifest } };
    response.setHeader("content-type", "application/json").end(JSON.stringify(document));
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const flags = ["--upstream", url, "--scopes", "@conformance", "--new-token"];
  const other = await startRegistry(join(dir.path, "data"), [...flags, "bob"]);
  await other.stop();
  registry = await startRegistry(join(dir.path, "data"), [...flags, "admin"]);
  target = registryUnderTest({
    url: registry.url,
    token: registry.token,
    otherToken: other.token,
    upstreamPackage: "left",
  });
});
afterAll(async () => {
  await registry.stop();
  upstream.closeAllConnections();
  upstream.close();
  await dir[Symbol.asyncDispose]();
});

describe("one machine", () => {
  test.each(CHECKS.map((one) => [`${one.ids.join(", ")}: ${one.title}`, one] as const))("%s", async (_, { run }) => {
    await run(target).catch((error: unknown) => {
      if (!(error instanceof Skipped)) throw error;
      process.stderr.write(`skipped: ${error.message}\n`);
    });
  });
});
