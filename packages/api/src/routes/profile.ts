import { PASSWORD_MIN, shownPerson, type ChangePasswordResult } from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller, wrongPassword } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AccountPorts, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { CREDENTIALS_BYTES_MAX, parseBody } from "./sign-in.ts";

/** A field that npm sends back as it read it. A value would be lost, and so is refused. */
const notKept = z
  .union([z.null(), z.literal(""), z.literal(false)], { error: "this registry does not keep it; leave it out" })
  .optional();

/** As npm sends it: every field as it was read, one of them changed. Source: npm lib/commands/profile.js; npm-profile, set. */
const ProfileChange = z.looseObject({
  password: z
    .object({
      old: z.string().max(1024),
      new: z
        .string()
        .min(PASSWORD_MIN, `a password has at least ${PASSWORD_MIN} characters; choose a longer one`)
        .max(1024, "the password is longer than 1024 characters"),
    })
    .optional(),
  email: z.union([z.literal(""), z.email().max(254)]).nullish(),
  fullname: z.string().max(200, "a name has at most 200 characters").nullish(),
  homepage: notKept,
  github: notKept,
  freenode: notKept,
  twitter: notKept,
  tfa: z.union([z.null(), z.literal(false)], { error: "two-factor authentication is not supported here" }).optional(),
});

/** `npm profile`: what is known of the caller, and the change of a password or an e-mail address. Source: npm-profile lib/index.js. */
export const profileRoutes = (ports: AccountPorts): RouteGroup =>
  routeGroup("account", (on) => {
    on.get("/-/npm/v1/user", async (c) => c.json(await shown(c, ports)));

    on.post("/-/npm/v1/user", async (c) => {
      const change = parseBody(ProfileChange, await readJson(c, CREDENTIALS_BYTES_MAX));
      if (change.password) await changePassword(c, ports, change.password);
      await changeFields(c, ports, change);
      return c.json(await shown(c, ports));
    });
  });

/** The fields that npm prints; null where nothing is kept. */
async function shown(c: AppContext, { identities }: AccountPorts): Promise<Record<string, unknown>> {
  const { name } = namedCaller(c);
  const profile = await identities.find(name);
  return {
    name,
    email: profile ? shownPerson(profile).email : "",
    email_verified: false,
    fullname: profile?.fullname ?? null,
    homepage: null,
    github: null,
    created: profile?.created ?? null,
    updated: null,
    cidr_whitelist: null,
    tfa: false,
  };
}

/**
 * Changes the caller's password and revokes the caller's other tokens: somebody who knew the old password may have made them.
 * The token of the request stays, so that the person remains signed in.
 */
async function changePassword(
  c: AppContext,
  ports: AccountPorts,
  password: { readonly old: string; readonly new: string },
): Promise<void> {
  const { identities, passwords, tokens } = ports;
  const caller = namedCaller(c);
  const { name } = caller;
  const result = await passwords.guess(
    { address: ports.addressOf?.(c), name },
    async () => (await identities.changePassword?.({ name, ...password })) ?? NOT_SUPPORTED,
    ({ ok }) => ok,
  );
  if (!result.ok) throw notChanged(name, result.reason);
  passwords.forget(name);
  const kept = caller.kind === "token" ? caller.tokenHash : undefined;
  const others = (await tokens.list(name)).filter(({ hash }) => hash !== kept);
  for (const { hash } of others) await tokens.remove(hash);
  if (others.length > 0)
    c.header("npm-notice", `the password is changed, and your other tokens are revoked: ${others.length}`);
}

const NOT_SUPPORTED: ChangePasswordResult = { ok: false, reason: "not_supported" };

function notChanged(name: string, reason: (ChangePasswordResult & { readonly ok: false })["reason"]): ApiError {
  if (reason === "wrong_password") return wrongPassword("the old password is wrong");
  return new ApiError("forbidden", `"${name}" has no password here, and so none to change`);
}

/** npm sends every field as it was shown. What was shown for want of an address is none. */
async function changeFields(
  c: AppContext,
  { identities, policy }: AccountPorts,
  sent: { readonly email?: string | null | undefined; readonly fullname?: string | null | undefined },
): Promise<void> {
  const caller = namedCaller(c);
  const { name } = caller;
  const before = await identities.find(name);
  const email = sent.email === shownPerson({ name }).email ? "" : (sent.email ?? "");
  const fullname = sent.fullname ?? "";
  const change = {
    ...(sent.email === undefined || email === before?.email ? {} : { email }),
    ...(sent.fullname === undefined || fullname === (before?.fullname ?? "") ? {} : { fullname }),
  };
  if (Object.keys(change).length === 0) return;
  demand(policy.may(caller, "write"));
  if ((await identities.changeProfile?.({ name, ...change })) !== true)
    throw new ApiError("forbidden", `"${name}" has no account here, and so no profile to change`);
}
