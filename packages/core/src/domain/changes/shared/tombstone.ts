import { DESCRIBING } from "../../manifest.ts";
import { own, without, type Packument } from "../../packument.ts";

/** A package without versions. Its document stays: sequence, ring and outbox are still needed, and the name remains ours. */
export function tombstone(before: Packument): Packument {
  const created = own(before.time, "created");
  return {
    ...without(before, [...DESCRIBING, "readme", "users"]),
    "dist-tags": {},
    versions: {},
    time: created === undefined ? {} : { created },
  };
}
