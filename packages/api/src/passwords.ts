import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock, IdentityProvider, VerifyResult } from "@codebox/core";
import { LRUCache } from "lru-cache";
import { createBackoff, type Backoff, type Guess } from "./backoff.ts";

/**
 * How long a right password is remembered, in milliseconds. A client that sends it with every request of an install would
 * otherwise cost 100 ms of a thread each time.
 */
const REMEMBERED_MS = 60_000;
/** Most users whose password is remembered at a time. */
const REMEMBERED_MAX = 1_000;

/** Checks of passwords: slow for those who guess, cheap for those who repeat the right one. */
export type Passwords = {
  /** Whether a password is its user's. @throws ApiError `too_many`, IdentityUnavailable */
  verify(who: Guess, password: string): Promise<VerifyResult>;
  /** Runs another check of a password, such as a sign-in, through the same back-off. @throws ApiError `too_many` */
  guess: Backoff["guess"];
  /** Forgets what is remembered of a user, because the password changed. */
  forget(name: string): void;
};

/**
 * Opens the checks of passwords. One for all routes, since they share the back-off.
 *
 * A right password is remembered for a minute, as an HMAC with a key that only this process has. A wrong one is checked, and
 * counted, every time. Requests that send the same password at once share one check.
 *
 * @example const passwords = createPasswords({ identities, clock }); await passwords.verify({ address, name }, password);
 */
export function createPasswords({
  identities,
  clock,
}: {
  readonly identities: Pick<IdentityProvider, "verify">;
  readonly clock: Pick<Clock, "now">;
}): Passwords {
  const { guess } = createBackoff(clock);
  const key = randomBytes(32);
  const macOf = (name: string, password: string) =>
    createHmac("sha256", key)
      .update(JSON.stringify([name, password]))
      .digest();
  const right = new LRUCache<string, { readonly mac: Buffer; readonly until: number; readonly result: VerifyResult }>({
    max: REMEMBERED_MAX,
  });
  const underWay = new Map<string, Promise<VerifyResult>>();
  const check = async (who: Guess, password: string, mac: Buffer): Promise<VerifyResult> => {
    const { name } = who;
    const result = await guess(
      who,
      () => identities.verify({ name, password }),
      ({ ok }) => ok,
    );
    if (result.ok) right.set(name, { mac, until: clock.now().getTime() + REMEMBERED_MS, result });
    return result;
  };
  return {
    guess,
    forget: (name) => void right.delete(name),
    async verify(who, password) {
      const mac = macOf(who.name, password);
      const known = right.get(who.name);
      if (known && clock.now().getTime() < known.until && timingSafeEqual(known.mac, mac)) return known.result;
      const id = mac.toString("hex");
      const pending = underWay.get(id) ?? check(who, password, mac).finally(() => underWay.delete(id));
      underWay.set(id, pending);
      return pending;
    },
  };
}
