import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "tests/**/*.test.ts"],
    // These need more than `npm ci`: `npm run test:aws` a Python emulator, `npm run test:clients` many clients, `npm run test:stacks` SST's platform.
    exclude: ["**/node_modules/**", "tests/aws/**", "tests/clients/**", "stacks/**"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", ["json", { outputFile: ".vitest/test.json" }]],
  },
});
