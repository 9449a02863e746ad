import { exchange, type ExchangePorts } from "@codebox/core";
import { bearerIn } from "../auth.ts";
import type { AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName } from "../lookup.ts";

/**
 * CI jobs without a secret: exchanges the ID token of a job for a token that lives for minutes and is for one package.
 * Source: npm lib/utils/oidc.js; the trusted publishing of pnpm and yarn call the same route.
 */
export const exchangeRoutes = (ports: ExchangePorts): RouteGroup =>
  // The bearer is the ID token: it is none of our tokens, and no reason to refuse.
  routeGroup("sign-in", (on) => {
    on.post("/-/npm/v1/oidc/token/exchange/package/:name", async (c) => {
      const name = packageName(c);
      const idToken = bearerIn(c.req.header("authorization") ?? "");
      if (idToken === undefined)
        throw new ApiError("unauthenticated", "send the ID token of the CI job as the bearer token");
      const result = await exchange(ports, { idToken, name, audiences: audiencesOf(c) });
      if (!result.ok) throw new ApiError(result.code, result.problem);
      const { token, created, expires } = result;
      c.get("audit")({ kind: "token", who: result.name, what: "exchanged the ID token of a CI job", package: name });
      return c.json({ token_type: "oidc", token, created, expires }, 201);
    });
  });

/** npm and pnpm ask for `npm:<host>`, yarn with the port. */
function audiencesOf(c: AppContext): readonly string[] {
  const { hostname, host } = new URL(c.get("origin"));
  return [...new Set([`npm:${hostname}`, `npm:${host}`])];
}
