import {
  ApiError,
  namedCaller,
  parseBody,
  readJson,
  routeGroup,
  type AppContext,
  type Passwords,
  type RouteGroup,
} from "@codebox/api";
import {
  disableUser,
  enableUser,
  INVITATION_DAYS,
  INVITATION_DAYS_MAX,
  PASSWORD_MIN,
  revokeAll,
  UserName,
  type IdentityProvider,
  type Invitations,
  type RightsStore,
  type TokenStore,
} from "@codebox/core";
import * as z from "zod";

export type UserPorts = {
  readonly identities: IdentityProvider;
  readonly invitations: Invitations;
  readonly rights: RightsStore;
  readonly tokens: TokenStore;
  readonly passwords: Pick<Passwords, "guess" | "forget">;
  /** Users who can't be disabled, because the settings make them administrators. */
  readonly admins: readonly string[];
  readonly addressOf: (c: AppContext) => string | undefined;
};

/** Bytes of a request: a name, a code, a password. */
const BYTES_MAX = 16 * 1024;

const Invited = z.strictObject({
  days: z
    .int()
    .min(1)
    .max(INVITATION_DAYS_MAX, `an invitation counts for ${INVITATION_DAYS_MAX} days at most`)
    .default(INVITATION_DAYS),
});
const Acceptance = z.strictObject({
  name: UserName,
  code: z.string().min(1).max(200),
  password: z
    .string()
    .min(PASSWORD_MIN, `a password has at least ${PASSWORD_MIN} characters; choose a longer one`)
    .max(1024, "the password is longer than 1024 characters"),
  email: z.union([z.literal(""), z.email().max(254)]).optional(),
});

/**
 * The users of the registry, for its administrators: `GET /-/users` lists them in pages (`cursor`). Below `/-/users/:name`, `PUT` and
 * `DELETE` of `invitation` invite somebody and take it back, `POST` of `reset` ends a password and makes a code for a new one, and
 * `PUT` and `DELETE` of `disabled` disable a user and enable one again.
 */
export function userRoutes(ports: UserPorts): RouteGroup {
  const { identities, invitations, rights, tokens, passwords } = ports;
  return routeGroup("admin", (on) => {
    on.get("/-/users", async (c) => {
      const cursor = c.req.query("cursor");
      const [page, invited, { rights: now }] = await Promise.all([
        identities.list?.(cursor) ?? { users: [] },
        cursor === undefined ? invitations.list() : [],
        rights.current(),
      ]);
      const disabled = now.disabled ?? [];
      return c.json({
        ...page,
        users: page.users.map((user) => ({ ...user, disabled: disabled.includes(user.name) })),
        invited,
      });
    });
    on.put("/-/users/:name/invitation", async (c) => {
      const name = nameIn(c);
      const { days } = parseBody(Invited, await readJson(c, BYTES_MAX));
      requirePasswords(identities);
      await refuseTaken(identities, name);
      const made = await invitations.make({ name, by: namedCaller(c).name, days });
      return c.json({ ok: true, name, ...made }, 201);
    });
    on.delete("/-/users/:name/invitation", async (c) => {
      const name = nameIn(c);
      if (!(await invitations.withdraw(name))) throw new ApiError("not_found", `"${name}" has no invitation`);
      return c.json({ ok: true, name });
    });
    on.post("/-/users/:name/reset", async (c) => {
      const name = nameIn(c);
      const { days } = parseBody(Invited, await readJson(c, BYTES_MAX));
      requirePasswords(identities);
      if (!(await identities.find(name))) throw new ApiError("not_found", `there is no user "${name}"; invite one`);
      await identities.endPassword?.(name);
      passwords.forget(name);
      const revoked = await revokeAll(tokens, name);
      const made = await invitations.make({ name, by: namedCaller(c).name, days });
      return c.json({ ok: true, name, revoked, ...made }, 201);
    });
    on.put("/-/users/:name/disabled", async (c) => {
      const name = nameIn(c);
      if (ports.admins.includes(name))
        throw new ApiError(
          "forbidden",
          `"${name}" is an administrator of the settings; take the name out of --admins first`,
        );
      await invitations.withdraw(name);
      const revoked = await disableUser({ rights, tokens }, { name, by: namedCaller(c).name });
      passwords.forget(name);
      return c.json({ ok: true, name, revoked });
    });
    on.delete("/-/users/:name/disabled", async (c) => {
      const name = nameIn(c);
      await enableUser({ rights }, { name, by: namedCaller(c).name });
      return c.json({ ok: true, name });
    });
  });
}

/** `POST /-/invitation` with `name`, `code` and `password` accepts an invitation: the user can then sign in. */
export function invitationRoutes(ports: UserPorts): RouteGroup {
  const { identities, invitations, passwords, rights } = ports;
  return routeGroup("sign-in", (on) => {
    on.post("/-/invitation", async (c) => {
      const accepted = parseBody(Acceptance, await readJson(c, BYTES_MAX));
      const { name, code, password, email } = accepted;
      requirePasswords(identities);
      const isDisabled = ((await rights.current()).rights.disabled ?? []).includes(name);
      const spent = await passwords.guess(
        { address: ports.addressOf(c), name },
        async () => !isDisabled && (await invitations.accept(name, code)),
        (right) => right,
      );
      // One answer, whatever is wrong: it must not reveal who is invited.
      if (!spent)
        throw new ApiError(
          "forbidden",
          "this is no valid invitation of this user; ask the administrator for a new code",
        );
      const isSet = await identities.setPassword?.({ name, password, ...(email === undefined ? {} : { email }) });
      if (isSet !== true) throw new ApiError("conflict", `"${name}" differs from another user in capitals only`);
      passwords.forget(name);
      return c.json({ ok: true, name }, 201);
    });
  });
}

function nameIn(c: AppContext): string {
  return parseBody(UserName, c.req.param("name") ?? "");
}

function requirePasswords({ setPassword }: IdentityProvider): void {
  if (!setPassword) throw new ApiError("forbidden", "this registry has no passwords, and so nobody to invite");
}

/** Before the code is made: who gets it must be able to use it. The holder of a token may be invited to choose a password. */
async function refuseTaken({ list }: IdentityProvider, name: string): Promise<void> {
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await list?.(cursor);
    const twin = page?.users.find((user) => user.name.toLowerCase() === name.toLowerCase());
    if (twin && twin.name !== name)
      throw new ApiError("conflict", `"${name}" differs from the user "${twin.name}" in capitals only`);
    if (twin?.created !== undefined)
      throw new ApiError(
        "conflict",
        `"${name}" is a user already; "codebox user reset" makes a code for a new password`,
      );
    cursor = page?.cursor;
  }
}
