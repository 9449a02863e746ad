import { CHECKS, registryUnderTest, Skipped, type RegistryUnderTest } from "@codebox/testing/conformance";
import { afterAll, beforeAll, describe, test } from "vitest";
import { startShape, type Shape } from "./support/shape.ts";

describe("the AWS shape", () => {
  let shape: Shape;
  let target: RegistryUnderTest;
  beforeAll(async () => {
    shape = await startShape();
    target = registryUnderTest({ url: shape.url, token: shape.token });
  });
  afterAll(() => shape.stop());

  test.each(CHECKS.map((one) => [`${one.ids.join(", ")}: ${one.title}`, one] as const))("%s", async (_, { run }) => {
    await run(target).catch((error: unknown) => {
      if (!(error instanceof Skipped)) throw error;
      process.stderr.write(`skipped: ${error.message}\n`);
    });
  });
});
