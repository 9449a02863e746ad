import {
  isReadableName,
  nameProblem,
  type Catalog,
  type FindOptions,
  type Found,
  type Packument,
  type ReadPackument,
} from "@codebox/core";
import { demand, refusalError } from "./auth.ts";
import type { AppContext, ReadPorts, WritePorts } from "./context.ts";
import { ApiError } from "./errors.ts";

/** The package's name from the path; the router has decoded it. @throws ApiError `invalid` */
export function packageName(c: AppContext): string {
  const name = c.req.param("name") ?? "";
  if (!isReadableName(name))
    throw new ApiError(
      "invalid",
      `"${name.slice(0, 80)}" is not a package name: ${nameProblem(name) ?? "it is reserved"}`,
    );
  return name;
}

/** Where a package comes from, for a caller who may read it. */
export type Readable = Exclude<Found, { readonly kind: "refused" }>;

/**
 * Looks a package up in the catalogue for the caller of this request.
 *
 * @throws ApiError `unauthenticated` or `forbidden` when the caller may not read it.
 */
export async function findPackage(
  c: AppContext,
  { catalog }: { readonly catalog: Catalog },
  name: string,
  options?: FindOptions,
): Promise<Readable> {
  const found = await catalog.find(name, c.get("principal"), options);
  if (found.kind === "refused") throw refusalError(found.refusal);
  return found;
}

/** A package of ours that has versions. @throws ApiError `not_found`, and what `findPackage` throws */
export async function requirePackage(
  c: AppContext,
  ports: { readonly catalog: Catalog },
  name: string,
): Promise<ReadPackument> {
  const found = await findPackage(c, ports, name, { toWrite: true });
  if (found.kind !== "ours") throw notFound(name);
  return found.read;
}

/**
 * The package as stored, for a caller who may publish or stage it; `undefined`: its name is free. Asked before a tarball is stored.
 *
 * @throws ApiError `unauthenticated` or `forbidden`
 */
export async function packumentToPublish(
  c: AppContext,
  { reader, policy }: Pick<WritePorts, "reader" | "policy">,
  name: string,
  action: "publish" | "stage" = "publish",
): Promise<Packument | undefined> {
  const packument = (await reader.read(name))?.packument;
  demand(policy.may(c.get("principal"), action, { name, packument }));
  return packument;
}

/** The answer for a package that is neither here nor upstream. */
export function notFound(name: string): ApiError {
  return new ApiError("not_found", `the package "${name}" does not exist here`);
}

/** The answer for a package that the catalogue calls absent. It says so when a package of the upstream may be hidden. */
export function absentError(
  { upstream }: Pick<ReadPorts, "upstream">,
  name: string,
  { tombstone }: Extract<Found, { readonly kind: "absent" }>,
): ApiError {
  if (!tombstone || !upstream || upstream.isOurs(name)) return notFound(name);
  return new ApiError(
    "not_found",
    `the package "${name}" has no version here and its name is this registry's, so an upstream package of this name is hidden; publish a version here, or ask an administrator to give the name back: codebox names give-back ${name}`,
  );
}
