import {
  createS3Client,
  createS3Maintenance,
  createS3ObjectStore,
  createSqsClient,
  createSqsDeadLetters,
} from "@codebox/aws";
import { createTokenStore } from "@codebox/core";
import { checkKmsKey } from "./encryption.ts";
import { UsageError } from "./errors.ts";

export type Env = Readonly<Record<string, string | undefined>>;
export type BucketFlags = { readonly bucket?: string; readonly kmsKey?: string; readonly endpoint?: string };
export type QueueFlags = { readonly queueUrl?: string; readonly deadLettersUrl?: string; readonly endpoint?: string };

/** The ports over the bucket that flags and environment name. */
export function connectBucket(flags: BucketFlags, env: Env) {
  const bucket = required(flags.bucket, env, "--bucket", "CODEBOX_BUCKET", "the bucket that holds the packages");
  const kmsKey = flags.kmsKey ?? given(env, "CODEBOX_KMS_KEY");
  checkKmsKey(kmsKey);
  const settings = { bucket, ...(kmsKey === undefined ? {} : { kmsKey }) };
  const client = createS3Client(clientOptions(flags.endpoint, env));
  const store = createS3ObjectStore(client, settings);
  return { ...settings, store, maintenance: createS3Maintenance(client, settings), tokens: createTokenStore(store) };
}

/** The dead letters of the queues that flags and environment name. Without `redrive` the change queue need not be known. */
export function connectDeadLetters(flags: QueueFlags, env: Env, { redrive }: { readonly redrive: boolean }) {
  const { endpoint } = flags;
  const deadLettersUrl = required(
    flags.deadLettersUrl,
    env,
    "--dead-letters-url",
    "CODEBOX_DEAD_LETTERS_URL",
    "the URL of the queue of dead letters",
  );
  const queueUrl = redrive
    ? required(flags.queueUrl, env, "--queue-url", "CODEBOX_QUEUE_URL", "the URL of the queue of changes")
    : "";
  return createSqsDeadLetters(createSqsClient(clientOptions(endpoint, env)), { deadLettersUrl, queueUrl });
}

/** An emulator's endpoint may as well come from where the SDK looks for it; buckets are then in the path, as an emulator has them. */
function clientOptions(endpoint: string | undefined, env: Env) {
  const chosen = endpoint ?? given(env, "AWS_ENDPOINT_URL");
  return chosen === undefined ? {} : { endpoint: chosen };
}

function required(flag: string | undefined, env: Env, name: string, variable: string, what: string): string {
  const value = flag ?? given(env, variable);
  if (value !== undefined && value !== "") return value;
  throw new UsageError(`${name} is missing: ${what}. Give ${name}, or set ${variable}; the deployment prints it`);
}

/** A variable's value; an empty one is not set. */
export function given(env: Env, variable: string): string | undefined {
  return env[variable] === "" ? undefined : env[variable];
}
