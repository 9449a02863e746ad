import {
  ANONYMOUS,
  authenticate,
  type Decision,
  type NamedPrincipal,
  type Policy,
  type Principal,
  type Refusal,
} from "@codebox/core";
import { createMiddleware } from "hono/factory";
import type { AppContext, AppEnv, AppPorts } from "./context.ts";
import { ApiError } from "./errors.ts";

/**
 * What a group of routes needs of its caller. Closed.
 *
 * - `public`: nothing. Ping and health.
 * - `sign-in`: nothing, and a token that is not valid is ignored: npm sends the token of .npmrc along, also the revoked one
 *   that is the reason for signing in.
 * - `read`, `write`, `account`, `admin`: the policy's action of that name.
 */
export type Right = "public" | "sign-in" | "read" | "write" | "account" | "admin";

/** Finds out who asks, from `Authorization: Bearer <token>`. What the caller may do is decided later, by `authorise`. */
export function authentication({ tokens, clock }: Pick<AppPorts, "tokens" | "clock">) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { principal, refused } = await callerOf({ tokens, clock }, c.req.header("authorization"));
    c.set("principal", principal);
    c.set("credentialsRefused", refused);
    await next();
  });
}

/** Who sends this `authorization` header. `refused`: there is one, and it is nobody's. */
export async function callerOf(
  ports: Pick<AppPorts, "tokens" | "clock">,
  header: string | undefined,
): Promise<{ readonly principal: Principal; readonly refused: boolean }> {
  const token = header === undefined ? undefined : /^Bearer\s+(\S+)$/i.exec(header)?.[1];
  const identity = token === undefined ? undefined : await authenticate(ports, token);
  const principal: Principal = identity ? { kind: "token", ...identity } : ANONYMOUS;
  return { principal, refused: header !== undefined && identity === undefined };
}

/**
 * Refuses a caller who does not have a right.
 *
 * A token that is not ours is refused even where anonymous callers are allowed: the person would otherwise look for a package
 * that seems to be missing.
 * @throws ApiError `unauthenticated`, `forbidden`
 */
export function authorise(c: AppContext, policy: Policy, right: Right): void {
  if (right === "sign-in") return;
  if (c.get("credentialsRefused")) throw unauthenticated("the token is not valid, or was revoked");
  if (right !== "public") demand(policy.may(c.get("principal"), right));
}

/** Refuses the request when the policy says no. @throws ApiError `unauthenticated`, `forbidden` */
export function demand(decision: Decision): void {
  if (!decision.allowed) throw refusalError(decision);
}

/** The answer to a request that the policy refuses. */
export function refusalError({ code, reason }: Refusal): ApiError {
  return code === "unauthenticated" ? unauthenticated(reason) : new ApiError("forbidden", reason);
}

/** The caller of a route that anonymous callers do not reach. @throws ApiError `unauthenticated` */
export function namedCaller(c: AppContext): NamedPrincipal {
  const principal = c.get("principal");
  if (principal.kind === "anonymous") throw unauthenticated("this needs a token");
  return principal;
}

function unauthenticated(problem: string): ApiError {
  const message = `${problem}; sign in with "npm login --auth-type=legacy", or put a token into .npmrc`;
  return new ApiError("unauthenticated", message, { "www-authenticate": "Bearer" });
}
