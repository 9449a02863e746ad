import type { Topics } from "./events.ts";
import { lambda, type Arns } from "./function.ts";
import type { Queues } from "./queue.ts";
import type { FunctionName } from "./rights.ts";
import type { Settings } from "./settings.ts";
import type { Storage } from "./storage.ts";

export type Functions = Readonly<Record<FunctionName, sst.aws.Function>>;

/** Seconds: Lambda's maximum. In `sst dev` a function waits at a breakpoint, and its message must not come again meanwhile. */
const DEV_TIMEOUT = 900;

/** Timeouts in seconds. API Gateway's limit is 30, and a cold start counts: with 25 a slow request is answered by us. A queue hides a message for six times its function's timeout. */
const TIMEOUTS = { read: 25, write: 25, account: 25, consumer: 30, intake: 30, indexer: 60, redrive: 300 } as const;

/** The timeout of a function of this stage, in seconds. */
export const timeoutOf = (name: FunctionName): number => ($dev ? DEV_TIMEOUT : TIMEOUTS[name]);

/**
 * Megabytes; 1,769 is one full processor. The consumer is busy all the time that it runs, and parses complete packuments; `write`
 * inspects tarballs of up to 256 MiB within its time. The other functions mostly wait, and waiting is billed by the megabyte: docs/cost.md.
 */
const MEMORY = {
  read: 1_024,
  write: 1_769,
  account: 512,
  consumer: 1_769,
  intake: 512,
  indexer: 1_024,
  redrive: 512,
} as const;

/** Maximum of concurrent intakes. They only check and forward messages, so few are enough. Lambda's minimum for a queue is two. */
export const INTAKES = 2;

/** Maximum of concurrent indexers: more would only lose writes of the same object to each other. */
export const INDEXERS = 2;

/** The Lambda functions, each with only the environment that it needs. */
export function functions(storage: Storage, queues: Queues, topics: Topics, settings: Settings): Functions {
  const arns: Arns = {
    bucket: storage.arn,
    "change queue": queues.changes.arn,
    "intake queue": queues.intake.arn,
    "index queue": queues.index.arn,
    "dead-letter queue": queues.deadLetters.arn,
    "intake dead-letter queue": queues.intakeDeadLetters.arn,
    "event topic": topics.events.arn,
    ...(storage.kmsKey === undefined ? {} : { "key of the bucket": storage.kmsKey }),
  };
  const bucket = {
    CODEBOX_BUCKET: storage.name,
    ...(storage.kmsKey === undefined ? {} : { CODEBOX_KMS_KEY: storage.kmsKey }),
  };
  const api = {
    ...bucket,
    CODEBOX_SCOPES: settings.scopes.join(","),
    ...(settings.names.length === 0 ? {} : { CODEBOX_NAMES: settings.names.join(",") }),
    CODEBOX_ANONYMOUS_READ: String(settings.anonymousRead),
    ...(settings.upstream === undefined ? {} : { CODEBOX_UPSTREAM: settings.upstream }),
    ...(settings.domain === undefined ? {} : { CODEBOX_PUBLIC_URL: `https://${settings.domain.name}` }),
  };
  const lifetimes = {
    CODEBOX_TOKEN_DAYS: String(settings.tokenDays.byDefault),
    CODEBOX_TOKEN_DAYS_MAX: String(settings.tokenDays.most),
  };
  const upstream: Readonly<Record<string, $util.Input<string>>> =
    settings.upstream === undefined
      ? {}
      : {
          CODEBOX_UPSTREAM_TOKEN: new sst.Secret("UpstreamToken", "").value,
          ...(settings.upstreamPackumentMb === undefined
            ? {}
            : { CODEBOX_UPSTREAM_PACKUMENT_MB: String(settings.upstreamPackumentMb) }),
        };
  const issuers: Readonly<Record<string, string>> =
    settings.trustedIssuers === undefined ? {} : { CODEBOX_TRUSTED_ISSUERS: settings.trustedIssuers };
  const { github, oidc, issuer } = signInEnvironment(settings);
  const changes = { CODEBOX_QUEUE_URL: queues.changes.url };
  const deadLetters = { CODEBOX_DEAD_LETTERS_URL: queues.deadLetters.url };
  const services = { CODEBOX_SERVICES: settings.services };
  // As many as their queues may invoke at the same time. With fewer, Lambda would throttle its own invocations; more would stay unused.
  const reserved: Partial<Record<FunctionName, number>> = settings.reserve
    ? { consumer: settings.consumers, intake: INTAKES, indexer: INDEXERS }
    : {};
  const make = (name: FunctionName, environment: Readonly<Record<string, $util.Input<string>>>) => {
    const shape = { name, timeout: timeoutOf(name), memory: MEMORY[name], reserved: reserved[name], environment };
    return lambda(shape, arns, settings);
  };
  return {
    read: make("read", { ...api, ...upstream, ...github, ...issuer }),
    write: make("write", { ...api, ...upstream, ...github, ...issuer, ...changes }),
    account: make("account", { ...api, ...lifetimes, ...issuers, ...github, ...oidc }),
    consumer: make("consumer", {
      ...bucket,
      ...changes,
      ...deadLetters,
      ...services,
      CODEBOX_TOPIC_ARN: topics.events.arn,
    }),
    intake: make("intake", {
      ...bucket,
      ...changes,
      ...services,
      CODEBOX_DEAD_LETTERS_URL: queues.intakeDeadLetters.url,
    }),
    indexer: make("indexer", bucket),
    redrive: make("redrive", { ...bucket, ...changes, ...deadLetters }),
  };
}

/** Where people sign in. Every function of the API checks accounts at GitHub; only `account` asks an OpenID Connect provider. */
function signInEnvironment({ signIn: { github, oidc } }: Settings) {
  type Variables = Readonly<Record<string, $util.Input<string>>>;
  const isGitHub = github["CODEBOX_GITHUB_CLIENT_ID"] !== undefined;
  const issuer = oidc["CODEBOX_OIDC_ISSUER"];
  const none: Variables = {};
  return {
    github: isGitHub ? { ...github, CODEBOX_GITHUB_CLIENT_SECRET: new sst.Secret("GitHubClientSecret").value } : none,
    oidc:
      issuer === undefined ? none : { ...oidc, CODEBOX_OIDC_CLIENT_SECRET: new sst.Secret("OidcClientSecret").value },
    issuer: issuer === undefined ? none : { CODEBOX_OIDC_ISSUER: issuer },
  };
}
