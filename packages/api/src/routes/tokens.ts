import {
  Cidr,
  defaultExpiry,
  ENDLESS,
  expiryOf,
  HASH_PREFIX_MIN,
  hashToken,
  isReadableName,
  issueToken,
  Scope,
  TOKEN_DAYS_MAX,
  TOKEN_LIST_MAX,
  TOKEN_PREFIX,
  type ListedToken,
  type TokenLifetimes,
  type TokenLimits,
  type VerifyResult,
} from "@codebox/core";
import * as z from "zod";
import { namedCaller, wrongPassword } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AccountPorts, ApiSettings } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { revoke } from "../revoke.ts";
import { confirmAccount } from "../second-factor.ts";
import { CREDENTIALS_BYTES_MAX, parseBody } from "./sign-in.ts";

/** A limit that tokens here do not have. If it were ignored, the token could do more than the user asked for. */
const notKept = (message: string) => z.union([z.null(), z.tuple([])], { error: message }).optional();
const few = <Item extends z.ZodType>(item: Item) =>
  z.array(item).max(TOKEN_LIST_MAX, `a token names at most ${TOKEN_LIST_MAX}`).nullish();
/** npm's own examples have scopes with and without the "@". */
const ScopeName = z
  .string()
  .transform((text) => (text.startsWith("@") ? text : `@${text}`))
  .pipe(Scope);

/** As npm 11 and 12 and pnpm 12 send it, with null for absent fields. Source: npm's lib/commands/token.js; npm-profile lib/index.js, createToken. */
const NewToken = z.looseObject({
  password: z.string().max(1024),
  name: z.string().max(100, "a token's name has at most 100 characters").nullish(),
  description: z.string().max(1_000, "a token's description has at most 1000 characters").nullish(),
  /** Days. */
  expires: z
    .int("must be a number of days")
    .min(1, "must be a number of days, 1 or more")
    .max(TOKEN_DAYS_MAX, `must be at most ${TOKEN_DAYS_MAX} days`)
    .nullish(),
  readonly: z.boolean().nullish(),
  packages: few(z.string().refine(isReadableName, "is not a package name")),
  packages_all: z.boolean().nullish(),
  bypass_2fa: z.boolean().nullish(),
  scopes: few(ScopeName),
  packages_and_scopes_permission: z
    .enum(["read-only", "read-write", "read-write-stage-only", "no-access"], {
      error: 'must be "read-only", "read-write", "read-write-stage-only" or "no-access"',
    })
    .nullish(),
  cidr_whitelist: few(Cidr),
  orgs: notKept("tokens here can't be limited to organisations; name scopes or packages"),
  orgs_permission: z
    .literal("no-access", { error: "a token here has no right on organisations; leave it out" })
    .nullish(),
  // Other spellings of the same limits. Ignored, they would make a token without them.
  cidr: notKept('send networks as "cidr_whitelist"'),
  expiry: notKept('send the lifetime as "expires", in days'),
  permissions: notKept('send it as "packages_and_scopes_permission"'),
});
type NewToken = z.infer<typeof NewToken>;

