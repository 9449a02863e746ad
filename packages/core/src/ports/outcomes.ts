import type { Outcome } from "../domain/outcome.ts";

/**
 * Where the outcome of a change is recorded and awaited.
 *
 * An applied change's outcome is in its index.json already (the ring); an adapter may lean on that and store only rejections.
 * Error semantics: every method throws `StoreUnavailable`; each is safe to repeat.
 */
export interface Outcomes {
  /** Called by the consumer, after the conditional write. A repeated call changes nothing. */
  record(outcomes: readonly Outcome[]): Promise<void>;
  /** The outcome as soon as it is known; `undefined` when `timeoutMs` pass first. Call it before the change is sent. */
  wait(change: { readonly id: string; readonly name: string }, timeoutMs: number): Promise<Outcome | undefined>;
  /** Remembers an accepted change that was answered before its outcome was known, so that `find` knows its package. */
  remember(change: { readonly id: string; readonly name: string }): Promise<void>;
  /**
   * The status of a change; `undefined` for an id never seen (or seen too long ago). By its id alone an adapter without an index of
   * ids knows only those that were remembered or rejected; with the package's name also those that its document remembers.
   */
  find(id: string, name?: string): Promise<Outcome | Pending | Failed | undefined>;
}
export type Pending = { readonly state: "pending"; readonly id: string; readonly name: string };
/** A dead letter: not applied, until an operator redrives it. An adapter that does not know this says `pending`. */
export type Failed = { readonly state: "failed"; readonly id: string; readonly name: string };
