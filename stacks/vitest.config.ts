import path from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/synthesise.ts"],
    testTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["default", ["json", { outputFile: path.resolve(import.meta.dirname, "../.vitest/stacks.json") }]],
  },
});
