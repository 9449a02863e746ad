import {
  createRightsStore,
  disableUser,
  enableUser,
  pagesOf,
  UserName,
  type Clock,
  type ObjectStore,
  type TokenStore,
} from "@codebox/core";
import { UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

/** A user as the commands show it. */
export type ListedUser = {
  readonly name: string;
  readonly state: "active" | "disabled" | "invited";
  readonly email?: string;
  readonly secondFactor?: boolean;
};
/** A code with which the user chooses a password. */
export type MadeCode = { readonly code: string; readonly expires: string };

/** What works on both hosts. */
export type UserPort = {
  list(): Promise<readonly ListedUser[]>;
  /** Returns how many tokens were revoked. */
  disable(name: string): Promise<number>;
  enable(name: string): Promise<void>;
};
/** Also the passwords, which a registry on one machine has. */
export type PasswordPort = UserPort & {
  invite(name: string, days: number | undefined): Promise<MadeCode>;
  reset(name: string, days: number | undefined): Promise<MadeCode>;
  withdraw(name: string): Promise<void>;
};
type Ports = { readonly output: Output };

/**
 * The users of a bucket: everybody who holds a token, and those who are disabled.
 *
 * @example const users = bucketUsers({ store, tokens, clock });
 */
export function bucketUsers({
  store,
  tokens,
  clock,
}: {
  readonly store: ObjectStore;
  readonly tokens: TokenStore;
  readonly clock: Clock;
}): UserPort {
  const rights = createRightsStore({ store, clock }, { maxAgeMs: 0 });
  return {
    async list() {
      const names = new Set<string>();
      for await (const { page } of pagesOf((cursor: string | undefined) =>
        tokens.page(cursor === undefined ? {} : { cursor }),
      ))
        for (const { user } of page.tokens) names.add(user);
      const disabled = (await rights.current()).rights.disabled ?? [];
      const all = [...new Set([...names, ...disabled])].toSorted();
      return all.map((name) => ({ name, state: disabled.includes(name) ? "disabled" : "active" }));
    },
    disable: (name) => disableUser({ rights, tokens }, { name, by: "operator" }),
    enable: (name) => enableUser({ rights }, { name, by: "operator" }),
  };
}

/** `codebox user list`. */
export async function listUsers({ users, output }: Ports & { readonly users: UserPort }): Promise<ExitCode> {
  const rows = (await users.list()).map(({ name, state, email = "", secondFactor = false }) => ({
    name,
    state,
    email,
    secondFactor: secondFactor ? "yes" : "",
  }));
  if (rows.length === 0) output.note("there are no users");
  else output.table(rows, ["name", "state", "email", "secondFactor"]);
  return 0;
}

/** `codebox user disable`. */
export async function disable(
  { users, output }: Ports & { readonly users: UserPort },
  { name, dryRun }: { readonly name: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  checkName(name);
  const revoked = dryRun ? 0 : await users.disable(name);
  output.record(
    { name, disabled: !dryRun, revoked, dryRun },
    dryRun ? `would disable ${name} and revoke all tokens` : `${name} is disabled; revoked tokens: ${revoked}`,
  );
  return 0;
}

/** `codebox user enable`. */
export async function enable(
  { users, output }: Ports & { readonly users: UserPort },
  { name }: { readonly name: string },
): Promise<ExitCode> {
  checkName(name);
  await users.enable(name);
  output.record({ name, disabled: false }, `${name} is enabled, and signs in to get a new token`);
  return 0;
}

/** `codebox user invite` and `reset`: prints the code, this once. */
export async function makeCode(
  { users, output }: Ports & { readonly users: PasswordPort },
  {
    name,
    what,
    days,
    registry,
  }: {
    readonly name: string;
    readonly what: "invite" | "reset";
    readonly days?: number;
    readonly registry: string;
  },
): Promise<ExitCode> {
  checkName(name);
  const made = what === "invite" ? await users.invite(name, days) : await users.reset(name, days);
  const { code, expires } = made;
  const next = `npx codebox user join ${name} --registry ${registry}`;
  output.record(
    { name, code, expires, next },
    `${code}\n\n${output.style("dim", `This code is shown once, and counts until ${expires}. ${name} chooses a password with it:`)}\n\n    ${next}`,
  );
  return 0;
}

/** `codebox user uninvite`. */
export async function withdraw(
  { users, output }: Ports & { readonly users: PasswordPort },
  { name }: { readonly name: string },
): Promise<ExitCode> {
  checkName(name);
  await users.withdraw(name);
  output.record({ name, invited: false }, `the invitation of ${name} is taken back`);
  return 0;
}

/** `codebox user join`: the user chooses a password. */
export async function join(
  {
    accept,
    ask,
    output,
  }: Ports & {
    readonly accept: (accepted: {
      readonly name: string;
      readonly code: string;
      readonly password: string;
    }) => Promise<void>;
    /** Asks for a text that is not shown. */
    readonly ask: (prompt: string) => Promise<string>;
  },
  { name, registry }: { readonly name: string; readonly registry: string },
): Promise<ExitCode> {
  checkName(name);
  const code = (await ask("Code of the invitation: ")).trim();
  const password = await ask("New password: ");
  await accept({ name, code, password });
  output.record(
    { name, joined: true },
    `${name} has a password. Sign in:\n\n    npm login --auth-type=legacy --registry ${registry}`,
  );
  return 0;
}

function checkName(name: string): void {
  const parsed = UserName.safeParse(name);
  if (!parsed.success)
    throw new UsageError(`${JSON.stringify(name)}: ${parsed.error.issues[0]?.message ?? "no user name"}`);
}
