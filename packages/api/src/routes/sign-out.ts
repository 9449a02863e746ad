import { authenticate, type TokenSignIn } from "@codebox/core";
import type { AccountPorts, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { loggable } from "../loggable.ts";
import { revoke } from "../revoke.ts";

/**
 * Signing out. Source: npm-profile lib/index.js, and npm lib/commands/logout.js.
 *
 * A token that is unknown, expired or revoked is answered like one that was revoked now: npm keeps it in .npmrc after any 4xx.
 */
export const signOutRoutes = (ports: AccountPorts): RouteGroup =>
  routeGroup("sign-in", (on) => {
    on.delete("/-/user/token/:token", async (c) => {
      const token = c.req.param("token");
      const identity = await authenticate(ports, token);
      if (identity) {
        const { principal, refusal } = await c.get("caller")();
        if (refusal) throw refusal;
        c.set("principal", principal);
        if (principal.kind !== "anonymous" && principal.name !== identity.name)
          throw new ApiError("not_found", "this is not a token of yours");
        await revoke(c, ports, identity.tokenHash);
      }
      await endAtProvider(c, ports, token, identity?.signIn);
      return c.json({ ok: true });
    });
  });

/** The token of ours is gone already: that the provider does not answer is logged, and does not fail the sign-out. */
async function endAtProvider(
  c: AppContext,
  { signIns, onFailure }: AccountPorts,
  token: string,
  signIn: TokenSignIn | undefined,
): Promise<void> {
  if (!signIn && !signIns?.recognises(token)) return;
  try {
    await signIns?.end(token, signIn);
  } catch (error) {
    onFailure?.(error, { method: c.req.method, path: loggable(c.req.path) });
  }
}
