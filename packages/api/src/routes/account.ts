import { hashToken, issueToken, shownPerson, TOKEN_PREFIX, type TokenRecord, type VerifyResult } from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller } from "../auth.ts";
import type { Backoff } from "../backoff.ts";
import { readJson } from "../body.ts";
import type { AccountPorts, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { CREDENTIALS_BYTES_MAX, parseBody, USER_ID, userName } from "./sign-in.ts";

/** A limit that tokens here do not have. If it were ignored, the token could do more than the user asked for. */
const notKept = z
  .union([z.null(), z.tuple([])], { error: "tokens here can't be limited by this; leave it out" })
  .optional();
/** As npm 11 sends it, with null for absent fields. Source: npm's lib/commands/token.js; npm-profile lib/index.js, createToken. */
const NewToken = z.looseObject({
  password: z.string().max(1024),
  readonly: z.boolean().nullish(),
  name: z.string().max(100, "a token's name has at most 100 characters").nullish(),
  packages_and_scopes_permission: z
    .enum(["read-only", "read-write"], { error: 'a token here is "read-only" or "read-write"' })
    .nullish(),
  orgs_permission: notKept,
  packages: notKept,
  scopes: notKept,
  orgs: notKept,
  expires: notKept,
  cidr_whitelist: notKept,
});

/** Who am I, signing out, tokens. Source: npm-profile lib/index.js. */
export const accountRoutes = (ports: AccountPorts, backoff: Backoff): RouteGroup =>
  routeGroup("account", (on) => {
    on.get("/-/whoami", (c) => c.json({ username: namedCaller(c).name }));

    on.get("/-/user/:id", async (c) => {
      const name = userName(c);
      const profile = await ports.identities.find(name);
      if (!profile) throw new ApiError("not_found", `there is no user "${name}"`);
      // Nobody else's address: npm's owner command only wants one to be there.
      const isCaller = name === namedCaller(c).name;
      const person = shownPerson(isCaller ? profile : { name });
      return c.json({ _id: `${USER_ID}${name}`, ...person, type: "user", roles: [] });
    });

    on.delete("/-/user/token/:token", async (c) => {
      const hash = hashToken(c.req.param("token"));
      const caller = namedCaller(c);
      const record = await ports.tokens.find(hash);
      if (record?.user !== caller.name) throw new ApiError("not_found", "this is not a token of yours");
      await revoke(c, ports, hash);
      return c.json({ ok: true });
    });

    on.get("/-/npm/v1/user", async (c) => {
      const { name } = namedCaller(c);
      const profile = await ports.identities.find(name);
      return c.json({
        name,
        email: profile ? shownPerson(profile).email : "",
        email_verified: false,
        tfa: false,
        cidr_whitelist: null,
      });
    });
    on.get("/-/npm/v1/tokens", async (c) => {
      const records = await ports.tokens.list(namedCaller(c).name);
      return c.json({ objects: records.map((record) => shown(record)), total: records.length, urls: {} });
    });
    on.post("/-/npm/v1/tokens", async (c) => {
      const { name } = namedCaller(c);
      const body = parseBody(NewToken, await readJson(c, CREDENTIALS_BYTES_MAX));
      const who = { address: ports.addressOf?.(c), name };
      const verified = await backoff.guess(
        who,
        () => ports.identities.verify({ name, password: body.password }),
        ({ ok }) => ok,
      );
      if (!verified.ok) throw notVerified(name, verified.reason);
      const grant = {
        user: name,
        readonly: body.readonly === true || body.packages_and_scopes_permission === "read-only",
        label: body.name ?? "npm token",
        created: ports.clock.now().toISOString(),
      };
      const token = await issueToken(ports, grant);
      return c.json({ ...shown({ ...grant, hash: hashToken(token) }), token }, 201);
    });
    on.delete("/-/npm/v1/tokens/token/:key", async (c) => {
      const key = c.req.param("key");
      const caller = namedCaller(c);
      const mine = await ports.tokens.list(caller.name);
      const chosen = key.length < 6 ? [] : mine.filter(({ hash }) => hash.startsWith(key) || hash === hashToken(key));
      if (chosen.length !== 1)
        throw new ApiError("not_found", `no single token of yours has the key "${key.slice(0, 12)}"`);
      await revoke(c, ports, chosen[0]?.hash ?? "");
      return c.body(null, 204);
    });
  });

/** Revokes a token of the caller. The token of the request itself may always be revoked: that is signing out. */
async function revoke(c: AppContext, { tokens, policy }: AccountPorts, hash: string): Promise<void> {
  const caller = namedCaller(c);
  const itself = caller.kind === "token" && caller.tokenHash === hash;
  if (!itself) demand(policy.may(caller, "revoke"));
  await tokens.remove(hash);
}

/** Why `npm token create` is refused. It must not register a user: a mistyped password would become the user's. */
function notVerified(name: string, reason: (VerifyResult & { readonly ok: false })["reason"]): ApiError {
  if (reason === "wrong_password") return new ApiError("unauthenticated", "the password is wrong");
  const message = `"${name}" has no password here, and a token is made with one; ask the operator of this registry for another token`;
  return new ApiError("forbidden", message);
}

function shown({ hash, label, readonly, created }: TokenRecord) {
  return {
    key: hash.slice(0, 32),
    // npm recognises a complete token in the list by its beginning.
    token: TOKEN_PREFIX,
    name: label,
    readonly,
    created,
    updated: created,
    cidr_whitelist: null,
  };
}
