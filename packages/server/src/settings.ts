import { parseArgs } from "node:util";
import {
  Cidrs,
  BearerToken,
  commaList,
  GroupSubject,
  HttpUrl,
  LAYOUT,
  Names,
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
import { PROVIDER_FIELDS, providerSettings } from "./provider-settings.ts";
import { count, flags, Hosts, text } from "./setting-kinds.ts";

/** The unit of the settings whose names end in `Mb`. */
export const MEBIBYTE = 1024 * 1024;

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
  upstreamPackumentMb: count(1, 1_024).default(64).register(flags, {
    flag: "--upstream-packument-mb <n>",
    help: "MiB that a packument of the upstream may have, uncompressed",
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
  ...PROVIDER_FIELDS,
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
  auditDays: count(1, 3_650).default(LAYOUT.audit.days).register(flags, {
    flag: "--audit-days <n>",
    help: "days for which an entry of the audit log is kept",
  }),
  /** Only their `x-forwarded-for` names the client's address. */
  trustedProxies: Cidrs.prefault("").register(flags, {
    flag: "--trusted-proxies <a,b>",
    help: "networks of the proxies in front, such as 10.0.0.0/8",
  }),
  webhookPrivate: Switch.default(false).register(flags, {
    flag: "--webhook-private",
    help: "webhooks may have http and addresses that are not public",
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
