import type { Outcome } from "./outcome.ts";
import { stateOf, type AppliedRecord, type Packument } from "./packument.ts";

/** The records of the changes after a revision, oldest first; `undefined` when the ring does not reach back to it. */
export function recordsSince(packument: Packument, revision: number): readonly AppliedRecord[] | undefined {
  const state = stateOf(packument);
  const since = state.applied.filter((record) => revisionOfRecord(packument, record) > revision);
  return since.length === state.revision - revision ? since : undefined;
}

/** The revision that a record's change made: revision and sequence rise together. */
export function revisionOfRecord(packument: Packument, record: AppliedRecord): number {
  const state = stateOf(packument);
  return state.revision - state.sequence + record.sequence;
}

/** The outcome of a change whose record is still in the package's ring; `undefined` for any other change. */
export function outcomeInRing(packument: Packument | undefined, id: string): Outcome | undefined {
  const record = stateOf(packument).applied.findLast((entry) => entry.id === id);
  return packument && record && outcomeOfRecord(packument, record);
}

/** The outcome of an applied change, from its record. Its tags are those of the packument now, not those right after the change. */
export function outcomeOfRecord(packument: Packument, record: AppliedRecord): Outcome {
  const { name, "dist-tags": distTags } = packument;
  const { id, sequence } = record;
  return { state: "applied", id, name, sequence, revision: revisionOfRecord(packument, record), distTags };
}
