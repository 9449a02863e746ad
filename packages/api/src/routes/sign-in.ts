import {
  defaultExpiry,
  ENDLESS,
  issueToken,
  UserName,
  type Credentials,
  type FoundAccount,
  type LoginResult,
} from "@codebox/core";
import * as z from "zod";
import { admittedBy, demand, wrongPassword } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AccountPorts, ApiSettings, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";

/** Name, password and e-mail address, with room for what clients add. */
export const CREDENTIALS_BYTES_MAX = 16 * 1024;
/** What npm puts in front of a user's name. */
export const USER_ID = "org.couchdb.user:";

type LoginSettings = Pick<ApiSettings, "tokenLifetimes">;

const Login = z.looseObject({
  name: UserName,
  password: z
    .string()
    .min(1, "the password must not be empty")
    .max(1024, "the password is longer than 1024 characters"),
  email: z.string().max(254).optional(),
});

/** Signing in. Source: npm-profile lib/index.js. */
export const signInRoutes = (ports: AccountPorts, settings: LoginSettings): RouteGroup =>
  routeGroup("sign-in", (on) => {
    on.put("/-/user/:id", async (c) => {
      const name = userName(c);
      const body = parseBody(Login, await readJson(c, CREDENTIALS_BYTES_MAX));
      if (body.name !== name) throw new ApiError("invalid", `the body is of "${body.name}", the URL of "${name}"`);
      const email = body.email ? { email: body.email } : {};
      const token = await signIn(c, ports, settings, { name, password: body.password, ...email });
      return c.json({ ok: true, id: `${USER_ID}${name}`, rev: "_we_dont_use_revs_any_more", token }, 201);
    });
    // npm sends the revision of its first sign-in when it signs in again.
    on.put("/-/user/:id/-rev/:rev", (c) =>
      c.redirect(`${c.get("origin")}/-/user/${encodeURIComponent(c.req.param("id"))}`, 307),
    );
  });

/** The user's name from the path. @throws ApiError `invalid` */
export function userName(c: AppContext): string {
  const id = c.req.param("id") ?? "";
  const parsed = UserName.safeParse(id.startsWith(USER_ID) ? id.slice(USER_ID.length) : id);
  if (!parsed.success) throw new ApiError("invalid", parsed.error.issues[0]?.message ?? "not a user name");
  return parsed.data;
}

/** A body that a schema accepts. @throws ApiError `invalid`, with the field */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ApiError("invalid", `${issue?.path.join(".") ?? "body"}: ${issue?.message ?? "malformed"}`);
}

/** Headers of a request that a proxy passed on, or that a page in a browser sent. Neither comes from a person's own npm. */
const INDIRECT = ["origin", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

async function signIn(
  c: AppContext,
  ports: AccountPorts,
  settings: LoginSettings,
  credentials: Credentials,
): Promise<string> {
  const { name, password } = credentials;
  const address = ports.addressOf?.(c);
  if (ports.signIns?.recognises(password)) {
    const admitted = await admittedBy(ports, password, address);
    const isTheirs = [admitted?.name, admitted?.account.name].some((one) => one?.toLowerCase() === name.toLowerCase());
    if (!admitted || !isTheirs) throw wrongPassword("the token is not valid here, or not one of this user");
    return issueLogin(c, ports, settings, { ...admitted, providerToken: password });
  }
  const isDirect = !INDIRECT.some((header) => c.req.header(header) !== undefined);
  const mayRegister = isDirect && !(await ports.signIns?.isClaimed(name));
  const result = await ports.passwords.guess(
    { address, name },
    () => ports.identities.login({ ...credentials, mayRegister }),
    ({ ok }) => ok,
  );
  if (result.ok) return issueLogin(c, ports, settings, { name: result.profile.name });
  throw refusedLogin(result.reason);
}

/** Why a name and a password are refused. One answer for most: it must not reveal which names exist. */
export function refusedLogin(reason: Extract<LoginResult, { ok: false }>["reason"]): ApiError {
  switch (reason) {
    case "wrong_password":
    case "no_password":
    case "registration_closed":
      return wrongPassword(
        "the name or the password is wrong. A person without an account gets a token from the operator of this registry",
      );
    case "weak_password":
      return new ApiError("invalid", "a password has at least 8 characters; choose a longer one");
    case "not_supported":
      return new ApiError("forbidden", "this registry does not sign in with passwords; ask its operator for a token");
  }
}

/** Who signed in, and how. */
export type SignedInUser = {
  readonly name: string;
  readonly found?: FoundAccount;
  readonly providerToken?: string;
};

/** Makes the token of somebody who signed in. @throws ApiError `forbidden`: an administrator disabled the user */
export async function issueLogin(
  c: AppContext,
  ports: Pick<AccountPorts, "tokens" | "ids" | "clock" | "signIns" | "policy">,
  { tokenLifetimes = ENDLESS }: LoginSettings,
  { name, found, providerToken }: SignedInUser,
): Promise<string> {
  await ports.policy.refresh?.();
  // The password was right: only now is said that the account is disabled.
  demand(ports.policy.may({ kind: "user", name }, "account"));
  const label = (c.req.header("user-agent") ?? "login").slice(0, 100);
  const now = ports.clock.now();
  const expires = earliest(
    defaultExpiry(tokenLifetimes, now),
    endAfter(found && ports.signIns?.find(found.provider)?.tokenMs, now),
  );
  const grant = { user: name, readonly: false, label, created: now.toISOString() };
  return issueToken(
    ports,
    { ...grant, ...(expires === undefined ? {} : { expires }), ...(found ? { signIn: found } : {}) },
    providerToken,
  );
}

function endAfter(ms: number | undefined, now: Date): string | undefined {
  // oxlint-disable-next-line no-restricted-globals -- adds to a time that is given; no clock is read
  return ms === undefined ? undefined : new Date(now.getTime() + ms).toISOString();
}

/** ISO 8601 in UTC sorts by time. */
function earliest(...times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).toSorted()[0];
}
