import { issueToken } from "@codebox/core";
import { startServer, type RunningServer } from "@codebox/server";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, type MemoryBackend } from "@codebox/testing";
import { createHttpUpstream } from "@codebox/upstream";
import pino from "pino";
import { afterAll, beforeAll, describe } from "vitest";
import { readSettings } from "../../packages/server/src/settings.ts";
import { conformanceTests, startUpstream, type Upstream } from "../support/conformance.ts";

describe("the Node host over the memory backend keeps PROTOCOL.md", () => {
  let upstream: Upstream;
  let server: RunningServer;
  let otherToken: string;
  let readonlyToken: string;
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
    const created = systemClock.now().toISOString();
    const tokenOf = (user: string, readonly: boolean) =>
      issueToken({ tokens, ids: systemIds }, { user, readonly, label: "test", created });
    otherToken = await tokenOf("bob", false);
    readonlyToken = await tokenOf("carol", true);
  });
  afterAll(async () => {
    await server.stop();
    upstream.close();
  });
  conformanceTests(() => ({
    url: server.url,
    token: server.token?.token ?? "",
    otherToken,
    readonlyToken,
    upstreamPackage: upstream.package,
  }));
});
