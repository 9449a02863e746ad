import { ApiError, routeGroup, type RouteGroup } from "@codebox/api";
import { HASH_PREFIX_MIN, isHashPrefix, type TokenStore } from "@codebox/core";

/**
 * `GET /-/tokens` lists everybody's tokens, never the tokens themselves: `?user=` those of one user, else a page, with `cursor` for
 * the next. `DELETE /-/tokens/:hash` revokes one, named by the beginning of its hash. For `codebox token`.
 */
export function allTokensRoutes(tokens: TokenStore): RouteGroup {
  return routeGroup("admin", (on) => {
    on.get("/-/tokens", async (c) => {
      const [user, cursor, prefix] = ["user", "cursor", "prefix"].map((name) => c.req.query(name));
      if (user !== undefined) return c.json({ tokens: await tokens.list(user) });
      return c.json(await tokens.page({ ...(cursor ? { cursor } : {}), ...(prefix ? { prefix } : {}) }));
    });
    on.delete("/-/tokens/:hash", async (c) => {
      const hash = c.req.param("hash");
      if (!isHashPrefix(hash))
        throw new ApiError("invalid", `name the token by the first ${HASH_PREFIX_MIN} or more characters of its hash`);
      const [found, ...others] = (await tokens.page({ prefix: hash })).tokens;
      if (!found) throw new ApiError("not_found", `no token's hash begins with ${hash}`);
      if (others.length > 0) throw new ApiError("conflict", `several hashes begin with ${hash}; give more characters`);
      await tokens.remove(found.hash);
      c.get("audit")({ kind: "token", what: `revoked the token ${found.hash.slice(0, 12)} of ${found.user}` });
      return c.json({ ok: true, token: found });
    });
  });
}
