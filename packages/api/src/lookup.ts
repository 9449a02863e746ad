import { exists, isReadableName, nameProblem, type ReadPackument } from "@codebox/core";
import type { ApiPorts, AppContext } from "./context.ts";
import { ApiError } from "./errors.ts";

/** The package's name from the path; the router has decoded it. */
export function packageName(c: AppContext): string {
  const name = c.req.param("name") ?? "";
  if (!isReadableName(name))
    throw new ApiError(
      "invalid",
      `"${name.slice(0, 80)}" is not a package name: ${nameProblem(name) ?? "it is reserved"}`,
    );
  return name;
}

/** A package of ours, or a 404. `tombstone`: its name was ours and stays ours. */
export async function requirePackage(ports: ApiPorts, name: string): Promise<ReadPackument> {
  const read = await ports.reader.read(name);
  if (!read || !exists(read.packument)) throw notFound(name);
  return read;
}

export function notFound(name: string): ApiError {
  return new ApiError("not_found", `the package "${name}" does not exist here`);
}

/** Whether the upstream may be asked for a name: only one that no document and no configured scope makes ours. */
export function mayComeFromUpstream(ports: ApiPorts, name: string, read: ReadPackument | undefined): boolean {
  return read === undefined && ports.upstream !== undefined && !ports.upstream.isOurs(name);
}
