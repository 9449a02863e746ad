import pLimit from "p-limit";
import type { Principal } from "../access/principal.ts";
import type { Packument } from "../domain/packument.ts";
import type { Catalog } from "./catalog.ts";

/** Packages that are looked up at a time. */
const LOOKUPS = 16;

/**
 * The packages of ours that a caller may read, out of these names.
 *
 * @example await readablePackages(catalog, principal, ["wire", "private"]) // [the packument of wire]
 */
export async function readablePackages(
  catalog: Catalog,
  principal: Principal,
  names: readonly string[],
): Promise<readonly Packument[]> {
  const limit = pLimit(LOOKUPS);
  const found = await limit.map(names, (name) => catalog.find(name, principal, { toWrite: true }));
  return found.flatMap((one) => (one.kind === "ours" ? [one.read.packument] : []));
}
