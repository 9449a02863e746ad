import { defineConfig } from "vitest/config";

/**
 * `npm run test:clients`: many versions of npm, pnpm and yarn, bun and deno. `-- ends` runs the oldest and the newest of each.
 * Installs them first, apart from the project's own dependencies (tests/clients/package.json).
 */
export default defineConfig({
  test: {
    include: ["tests/clients/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", ["json", { outputFile: ".vitest/clients.json" }]],
  },
});
