import type { ChangeEvent } from "../domain/event.ts";

/**
 * Where applied changes are announced (an SNS topic; a log file and a live stream).
 *
 * At least once: `publish` may be called again with an event that went out before.
 *
 * Error semantics: when `publish` throws, some of the events may have gone out. The caller keeps them and publishes them again.
 */
export interface EventLog {
  /** Announces events of one package, in order. Resolves when all are durably taken. */
  publish(events: readonly ChangeEvent[]): Promise<void>;
}

/**
 * Reads the announced events, for a host that serves them itself.
 *
 * Error semantics: `StoreUnavailable` when the events cannot be read now. A listener must not throw.
 *
 * @example for (const { position, event } of await events.read(0, 100)) console.log(position, event.type);
 */
export interface EventReader {
  /** At most `limit` events after a position (0: from the beginning), oldest first. */
  read(after: number, limit: number): Promise<readonly LoggedEvent[]>;
  /** The position of the last event; 0 when there is none. */
  position(): number | Promise<number>;
  /** Calls `listener` after new events were stored. Returns the function that ends the subscription. */
  subscribe(listener: () => void): () => void;
}
export type LoggedEvent = { readonly position: number; readonly event: ChangeEvent };
