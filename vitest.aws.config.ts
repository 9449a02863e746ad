import { defineConfig } from "vitest/config";

/** `npm run test:aws`: the AWS adapters, the functions and the API against an emulator. Needs Python; see scripts/moto.ts. */
export default defineConfig({
  test: {
    include: ["tests/aws/**/*.test.ts"],
    globalSetup: ["tests/aws/support/global-setup.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: "forks",
    maxWorkers: 1,
    reporters: ["default", ["json", { outputFile: ".vitest/aws.json" }]],
  },
});
