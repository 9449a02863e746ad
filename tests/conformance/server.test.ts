import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { conformanceTests, startUpstream, type Upstream } from "../support/conformance.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

describe("npm start keeps PROTOCOL.md", () => {
  let directory: Awaited<ReturnType<typeof scratch>>;
  let upstream: Upstream;
  let registry: Registry;
  beforeAll(async () => {
    directory = await scratch();
    upstream = await startUpstream();
    const flags = ["--upstream", upstream.url, "--scopes", "@conformance", "--registration", "open"];
    registry = await startRegistry(join(directory.path, "data"), flags);
  });
  afterAll(async () => {
    await registry.stop();
    upstream.close();
    await directory[Symbol.asyncDispose]();
  });
  conformanceTests(() => ({ url: registry.url, token: registry.token, upstreamPackage: upstream.package }));
});
