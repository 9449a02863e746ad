import { z } from "zod";
import { Names, Scopes, Services, WorkloadIssuers, commaList } from "../packages/core/src/settings.ts";
import { SIGN_IN_VARIABLES, signInOf, type SignInVariables } from "./sign-in-settings.ts";
import { TOKEN_DAYS, TOKEN_DAYS_MAX } from "../packages/core/src/access/tokens.ts";

/**
 * An operator's settings for a stage, read from the environment. SST loads `.env` and `.env.<stage>` into it.
 *
 * @example CODEBOX_DOMAIN=npm.acme.example CODEBOX_SCOPES=@acme npx sst deploy --stage production
 *
 * A stage is protected unless `CODEBOX_TRIAL=true` says that it is a trial. A protected stage requires the scopes, the upstream and
 * the address for alarms; every other setting has a default. Errors: `settingsOf` throws one `SettingsError` that names every invalid setting and how to fix it.
 */
export type Settings = {
  readonly stage: string;
  /** Whether nothing is kept when the stage is removed. Otherwise resources with data stay, and `sst remove` is refused. */
  readonly trial: boolean;
  readonly bucket: BucketSettings;
  /** Host name under which the API answers; absent: API Gateway's own. */
  readonly domain: DomainSettings | undefined;
  /** Scopes that never come from upstream: `@acme`. */
  readonly scopes: readonly string[];
  /** Package names that never come from upstream, besides those in our scopes. */
  readonly names: readonly string[];
  /** URL of the registry for other packages; absent: none. */
  readonly upstream: string | undefined;
  /** More issuers of ID tokens for CI jobs, as given; absent: GitHub Actions, gitlab.com and CircleCI only. */
  readonly trustedIssuers: string | undefined;
  /** Where people sign in: the variables of the functions, without secrets. Empty: nowhere. */
  readonly signIn: SignInVariables;
  /** Whether packages may be read without a token. */
  readonly anonymousRead: boolean;
  /** How many days a user's token lives by default and at most; 0: without an end, or any. */
  readonly tokenDays: { readonly byDefault: number; readonly most: number };
  /** Address that alarms are mailed to; absent: alarms go only to the alarm topic. */
  readonly alarmEmail: string | undefined;
  /** How many days logs are kept. */
  readonly logDays: LogDays;
  /** How many requests the API accepts in a second (`rate`) and at the same moment (`burst`). */
  readonly throttle: { readonly rate: number; readonly burst: number };
  /** Maximum of concurrent consumers, 2–1,000: how many packages can change at the same moment. */
  readonly consumers: number;
  /**
   * Whether concurrency is reserved for the functions of the queues, so that waiting requests cannot use all of it.
   * Lambda refuses a reservation that leaves fewer than 100 executions to all other functions, as in a new account.
   */
  readonly reserve: boolean;
  /** The services that may do more than change tags, as the functions read it. Empty: none. */
  readonly services: string;
  /** ARNs of the roles and users that may send to the change queue besides the functions, to redrive dead letters. */
  readonly operators: readonly string[];
};

export type BucketSettings =
  | { readonly kind: "new"; readonly kmsKey: string | undefined }
  /** An existing bucket. `keep` does not change its policy, encryption and lifecycle; `replace` replaces them with codebox's. */
  | {
      readonly kind: "adopted";
      readonly name: string;
      readonly settings: "keep" | "replace";
      readonly kmsKey: string | undefined;
    };

type DomainSettings = {
  readonly name: string;
  /** ARN of an ACM certificate in the same region; absent: one is created and validated in the domain's Route 53 zone. */
  readonly certificate: string | undefined;
};

const LOG_DAYS = { "7": "1 week", "30": "1 month", "90": "3 months", "365": "1 year" } as const;
export type LogDays = keyof typeof LOG_DAYS;

export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const HOST = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;

