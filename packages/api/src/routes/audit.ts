import { isReadableName, isRecord } from "@codebox/core";
import { auditReport } from "../audit/report.ts";
import { installedIn } from "../audit/tree.ts";
import { readJson } from "../body.ts";
import type { AppContext, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { findPackage } from "../lookup.ts";

/** An audit names every package of a project with its versions. 20,000 packages are about half of it. */
const AUDIT_BYTES_MAX = 1024 * 1024;
const AUDIT_NAMES_MAX = 20_000;
/** A tree names a package wherever it is installed, with its integrity and what it requires: some 400 bytes each. */
const TREE_BYTES_MAX = 16 * 1024 * 1024;
/** Two levels for each package that requires the next one; pnpm sends a project's longest chain. */
const TREE_DEPTH_MAX = 2_000;

/** Audits: of names and versions (npm 7 and later, pnpm 11, yarn 4), and of trees (npm 6, pnpm up to 10, yarn up to 3). */
export const auditRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.post("/-/npm/v1/security/advisories/bulk", async (c) => {
      const body = await readJson(c, AUDIT_BYTES_MAX);
      if (!isRecord(body) || !Object.values(body).every(isVersions))
        throw new ApiError(
          "invalid",
          'the body must be an object of package names and version lists: {"wire": ["1.0.0"]}',
        );
      return c.json(await advisories(c, ports, body as Asked));
    });

    for (const path of ["/-/npm/v1/security/audits", "/-/npm/v1/security/audits/quick"])
      on.post(path, async (c) => {
        const body = await readJson(c, TREE_BYTES_MAX, TREE_DEPTH_MAX);
        if (!isRecord(body) || !isRecord(body["dependencies"]))
          throw new ApiError(
            "invalid",
            'the body must be a tree of packages: {"dependencies": {"wire": {"version": …}}}',
          );
        const installed = installedIn(body);
        const versions = Map.groupBy(installed, ({ name }) => name);
        const packages = [...versions].map(
          ([name, at]) => [name, [...new Set(at.map(({ version }) => version))]] as const,
        );
        return c.json(auditReport(installed, await advisories(c, ports, Object.fromEntries(packages))));
      });
  });

/** Package name → versions. */
type Asked = Readonly<Record<string, readonly string[]>>;

/**
 * The advisories of the upstream's packages. Names that nobody could check are a failure: an empty answer would say that nothing
 * is known to be vulnerable.
 */
async function advisories(c: AppContext, ports: ReadPorts, packages: Asked): Promise<unknown> {
  if (Object.keys(packages).length > AUDIT_NAMES_MAX)
    throw new ApiError("too_large", `an audit names at most ${AUDIT_NAMES_MAX} packages`);
  if (ports.upstream) return ports.upstream.advisories(packages);
  for (const name of Object.keys(packages)) {
    const found = isReadableName(name) ? await findPackage(c, ports, name) : undefined;
    if (found?.kind !== "ours")
      throw new ApiError(
        "upstream",
        `nobody can check "${name.slice(0, 80)}" and others: this registry has no upstream that serves audits; start it with --upstream`,
      );
  }
  return {};
}

function isVersions(value: unknown): boolean {
  return Array.isArray(value) && value.every((version) => typeof version === "string");
}
