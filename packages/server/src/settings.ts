import { parseArgs } from "node:util";
import { Scopes, TARBALL_BYTES_MAX, WAIT_MS } from "@codebox/core";
import { z } from "zod";

const yes = z.stringbool({ error: 'must be "true" or "false"' });
const text = z.string().min(1, "must not be empty");
const NO_URL = 'must be an http or https URL, such as "https://registry.acme.example"';
const url = z.url({ protocol: /^https?$/, error: NO_URL }).check(({ value, issues }) => {
  const { search, hash, username, password } = URL.parse(value) ?? {};
  const wrong = (message: string) => issues.push({ code: "custom", message, input: value });
  if (search || hash) wrong("must have no query and no fragment: paths are put behind it");
  if (username || password) wrong("must hold no user and password; CODEBOX_UPSTREAM_TOKEN is for the upstream's token");
});
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

/** Every setting of the server: its flag is `--<kebab-case>`, its variable `CODEBOX_<SNAKE_CASE>`; a flag wins. */
const Settings = z.object({
  /** Where to listen. Anything but a loopback address makes the registry reachable from outside. */
  host: text.default("127.0.0.1"),
  /** 0 picks a free one. */
  port: count(0, 65_535).default(4870),
  /** The data directory; made when it is missing. */
  data: text.default("codebox-data"),
  /** Where clients reach the registry, when that is not where it listens (a proxy in front). */
  publicUrl: url.transform((value) => value.replace(/\/+$/, "")).optional(),
  /** Whether packages that are not ours come from another registry. */
  useUpstream: yes.default(true),
  /** That registry. Default: what `npm config get registry` says. */
  upstream: url.optional(),
  /** A bearer token for that registry. A variable only: flags are seen by everybody on the machine. */
  upstreamToken: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "must be a token: printable characters without spaces")
    .optional(),
  /** Scopes that are ours, with commas between: never asked of the upstream. */
  scopes: Scopes.prefault(""),
  /** Whether reading needs a token too. */
  private: yes.default(false),
  /** Who may make an account by `npm login`: anybody (`open`) or nobody. Default: `open` on a loopback host without a public URL. */
  registration: z.enum(["open", "closed"]).optional(),
  /** Milliseconds to wait for a change's outcome before a 202. */
  waitMs: count(0, 60_000).default(WAIT_MS),
  /** Largest tarball, in MiB. */
  maxTarballMb: count(1, 4_096).default(TARBALL_BYTES_MAX / 1024 / 1024),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  /** Make a token for this user at start, and print it. The first start makes one for `admin` in any case. */
  newToken: text.optional(),
});
export type Settings = z.infer<typeof Settings> & {
  readonly registration: "open" | "closed";
  /** Variables that begin as ours do and are no settings. */
  readonly ignored: readonly string[];
};

/** What is wrong with the settings, for the person who starts the server. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export const USAGE = `Usage: npm start -- [flags]      (each flag has an environment variable: --public-url is CODEBOX_PUBLIC_URL)

  --port <n>             where to listen; 0 picks a free port            (4870)
  --host <address>       (127.0.0.1)
  --data <directory>     where everything is kept                        (codebox-data)
  --public-url <url>     where clients reach it, behind a proxy
  --upstream <url>       where other packages come from                  (what npm config get registry says)
  --no-upstream          packages that are not ours do not exist
  --scopes <@a,@b>       scopes that never come from upstream
  --private              reading needs a token too
  --registration <who>   open: npm login makes accounts; closed          (open on a loopback host without --public-url)
  --new-token <user>     make a token for this user and print it
  --wait-ms <n>          wait for a change's outcome before a 202        (${WAIT_MS})
  --max-tarball-mb <n>   (${TARBALL_BYTES_MAX / 1024 / 1024})
  --log-level <level>    trace, debug, info, warn, error or silent       (info)
  --help

A token for the upstream: CODEBOX_UPSTREAM_TOKEN, which has no flag, since flags are seen by everybody on the machine.`;

const STRINGS = [
  "host",
  "port",
  "data",
  "public-url",
  "upstream",
  "scopes",
  "registration",
  "new-token",
  "wait-ms",
  "max-tarball-mb",
  "log-level",
] as const;

/**
 * Reads the settings from flags and environment, or throws a `SettingsError` that names the flag.
 *
 * @example readSettings(["--port", "0", "--no-upstream"], {}) // { port: 0, useUpstream: false, … }
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | "help" {
  const flags = parseFlags(args);
  if (flags["help"] === true) return "help";
  const given: Record<string, unknown> = {};
  const variables = Object.keys(Settings.shape).map((name) => [name, variableOf(name)] as const);
  for (const [name, variable] of variables) {
    const value = env[variable];
    if (value !== undefined && value !== "") given[name] = value;
  }
  for (const [flag, value] of Object.entries(flags)) {
    if (flag === "no-upstream") given["useUpstream"] = "false";
    else given[flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())] = String(value);
  }
  const parsed = Settings.safeParse(given);
  if (!parsed.success) throw new SettingsError(parsed.error.issues.map(explain).join("\n"));
  const { host, publicUrl, registration } = parsed.data;
  const local = isLoopback(host) && publicUrl === undefined;
  const known = new Set(variables.map(([, variable]) => variable));
  const ignored = Object.keys(env).filter((name) => name.startsWith("CODEBOX_") && !known.has(name));
  return { ...parsed.data, registration: registration ?? (local ? "open" : "closed"), ignored };
}

function parseFlags(args: readonly string[]): Record<string, string | boolean | undefined> {
  const strings = Object.fromEntries(STRINGS.map((name) => [name, { type: "string" as const }]));
  const booleans = Object.fromEntries(
    ["no-upstream", "private", "help"].map((name) => [name, { type: "boolean" as const }]),
  );
  try {
    return parseArgs({ args: [...args], options: { ...strings, ...booleans } }).values;
  } catch (error) {
    throw new SettingsError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

function explain(issue: { readonly path: PropertyKey[]; readonly message: string }): string {
  const name = String(issue.path[0]);
  if (name === "upstreamToken") return `${variableOf(name)}: ${issue.message}`;
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${flag} (or ${variableOf(name)}): ${issue.message}`;
}

/** `publicUrl` → `CODEBOX_PUBLIC_URL`. */
function variableOf(name: string): string {
  return `CODEBOX_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