/** `npm token create|list|revoke`. Source: npm-profile lib/index.js. */
export const tokenRoutes = (
  ports: AccountPorts,
  { tokenLifetimes = ENDLESS }: Pick<ApiSettings, "tokenLifetimes">,
): RouteGroup =>
  routeGroup("account", (on) => {
    on.get("/-/npm/v1/tokens", async (c) => {
      const records = await ports.tokens.list(namedCaller(c).name);
      return c.json({ objects: records.map((record) => shown(record)), total: records.length, urls: {} });
    });
    on.post("/-/npm/v1/tokens", async (c) => {
      const { name } = namedCaller(c);
      const body = parseBody(NewToken, await readJson(c, CREDENTIALS_BYTES_MAX));
      const limits = limitsOf(body);
      const now = ports.clock.now();
      const expires = endOf(body, tokenLifetimes, now);
      const who = { address: ports.addressOf?.(c), name };
      const verified = await ports.passwords.verify(who, body.password);
      if (!verified.ok) throw notVerified(name, verified.reason);
      await confirmAccount(c, ports);
      const grant = {
        ...limits,
        user: name,
        label: body.name ?? "npm token",
        created: now.toISOString(),
        ...(body.description ? { description: body.description } : {}),
        ...(expires === undefined ? {} : { expires }),
      };
      const token = await issueToken(ports, grant);
      c.get("audit")({ kind: "token", what: `made the token ${hashToken(token).slice(0, 12)} (${grant.label})` });
      return c.json({ ...shown({ ...grant, hash: hashToken(token) }), token }, 201);
    });
    on.delete("/-/npm/v1/tokens/token/:key", async (c) => {
      const key = c.req.param("key");
      const caller = namedCaller(c);
      const mine = await ports.tokens.list(caller.name);
      const chosen =
        key.length < HASH_PREFIX_MIN ? [] : mine.filter(({ hash }) => hash.startsWith(key) || hash === hashToken(key));
      if (chosen.length !== 1)
        throw new ApiError("not_found", `no single token of yours has the key "${key.slice(0, 12)}"`);
      await revoke(c, ports, chosen[0]?.hash ?? "");
      return c.body(null, 204);
    });
  });

/** @throws ApiError `invalid` for a lifetime that is too long */
function endOf({ expires }: NewToken, lifetimes: TokenLifetimes, now: Date): string | undefined {
  if (typeof expires !== "number") return defaultExpiry(lifetimes, now);
  const end = expiryOf(expires, lifetimes, now);
  if (!end.ok) throw new ApiError("invalid", `expires: ${end.problem}`);
  return end.expires;
}

/** @throws ApiError `invalid` for limits that contradict each other */
function limitsOf(body: NewToken): TokenLimits {
  const { packages, scopes, cidr_whitelist: cidr, packages_and_scopes_permission: permission } = body;
  const named = [...(packages ?? []), ...(scopes ?? [])].length > 0;
  if (body.packages_all === true && named)
    throw new ApiError("invalid", "packages_all contradicts packages and scopes; send one of them");
  return {
    readonly: body.readonly === true || permission === "read-only",
    ...(permission === "read-write-stage-only" ? { stageOnly: true } : {}),
    ...(permission === "no-access" ? { noPackages: true } : {}),
    ...(body.bypass_2fa === true ? { bypassFactor: true } : {}),
    ...(packages && packages.length > 0 ? { packages } : {}),
    ...(scopes && scopes.length > 0 ? { scopes } : {}),
    ...(cidr && cidr.length > 0 ? { cidr } : {}),
  };
}

/** Why `npm token create` is refused. It must not register a user: a mistyped password would become the user's. */
function notVerified(name: string, reason: (VerifyResult & { readonly ok: false })["reason"]): ApiError {
  if (reason === "wrong_password") return wrongPassword("the password is wrong");
  const message = `"${name}" has no password here, and a token is made with one; ask the operator of this registry for another token`;
  return new ApiError("forbidden", message);
}

/** npm prints `token`, `name`, `created` and `cidr_whitelist` of an item, and `expires` of a new one. */
function shown({ hash, label, created, expires, lastUsed, ...token }: ListedToken) {
  return {
    key: hash.slice(0, 32),
    // npm recognises a complete token in the list by its beginning.
    token: TOKEN_PREFIX,
    name: label,
    description: token.description ?? null,
    readonly: token.readonly,
    created,
    updated: created,
    expires: expires ?? null,
    last_used: lastUsed ?? null,
    cidr_whitelist: token.cidr ?? null,
    bypass_2fa: token.bypassFactor === true,
    packages: token.packages ?? null,
    scopes: token.scopes ?? null,
    packages_and_scopes_permission: permissionOf(token),
  };
}

function permissionOf({ readonly, stageOnly, noPackages }: TokenLimits): string {
  if (noPackages) return "no-access";
  if (stageOnly) return "read-write-stage-only";
  return readonly ? "read-only" : "read-write";
}
