/** The time, passed in: `apply` must not know it, tests set it. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Randomness, passed in. */
export interface Ids {
  /** A new change id: unique, URL-safe, at most 64 characters. */
  next(): string;
  /** A secret of 256 bits, URL-safe. */
  secret(): string;
}
