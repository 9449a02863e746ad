/** Arrows point inward only: functions, server, cli → api, aws, sqlite, upstream, system → core. ARCHITECTURE.md draws it. */
const only = (from, allowed) => ({
  name: `${from}-depends-only-on-${allowed.join("-") || "nothing"}`,
  severity: "error",
  from: { path: `^packages/${from}/src` },
  to: { path: "^packages/", pathNot: [from, ...allowed].map((name) => `^packages/${name}/`) },
});

module.exports = {
  forbidden: [
    only("core", []),
    only("api", ["core"]),
    only("system", ["core"]),
    only("upstream", ["core"]),
    only("oidc", ["core"]),
    only("github", ["core"]),
    only("aws", ["core"]),
    only("sqlite", ["core"]),
    only("server", ["api", "sqlite", "upstream", "oidc", "github", "system", "core"]),
    only("functions", ["api", "aws", "upstream", "oidc", "github", "system", "core"]),
    // cli → upstream: npm's settings (registry, token) are read in one place, for publish and for the default upstream.
    only("cli", ["aws", "upstream", "system", "core"]),
    only("client", []),
    only("testing", ["core"]),
    {
      name: "core-imports-no-sdk-and-no-framework",
      severity: "error",
      from: { path: "^packages/core/src" },
      to: {
        path: "node_modules/(hono|@hono|@aws-sdk|@smithy|@aws-lambda-powertools)/|^(node:)?(fs|http|https|net|sqlite|child_process)(/|$)",
      },
    },
    {
      name: "production-code-does-not-import-tests",
      severity: "error",
      from: { path: "^packages/(?!testing)[^/]+/src" },
      to: { path: "^packages/testing|\\.test\\.ts$|^tests/" },
    },
    { name: "no-cycles", severity: "error", from: { path: "^packages/" }, to: { circular: true } },
    {
      name: "no-unresolvable",
      severity: "error",
      from: { path: "^packages/" }, // Types only, so there is nothing to resolve to.
      to: { couldNotResolve: true, pathNot: "^@octokit/openapi-types" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // The parser does not know `using` yet, and the rules are about production code.
    exclude: { path: "/test/|/dist/|contracts?\\.ts$" },
    parser: "swc",
    tsPreCompilationDeps: true,

    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
