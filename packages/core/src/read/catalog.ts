import type { Policy } from "../access/policy.ts";
import type { Principal, Refusal } from "../access/principal.ts";
import { exists, isGivenBack } from "../domain/packument.ts";
import type { PackumentReader, ReadPackument } from "./reader.ts";
import type { UpstreamCache } from "./upstream-cache.ts";

/**
 * Where a package comes from.
 *
 * @example { kind: "absent", tombstone: undefined }
 *
 * - `ours`: published here. `read` is its document with its ETag.
 * - `upstream`: not ours, so the upstream may be asked for it. Whether the upstream has it is not known yet.
 * - `absent`: not here, and the upstream must not be asked. `tombstone` is the document of a package that was unpublished
 *   completely: its name stays ours.
 * - `refused`: the policy does not let the caller read it.
 */
export type Found =
  | { readonly kind: "ours"; readonly read: ReadPackument }
  | { readonly kind: "upstream"; readonly upstream: UpstreamCache }
  | { readonly kind: "absent"; readonly tombstone: ReadPackument | undefined }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** How to look a package up. */
export type FindOptions = {
  /**
   * The caller is about to change the package. Then the upstream is never asked: a package of the same name there is not what
   * will be changed, and an upstream that is down must not delay the change. Default: false.
   */
  readonly toWrite?: boolean;
};

/** The one place where a request learns whether a package is ours, may come from the upstream, or does not exist. */
export type Catalog = {
  /**
   * Looks a package up for a caller.
   *
   * @example await catalog.find("@acme/wire", principal) // { kind: "ours", read: { packument, etag } }
   * @throws StoreUnavailable
   */
  find(name: string, principal: Principal, options?: FindOptions): Promise<Found>;
};

/** What a catalogue reads from. */
export type CatalogPorts = {
  readonly reader: PackumentReader;
  readonly policy: Policy;
  /** Absent: packages that are not ours do not exist. */
  readonly upstream?: UpstreamCache | undefined;
};

/**
 * Opens the catalogue.
 *
 * A name is ours when it has a document, even a tombstone that was not given back, or when its scope is configured as ours.
 *
 * @example const catalog = createCatalog({ reader, policy, upstream });
 */
export function createCatalog({ reader, policy, upstream }: CatalogPorts): Catalog {
  return {
    async find(name, principal, { toWrite = false } = {}) {
      const read = await reader.read(name);
      const decision = policy.may(principal, "read", { name, packument: read?.packument });
      if (!decision.allowed) return { kind: "refused", refusal: decision };
      if (read && exists(read.packument)) return { kind: "ours", read };
      const tombstone = read && !isGivenBack(read.packument);
      if (tombstone || toWrite || !upstream || upstream.isOurs(name)) return { kind: "absent", tombstone: read };
      return { kind: "upstream", upstream };
    },
  };
}
