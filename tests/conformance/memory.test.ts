import { issueToken } from "@codebox/core";
import { startServer, type RunningServer } from "@codebox/server";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, type MemoryBackend } from "@codebox/testing";
import { CHECKS, registryUnderTest, Skipped, type RegistryUnderTest } from "@codebox/testing/conformance";
import { createHttpUpstream } from "@codebox/upstream";
import pino from "pino";
import { afterAll, beforeAll, describe, test } from "vitest";
import { readSettings } from "../../packages/server/src/settings.ts";
import { startUpstream } from "../support/upstream.ts";

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let server: RunningServer;
let target: RegistryUnderTest;

beforeAll(async () => {
  upstream = await startUpstream();
  const settings = readSettings(["--port", "0", "--scopes", "@conformance"], {});
  if (settings === "help") throw new Error("no settings");
  let backend: MemoryBackend | undefined;
  server = await startServer({
    settings,
    log: pino({ level: "silent" }),
    clock: systemClock,
    ids: systemIds,
    upstream: () => createHttpUpstream({ url: upstream.url, userAgent: "codebox", clock: systemClock }),
    open: async (options) => (backend = createMemoryBackend(options)),
  });
  const { tokens } = backend ?? createMemoryBackend({ clock: systemClock });
  const bob = { user: "bob", readonly: false, label: "test", created: systemClock.now().toISOString() };
  target = registryUnderTest({
    url: server.url,
    token: server.token?.token ?? "",
    otherToken: await issueToken({ tokens, ids: systemIds }, bob),
    upstreamPackage: "left",
  });
});
afterAll(async () => {
  await server.stop();
  await upstream[Symbol.asyncDispose]();
});

describe("the Node host over the memory backend", () => {
  test.each(CHECKS.map((one) => [`${one.ids.join(", ")}: ${one.title}`, one] as const))("%s", async (_, { run }) => {
    await run(target).catch((error: unknown) => {
      if (!(error instanceof Skipped)) throw error;
      process.stderr.write(`skipped: ${error.message}\n`);
    });
  });
});
