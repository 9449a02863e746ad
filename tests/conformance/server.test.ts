import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { CHECKS, registryUnderTest, Skipped, type RegistryUnderTest } from "@codebox/testing/conformance";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";
import { startUpstream } from "../support/upstream.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let target: RegistryUnderTest;

beforeAll(async () => {
  dir = await scratch();
  upstream = await startUpstream();
  const flags = ["--upstream", upstream.url, "--scopes", "@conformance", "--new-token"];
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
  await upstream[Symbol.asyncDispose]();
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
