import { createS3ObjectStore } from "@codebox/aws";
import { createRightsStore, createTokenStore, DEFAULT_RIGHTS, issueToken } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { afterAll, beforeAll, describe } from "vitest";
import { conformanceTests, startUpstream, type Upstream } from "../support/conformance.ts";
import { startShape, type Shape } from "./support/shape.ts";

/** Makes a token as the operator does. */
function tokenOf({ clients, cloud }: Shape, user: string, readonly: boolean): Promise<string> {
  const tokens = createTokenStore(createS3ObjectStore(clients.s3, { bucket: cloud.bucket }));
  const grant = { user, readonly, label: "conformance", created: new Date().toISOString() };
  return issueToken({ tokens, ids: systemIds }, grant);
}

/** Decides who may do what, as an administrator does with a new registry. */
async function decide({ clients, cloud }: Shape): Promise<void> {
  const store = createS3ObjectStore(clients.s3, { bucket: cloud.bucket });
  const rights = createRightsStore({ store, clock: systemClock }, { maxAgeMs: 0 });
  await rights.edit("conformance", () => ({ ok: true, spec: DEFAULT_RIGHTS, what: "a new registry", decided: true }));
}

describe("the AWS shape keeps PROTOCOL.md", () => {
  let upstream: Upstream;
  let shape: Shape;
  let readonlyToken: string;
  let otherToken: string;
  beforeAll(async () => {
    upstream = await startUpstream();
    shape = await startShape({ environment: { CODEBOX_UPSTREAM: upstream.url } });
    await decide(shape);
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
