import { parseArgs } from "node:util";
import {
  Cidrs,
  BearerToken,
  commaList,
  GITHUB_FIELDS,
  GroupSubject,
  HttpUrl,
  Names,
  OIDC_FIELDS,
  PublicUrl,
  Scopes,
  Switch,
  TARBALL_BYTES_MAX,
  TOKEN_DAYS,
  TOKEN_DAYS_MAX,
  UserName,
  WAIT_MS,
  WorkloadIssuers,
} from "@codebox/core";
import * as z from "zod";
import { providerSettings } from "./provider-settings.ts";

const text = z.string().min(1, "must not be empty");
/** Digits only: `Number` takes the empty string for 0, and "0x1" for 1. */
const count = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  const within = (value: number) => value >= least && value <= most;
  return z
    .string()
    .regex(/^\d{1,10}$/, error)
    .transform(Number)
    .refine(within, error);
};

/** Host names or addresses, with commas between. */
const Hosts = commaList(z.string().regex(/^[A-Za-z0-9._:[\]-]+$/, "must be host names, such as registry.internal"));

/** How a setting is given on the command line, besides its variable. */
type Flag = {
  /** `--port <n>` takes a value, `--private` stands for true, `--no-upstream` for false. Absent: the setting has a variable only. */
  readonly flag?: string;
  readonly help: string;
  /** What holds when the setting is absent, where that is not a fixed value. */
  readonly otherwise?: string;
};
const flags = z.registry<Flag>();

/**
 * Every setting of the server: flag, help, check and default. Flags, `--help` and messages are derived from it.
 * The variable of `publicUrl` is `CODEBOX_PUBLIC_URL`; a flag has precedence over the variable.
 */
