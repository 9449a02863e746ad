import type { TokenStore } from "../ports/tokens.ts";
import type { RightsStore } from "../stored/rights.ts";
import { setDisabled } from "./edit-rights.ts";

/** Revokes all tokens of a user, and returns how many there were. */
export async function revokeAll(tokens: Pick<TokenStore, "list" | "remove">, user: string): Promise<number> {
  const held = await tokens.list(user);
  for (const { hash } of held) await tokens.remove(hash);
  return held.length;
}

/**
 * Disables a user: the rights refuse everything from now on, and the tokens are revoked. Returns how many tokens there were.
 *
 * The rights come first: a token that is made meanwhile gives no right either.
 *
 * @example await disableUser({ rights, tokens }, { name: "bob", by: "alice" }) // 2
 * @throws StoreUnavailable, RightsInvalid
 */
export async function disableUser(
  { rights, tokens }: { readonly rights: RightsStore; readonly tokens: Pick<TokenStore, "list" | "remove"> },
  { name, by }: { readonly name: string; readonly by: string },
): Promise<number> {
  await rights.edit(by, (before) => ({ ok: true, spec: setDisabled(before, name, true), what: `${name} is disabled` }));
  return revokeAll(tokens, name);
}

/** Enables a user again. The revoked tokens stay revoked: the user signs in. @throws StoreUnavailable */
export async function enableUser(
  { rights }: { readonly rights: RightsStore },
  { name, by }: { readonly name: string; readonly by: string },
): Promise<void> {
  await rights.edit(by, (before) => ({ ok: true, spec: setDisabled(before, name, false), what: `${name} is enabled` }));
}
