import { UpstreamMalformed } from "@codebox/core";
import semver from "semver";
import * as z from "zod";
import { pathOf, type Installed } from "./tree.ts";

/** Most paths that are listed of one advisory and version. The count has all of them. */
const PATHS_MAX = 100;
const SEVERITIES = ["info", "low", "moderate", "high", "critical"] as const;
type Severity = (typeof SEVERITIES)[number];
/** As npm looks whether a version is affected. Source: @npmcli/metavuln-calculator, lib/advisory.js. */
const LOOSE = { loose: true, includePrerelease: true };

/** Source: npm/cli, @npmcli/metavuln-calculator, and the answer of `/-/npm/v1/security/advisories/bulk`. */
const Advisory = z.looseObject({
  id: z.union([z.number(), z.string()]),
  url: z.string().default(""),
  title: z.string().default("a known vulnerability"),
  severity: z.enum(SEVERITIES),
  vulnerable_versions: z.string(),
  cwe: z.union([z.string(), z.array(z.string())]).nullish(),
  cves: z.array(z.string()).nullish(),
  cvss: z.unknown(),
});
const Advisories = z.record(z.string(), z.array(Advisory));
type Advisory = z.infer<typeof Advisory>;

/**
 * The answer to an audit of a tree, from the advisories of its packages.
 *
 * @example auditReport([left], { left: [{ id: 1, severity: "high", vulnerable_versions: "<1.0.1", … }] }).metadata.vulnerabilities.high // 1
 * @throws UpstreamMalformed when an advisory can't be read: left out, it would look as if there were nothing to report.
 */
export function auditReport(installed: readonly Installed[], advisories: unknown) {
  const parsed = Advisories.safeParse(advisories);
  if (!parsed.success) throw new UpstreamMalformed("its answer to an audit is not one of advisories");
  const places = Map.groupBy(installed, ({ name }) => name);
  const found = Object.entries(parsed.data).flatMap(([name, list]) =>
    list.flatMap((advisory) => {
      const affected = (places.get(name) ?? []).filter(({ version }) => isAffected(version, advisory));
      return affected.length === 0 ? [] : [{ name, advisory, affected }];
    }),
  );
  const vulnerabilities: Record<Severity, number> = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
  for (const { advisory, affected } of found) vulnerabilities[advisory.severity] += affected.length;
  return {
    // npm 6 prints an advisory only where an action names it. What to do about it is not computed here.
    actions: found.map(({ name, advisory, affected }) => ({
      action: "review",
      module: name,
      resolves: affected.slice(0, PATHS_MAX).map((one) => ({
        id: advisory.id,
        path: pathOf(one),
        dev: one.dev,
        optional: one.optional,
        bundled: one.bundled,
      })),
    })),
    advisories: Object.fromEntries(found.map((one) => [String(one.advisory.id), shown(one)])),
    muted: [],
    metadata: { vulnerabilities, ...counts(installed) },
  };
}

/** Every version is affected where the range can't be read: left out, it would look as if there were nothing to report. */
function isAffected(version: string, { vulnerable_versions: range }: Advisory): boolean {
  return semver.validRange(range) === null || semver.satisfies(version, range, LOOSE);
}

type Found = { readonly name: string; readonly advisory: Advisory; readonly affected: readonly Installed[] };

function shown({ name, advisory, affected }: Found): Record<string, unknown> {
  const { id, url, title, severity, vulnerable_versions, cwe, cves, cvss } = advisory;
  const patched = patchedVersions(vulnerable_versions);
  const versions = Map.groupBy(affected, ({ version }) => version);
  return {
    id,
    url,
    title,
    severity,
    module_name: name,
    vulnerable_versions,
    patched_versions: patched,
    findings: [...versions].map(([version, at]) => ({ version, paths: at.slice(0, PATHS_MAX).map(pathOf) })),
    cwe: cwe ?? [],
    cves: cves ?? [],
    cvss,
    github_advisory_id: /GHSA-[0-9a-z-]+/.exec(url)?.[0],
    access: "public",
    overview: title,
    recommendation: patched === NONE ? "None" : `Upgrade to version ${patched}`,
    references: url,
  };
}

/** As the old endpoint says that no version is free of it. */
const NONE = "<0.0.0";

/**
 * The versions above the vulnerable ones. The bulk endpoint does not say which are patched.
 *
 * @example patchedVersions(">=2.0.0 <2.1.3") // ">=2.1.3"
 */
function patchedVersions(vulnerable: string): string {
  if (semver.validRange(vulnerable) === null) return NONE;
  const ends = new semver.Range(vulnerable).set.map((set) =>
    set.find(({ operator }) => operator === "<" || operator === "<="),
  );
  const open = ends.some((end) => end === undefined);
  const [last] = open ? [] : ends.flatMap((end) => end ?? []).toSorted((a, b) => semver.rcompare(a.semver, b.semver));
  if (!last) return NONE;
  return `${last.operator === "<" ? ">=" : ">"}${last.semver.version}`;
}

function counts(installed: readonly Installed[]) {
  const devDependencies = installed.filter(({ dev }) => dev).length;
  const optionalDependencies = installed.filter(({ optional, dev }) => optional && !dev).length;
  const totalDependencies = installed.length;
  const dependencies = totalDependencies - devDependencies - optionalDependencies;
  return { dependencies, devDependencies, optionalDependencies, totalDependencies };
}
