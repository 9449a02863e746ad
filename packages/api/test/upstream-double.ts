import type { UpstreamCache } from "@codebox/core";

/** An upstream that has nothing. A test replaces what it is about: `{ ...upstreamOf(), advisories }`. */
export function upstreamOf(): UpstreamCache {
  return {
    isOurs: (name) => name.startsWith("@acme/"),
    has: async () => false,
    packument: async () => undefined,
    keptTarball: async () => undefined,
    tarball: async () => undefined,
    advisories: async () => ({}),
    search: async () => ({ hits: [], total: 0, incomplete: false }),
    signatures: { keys: async () => undefined, attestations: async () => undefined },
  };
}