const Settings = z.object({
  port: count(0, 65_535).default(4870).register(flags, {
    flag: "--port <n>",
    help: "port to listen on; 0 picks a free one",
  }),
  /** Anything but a loopback address makes the registry reachable from outside. */
  host: text.default("127.0.0.1").register(flags, { flag: "--host <address>", help: "address to listen on" }),
  /** Created when it is missing. */
  data: text.default("codebox-data").register(flags, {
    flag: "--data <directory>",
    help: "directory that holds all data",
  }),
  /** Without a slash at its end. */
  publicUrl: PublicUrl.optional().register(flags, {
    flag: "--public-url <url>",
    help: "where clients reach the registry, behind a proxy",
  }),
  /** The loopback names and the public URL's host are known. Any other Host is refused. */
  hosts: Hosts.prefault("").register(flags, {
    flag: "--hosts <a,b>",
    help: "more host names under which clients reach the registry",
  }),
  upstream: HttpUrl.optional().register(flags, {
    flag: "--upstream <url>",
    help: "registry for packages that are not ours",
    otherwise: "what npm config get registry says",
  }),
  /** Besides the upstream's own. Tarballs that packuments name elsewhere come from the upstream itself. */
  upstreamHosts: Hosts.prefault("").register(flags, {
    flag: "--upstream-hosts <a,b>",
    help: "other hosts that may serve the upstream's tarballs, with a port where it is not the usual one",
  }),
  upstreamTimeoutMs: count(100, 600_000).default(30_000).register(flags, {
    flag: "--upstream-timeout-ms <n>",
    help: "milliseconds until the upstream's answer must begin, and between two pieces of it",
  }),
  upstreamCacheMb: count(1, 10_000_000).default(4_096).register(flags, {
    flag: "--upstream-cache-mb <n>",
    help: "MiB that copies of the upstream's packages may take",
  }),
  useUpstream: Switch.default(true).register(flags, {
    flag: "--no-upstream",
    help: "serve only packages that are ours",
  }),
  /** A variable only: every user of the machine can see flags. */
  upstreamToken: BearerToken.optional().register(flags, {
    help: "bearer token for the upstream; no flag, since every user of the machine can see flags",
  }),
  scopes: Scopes.prefault("").register(flags, {
    flag: "--scopes <@a,@b>",
    help: "scopes that never come from upstream",
  }),
  /** Besides the names in our scopes. */
  names: Names.prefault("").register(flags, {
    flag: "--names <a,b>",
    help: "package names that never come from upstream, and may be published though it has them",
  }),
  /** Besides GitHub Actions, gitlab.com and CircleCI; one's own GitHub or GitLab takes the place of the public one. */
  trustedIssuers: WorkloadIssuers.prefault("").register(flags, {
    flag: "--trusted-issuers <a,b>",
    help: "more issuers of ID tokens for CI jobs, such as github=https://github.acme.example/_services/token",
  }),
  private: Switch.default(false).register(flags, { flag: "--private", help: "reading needs a token too" }),
  /** `open`: for everybody who reaches the registry directly, not through a proxy or a page in a browser. */
  registration: z.enum(["open", "closed"]).default("closed").register(flags, {
    flag: "--registration <who>",
    help: "open: npm login creates accounts; closed",
  }),
  githubClientId: GITHUB_FIELDS.clientId.register(flags, {
    flag: "--github-client-id <id>",
    help: "client id of the OAuth app at GitHub, by which people sign in",
  }),
  githubClientSecret: GITHUB_FIELDS.clientSecret.register(flags, { help: "its secret; no flag" }),
  githubOrgs: GITHUB_FIELDS.orgs.register(flags, {
    flag: "--github-orgs <a,b>",
    help: "organisations of GitHub whose members get in",
  }),
  githubUrl: GITHUB_FIELDS.url.register(flags, { flag: "--github-url <url>", help: "a GitHub Enterprise Server" }),
  githubApiUrl: GITHUB_FIELDS.apiUrl.register(flags, {
    flag: "--github-api-url <url>",
    help: "its API, where that is not below /api/v3",
  }),
  oidcIssuer: OIDC_FIELDS.issuer.register(flags, {
    flag: "--oidc-issuer <url>",
    help: "OpenID Connect provider at which people sign in",
  }),
  oidcClientId: OIDC_FIELDS.clientId.register(flags, { flag: "--oidc-client-id <id>", help: "client id there" }),
  oidcClientSecret: OIDC_FIELDS.clientSecret.register(flags, { help: "its secret; no flag" }),
  oidcLabel: OIDC_FIELDS.label.register(flags, { flag: "--oidc-label <text>", help: "its name on the button" }),
  oidcGroups: OIDC_FIELDS.groups.register(flags, {
    flag: "--oidc-groups <a,b>",
    help: "groups there whose members get in; *: everybody",
  }),
  oidcDomains: OIDC_FIELDS.domains.register(flags, {
    flag: "--oidc-domains <a,b>",
    help: "domains of the verified e-mail addresses that get in",
  }),
  oidcGroupsClaim: OIDC_FIELDS.groupsClaim.register(flags, {
    flag: "--oidc-groups-claim <name>",
    help: "claim that has the groups",
  }),
  oidcNameClaim: OIDC_FIELDS.nameClaim.register(flags, {
    flag: "--oidc-name-claim <name>",
    help: "claim that has the user's name",
  }),
  oidcScopes: OIDC_FIELDS.scopes.register(flags, { flag: "--oidc-scopes <text>", help: "scopes to ask for" }),
  oidcHours: OIDC_FIELDS.hours.register(flags, {
    flag: "--oidc-hours <n>",
    help: "hours until a token ends for which somebody signed in there",
  }),
  /** The first start creates a token for `admin` in any case. */
  newToken: text.optional().register(flags, {
    flag: "--new-token <user>",
    help: "create a token for this user: printed on a terminal, else a file in the data directory",
  }),
  /** They list and revoke everybody's tokens, and handle dead letters. */
  admins: commaList(z.union([UserName, GroupSubject]))
    .prefault("admin")
    .register(flags, {
      flag: "--admins <a,b>",
      help: "users who may operate the registry, and groups such as group:github:acme/platform",
    }),
  tokenDays: count(0, TOKEN_DAYS_MAX).default(TOKEN_DAYS).register(flags, {
    flag: "--token-days <n>",
    help: "days until a new token of a user ends, when no other lifetime is asked for; 0: never",
  }),
  tokenDaysMax: count(0, TOKEN_DAYS_MAX).default(0).register(flags, {
    flag: "--token-days-max <n>",
    help: "largest lifetime of a user's token, in days; 0: any",
  }),
  /** Only their `x-forwarded-for` names the client's address. */
  trustedProxies: Cidrs.prefault("").register(flags, {
    flag: "--trusted-proxies <a,b>",
    help: "networks of the proxies in front, such as 10.0.0.0/8",
  }),
  waitMs: count(0, 60_000).default(WAIT_MS).register(flags, {
    flag: "--wait-ms <n>",
    help: "milliseconds to wait for a change's outcome before a 202",
  }),
  maxTarballMb: count(1, 4_096)
    .default(TARBALL_BYTES_MAX / 1024 / 1024)
    .register(flags, { flag: "--max-tarball-mb <n>", help: "largest tarball, in MiB" }),
  /** As they go over the wire: each form and encoding of a package counts for itself. */
  viewsMb: count(1, 65_536).default(32).register(flags, {
    flag: "--views-mb <n>",
    help: "memory for answers with packuments, compressed or not, in MiB",
  }),
  /** In bytes of their JSON: a parsed document takes some three times as much. */
  documentsMb: count(1, 65_536).default(32).register(flags, {
    flag: "--documents-mb <n>",
    help: "memory for parsed documents of our packages, in MiB of JSON",
  }),
  upstreamMemoryMb: count(1, 65_536).default(32).register(flags, {
    flag: "--upstream-memory-mb <n>",
    help: "memory for packuments of the upstream, in MiB",
  }),
  /** Tarballs that were read a short time ago are sent from memory. */
  memoryMb: count(0, 65_536).default(64).register(flags, {
    flag: "--memory-mb <n>",
    help: "memory for tarballs that are read often, in MiB",
  }),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info").register(flags, {
    flag: "--log-level <level>",
    help: "trace, debug, info, warn, error or silent",
  }),
});
export type Settings = z.infer<typeof Settings> & {
  /** Variables that begin as ours do and are no settings. */
  readonly ignored: readonly string[];
};

