import { revisionOfRecord } from "./apply.ts";
import type { Outcome } from "./outcome.ts";
import { stateOf, type Packument } from "./packument.ts";

/** The outcome of a change that a package's ring of applied changes remembers; `undefined` for any other. */
export function outcomeInRing(packument: Packument | undefined, id: string): Outcome | undefined {
  const record = stateOf(packument).applied.findLast((entry) => entry.id === id);
  if (!packument || !record) return undefined;
  const revision = revisionOfRecord(packument, record);
  return {
    state: "applied", id, name: packument.name, sequence: record.sequence, revision, distTags: packument["dist-tags"],
  }; // prettier-ignore
}