const optional = (pattern: RegExp, advice: string) => z.string().regex(pattern, advice).optional();
const whole = (least: number, most: number, otherwise: number) =>
  z.coerce
    .number("must be a whole number")
    .int("must be a whole number")
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`)
    .default(otherwise);

const Environment = z.object({
  CODEBOX_BUCKET: optional(BUCKET, "is not the name of an S3 bucket"),
  CODEBOX_BUCKET_SETTINGS: z
    .enum(["keep", "replace"], "must be keep (leave the bucket's policy, encryption and lifecycle) or replace")
    .optional(),
  CODEBOX_KMS_KEY: optional(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/,
    "must be the ARN of a KMS key, not an alias",
  ),
  CODEBOX_DOMAIN: optional(HOST, "must be a host name such as npm.acme.example, without https://"),
  CODEBOX_CERTIFICATE: optional(
    /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[\w-]+$/,
    "must be the ARN of an ACM certificate",
  ),
  CODEBOX_SCOPES: Scopes.optional(),
  CODEBOX_NAMES: Names.prefault(""),
  CODEBOX_UPSTREAM: z
    .union(
      [z.literal("none"), z.url({ protocol: /^https$/, error: "must be an https URL, or none" })],
      "must be an https URL, or none",
    )
    .optional(),
  CODEBOX_TRUSTED_ISSUERS: z
    .string()
    .refine(
      (list) => WorkloadIssuers.safeParse(list).success,
      "must list https URLs, such as github=https://github.acme.example/_services/token",
    )
    .optional(),
  ...SIGN_IN_VARIABLES,
  CODEBOX_ANONYMOUS_READ: z.enum(["true", "false"], "must be true or false").default("false"),
  CODEBOX_TOKEN_DAYS: whole(0, TOKEN_DAYS_MAX, TOKEN_DAYS),
  CODEBOX_TOKEN_DAYS_MAX: whole(0, TOKEN_DAYS_MAX, 0),
  CODEBOX_ALARM_EMAIL: z
    .union([z.literal("none"), z.email("must be an e-mail address, or none")], "must be an e-mail address, or none")
    .optional(),
  CODEBOX_LOG_DAYS: z.enum(["7", "30", "90", "365"], "must be 7, 30, 90 or 365").default("30"),
  // Three `npm ci` at the same time must not be answered 429.
  CODEBOX_RATE: whole(1, 10_000, 3_000),
  CODEBOX_BURST: whole(1, 5_000, 5_000),
  CODEBOX_CONSUMERS: whole(2, 1_000, 50),
  CODEBOX_RESERVE: z.enum(["true", "false"], "must be true or false").optional(),
  // Checked here, read by the functions.
  CODEBOX_SERVICES: z
    .string()
    .refine(
      (text) => Services.safeParse(text).success,
      'must list services with what each may do, such as "release=AROAEXAMPLEID:tag+deprecate"',
    )
    .default(""),
  CODEBOX_OPERATORS: commaList(
    z
      .string()
      .regex(
        /^arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/,
        "must list ARNs of IAM roles or users, with commas between",
      ),
  ).prefault(""),
  CODEBOX_TRIAL: z.enum(["true", "false"], "must be true or false").default("false"),
});

/** The settings of a stage. An empty variable counts as absent. */
export function settingsOf(stage: string, environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = Environment.safeParse(given);
  if (!parsed.success)
    throw problem(
      stage,
      parsed.error.issues.map(({ path, message }) => `${path[0]?.toString() ?? "?"} ${message}`),
    );
  const env = parsed.data;
  const trial = env.CODEBOX_TRIAL === "true";
  const missing = trial ? [] : required(env);
  if (trial && stage === "production") missing.push("CODEBOX_TRIAL must not be true: production is never a trial");
  if (env.CODEBOX_BUCKET_SETTINGS !== undefined && env.CODEBOX_BUCKET === undefined)
    missing.push("CODEBOX_BUCKET must name the existing bucket that CODEBOX_BUCKET_SETTINGS applies to");
  if (env.CODEBOX_CERTIFICATE !== undefined && env.CODEBOX_DOMAIN === undefined)
    missing.push("CODEBOX_DOMAIN must name the host that CODEBOX_CERTIFICATE is for");
  const signIn = signInOf(given, env);
  missing.push(...signIn.problems);
  if (missing.length > 0) throw problem(stage, missing);

  const kmsKey = env.CODEBOX_KMS_KEY;
  const { CODEBOX_BUCKET: name, CODEBOX_BUCKET_SETTINGS: settings = "keep", CODEBOX_UPSTREAM: upstream } = env;
  return {
    stage,
    trial,
    bucket: name === undefined ? { kind: "new", kmsKey } : { kind: "adopted", name, settings, kmsKey },
    domain:
      env.CODEBOX_DOMAIN === undefined ? undefined : { name: env.CODEBOX_DOMAIN, certificate: env.CODEBOX_CERTIFICATE },
    scopes: env.CODEBOX_SCOPES ?? [],
    names: env.CODEBOX_NAMES,
    upstream: upstream === "none" ? undefined : upstream,
    trustedIssuers: env.CODEBOX_TRUSTED_ISSUERS,
    signIn: signIn.variables,
    anonymousRead: env.CODEBOX_ANONYMOUS_READ === "true",
    tokenDays: { byDefault: env.CODEBOX_TOKEN_DAYS, most: env.CODEBOX_TOKEN_DAYS_MAX },
    alarmEmail: env.CODEBOX_ALARM_EMAIL === "none" ? undefined : env.CODEBOX_ALARM_EMAIL,
    logDays: env.CODEBOX_LOG_DAYS,
    throttle: { rate: env.CODEBOX_RATE, burst: env.CODEBOX_BURST },
    consumers: env.CODEBOX_CONSUMERS,
    services: env.CODEBOX_SERVICES,
    operators: env.CODEBOX_OPERATORS,
    reserve: env.CODEBOX_RESERVE === undefined ? !trial : env.CODEBOX_RESERVE === "true",
  };
}

/** The settings that a protected stage requires. A default would be a guess about security, or about who handles alarms. */
function required(env: z.infer<typeof Environment>): string[] {
  const missing: string[] = [];
  if (env.CODEBOX_SCOPES === undefined)
    missing.push("CODEBOX_SCOPES must list the scopes that never come from upstream, such as @acme");
  if (env.CODEBOX_UPSTREAM === undefined)
    missing.push("CODEBOX_UPSTREAM must be the URL of the registry for other packages, or none");
  if (env.CODEBOX_ALARM_EMAIL === undefined)
    missing.push("CODEBOX_ALARM_EMAIL must be the address that alarms are mailed to, or none");
  if (missing.length > 0)
    missing.push("CODEBOX_TRIAL=true makes a stage that needs none of them, and that keeps nothing");
  return missing;
}

function problem(stage: string, lines: readonly string[]): SettingsError {
  const list = [...new Set(lines)].map((line) => `  - ${line}`).join("\n");
  return new SettingsError(
    `The stage "${stage}" cannot be deployed:\n${list}\nSet them in .env.${stage} or in the environment; docs/deploy.md describes each.`,
  );
}

/** How long logs are kept, in SST's notation. */
export const retentionOf = ({ logDays }: Settings): (typeof LOG_DAYS)[LogDays] => LOG_DAYS[logDays];