/** What is wrong with the settings, for the person who starts the server. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

type Name = keyof typeof Settings.shape;
const NAMES = Object.keys(Settings.shape) as readonly Name[];

/** A setting as the command line has it: `{ name: "publicUrl", option: "public-url", takesValue: true }`. */
const OPTIONS = NAMES.flatMap((name) => {
  const [flag, value] = flags.get(Settings.shape[name])?.flag?.split(" ") ?? [];
  return flag === undefined ? [] : [{ name, option: flag.slice("--".length), takesValue: value !== undefined }];
});

/** What `--help` prints. */
export function usage(): string {
  const defaults: Readonly<Record<string, unknown>> = Settings.parse({});
  const lines = NAMES.map((name) => {
    const { flag = variableOf(name), help = "", otherwise } = flags.get(Settings.shape[name]) ?? {};
    const fixed = defaults[name];
    const value = typeof fixed === "string" || typeof fixed === "number" ? String(fixed) : otherwise;
    return `  ${flag.padEnd(24)} ${help}${value === undefined ? "" : ` (${value})`}`;
  });
  return `Usage: npm start -- [flags]

${lines.join("\n")}
  --help

Each flag has an environment variable: --public-url is CODEBOX_PUBLIC_URL. --no-upstream is CODEBOX_USE_UPSTREAM=false.`;
}

/**
 * Reads the settings from flags and environment, or throws a `SettingsError` that names the flag.
 *
 * @example readSettings(["--port", "0", "--no-upstream"], {}) // { port: 0, useUpstream: false, … }
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | "help" {
  const values = parseFlags(args);
  if (values["help"] === true) return "help";
  const given: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = env[variableOf(name)];
    if (value !== undefined && value !== "") given[name] = value;
  }
  for (const { name, option } of OPTIONS) {
    const value = values[option];
    if (value !== undefined) given[name] = option.startsWith("no-") ? "false" : String(value);
  }
  const parsed = Settings.safeParse(given);
  if (!parsed.success) throw new SettingsError(parsed.error.issues.map(explain).join("\n"));
  if (parsed.data.private && parsed.data.registration === "open")
    throw new SettingsError(
      "--private and --registration open contradict each other: everybody could read after an npm login",
    );
  for (const provider of Object.values(providerSettings(parsed.data)))
    if (!provider.ok) throw new SettingsError(provider.problem);
  const known = new Set(NAMES.map(variableOf));
  const ignored = Object.keys(env).filter((name) => name.startsWith("CODEBOX_") && !known.has(name));
  return { ...parsed.data, ignored };
}

function parseFlags(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const types = OPTIONS.map(({ option, takesValue }) => [option, { type: takesValue ? "string" : "boolean" }] as const);
  try {
    return parseArgs({ args: [...args], options: { ...Object.fromEntries(types), help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new SettingsError(`${error instanceof Error ? error.message : String(error)}\n\n${usage()}`);
  }
}

function explain(issue: { readonly path: PropertyKey[]; readonly message: string }): string {
  const name = String(issue.path[0]);
  const found = OPTIONS.find((option) => option.name === name);
  return found
    ? `--${found.option} (or ${variableOf(name)}): ${issue.message}`
    : `${variableOf(name)}: ${issue.message}`;
}

/** `publicUrl` → `CODEBOX_PUBLIC_URL`. */
function variableOf(name: string): string {
  return `CODEBOX_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
