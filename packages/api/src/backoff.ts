import { ageOf, type Clock } from "@codebox/core";
import { LRUCache } from "lru-cache";
import { ApiError } from "./errors.ts";

/** Failures that cost nothing: a person mistypes. */
const FREE = 5;
/** The first wait, in seconds; each further failure doubles it. */
const FIRST_SECONDS = 5;
/** The longest wait of an address, in seconds: guessing from there is over. */
const ADDRESS_SECONDS_MAX = 15 * 60;
/** The longest wait of a name, in seconds. Short, because anybody can make the name's owner wait. */
const NAME_SECONDS_MAX = 30;
/** Addresses and names that are remembered. One that is forgotten begins again with the free failures. */
const REMEMBERED = 10_000;
/** A failure is forgotten after so many milliseconds. */
const FORGET_MS = 60 * 60 * 1000;

export type Backoff = {
  /**
   * Runs one guess at a password. `isRight` says of its result whether it was right.
   *
   * @throws ApiError `too_many`, with `retry-after`, while the address or the name has to wait.
   */
  guess<T>(who: Guess, check: () => Promise<T>, isRight: (result: T) => boolean): Promise<T>;
};
export type Guess = { readonly address: string | undefined; readonly name: string };

/**
 * Makes guessing passwords slow: after some failures an address, and a name, have to wait longer and longer.
 *
 * @example await backoff.guess({ address, name }, () => identities.login(credentials), ({ ok }) => ok)
 */
export function createBackoff(clock: Pick<Clock, "now">): Backoff {
  const now = () => clock.now().getTime();
  const failures = new LRUCache<string, { count: number; until: number; at: number }>({ max: REMEMBERED });
  const known = (key: string) => {
    const entry = failures.get(key);
    return entry && ageOf(entry.at, clock.now()) < FORGET_MS ? entry : undefined;
  };
  const fail = (key: string, secondsMax: number) => {
    const count = (known(key)?.count ?? 0) + 1;
    const over = count - FREE;
    const seconds = over < 0 ? 0 : Math.min(FIRST_SECONDS * 2 ** over, secondsMax);
    failures.set(key, { count, until: now() + seconds * 1_000, at: now() });
  };
  const takeBack = (key: string) => {
    const entry = known(key);
    if (entry) failures.set(key, { ...entry, count: entry.count - 1, until: now() });
  };
  return {
    async guess({ address = "unknown", name }, check, isRight) {
      const keys = [
        [`address ${address}`, ADDRESS_SECONDS_MAX],
        [`name ${name.toLowerCase()}`, NAME_SECONDS_MAX],
      ] as const;
      const until = Math.max(...keys.map(([key]) => known(key)?.until ?? 0));
      if (until > now()) throw tooMany(Math.ceil((until - now()) / 1_000));
      // Counted before the check: guesses that are sent at once must not all be free.
      for (const [key, most] of keys) fail(key, most);
      const result = await check().catch((error: unknown) => {
        // Nothing was learned of the guess: an outage of the check must not make its askers wait.
        for (const [key] of keys) takeBack(key);
        throw error;
      });
      if (isRight(result)) for (const [key] of keys) failures.delete(key);
      return result;
    },
  };
}

function tooMany(seconds: number): ApiError {
  return new ApiError("too_many", `too many wrong passwords; try again in ${seconds} seconds`, {
    "retry-after": String(seconds),
  });
}
