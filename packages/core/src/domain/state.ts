import type { ChangeEvent } from "./event.ts";
import type { TagRule } from "./tag-rule.ts";
import type { Why } from "./why.ts";

/** Codebox's own state. It is stored in index.json, so that a change and its record are one conditional write. */
export type CodeboxState = {
  readonly schema: 1;
  /** Increases by one with every applied change; the number in `_rev`. Continues the `_rev` of an adopted document. */
  readonly revision: number;
  /** The last event's sequence number: 1, 2, 3 … without gaps. */
  readonly sequence: number;
  /** The last applied changes, oldest first: `APPLIED_RING`, and those before that are not in the store's history yet. */
  readonly applied: readonly AppliedRecord[];
  /** The sequence numbers of the records in the store's history: the first and the last one. Absent: there are none. */
  readonly archived?: { readonly from: number; readonly to: number };
  /** What must hold for changes of the tags. Absent: there are no rules. */
  readonly rules?: readonly TagRule[];
  /** The name of a package without versions was given back to the upstream. A publish takes it again. Absent: it is ours. */
  readonly givenBack?: true;
  /**
   * A change that is prepared for a release. It is not visible until the release's record says so: docs/decisions/0022. `change`
   * is a `Change`; `domain/release.ts` reads it.
   */
  readonly pending?: { readonly release: string; readonly prepared: string; readonly change: unknown };
  /** The document was made when a first publish was prepared for a release: there is no package yet. */
  readonly blank?: true;
  /** Approvals that no move has used yet, oldest first, at most `APPROVALS_MAX`. */
  readonly approvals?: readonly Approval[];
  /** Versions that wait for approval, oldest first, at most `STAGED_MAX`. Some may have expired: `stagedAt`. */
  readonly staged?: readonly StagedVersion[];
  /** Events not yet confirmed as emitted, oldest first. */
  readonly outbox: readonly ChangeEvent[];
};

/** The state of a package before its first change. */
export const emptyState: CodeboxState = { schema: 1, revision: 0, sequence: 0, applied: [], outbox: [] };

/**
 * Somebody's approval of one move.
 *
 * @example { tag: "latest", version: "2.0.0", by: "bob", at: "2026-11-24T10:00:00.000Z" }
 */
export type Approval = { readonly tag: string; readonly version: string; readonly by: string; readonly at: string };

/**
 * A version that waits for approval. Its manifest and its tarball are in the store, under `_codebox/staged/`.
 *
 * @example { id: "0b3c…", version: "2.0.0", tags: ["latest"], at: "2026-11-24T10:00:00.000Z", by: "alice", sha256: "9f86…", … }
 */
export type StagedVersion = {
  /** A UUID: npm's commands take nothing else. */
  readonly id: string;
  readonly version: string;
  /** The tags that approval sets to it. None: as for a publish. */
  readonly tags: readonly string[];
  readonly at: string;
  /** Who staged it: the publisher of the version once it is approved. */
  readonly by: string;
  readonly kind?: "workload" | "service";
  /** Of all that approval publishes: `stageDigest`. */
  readonly sha256: string;
  readonly integrity: string;
  readonly shasum: string;
  readonly size: number;
};

/** One entry of a package's history. Revision and sequence increase together, so `revisionOfRecord` computes the revision. */
export type AppliedRecord = {
  readonly id: string;
  readonly sequence: number;
  /** The kind of the change. Any string: a newer version of codebox may have written the record. */
  readonly type: string;
  /** When the change was accepted, ISO 8601 in UTC. */
  readonly at: string;
  /** The name of the actor. */
  readonly by: string;
  /** What the actor is, if not a user. */
  readonly kind?: "workload" | "service";
  /** The versions that the change published, deprecated or unpublished, or pointed a tag at. */
  readonly versions?: readonly string[];
  readonly tag?: string;
  /** Why the sender made the change. */
  readonly why?: Why;
  /** The release that the change is part of. */
  readonly release?: string;
  /** What moved, from where to where. Absent: nothing whose history is kept, or see `detailIn`. */
  readonly detail?: ChangeDetail;
  /** Where the store has a detail that is too large for this document. */
  readonly detailIn?: DetailPlace;
};

/**
 * A value before and after a change.
 *
 * @example { from: "1.0.0", to: "1.1.0" }
 *
 * `from` is absent for something that was not there before, `to` for something that was removed.
 */
export type Moved<Value = string> = { readonly from?: Value; readonly to?: Value };

/**
 * What a change did to the parts of a package whose history is kept.
 *
 * @example { tags: { latest: { from: "1.0.0", to: "1.1.0" }, next: { to: "1.1.0" } } }
 *
 * - `tags`: every tag that was set, moved or removed, whatever kind of change did it.
 * - `deprecated`: versions whose deprecation message changed.
 * - `owners`: the names of the owners.
 * - `rules`: the rules for the tags.
 * - `staged`: versions that were staged (`to` is the id) or no longer are. Only for those who may stage versions of the package.
 */
export type ChangeDetail = {
  readonly tags?: Readonly<Record<string, Moved>>;
  readonly deprecated?: Readonly<Record<string, Moved>>;
  readonly owners?: Moved<readonly string[]>;
  readonly rules?: Moved<readonly TagRule[]>;
  readonly staged?: Readonly<Record<string, Moved>>;
};

/** A detail in the store: its SHA-256, by which it is named, and which parts it has. */
export type DetailPlace = { readonly sha256: string; readonly of: readonly (keyof ChangeDetail)[] };
