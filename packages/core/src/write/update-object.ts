import { WRITE_ATTEMPTS } from "../domain/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectStore, StoredObject } from "../ports/object-store.ts";

export type RetryPorts = {
  readonly clock: Pick<Clock, "sleep">;
  /** 0 ≤ n < 1. Spreads writers that lost at the same time. Default: no spreading. */
  readonly random?: () => number;
};
export type UpdatePorts = RetryPorts & { readonly store: Pick<ObjectStore, "put"> };

/** The pause after the first lost write, in milliseconds. Each pause is twice the one before, up to `LAST_PAUSE_MS`. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 500;

/** What `mutate` decides. Without `bytes` nothing is written. */
export type Mutation<Result> = {
  readonly result: Result;
  readonly bytes?: Uint8Array;
  /** Default: `application/json`. */
  readonly contentType?: string;
};
/** `ok: false`: another writer won every attempt. `etag`: of the written object; absent when nothing was written. */
export type Updated<Result> =
  | { readonly ok: true; readonly result: Result; readonly etag?: string }
  | { readonly ok: false; readonly attempts: number };

/**
 * The compare-and-set loop: reads an object, decides, and writes on the condition that nobody wrote the object meanwhile. When
 * somebody did, it pauses, reads and decides again, at most `attempts` times.
 *
 * @example
 * const updated = await updateObject({ store, clock }, "a.json", {
 *   read: () => readObject(store, "a.json"),
 *   mutate: (found) => ({ result: "first", ...(found ? {} : { bytes: Buffer.from("{}") }) }),
 * });
 * @param steps.read the object with its ETag; `undefined`: there is none. `mutate` may be called several times.
 * @param steps.attempts default: `WRITE_ATTEMPTS`.
 * @throws StoreUnavailable when the store does not answer; the write may then have happened. What `read` and `mutate` throw.
 */
export async function updateObject<Found extends { readonly etag: string }, Result>(
  { store, ...retry }: UpdatePorts,
  key: string,
  steps: {
    readonly read: () => Promise<Found | undefined>;
    readonly mutate: (found: Found | undefined) => Mutation<Result> | Promise<Mutation<Result>>;
    readonly attempts?: number;
  },
): Promise<Updated<Result>> {
  const { read, mutate, attempts = WRITE_ATTEMPTS } = steps;
  const done = await retryConflicts(retry, attempts, async (): Promise<Updated<Result> | undefined> => {
    const found = await read();
    const { result, bytes, contentType = "application/json" } = await mutate(found);
    if (bytes === undefined) return { ok: true, result };
    const condition = found ? { ifMatch: found.etag } : { ifNoneMatch: "*" as const };
    const written = await store.put(key, bytes, { condition, contentType });
    return written.ok ? { ok: true, result, etag: written.etag } : undefined;
  });
  return done ?? { ok: false, attempts };
}

/** An object read without a condition; `undefined`: there is none. */
export async function readObject(store: Pick<ObjectStore, "get">, key: string): Promise<StoredObject | undefined> {
  const found = await store.get(key);
  return found?.notModified === false ? found : undefined;
}

/**
 * Tries until an attempt does not lose to another writer, with a growing pause between two attempts.
 *
 * @example await retryConflicts({ clock }, 5, async () => ((await write()).ok ? "written" : undefined));
 * @param attempt returns `undefined` when it lost. It gets its number, from 1.
 * @returns the result of the attempt that did not lose; `undefined` when all lost.
 */
export async function retryConflicts<Result>(
  { clock, random = () => 1 }: RetryPorts,
  attempts: number,
  attempt: (number: number) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  for (let number = 1; number <= attempts; number++) {
    const result = await attempt(number);
    if (result !== undefined) return result;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (number - 1), LAST_PAUSE_MS);
    if (number < attempts) await clock.sleep(pause * (0.5 + random() / 2));
  }
  return undefined;
}
