import { revisionOfRecord } from "./apply.ts";
import type { Outcome } from "./outcome.ts";
import { stateOf, type AppliedRecord, type Packument } from "./packument.ts";

/** The outcome of a change that a package's ring of applied changes remembers; `undefined` for any other. */
export function outcomeInRing(packument: Packument | undefined, id: string): Outcome | undefined {
  const record = stateOf(packument).applied.findLast((entry) => entry.id === id);
  return packument && record && outcomeOfRecord(packument, record);
}

/** What an applied change's record tells of it, with the tags of today. */
export function outcomeOfRecord(packument: Packument, record: AppliedRecord): Outcome {
  const { name, "dist-tags": distTags } = packument;
  const { id, sequence } = record;
  return { state: "applied", id, name, sequence, revision: revisionOfRecord(packument, record), distTags };
}
