import { parseArgs } from "node:util";
import { TARBALL_BYTES_MAX, WAIT_MS } from "@codebox/core";
import { z } from "zod";

const yes = z.stringbool({ error: 'must be "true" or "false"' });
const url = z.url({
  protocol: /^https?$/,
  error: 'must be an http or https URL, such as "https://registry.acme.example"',
});
const count = (least: number, most: number) =>
  z.coerce.number({ error: `must be a whole number` }).int().min(least).max(most);

/** Every setting of the server: its flag is `--<kebab-case>`, its variable `CODEBOX_<SNAKE_CASE>`; a flag wins. */
const Settings = z.object({
  /** Where to listen. Anything but a loopback address makes the registry reachable from outside. */
  host: z.string().min(1).default("127.0.0.1"),
  /** 0 picks a free one. */
  port: count(0, 65_535).default(4870),
  /** The data directory; made when it is missing. */
  data: z.string().min(1).default("codebox-data"),
  /** Where clients reach the registry, when that is not where it listens (a proxy in front). */
  publicUrl: url.transform((value) => value.replace(/\/+$/, "")).optional(),
  /** Whether packages that are not ours come from another registry. */
  useUpstream: yes.default(true),
  /** That registry. Default: what `npm config get registry` says. */
  upstream: url.optional(),
  /** Scopes that are ours, with commas between: never asked of the upstream. */
  scopes: z
    .string()
    .default("")
    .transform((value) =>
      value
        .split(",")
        .map((scope) => scope.trim())
        .filter((scope) => scope !== ""),
    )
    .pipe(z.array(z.string().regex(/^@[a-z0-9~-][a-z0-9._~-]*$/, 'must look like "@acme,@acme-labs"'))),
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
  newToken: z.string().min(1).optional(),
});
export type Settings = z.infer<typeof Settings> & { readonly registration: "open" | "closed" };

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
  --help`;

const STRINGS = [
  "host", "port", "data", "public-url", "upstream", "scopes", "registration", "new-token", "wait-ms", "max-tarball-mb", "log-level",
] as const; // prettier-ignore

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
  for (const name of Object.keys(Settings.shape)) {
    const value = env[`CODEBOX_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`];
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
  return { ...parsed.data, registration: registration ?? (local ? "open" : "closed") };
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
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${kebab} (or CODEBOX_${kebab.replaceAll("-", "_").toUpperCase()}): ${issue.message}`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
