/**
 * The time, passed in: `apply` must not know it, and tests set it.
 *
 * Error semantics: nothing throws. A sleep that is aborted resolves.
 *
 * @example const clock: Clock = manualClock(); // packages/testing
 */
export interface Clock {
  now(): Date;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
