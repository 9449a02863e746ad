import { sha256Hex } from "../domain/digest.ts";
import { boxOf, seal } from "./sealed.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { TokenLimits, TokenRecord, TokenStore } from "../ports/tokens.ts";

/** Who asks, with the limits of the token at hand. */
export type Identity = TokenLimits & {
  readonly name: string;
  /** The groups that a sign-in provider says the user is in, as rights name them: `github:acme/platform`. */
  readonly groups?: readonly string[];
  /** The client's address; absent when the host does not know it. */
  readonly address?: string;
  /** SHA-256 of the token at hand, in hex. */
  readonly tokenHash: string;
};

/** What a token starts with, so that secret scanners and people recognise it. */
export const TOKEN_PREFIX = "cbx_";

/** So many characters of a hash at least name a token: fewer would meet another by chance. */
export const HASH_PREFIX_MIN = 6;

/** Whether a text is the beginning of a token's hash that is long enough to name it. */
export function isHashPrefix(text: string): boolean {
  return text.length >= HASH_PREFIX_MIN && /^[0-9a-f]{1,64}$/.test(text);
}

/** The only form in which a token is stored or compared: the time of a look-up by hash reveals nothing about the token. */
export function hashToken(token: string): string {
  return sha256Hex(token);
}

/**
 * Makes a token for a user. The token itself is returned once and kept nowhere.
 *
 * @param providerToken the token of the provider at which the user signed in. It is stored sealed for the new token.
 */
export async function issueToken(
  { tokens, ids }: { readonly tokens: TokenStore; readonly ids: Ids },
  { signIn, ...grant }: Omit<TokenRecord, "hash">,
  providerToken?: string,
): Promise<string> {
  const token = `${TOKEN_PREFIX}${ids.secret()}`;
  const sealed = providerToken === undefined ? {} : { sealed: seal(boxOf(token), providerToken) };
  await tokens.put({ ...grant, hash: hashToken(token), ...(signIn ? { signIn: { ...signIn, ...sealed } } : {}) });
  return token;
}

/**
 * Whose token this is; `undefined` when it is nobody's, or has expired. Its limits are checked by the policy.
 *
 * @param address the client's address.
 */
export async function authenticate(
  { tokens, clock }: { readonly tokens: Pick<TokenStore, "find">; readonly clock: Pick<Clock, "now"> },
  token: string,
  address?: string,
): Promise<(Identity & Pick<TokenRecord, "signIn" | "created">) | undefined> {
  const record = await tokens.find(hashToken(token));
  if (!record || isExpired(record, clock.now())) return undefined;
  const {
    hash: tokenHash,
    user: name,
    label: _label,
    description: _description,
    expires: _expires,
    ...limits
  } = record;
  return { ...limits, name, tokenHash, ...(address === undefined ? {} : { address }) };
}

/** A time that cannot be read counts as passed: such a token gives no right. */
export function isExpired({ expires }: Pick<TokenRecord, "expires">, now: Date): boolean {
  // oxlint-disable-next-line no-restricted-globals -- parses a recorded time; no clock is read
  return expires !== undefined && !(Date.parse(expires) > now.getTime());
}

/** How long tokens live, in days; 0: without an end. */
export type TokenLifetimes = {
  /** For a token that is made without a lifetime, also by signing in. */
  readonly defaultDays: number;
  /** The longest that may be asked for. */
  readonly maxDays: number;
};

/** No end, as for tokens that an operator makes. */
export const ENDLESS: TokenLifetimes = { defaultDays: 0, maxDays: 0 };
/** Days. The default of `defaultDays` on every host: a forgotten token ends within a year. */
export const TOKEN_DAYS = 365;
/** Days. More than ten years is no lifetime. */
export const TOKEN_DAYS_MAX = 3_650;

/** When a token ends for which no lifetime was asked; `undefined`: never. */
export function defaultExpiry({ defaultDays, maxDays }: TokenLifetimes, now: Date): string | undefined {
  const limits = [defaultDays, maxDays].filter((days) => days > 0);
  return limits.length > 0 ? daysAfter(now, Math.min(...limits)) : undefined;
}

/**
 * When a token ends for which a lifetime was asked.
 *
 * @example expiryOf(7, { defaultDays: 365, maxDays: 90 }, now) // { ok: true, expires: "2026-12-02T10:00:00.000Z" }
 */
export function expiryOf(
  days: number,
  { maxDays }: TokenLifetimes,
  now: Date,
): { readonly ok: true; readonly expires: string } | { readonly ok: false; readonly problem: string } {
  if (maxDays > 0 && days > maxDays)
    return { ok: false, problem: `a token of this registry ends after ${maxDays} days at most; ask for fewer` };
  return { ok: true, expires: daysAfter(now, days) };
}

function daysAfter(now: Date, days: number): string {
  // oxlint-disable-next-line no-restricted-globals -- adds to a time that is given; no clock is read
  return new Date(now.getTime() + days * DAY_MS).toISOString();
}

const DAY_MS = 86_400_000;
