import { type Failed, isReadableName, LAYOUT, type Outcome, type Pending } from "@codebox/core";
import type { AppContext, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { answerHistory } from "../history.ts";
import { escaped } from "../loggable.ts";

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

/** The status of a change, and a package's history. */
export const statusRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.get("/-/changes/:id", async (c) => {
      const id = c.req.param("id");
      const outcome = await ports.outcomes.find(id, packageOf(c.req.query("package")));
      if (!outcome || !(await isReadable(c, ports, outcome.name)))
        throw new ApiError("not_found", `no change "${id.slice(0, 128)}" is known here`);
      c.header("cache-control", "no-store");
      if (outcome.state === "pending") c.header("retry-after", "1");
      return c.json(shown(outcome));
    });

    on.get("/-/package/:name/history", (c) => answerHistory(c, ports));
  });

/** Whether the caller may read a package. The change of another one is not known to the caller. */
async function isReadable(c: AppContext, { catalog }: ReadPorts, name: string): Promise<boolean> {
  return (await catalog.find(name, c.get("principal"), { toWrite: true })).kind !== "refused";
}

/** The package that `?package=` names. Without an index of ids, an applied change is found only in its package's document. */
function packageOf(name: string | undefined): string | undefined {
  if (name === undefined || isReadableName(name)) return name;
  throw new ApiError("invalid", `"${name.slice(0, 80)}" in ?package= is not a package name`);
}

const PUT_ASIDE =
  "the change could not be applied and is a dead letter; ask the operator of this registry to have it applied again";

function shown(outcome: Outcome | Pending | Failed): Record<string, unknown> {
  const { id, name, state } = outcome;
  if (outcome.state === "pending") return { id, name, state };
  if (outcome.state === "failed") return { id, name, state, error: PUT_ASIDE };
  if (outcome.state === "rejected")
    return { id, name, state, code: outcome.rejection.code, error: escaped(outcome.rejection.message) };
  return { id, name, state, sequence: outcome.sequence, revision: outcome.revision, "dist-tags": outcome.distTags };
}
