import type { Outcome } from "./outcome.ts";
import { APPLIED_RING, HISTORY_SEGMENT } from "./limits.ts";
import { stateOf, type Packument } from "./packument.ts";
import type { AppliedRecord } from "./state.ts";

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

/**
 * The outcome of a change whose record is still in the package's ring, and of the message that prepared the package for a release;
 * `undefined` for any other change.
 */
export function outcomeInRing(packument: Packument | undefined, id: string): Outcome | undefined {
  const { pending, sequence, revision } = stateOf(packument);
  if (packument && pending?.prepared === id) return { state: "applied", id, name: packument.name, sequence, revision };
  const record = stateOf(packument).applied.findLast((entry) => entry.id === id);
  return packument && record && outcomeOfRecord(packument, record);
}

/** The outcome of an applied change, from its record. Its tags are those of the packument now, not those right after the change. */
export function outcomeOfRecord(packument: Packument, record: AppliedRecord): Outcome {
  const { name, "dist-tags": distTags } = packument;
  const { id, sequence } = record;
  return { state: "applied", id, name, sequence, revision: revisionOfRecord(packument, record), distTags };
}

/**
 * The ring with these records: the last `APPLIED_RING`, and before them those that are not in the store's history yet.
 *
 * @param archivedTo the last sequence in the store's history
 */
export function withoutArchived(records: readonly AppliedRecord[], archivedTo = 0): readonly AppliedRecord[] {
  const surplus = records.length - APPLIED_RING;
  if (surplus <= 0) return records;
  const kept = records.findIndex(({ sequence }, index) => index >= surplus || sequence > archivedTo);
  return records.slice(kept);
}

/** A history object: its first sequence, and the records that it gets. */
export type Segment = { readonly first: number; readonly records: readonly AppliedRecord[] };

/** The first sequence of the history object that holds a sequence. */
export function segmentStart(sequence: number): number {
  return sequence - ((sequence - 1) % HISTORY_SEGMENT);
}

/**
 * The records of a stored packument that fill history objects and are not there yet. They are part of the document, so they are
 * final.
 *
 * @example segmentsToArchive(packument) // [{ first: 1, records: [… 128 records] }]
 */
export function segmentsToArchive(packument: Packument): readonly Segment[] {
  const { applied, archived, sequence } = stateOf(packument);
  const end = segmentStart(sequence + 1);
  const due = applied.filter((record) => record.sequence > (archived?.to ?? 0) && record.sequence < end);
  const starts = [...new Set(due.map((record) => segmentStart(record.sequence)))];
  return starts.map((first) => ({ first, records: due.filter((record) => segmentStart(record.sequence) === first) }));
}

/** The packument after these segments were stored: it knows so, and its ring lets go of what it no longer needs to hold. */
export function withArchived(packument: Packument, segments: readonly Segment[]): Packument {
  const sequences = segments.flatMap(({ records }) => records.map(({ sequence }) => sequence));
  if (sequences.length === 0) return packument;
  const state = stateOf(packument);
  const to = Math.max(state.archived?.to ?? 0, ...sequences);
  const archived = { from: state.archived?.from ?? Math.min(...sequences), to };
  return { ...packument, _codebox: { ...state, archived, applied: withoutArchived(state.applied, to) } };
}
