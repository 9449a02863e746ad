import type { ChangeEvent } from "../domain/event.ts";

/**
 * Where applied changes are announced (an SNS topic; a log file and a live stream).
 *
 * At least once: `publish` may be called again with an event that went out before. When it throws, some of the events may have gone out.
 */
export interface EventLog {
  /** Announces events of one package, in order. Resolves when all are durably taken. */
  publish(events: readonly ChangeEvent[]): Promise<void>;
}
