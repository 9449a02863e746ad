import { tokenKey } from "@codebox/core";
import { issueToken, UserName, type Clock, type Ids, type ObjectStore, type TokenStore } from "@codebox/core";
import { CommandError, UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

export type TokenPorts = { readonly tokens: TokenStore; readonly output: Output };

/** So many characters of a hash at least: fewer would meet another token by chance. */
const PREFIX_MIN = 6;

/**
 * Makes a token and prints it, this once: only its hash is stored.
 *
 * @example await addToken(ports, { user: "alice", readonly: false, label: "laptop", dryRun: false });
 */
export async function addToken(
  { tokens, output, clock, ids }: TokenPorts & { readonly clock: Clock; readonly ids: Ids },
  grant: { readonly user: string; readonly readonly: boolean; readonly label: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  const { user, readonly, label, dryRun } = grant;
  const parsed = UserName.safeParse(user);
  if (!parsed.success)
    throw new UsageError(`${JSON.stringify(user)}: ${parsed.error.issues[0]?.message ?? "no user name"}`);
  const created = clock.now().toISOString();
  const record = { user, readonly, label, created };
  if (dryRun) {
    output.record({ ...record, dryRun }, `would make a token for ${user}${readonly ? ", for reading only" : ""}`);
    return 0;
  }
  const token = await issueToken({ tokens, ids }, record);
  output.record(
    { ...record, token },
    `${token}\n\n${output.style("dim", `This token of "${user}" is shown once. It goes into .npmrc:`)}\n\n` +
      `    //<registry's host>/:_authToken=${token}`,
  );
  return 0;
}

/** The tokens of a user, never the tokens themselves. */
export async function listTokens({ tokens, output }: TokenPorts, user: string): Promise<ExitCode> {
  const held = await tokens.list(user);
  const rows = held.map(({ hash, user, readonly, label, created }) => ({
    hash: output.terminal ? hash.slice(0, 12) : hash,
    user,
    access: readonly ? "read" : "read and write",
    label,
    created,
  }));
  if (rows.length === 0) output.note(`${user} has no tokens`);
  else output.table(rows, ["hash", "access", "label", "created"]);
  return 0;
}

/** Revokes the one token whose hash begins so; it is refused from the next request on. */
export async function removeToken(
  { tokens, output, store }: TokenPorts & { readonly store: Pick<ObjectStore, "list"> },
  { prefix, dryRun }: { readonly prefix: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  if (!new RegExp(`^[0-9a-f]{${PREFIX_MIN},64}$`).test(prefix))
    throw new UsageError(
      `a token is named by the first ${PREFIX_MIN} or more characters of its hash (0-9, a-f), as "codebox token list <user>" shows them`,
    );
  const { objects, cursor } = await store.list(tokenKey(prefix));
  const [found, ...others] = objects;
  if (!found) throw new CommandError(`no token's hash begins with ${prefix}; "codebox token list <user>" shows them`);
  if (others.length > 0 || cursor !== undefined)
    throw new CommandError(`${prefix} is the beginning of several tokens' hashes; give more characters`);
  const hash = found.key.slice(tokenKey("").length);
  const record = await tokens.find(hash);
  const whose = record && { user: record.user, label: record.label };
  if (dryRun) {
    output.record(
      { hash, ...whose, dryRun },
      `would remove the token "${record?.label ?? ""}" of ${record?.user ?? "?"}`,
    );
    return 0;
  }
  if (!(await tokens.remove(hash))) throw new CommandError(`the token ${prefix} was removed meanwhile`);
  output.record(
    { hash, ...whose, removed: true },
    `removed the token "${record?.label ?? ""}" of ${record?.user ?? "?"}`,
  );
  return 0;
}
