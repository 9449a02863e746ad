import { createS3ObjectStore } from "@codebox/aws";
import { createTokenStore, issueToken } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { afterAll, beforeAll, describe } from "vitest";
import { conformanceTests, startUpstream, type Upstream } from "../support/conformance.ts";
import { startShape, type Shape } from "./support/shape.ts";

/** Makes a token as the operator does. */
function tokenOf({ clients, cloud }: Shape, user: string, readonly: boolean): Promise<string> {
  const tokens = createTokenStore(createS3ObjectStore(clients.s3, { bucket: cloud.bucket }));
  const grant = { user, readonly, label: "conformance", created: new Date().toISOString() };
  return issueToken({ tokens, ids: systemIds }, grant);
}

describe("the AWS shape keeps PROTOCOL.md", () => {
  let upstream: Upstream;
  let shape: Shape;
  let readonlyToken: string;
  let otherToken: string;
  beforeAll(async () => {
    upstream = await startUpstream();
    shape = await startShape({ environment: { CODEBOX_UPSTREAM: upstream.url } });
    readonlyToken = await tokenOf(shape, "carol", true);
    otherToken = await tokenOf(shape, "bob", false);
  });
  afterAll(async () => {
    await shape.stop();
    upstream.close();
  });
  conformanceTests(() => ({
    url: shape.url,
    token: shape.token,
    readonlyToken,
    otherToken,
    upstreamPackage: upstream.package,
  }));
});
