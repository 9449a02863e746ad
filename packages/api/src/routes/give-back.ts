import { giveBackProblem, isRecord, isUpstreamFailure } from "@codebox/core";
import { readJson } from "../body.ts";
import type { ApiSettings, AppContext, ReadPorts, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName } from "../lookup.ts";
import { submitChange } from "../submission.ts";

const BODY_BYTES_MAX = 1024;

/**
 * Gives the name of an unpublished package back to the upstream. For administrators: everybody who installs the name gets another
 * package from then on.
 */
export const giveBackRoutes = (
  ports: WritePorts & Pick<ReadPorts, "upstream">,
  settings: Pick<ApiSettings, "waitMs">,
): RouteGroup =>
  routeGroup("admin", (on) => {
    on.post("/-/package/:name/give-back", async (c) => {
      const name = packageName(c);
      const dryRun = await isDryRun(c);
      if (ports.upstream?.isOurs(name))
        throw new ApiError("conflict", `"${name}" is a name of this registry by --scopes or --names; remove it there`);
      const problem = giveBackProblem(name, (await ports.reader.read(name))?.packument);
      if (problem) throw new ApiError(problem.code, problem.message);
      const body = { ok: true, id: name, dryRun, upstream: await upstreamHas(ports, name) };
      if (dryRun) return c.json(body);
      return submitChange(c, ports, settings, { type: "name.give-back", name }, () => ({ status: 200, body }));
    });
  });

async function isDryRun(c: AppContext): Promise<boolean> {
  const body = await readJson(c, BODY_BYTES_MAX);
  const { dryRun = false, ...others } = isRecord(body) ? body : { body };
  if (typeof dryRun !== "boolean" || Object.keys(others).length > 0)
    throw new ApiError("invalid", 'the body must be {} or {"dryRun": true}');
  return dryRun;
}

/** Whether the upstream has a package of this name. `null`: it is not known, or there is no upstream. */
async function upstreamHas({ upstream }: Pick<ReadPorts, "upstream">, name: string): Promise<boolean | null> {
  if (!upstream) return null;
  try {
    return await upstream.has(name);
  } catch (error) {
    if (isUpstreamFailure(error)) return null;
    throw error;
  }
}
