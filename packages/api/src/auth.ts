import {
  ANONYMOUS,
  authenticate,
  hashToken,
  TOKEN_PREFIX,
  UserName,
  type Decision,
  type NamedPrincipal,
  type Policy,
  type Principal,
  type Refusal,
} from "@codebox/core";
import { createMiddleware } from "hono/factory";
import type { AppContext, AppEnv, AppPorts, Caller } from "./context.ts";
import { ApiError } from "./errors.ts";
import type { SignIns } from "./sign-ins.ts";

/**
 * What a group of routes needs of its caller. Closed.
 *
 * - `public`: nothing. Ping and health.
 * - `sign-in`: nothing, and credentials that are not valid are ignored: npm sends the token of .npmrc along, also the revoked
 *   one that is the reason for signing in or out.
 * - `read`, `stage`, `write`, `account`, `admin`: the policy's action of that name.
 */
export type Right = "public" | "sign-in" | "read" | "stage" | "write" | "account" | "admin";

type AuthPorts = Pick<AppPorts, "tokens" | "clock" | "passwords" | "factors" | "signIns" | "addressOf">;

/**
 * Prepares to find out who asks, from `Authorization`. A route that needs no caller asks nobody's password: pnpm sends a name
 * and a password that are not registered yet along with its sign-in.
 */
export function authentication(ports: AuthPorts) {
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set("caller", () => callerOf(c, ports));
    await next();
  });
}

/** The token of an `authorization` header; `undefined` for another scheme. */
export function bearerIn(header: string): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(header)?.[1];
}

/**
 * Who sends this `authorization` header: nobody, or the holder of a valid token; `undefined` for anything else. A token of some
 * networks has no address here, so the policy refuses it.
 */
export async function bearerOf(ports: AuthPorts, header: string | undefined): Promise<Principal | undefined> {
  if (header === undefined) return ANONYMOUS;
  const token = bearerIn(header);
  return token === undefined ? undefined : (await byToken(ports, token))?.principal;
}

/**
 * Finds out who asks, and refuses a caller who does not have a right.
 *
 * A token that is not ours is refused even where anonymous callers are allowed: the person would otherwise look for a package
 * that seems to be missing.
 * @throws ApiError `unauthenticated`, `forbidden`, `too_many`
 */
export async function authorise(c: AppContext, policy: Policy, right: Right): Promise<void> {
  if (right === "sign-in") return;
  const { principal, refusal } = await c.get("caller")();
  c.set("principal", principal);
  if (refusal) throw refusal;
  if (right === "public") return;
  await policy.refresh?.();
  demand(policy.may(principal, right));
}

/** Refuses the request when the policy says no. @throws ApiError `unauthenticated`, `forbidden` */
export function demand(decision: Decision): void {
  if (!decision.allowed) throw refusalError(decision);
}

/** The answer to a request that the policy refuses. */
export function refusalError({ code, reason, rule }: Refusal): ApiError {
  return code === "unauthenticated" ? unauthenticated(reason, rule) : new ApiError("forbidden", reason, {}, {}, rule);
}

/** The caller of a route that anonymous callers do not reach. @throws ApiError `unauthenticated` */
export function namedCaller(c: AppContext): NamedPrincipal {
  const principal = c.get("principal");
  if (principal.kind === "anonymous") throw unauthenticated("this needs a token");
  return principal;
}

/** The answer to a wrong password. npm prints its own text for Bearer, which would say that a token is wrong (npm, error-message.js). */
export function wrongPassword(problem: string): ApiError {
  return new ApiError("unauthenticated", problem, { "www-authenticate": "Basic" });
}

async function callerOf(c: AppContext, ports: AuthPorts): Promise<Caller> {
  const header = c.req.header("authorization");
  if (header === undefined) return { principal: ANONYMOUS };
  const [, scheme, value = ""] = /^(\S+)\s+(\S+)$/.exec(header) ?? [];
  switch (scheme?.toLowerCase()) {
    case "bearer":
      return (
        (await byToken(ports, value, ports.addressOf?.(c))) ??
        refused(unauthenticated("the token is not valid, or was revoked"))
      );
    case "basic":
      return byBasic(c, ports, value);
    default:
      return refused(
        unauthenticated('the header "authorization" must be "Bearer <token>" or "Basic <name:password in base64>"'),
      );
  }
}

