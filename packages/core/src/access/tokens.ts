import { createHash } from "node:crypto";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { TokenRecord, TokenStore } from "../ports/identity.ts";

/** Who asks. */
export type Identity = {
  readonly name: string;
  /** The token at hand may read, not write. */
  readonly readonly: boolean;
  /** SHA-256 of the token at hand, in hex. */
  readonly tokenHash: string;
};

/** What a token starts with, so that secret scanners and people recognise it. */
export const TOKEN_PREFIX = "cbx_";

/** The only form in which a token is stored or compared: the time of a look-up by hash reveals nothing about the token. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Makes a token for a user. The token itself is returned once and kept nowhere. */
export async function issueToken(
  { tokens, ids }: { readonly tokens: TokenStore; readonly ids: Ids },
  grant: Omit<TokenRecord, "hash">,
): Promise<string> {
  const token = `${TOKEN_PREFIX}${ids.secret()}`;
  await tokens.put({ ...grant, hash: hashToken(token) });
  return token;
}

/** Whose token this is; `undefined` when it is nobody's, or has expired. */
export async function authenticate(
  { tokens, clock }: { readonly tokens: TokenStore; readonly clock: Pick<Clock, "now"> },
  token: string,
): Promise<Identity | undefined> {
  const record = await tokens.find(hashToken(token));
  if (!record || isExpired(record, clock.now())) return undefined;
  return { name: record.user, readonly: record.readonly, tokenHash: record.hash };
}

/** Whether a token has expired. A time that cannot be read counts as passed: such a token gives no right. */
export function isExpired({ expires }: TokenRecord, now: Date): boolean {
  // oxlint-disable-next-line no-restricted-globals -- parses a recorded time; no clock is read
  return expires !== undefined && !(Date.parse(expires) > now.getTime());
}
