import {
  Cidr,
  expiryOf,
  ENDLESS,
  HASH_PREFIX_MIN,
  isHashPrefix,
  isReadableName,
  issueToken,
  pagesOf,
  Scope,
  TOKEN_DAYS_MAX,
  UserName,
  type Clock,
  type Ids,
  type ListedToken,
  type TokenLimits,
  type TokenStore,
} from "@codebox/core";
import type * as z from "zod";
import { CommandError, UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

/** `codebox token add`. Lists may be empty. */
export type Grant = {
  readonly user: string;
  readonly readonly: boolean;
  readonly stageOnly: boolean;
  /** It passes rules that say `automation`, without a second factor. */
  readonly bypassFactor?: boolean;
  readonly label: string;
  /** Days; absent: without an end. */
  readonly days?: number;
  readonly packages: readonly string[];
  readonly scopes: readonly string[];
  readonly cidr: readonly string[];
  readonly dryRun: boolean;
};

/**
 * Makes a token and prints it, this once: only its hash is stored.
 *
 * @example await addToken(ports, { user: "alice", readonly: false, label: "laptop", dryRun: false, … });
 */
export async function addToken(
  ports: { readonly tokens: TokenStore; readonly output: Output; readonly clock: Clock; readonly ids: Ids },
  grant: Grant,
): Promise<ExitCode> {
  const { output, clock } = ports;
  const { label, days, dryRun } = grant;
  const user = parsed(UserName, grant.user);
  const now = clock.now();
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= TOKEN_DAYS_MAX))
    throw new UsageError(`--expires: a lifetime is 1 to ${TOKEN_DAYS_MAX} days`);
  const end = days === undefined ? undefined : expiryOf(days, ENDLESS, now);
  const expires = end?.ok ? { expires: end.expires } : {};
  const record = { user, ...limitsOf(grant), label, created: now.toISOString(), ...expires };
  if (dryRun) {
    output.record({ ...record, dryRun }, `would make a token for ${user}: ${access(record)}`);
    return 0;
  }
  const token = await issueToken(ports, record);
  output.record(
    { ...record, token },
    `${token}\n\n${output.style("dim", `This token of "${user}" is shown once. It goes into .npmrc:`)}\n\n` +
      `    //<registry's host>/:_authToken=${token}`,
  );
  return 0;
}

function limitsOf({ readonly, stageOnly, bypassFactor, packages, scopes, cidr }: Grant): TokenLimits {
  const wrong = packages.find((name) => !isReadableName(name));
  if (wrong !== undefined) throw new UsageError(`${JSON.stringify(wrong)} is not a package name`);
  return {
    readonly,
    ...(stageOnly ? { stageOnly } : {}),
    ...(bypassFactor ? { bypassFactor } : {}),
    ...(packages.length > 0 ? { packages } : {}),
    ...(scopes.length > 0 ? { scopes: scopes.map((scope) => parsed(Scope, scope)) } : {}),
    ...(cidr.length > 0 ? { cidr: cidr.map((network) => parsed(Cidr, network)) } : {}),
  };
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw new UsageError(`${JSON.stringify(text)}: ${result.error.issues[0]?.message ?? "malformed"}`);
}

/** The tokens of a user, or of everybody; never the tokens themselves. */
export async function listTokens(
  { tokens, output }: { readonly tokens: Pick<TokenStore, "list" | "page">; readonly output: Output },
  user: string | undefined,
): Promise<ExitCode> {
  const held = user === undefined ? await everybodys(tokens) : await tokens.list(user);
  const rows = held.map(({ hash, user, label, created, expires = "never", lastUsed = "", ...limits }) => ({
    hash: output.terminal ? hash.slice(0, 12) : hash,
    user,
    access: access(limits),
    label,
    created,
    expires,
    lastUsed,
  }));
  if (rows.length === 0) output.note(`${user ?? "nobody"} has no tokens`);
  else output.table(rows, ["hash", "user", "access", "label", "created", "expires", "lastUsed"]);
  return 0;
}

async function everybodys(tokens: Pick<TokenStore, "page">): Promise<readonly ListedToken[]> {
  const all: ListedToken[] = [];
  for await (const { page } of pagesOf((cursor: string | undefined) =>
    tokens.page(cursor === undefined ? {} : { cursor }),
  ))
    all.push(...page.tokens);
  return all;
}

/** @example access({ readonly: true, scopes: ["@acme"] }) // "read, for @acme/*" */
function access({ readonly, stageOnly, noPackages, packages = [], scopes = [], cidr = [] }: TokenLimits): string {
  const may = noPackages ? "no packages" : stageOnly ? "read and stage" : readonly ? "read" : "read and write";
  const names = [...packages, ...scopes.map((scope) => `${scope}/*`)];
  return [
    may,
    ...(names.length > 0 ? [`for ${names.join(" ")}`] : []),
    ...(cidr.length > 0 ? [`from ${cidr.join(" ")}`] : []),
  ].join(", ");
}

/** Revokes the one token whose hash begins so. */
export async function revokeToken(
  { tokens, output }: { readonly tokens: Pick<TokenStore, "page" | "remove">; readonly output: Output },
  { prefix, dryRun }: { readonly prefix: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  if (!isHashPrefix(prefix))
    throw new UsageError(
      `a token is named by the first ${HASH_PREFIX_MIN} or more characters of its hash (0-9, a-f), as "codebox token list" shows them`,
    );
  const page = await tokens.page({ prefix });
  const [found, ...others] = page.tokens;
  if (others.length > 0 || page.cursor !== undefined)
    throw new CommandError(`${prefix} is the beginning of several tokens' hashes; give more characters`);
  if (!found) throw new CommandError(`no token's hash begins with ${prefix}; "codebox token list" shows them`);
  const { hash, user, label } = found;
  if (dryRun) {
    output.record({ hash, user, label, dryRun }, `would revoke the token "${label}" of ${user}`);
    return 0;
  }
  if (!(await tokens.remove(hash))) throw new CommandError(`the token ${prefix} was revoked meanwhile`);
  output.record({ hash, user, label, revoked: true }, `revoked the token "${label}" of ${user}`);
  return 0;
}
