import type { Target } from "@codebox/testing/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { conformanceTests, startUpstream, type Upstream } from "../support/conformance.ts";
import { startShape, type Shape } from "./support/shape.ts";
import { targetOf } from "./support/target.ts";

describe("the AWS shape keeps PROTOCOL.md", () => {
  let upstream: Upstream;
  let shape: Shape;
  let target: Target;
  beforeAll(async () => {
    upstream = await startUpstream();
    shape = await startShape({ environment: { CODEBOX_UPSTREAM: upstream.url } });
    target = await targetOf(shape);
  });
  afterAll(async () => {
    await shape.stop();
    upstream.close();
  });
  conformanceTests(() => ({ ...target, upstreamPackage: upstream.package }));
});
