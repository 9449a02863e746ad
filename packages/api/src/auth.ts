import { authenticate, type Identity } from "@codebox/core";
import { createMiddleware } from "hono/factory";
import type { ApiPorts, ApiSettings, AppContext, AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";

/**
 * Finds out who asks, from `Authorization: Bearer <token>`, and refuses anonymous readers where reading needs a token.
 *
 * A token that is not ours is a 401 even where anonymous reading is allowed: the person would otherwise debug a missing package.
 */
export function authentication(ports: ApiPorts, settings: ApiSettings) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const header = c.req.header("authorization");
    const token = header === undefined ? undefined : /^Bearer\s+(\S+)$/i.exec(header)?.[1];
    const identity = token === undefined ? undefined : await authenticate(ports.tokens, token);
    if (header !== undefined && identity === undefined && !isSigningIn(c))
      throw unauthenticated("the token is not valid, or was revoked");
    c.set("identity", identity);
    if (identity === undefined && !settings.anonymousRead && !isPublic(c))
      throw unauthenticated("reading from this registry needs a token");
    await next();
  });
}

/** Signing in, ping and health are open to everybody. */
function isPublic(c: AppContext): boolean {
  return c.req.path === "/-/ping" || c.req.path === "/-/health" || isSigningIn(c);
}

/** npm sends whatever token stands in .npmrc along, also the revoked one that is the reason for signing in. */
function isSigningIn(c: AppContext): boolean {
  return /^\/-\/(?:user\/org\.couchdb\.user(?::|%3a)|v1\/login$)/i.test(c.req.path);
}

export function requireUser(c: AppContext): Identity {
  const identity = c.get("identity");
  if (identity === undefined) throw unauthenticated("this needs a token");
  return identity;
}

export function requireWriter(c: AppContext): Identity {
  const identity = requireUser(c);
  if (identity.readonly) throw new ApiError("forbidden", "this token may only read; use one that may write");
  return identity;
}

function unauthenticated(problem: string): ApiError {
  const message = `${problem}; sign in with "npm login --auth-type=legacy", or put a token into .npmrc`;
  return new ApiError("unauthenticated", message, { "www-authenticate": "Bearer" });
}
