import { demand, namedCaller } from "./auth.ts";
import type { AccountPorts, AppContext } from "./context.ts";

/**
 * Revokes a token of the caller. The token of the request itself may always be revoked: that is signing out.
 *
 * @throws ApiError `unauthenticated`, `forbidden`
 */
export async function revoke(
  c: AppContext,
  { tokens, policy }: Pick<AccountPorts, "tokens" | "policy">,
  hash: string,
): Promise<void> {
  const caller = namedCaller(c);
  const itself = caller.kind === "token" && caller.tokenHash === hash;
  if (!itself) await policy.refresh?.();
  if (!itself) demand(policy.may(caller, "revoke"));
  await tokens.remove(hash);
  c.get("audit")({ kind: "token", what: `revoked the token ${hash.slice(0, 12)}` });
}
