import { isReadableName, isRecord, LAYOUT, stateOf, type Failed, type Outcome, type Pending } from "@codebox/core";
import { readJson } from "../body.ts";
import type { Routes } from "../context.ts";
import { ApiError } from "../errors.ts";
import { packageName, requirePackage } from "../lookup.ts";

/** An audit names every package of a project with its versions. */
const AUDIT_BYTES_MAX = 8 * 1024 * 1024;

/** What became of a change, a package's history, whether the registry is well, and audits. */
export const statusRoutes: Routes = (app, ports) => {
  app.get("/-/ping", (c) => c.json({}));

  app.get("/-/health", async (c) => {
    await ports.store.head(LAYOUT.health.prefix);
    return c.json({ ok: true });
  });

  app.get("/-/changes/:id", async (c) => {
    const id = c.req.param("id");
    const outcome = await ports.outcomes.find(id, packageOf(c.req.query("package")));
    if (!outcome) throw new ApiError("not_found", `no change "${id.slice(0, 128)}" is known here`);
    c.header("cache-control", "no-store");
    if (outcome.state === "pending") c.header("retry-after", "1");
    return c.json(shown(outcome));
  });

  app.get("/-/package/:name/history", async (c) => {
    const { packument } = await requirePackage(ports, packageName(c));
    c.header("cache-control", "private, no-cache");
    return c.json({ name: packument.name, history: stateOf(packument).applied.toReversed() });
  });

  app.post("/-/npm/v1/security/advisories/bulk", async (c) => {
    const body = await readJson(c.req.raw, AUDIT_BYTES_MAX);
    if (!isRecord(body) || !Object.values(body).every(isVersions))
      throw new ApiError(
        "invalid",
        'the body must be an object of package names and version lists: {"wire": ["1.0.0"]}',
      );
    return c.json((await ports.upstream?.advisories(body as Record<string, string[]>)) ?? {});
  });

  for (const path of ["/-/npm/v1/security/audits", "/-/npm/v1/security/audits/quick"])
    app.post(path, () => {
      throw new ApiError(
        "not_found",
        "audits of whole trees are not served; use a client that asks /-/npm/v1/security/advisories/bulk (npm 7 or later, pnpm 12)",
      );
    });
};

/** Where no index of ids is kept, the package's document tells of a change, if it is named. */
function packageOf(name: string | undefined): string | undefined {
  if (name === undefined || isReadableName(name)) return name;
  throw new ApiError("invalid", `"${name.slice(0, 80)}" in ?package= is not a package name`);
}

const PUT_ASIDE =
  "the change could not be applied and was put aside; ask whoever runs this registry to have it applied again";

function isVersions(value: unknown): boolean {
  return Array.isArray(value) && value.every((version) => typeof version === "string");
}

function shown(outcome: Outcome | Pending | Failed): Record<string, unknown> {
  const { id, name, state } = outcome;
  if (outcome.state === "pending") return { id, name, state };
  if (outcome.state === "failed") return { id, name, state, error: PUT_ASIDE };
  if (outcome.state === "rejected")
    return { id, name, state, code: outcome.rejection.code, error: outcome.rejection.message };
  return { id, name, state, sequence: outcome.sequence, revision: outcome.revision, "dist-tags": outcome.distTags };
}
