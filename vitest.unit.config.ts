import { defineConfig } from "vitest/config";

/**
 * `npm run test:unit`: the domain, the ports' contracts in memory, and the app without a socket, in under 20 seconds.
 *
 * Left out, because they take seconds each: what starts processes (tests/), hashes many passwords or writes to a disk
 * (packages/sqlite), reads bodies and archives of many megabytes (packages/api's body, document, publish and tarball tests), or
 * runs npm (packages/cli's publish and program tests).
 */
export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "packages/sqlite/**",
      "packages/api/test/account.test.ts",
      "packages/api/test/body.test.ts",
      "packages/api/test/document.test.ts",
      "packages/api/test/publish.test.ts",
      "packages/api/test/tarball.test.ts",
      "packages/cli/test/program.test.ts",
      "packages/cli/test/publish.test.ts",
    ],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "threads",
    maxWorkers: 2,
    isolate: false,
  },
});
