import {
  hashToken,
  issueToken,
  shownPerson,
  TOKEN_PREFIX,
  UserName,
  type TokenRecord,
  type VerifyResult,
} from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AccountPorts, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";

const CREDENTIALS_BYTES_MAX = 16 * 1024;
const USER_ID = "org.couchdb.user:";

const Login = z.looseObject({
  name: UserName,
  password: z
    .string()
    .min(1, "the password must not be empty")
    .max(1024, "the password is longer than 1024 characters"),
  email: z.string().max(254).optional(),
});

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

/** Signing in. Source: npm-profile lib/index.js. */
export const signInRoutes = (ports: AccountPorts): RouteGroup =>
  routeGroup("sign-in", (on) => {
    on.put("/-/user/:id", async (c) => {
      const name = userName(c);
      const body = parse(Login, await readJson(c.req.raw, CREDENTIALS_BYTES_MAX));
      if (body.name !== name) throw new ApiError("invalid", `the body is of "${body.name}", the URL of "${name}"`);
      const token = await signIn(
        ports,
        { name, password: body.password, ...(body.email ? { email: body.email } : {}) },
        c,
      );
      return c.json({ ok: true, id: `${USER_ID}${name}`, rev: "_we_dont_use_revs_any_more", token }, 201);
    });
    // npm sends the revision of its first sign-in when it signs in again.
    on.put("/-/user/:id/-rev/:rev", (c) => c.redirect(`/-/user/${encodeURIComponent(c.req.param("id"))}`, 307));

    on.post("/-/v1/login", () => {
      // A 4xx makes npm ask for user and password instead. Source: npm-profile, webAuth.
      throw new ApiError("not_found", "this registry has no web login; npm asks for user and password");
    });
  });

/** Who am I, signing out, tokens. Source: npm-profile lib/index.js. */
export const accountRoutes = (ports: AccountPorts): RouteGroup =>
  routeGroup("account", (on) => {
    on.get("/-/whoami", (c) => c.json({ username: namedCaller(c).name }));

    on.get("/-/user/:id", async (c) => {
      const name = userName(c);
      const profile = await ports.identities.find(name);
      if (!profile) throw new ApiError("not_found", `there is no user "${name}"`);
      return c.json({ _id: `${USER_ID}${name}`, ...shownPerson(profile), type: "user", roles: [] });
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
      const body = parse(NewToken, await readJson(c.req.raw, CREDENTIALS_BYTES_MAX));
      const verified = await ports.identities.verify({ name, password: body.password });
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

function userName(c: AppContext): string {
  const id = c.req.param("id") ?? "";
  const parsed = UserName.safeParse(id.startsWith(USER_ID) ? id.slice(USER_ID.length) : id);
  if (!parsed.success) throw new ApiError("invalid", parsed.error.issues[0]?.message ?? "not a user name");
  return parsed.data;
}

async function signIn(
  ports: AccountPorts,
  credentials: { name: string; password: string; email?: string },
  c: AppContext,
): Promise<string> {
  const result = await ports.identities.login(credentials);
  if (result.ok) {
    const label = (c.req.header("user-agent") ?? "login").slice(0, 100);
    return issueToken(ports, {
      user: result.profile.name,
      readonly: false,
      label,
      created: ports.clock.now().toISOString(),
    });
  }
  switch (result.reason) {
    case "wrong_password":
      throw new ApiError(
        "unauthenticated",
        `the password of "${credentials.name}" is wrong, or the name is somebody else's`,
        { "www-authenticate": "Bearer" },
      );
    case "no_password":
      throw new ApiError(
        "forbidden",
        `"${credentials.name}" is somebody who has a token and no password: choose another name, or, if it is yours, put its token into .npmrc`,
      );
    case "registration_closed":
      throw new ApiError(
        "forbidden",
        `there is no user "${credentials.name}", and accounts are not made by signing in; ask whoever runs this registry for a token`,
      );
    case "not_supported":
      throw new ApiError("forbidden", "this registry does not sign in with passwords; ask whoever runs it for a token");
  }
}

/** Why `npm token create` is refused. It must not register a user: a mistyped password would become the user's. */
function notVerified(name: string, reason: (VerifyResult & { readonly ok: false })["reason"]): ApiError {
  if (reason === "wrong_password") return new ApiError("unauthenticated", "the password is wrong");
  const message = `"${name}" has no password here, and a token is made with one; ask whoever runs this registry for another token`;
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

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ApiError("invalid", `${issue?.path.join(".") ?? "body"}: ${issue?.message ?? "malformed"}`);
}
