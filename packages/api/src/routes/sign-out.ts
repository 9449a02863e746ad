import { hashToken } from "@codebox/core";
import type { AccountPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { revoke } from "../revoke.ts";

/**
 * Signing out. Source: npm-profile lib/index.js, and npm lib/commands/logout.js.
 *
 * A token that is unknown, expired or revoked is answered like one that was revoked now: npm keeps it in .npmrc after any 4xx.
 */
export const signOutRoutes = (ports: AccountPorts): RouteGroup =>
  routeGroup("sign-in", (on) => {
    on.delete("/-/user/token/:token", async (c) => {
      const hash = hashToken(c.req.param("token"));
      const record = await ports.tokens.find(hash);
      if (record) {
        const { principal, refusal } = await c.get("caller")();
        if (refusal) throw refusal;
        c.set("principal", principal);
        if (principal.kind !== "anonymous" && principal.name !== record.user)
          throw new ApiError("not_found", "this is not a token of yours");
        await revoke(c, ports, hash);
      }
      return c.json({ ok: true });
    });
  });
