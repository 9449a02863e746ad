import {
  BearerToken,
  GITHUB_VARIABLES,
  HttpUrl,
  Names,
  OIDC_VARIABLES,
  PublicUrl,
  Scopes,
  Services,
  Switch,
  TOKEN_DAYS,
  TOKEN_DAYS_MAX,
  WAIT_MS,
  WorkloadIssuers,
} from "@codebox/core";
import * as z from "zod";

const text = (what: string) => z.string({ error: `is missing: ${what}` }).min(1, `is empty: ${what}`);

/** The bucket, and the key that its policy demands. */
const bucket = {
  CODEBOX_BUCKET: text("the name of the bucket that holds the packages"),
  CODEBOX_KMS_KEY: z.string().min(1).optional(),
};
const days = z.coerce.number("must be a number of days").int().min(0).max(TOKEN_DAYS_MAX);
/** Days until a user's token ends; 0: never, or any. */
const lifetimes = {
  CODEBOX_TOKEN_DAYS: days.default(TOKEN_DAYS),
  CODEBOX_TOKEN_DAYS_MAX: days.default(0),
};
const issuers = {
  /** Issuers of ID tokens for CI jobs, besides those that are known. */
  CODEBOX_TRUSTED_ISSUERS: WorkloadIssuers.prefault(""),
};
const queue = { CODEBOX_QUEUE_URL: text("the URL of the FIFO queue of changes") };
/** The services that may do more than change tags. */
const services = { CODEBOX_SERVICES: Services.prefault("") };
const deadLetters = { CODEBOX_DEAD_LETTERS_URL: text("the URL of the FIFO queue of dead letters") };
const api = {
  ...bucket,
  /** Where clients reach the registry. Default: the host that API Gateway names. */
  CODEBOX_PUBLIC_URL: PublicUrl.optional(),
  CODEBOX_ANONYMOUS_READ: Switch.default(false),
  /** Scopes that never come from upstream, with commas between. */
  CODEBOX_SCOPES: Scopes.prefault(""),
  /** Package names that never come from upstream, with commas between. */
  CODEBOX_NAMES: Names.prefault(""),
  CODEBOX_UPSTREAM: HttpUrl.optional(),
  ...GITHUB_VARIABLES,
  /** Whether tokens count for which somebody signed in there. Only `account` has the rest of its settings. */
  CODEBOX_OIDC_ISSUER: OIDC_VARIABLES.CODEBOX_OIDC_ISSUER,
  /** Milliseconds. The function has 25,000. */
  CODEBOX_WAIT_MS: z.coerce.number("must be a number").int().min(0).max(20_000).default(WAIT_MS),
};

/** For the functions that ask the upstream. */
const upstream = {
  CODEBOX_UPSTREAM_TOKEN: BearerToken.optional(),
  /** MiB that a packument of the upstream may have, uncompressed. */
  CODEBOX_UPSTREAM_PACKUMENT_MB: z.coerce.number("must be a number of MiB").int().min(1).max(256).optional(),
};

/** What each function needs to know, and its optional settings. */
export const ENVIRONMENTS = {
  read: z.object({ ...api, ...upstream }),
  write: z.object({ ...api, ...upstream, ...queue }),
  account: z.object({ ...api, ...lifetimes, ...issuers, ...OIDC_VARIABLES }),
  consumer: z.object({
    ...bucket,
    ...queue,
    ...deadLetters,
    ...services,
    CODEBOX_TOPIC_ARN: text("the ARN of the topic on which changes are announced"),
  }),
  intake: z.object({ ...bucket, ...queue, ...deadLetters, ...services }),
  indexer: z.object(bucket),
  redrive: z.object({ ...bucket, ...queue, ...deadLetters }),
} as const;

export type Environment<Name extends keyof typeof ENVIRONMENTS> = z.infer<(typeof ENVIRONMENTS)[Name]>;
export type ApiEnvironment = Environment<"read">;

/** A setting of a function is missing or wrong; the message names each, and where it is set. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

/**
 * Reads a function's environment.
 *
 * @example readEnvironment("read", { CODEBOX_BUCKET: "acme-registry" }).CODEBOX_ANONYMOUS_READ // false
 */
export function readEnvironment<Name extends keyof typeof ENVIRONMENTS>(
  name: Name,
  env: Readonly<Record<string, string | undefined>>,
): Environment<Name> {
  // SST sets a variable that has no value to the empty string.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = ENVIRONMENTS[name].safeParse(given);
  if (parsed.success) return parsed.data as Environment<Name>;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
  throw new EnvironmentError(
    `the function "${name}" can't start: ${problems.join("; ")}. Its environment is set in stacks/functions.ts`,
  );
}
