import { describe, expect, test } from "vitest";
import type { UpstreamCache } from "@codebox/core";
import { errorOf, startApp } from "./harness.ts";
import { upstreamOf } from "./upstream-double.ts";

const QUICK = "/-/npm/v1/security/audits/quick";

/** An advisory as the bulk endpoint answers it. */
const advisory = (more: object = {}) => ({
  id: 1_097_678,
  url: "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
  title: "left pads too far",
  severity: "high",
  vulnerable_versions: "<1.2.0",
  cwe: ["CWE-400"],
  cvss: { score: 7.5, vectorString: "CVSS:3.1/AV:N" },
  ...more,
});

/** An upstream that knows these advisories, and what it was asked for. */
function auditor(answer: unknown) {
  const asked: object[] = [];
  const upstream: UpstreamCache = {
    ...upstreamOf(),
    async advisories(packages) {
      asked.push(packages);
      return answer;
    },
  };
  return { asked, upstream };
}

/** A tree as npm 6 sends it. */
const TREE = {
  name: "app",
  version: "1.0.0",
  requires: { left: "^1.0.0", right: "^2.0.0" },
  dependencies: {
    left: { version: "1.3.0", integrity: "sha512-a", requires: {} },
    right: {
      version: "2.0.0",
      integrity: "sha512-b",
      requires: { left: "1.1.0" },
      dependencies: { left: { version: "1.1.0", integrity: "sha512-c", dev: true } },
    },
  },
};

type Report = {
  readonly actions: readonly { readonly module: string; readonly resolves: readonly object[] }[];
  readonly advisories: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly metadata: { readonly vulnerabilities: object; readonly totalDependencies: number };
};
const reportOf = async (response: Response) => (await response.json()) as Report;

describe("an audit of a tree (npm 6, pnpm up to 10, yarn up to 3)", () => {
  test.each([QUICK, "/-/npm/v1/security/audits"])("at %s asks the upstream for names and versions", async (path) => {
    const { asked, upstream } = auditor({});
    await using registry = await startApp({ upstream });
    const response = await registry.send("POST", path, TREE);
    expect(response.status).toBe(200);
    expect(asked).toEqual([{ left: ["1.3.0", "1.1.0"], right: ["2.0.0"] }]);
    expect((await reportOf(response)).metadata).toMatchObject({
      vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0 },
      totalDependencies: 3,
    });
  });

  test("reports an advisory with the paths of the versions that it affects, and no others", async () => {
    const { upstream } = auditor({ left: [advisory()] });
    await using registry = await startApp({ upstream });
    const report = await reportOf(await registry.send("POST", QUICK, TREE));
    expect(report.metadata.vulnerabilities).toMatchObject({ high: 1 });
    expect(report.advisories["1097678"]).toMatchObject({
      module_name: "left",
      severity: "high",
      vulnerable_versions: "<1.2.0",
      patched_versions: ">=1.2.0",
      findings: [{ version: "1.1.0", paths: ["right>left"] }],
      github_advisory_id: "GHSA-aaaa-bbbb-cccc",
    });
    expect(report.actions).toEqual([
      {
        action: "review",
        module: "left",
        resolves: [{ id: 1_097_678, path: "right>left", dev: true, optional: false, bundled: false }],
      },
    ]);
  });

  test("does not report an advisory of versions that are not in the tree", async () => {
    const { upstream } = auditor({ left: [advisory({ vulnerable_versions: ">=9.0.0" })] });
    await using registry = await startApp({ upstream });
    const report = await reportOf(await registry.send("POST", QUICK, TREE));
    expect([report.actions, report.advisories]).toEqual([[], {}]);
  });

  test.each([
    ["<1.2.0 || >=2.0.0 <2.1.3", ">=2.1.3"],
    ["<=1.2.0", ">1.2.0"],
    [">=1.0.0", "<0.0.0"],
    ["*", "<0.0.0"],
    ["below 2, which is no range", "<0.0.0"],
  ])("says of %s that it is patched in %s", async (vulnerable, patched) => {
    const { upstream } = auditor({ left: [advisory({ vulnerable_versions: vulnerable })] });
    await using registry = await startApp({ upstream });
    const report = await reportOf(await registry.send("POST", QUICK, TREE));
    expect(report.advisories["1097678"]?.["patched_versions"]).toBe(patched);
  });

  test.each([
    ["no advisory", { left: [{ id: 1 }] }],
    ["an unknown severity", { left: [advisory({ severity: "terrible" })] }],
    ["a list", []],
  ])("fails when the upstream's answer has %s: left out, it would look like an all-clear", async (_, answer) => {
    const { upstream } = auditor(answer);
    await using registry = await startApp({ upstream });
    expect((await registry.send("POST", QUICK, TREE)).status).toBe(502);
  });

  test("fails for packages that nobody could check", async () => {
    await using registry = await startApp();
    const response = await registry.send("POST", QUICK, TREE);
    expect(response.status).toBe(502);
    expect(await errorOf(response)).toContain('nobody can check "left"');
  });

  test("leaves out what no registry has: directories, git, and the projects of a pnpm workspace", async () => {
    const { asked, upstream } = auditor({});
    await using registry = await startApp({ upstream });
    await registry.send("POST", QUICK, {
      dependencies: {
        local: { version: "file:../local" },
        renamed: { version: "npm:@scope/right@2.0.0", integrity: "sha512-b" },
        source: { version: "git+ssh://git.example/a.git#abc" },
        "..%2f": { version: "1.0.0" },
        left: { version: "1.0.0", integrity: "sha512-a" },
      },
    });
    await registry.send("POST", QUICK, {
      dependencies: {
        ".": { version: "0.0.0", dependencies: { left: { version: "1.0.0", integrity: "sha512-a" } } },
        "packages-app": { version: "1.0.0", dependencies: { right: { version: "2.0.0", integrity: "sha512-b" } } },
      },
    });
    expect(asked).toEqual([
      { "@scope/right": ["2.0.0"], left: ["1.0.0"] },
      { right: ["2.0.0"], left: ["1.0.0"] },
    ]);
  });

  test("a body that is no tree is refused", async () => {
    const { asked, upstream } = auditor({});
    await using registry = await startApp({ upstream });
    for (const body of [[], {}, { dependencies: [] }, { dependencies: "left" }])
      expect((await registry.send("POST", QUICK, body)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test("a long chain of packages is audited, and one that nests too deep is refused", async () => {
    const { asked, upstream } = auditor({});
    await using registry = await startApp({ upstream });
    const chain = (length: number) => {
      const levels = Array.from({ length }, (_, index) => `{"p${index}":{"version":"1.0.0","dependencies":`);
      return `{"dependencies":${levels.join("")}{}${"}}".repeat(length)}}`;
    };
    expect((await registry.send("POST", QUICK, chain(900))).status).toBe(200);
    expect(Object.keys(asked[0] ?? {})).toHaveLength(900);
    expect((await registry.send("POST", QUICK, chain(1_100))).status).toBe(400);
  });

  test("of too many names is refused", async () => {
    const { asked, upstream } = auditor({});
    await using registry = await startApp({ upstream });
    const names = Array.from({ length: 20_001 }, (_, index) => [`p${index}`, { version: "1.0.0" }]);
    expect((await registry.send("POST", QUICK, { dependencies: Object.fromEntries(names) })).status).toBe(413);
    expect(asked).toEqual([]);
  });
});
