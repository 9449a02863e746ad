import { isUpstreamFailure } from "@codebox/core";
import type { AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { findPackage } from "../lookup.ts";

/**
 * Refuses the first publish of a name that the upstream has: everybody who installs that package through this registry would get
 * the published one from then on, and nobody would get the upstream's back.
 *
 * A name that is configured as ours is not asked about. When the upstream does not answer, a name in a scope is accepted and any
 * other is refused: a scope has an owner, who would have to take part, and a team that publishes in its own scope must not wait
 * for the upstream. A name without a scope is anybody's, and an outage must not be the moment to take one.
 *
 * @throws ApiError `forbidden`: the upstream has it; `upstream`: it is not known, try again
 */
export async function checkFirstPublish(
  c: AppContext,
  ports: Pick<WritePorts, "catalog">,
  name: string,
): Promise<void> {
  const found = await findPackage(c, ports, name);
  if (found.kind !== "upstream") return;
  const howTo = `an operator can make it a name of this registry: ${flagFor(name)}`;
  try {
    if (!(await found.upstream.has(name))) return;
  } catch (error) {
    if (!isUpstreamFailure(error)) throw error;
    if (name.startsWith("@")) return;
    throw new ApiError(
      "upstream",
      `it is not known whether the upstream registry has a package "${name}", since it does not answer (${error.message}), so the name can't be taken now; try again in a moment, or ${howTo}`,
    );
  }
  throw new ApiError(
    "forbidden",
    `the upstream registry has a package "${name}", which everybody who installs it here would lose; publish under another name, or ${howTo}`,
  );
}

function flagFor(name: string): string {
  const slash = name.indexOf("/");
  return slash > 0 ? `--scopes ${name.slice(0, slash)} or --names ${name}` : `--names ${name}`;
}