/**
 * The holder of a token of ours, or of a provider's token where those are taken. A token for which somebody signed in at a
 * provider is nobody's once the provider does not let its user in any more.
 */
async function byToken(ports: AuthPorts, token: string, address?: string): Promise<Caller | undefined> {
  const known = await authenticate(ports, token, address);
  if (!known) return byProviderToken(ports, token, address);
  const { signIn, created, ...identity } = known;
  if (!signIn) return { principal: { kind: "token", ...identity } };
  const groups = await ports.signIns?.groupsOf({ signIn, created }, token);
  return groups && { principal: { kind: "token", ...identity, groups } };
}

async function byProviderToken(ports: AuthPorts, token: string, address?: string): Promise<Caller | undefined> {
  const admitted = await admittedBy(ports, token, address);
  if (!admitted) return undefined;
  const { name, groups } = admitted;
  const from = address === undefined ? {} : { address };
  const identity = { name, groups, readonly: false, tokenHash: hashToken(token), ofProvider: true, ...from } as const;
  return { principal: { kind: "token", ...identity } };
}

/** Who a provider's token lets in. Tokens that are nobody's cost their sender's address more and more time. @throws ApiError `too_many` */
export async function admittedBy(
  { signIns, passwords }: Pick<AuthPorts, "signIns" | "passwords">,
  token: string,
  address: string | undefined,
): ReturnType<SignIns["byToken"]> {
  if (!signIns?.recognises(token)) return undefined;
  const check = () => signIns.byToken(token);
  if (!passwords) return check();
  return passwords.guess({ address, name: `token ${hashToken(token)}` }, check, (found) => found !== undefined);
}

/** Longest name and password together, in base64. */
const BASIC_MAX = 4 * 1024;

/**
 * A name and a password, or a name and a token in place of the password, as `_auth`, `_password` and yarn's `npmAuthIdent` send
 * them.
 *
 * Only over TLS or on this machine, because every request would carry the password. Not from a page in a browser, which sends
 * what its user typed once along with requests of other pages.
 */
async function byBasic(c: AppContext, ports: AuthPorts, encoded: string): Promise<Caller> {
  if (c.req.header("origin") !== undefined || c.req.header("sec-fetch-site") !== undefined)
    return refused(unauthenticated("Basic authentication is not for pages in a browser"));
  if (!isPrivateLine(c, ports))
    return refused(unauthenticated("Basic authentication is taken over https only, or from this machine"));
  const text = encoded.length > BASIC_MAX ? "" : Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  const [name, secret] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  if (secret.startsWith(TOKEN_PREFIX) || ports.signIns?.recognises(secret)) {
    const caller = await byToken(ports, secret, ports.addressOf?.(c));
    const isTheirs = caller?.principal.kind === "token" && caller.principal.name === name;
    return isTheirs
      ? caller
      : refused(wrongPassword("the token is not valid, or not one of the user before the colon"));
  }
  if (!ports.passwords)
    return refused(unauthenticated("this registry has no passwords; send a token, as Bearer or as name:token"));
  const isName = UserName.safeParse(name).success;
  const verified =
    isName && secret !== "" ? await ports.passwords.verify({ address: ports.addressOf?.(c), name }, secret) : undefined;
  // A password in every request has no code beside it.
  if (verified?.ok && (await ports.factors?.find(name))?.pending === false)
    return refused(wrongPassword(`"${name}" has a second factor; sign in with "npm login" and send the token`));
  return verified?.ok
    ? { principal: { kind: "user", name: verified.profile.name } }
    : refused(wrongPassword("the name or the password is wrong"));
}

/** Whether nobody on the way can read the request: it came over TLS, or from this machine. */
function isPrivateLine(c: AppContext, { addressOf }: Pick<AuthPorts, "addressOf">): boolean {
  if (c.get("origin").startsWith("https:")) return true;
  const address = addressOf?.(c)?.replace(/^::ffff:/, "");
  return address === "::1" || address?.startsWith("127.") === true;
}

function refused(refusal: ApiError): Caller {
  return { principal: ANONYMOUS, refusal };
}

function unauthenticated(problem: string, rule?: string): ApiError {
  const message = `${problem}; sign in with "npm login", or put a token into .npmrc`;
  return new ApiError("unauthenticated", message, { "www-authenticate": "Bearer" }, {}, rule);
}
