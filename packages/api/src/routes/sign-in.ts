import { defaultExpiry, ENDLESS, issueToken, UserName, type Credentials } from "@codebox/core";
import * as z from "zod";
import { demand, wrongPassword } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AccountPorts, ApiSettings, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { signInFactor } from "../second-factor.ts";

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

    on.post("/-/v1/login", () => {
      // A 4xx makes npm ask for user and password instead. Source: npm-profile, webAuth.
      throw new ApiError("not_found", "this registry has no web login; npm asks for user and password");
    });
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
  { tokenLifetimes = ENDLESS }: LoginSettings,
  credentials: Credentials,
): Promise<string> {
  const mayRegister = !INDIRECT.some((header) => c.req.header(header) !== undefined);
  const { result, factor } = await ports.passwords.guess(
    { address: ports.addressOf?.(c), name: credentials.name },
    async () => {
      const result = await ports.identities.login({ ...credentials, mayRegister });
      return { result, factor: result.ok ? await signInFactor(c, ports, result.profile.name) : undefined };
    },
    // A right password without a code must not take back the failures of those who guess at codes.
    ({ result, factor }) => (result.ok ? (factor === undefined ? true : factor.isGuess ? false : undefined) : false),
  );
  if (factor) throw factor.error;
  if (result.ok) {
    await ports.policy.refresh?.();
    // The password was right: only now is said that the account is disabled.
    demand(ports.policy.may({ kind: "user", name: result.profile.name }, "account"));
    c.get("audit")({ kind: "sign-in", who: result.profile.name, what: "signed in with a password" });
    const label = (c.req.header("user-agent") ?? "login").slice(0, 100);
    const now = ports.clock.now();
    const expires = defaultExpiry(tokenLifetimes, now);
    const end = expires === undefined ? {} : { expires };
    return issueToken(ports, { user: result.profile.name, readonly: false, label, created: now.toISOString(), ...end });
  }
  switch (result.reason) {
    // One answer: it must not reveal which names exist.
    case "wrong_password":
    case "no_password":
    case "registration_closed":
      throw wrongPassword(
        "the name or the password is wrong. A person without an account gets a token from the operator of this registry",
      );
    case "weak_password":
      throw new ApiError("invalid", "a password has at least 8 characters; choose a longer one");
    case "not_supported":
      throw new ApiError("forbidden", "this registry does not sign in with passwords; ask its operator for a token");
  }
}
