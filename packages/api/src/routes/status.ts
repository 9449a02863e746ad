import { isReadableName, isRecord, LAYOUT, stateOf, type Failed, type Outcome, type Pending } from "@codebox/core";
import { readJson } from "../body.ts";
import type { AppContext, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { escaped } from "../loggable.ts";
import { findPackage, packageName, requirePackage } from "../lookup.ts";

/** An audit names every package of a project with its versions. 20,000 packages are about half of it. */
const AUDIT_BYTES_MAX = 1024 * 1024;
const AUDIT_NAMES_MAX = 20_000;

/** Whether the registry works. Health is 503 with the reason while nothing can be read, or nothing can be stored. */
export const publicRoutes = ({ store, checkWritable }: Pick<ReadPorts, "store" | "checkWritable">): RouteGroup =>
  routeGroup("public", (on) => {
    on.get("/-/ping", (c) => c.json({}));

    on.get("/-/health", async (c) => {
      c.header("cache-control", "no-store");
      await store.head(LAYOUT.health.prefix);
      await checkWritable?.();
      return c.json({ ok: true });
    });
  });

/** The status of a change, a package's history, and audits. */
export const statusRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.get("/-/changes/:id", async (c) => {
      const id = c.req.param("id");
      const outcome = await ports.outcomes.find(id, packageOf(c.req.query("package")));
      if (!outcome) throw new ApiError("not_found", `no change "${id.slice(0, 128)}" is known here`);
      c.header("cache-control", "no-store");
      if (outcome.state === "pending") c.header("retry-after", "1");
      return c.json(shown(outcome));
    });

    on.get("/-/package/:name/history", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      c.header("cache-control", "private, no-cache");
      return c.json({ name: packument.name, history: stateOf(packument).applied.toReversed() });
    });

    on.post("/-/npm/v1/security/advisories/bulk", async (c) => {
      const body = await readJson(c, AUDIT_BYTES_MAX);
      if (!isRecord(body) || !Object.values(body).every(isVersions))
        throw new ApiError(
          "invalid",
          'the body must be an object of package names and version lists: {"wire": ["1.0.0"]}',
        );
      if (Object.keys(body).length > AUDIT_NAMES_MAX)
        throw new ApiError("too_large", `an audit names at most ${AUDIT_NAMES_MAX} packages`);
      return c.json(await advisories(c, ports, body as Record<string, string[]>));
    });

    for (const path of ["/-/npm/v1/security/audits", "/-/npm/v1/security/audits/quick"])
      on.post(path, () => {
        throw new ApiError(
          "not_found",
          "audits of whole trees are not served; use a client that asks /-/npm/v1/security/advisories/bulk (npm 7 or later, pnpm 12)",
        );
      });
  });

/**
 * The advisories of the upstream's packages. Names that nobody could check are a failure: an empty answer would say that nothing
 * is known to be vulnerable.
 */
async function advisories(c: AppContext, ports: ReadPorts, packages: Record<string, string[]>): Promise<unknown> {
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

/** The package that `?package=` names. Without an index of ids, an applied change is found only in its package's document. */
function packageOf(name: string | undefined): string | undefined {
  if (name === undefined || isReadableName(name)) return name;
  throw new ApiError("invalid", `"${name.slice(0, 80)}" in ?package= is not a package name`);
}

const PUT_ASIDE =
  "the change could not be applied and is a dead letter; ask the operator of this registry to have it applied again";

function isVersions(value: unknown): boolean {
  return Array.isArray(value) && value.every((version) => typeof version === "string");
}

function shown(outcome: Outcome | Pending | Failed): Record<string, unknown> {
  const { id, name, state } = outcome;
  if (outcome.state === "pending") return { id, name, state };
  if (outcome.state === "failed") return { id, name, state, error: PUT_ASIDE };
  if (outcome.state === "rejected")
    return { id, name, state, code: outcome.rejection.code, error: escaped(outcome.rejection.message) };
  return { id, name, state, sequence: outcome.sequence, revision: outcome.revision, "dist-tags": outcome.distTags };
}
