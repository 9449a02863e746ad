import type { Change } from "../domain/change.ts";

/**
 * The FIFO queue of accepted changes, grouped by package name.
 *
 * Guarantees: durable once `send` resolves; in order inside a group; while a group has messages in flight, no more of it are
 * handed out; a failure of one group does not hold up another; an id sent twice (within five minutes at least) is queued once.
 *
 * Error semantics: `QueueUnavailable` from `send` means that the change **may have been queued**; sending it again with the same
 * id is safe. From the other methods: the messages stay in flight until they are released or their lease ends, and come again.
 */
export interface ChangeQueue {
  send(change: Change): Promise<void>;
}

/**
 * The consuming end. A Lambda has none: its event source mapping receives for it.
 *
 * Error semantics: `QueueUnavailable` from any method. The messages stay in flight until their lease ends, and are delivered
 * again: an acknowledged change may be delivered once more, and the consumer recognises its id.
 */
export interface ChangeReceiver {
  /**
   * The next waiting group's oldest changes, at most `max`, or `undefined` when `signal` aborts first. When it throws, the same
   * group is handed out again only after a pause.
   */
  receive(options: { readonly max: number; readonly signal: AbortSignal }): Promise<ChangeBatch | undefined>;
  /** Removes messages for good. Those of the group that are left out of the batch are handed out again, in their order. */
  acknowledge(batch: ChangeBatch): Promise<void>;
  /**
   * Gives messages back. They are received again after a pause, in the same order, however often they were released: an outage
   * delays a change and never moves it to the dead letters.
   */
  release(batch: ChangeBatch): Promise<void>;
}

/** A receiver for a host that also drains the queue before it stops, and deletes expired objects itself. */
export interface LocalReceiver extends ChangeReceiver {
  /** Whether nothing waits and nothing is in flight. */
  isEmpty(): boolean | Promise<boolean>;
  /** Whether a change that waits, or a dead letter, still needs the staged tarball of this key. */
  needs(key: string): boolean | Promise<boolean>;
}

export type ChangeBatch = {
  /** The message group: the package's name. */
  readonly group: string;
  readonly messages: readonly ChangeMessage[];
};
export type ChangeMessage = {
  readonly change: Change;
  /** What the adapter needs to acknowledge this delivery. Opaque. */
  readonly receipt: string;
  /** How often the message has been handed out, this time included. */
  readonly receives: number;
};

/**
 * Messages that can never be applied, kept for an operator.
 *
 * Error semantics: an unknown id is data. `QueueUnavailable` from `redrive` means that the message may be in the queue already;
 * calling it again is safe.
 */
export interface DeadLetters {
  list(): AsyncIterable<DeadLetter>;
  /** Puts a dead letter back into the queue, behind what waits. `false` when there is none of this id. */
  redrive(id: string): Promise<boolean>;
}
export type DeadLetter = {
  readonly id: string;
  readonly group: string;
  /** The message as it was received: not necessarily a Change. */
  readonly body: unknown;
  readonly reason: string;
  readonly receives: number;
  readonly at: string;
};

export class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}
