import type { S3Client } from "@aws-sdk/client-s3";
import type { SNSClient } from "@aws-sdk/client-sns";
import type { SQSClient } from "@aws-sdk/client-sqs";
import {
  createAwsBackend,
  createBucketPorts,
  createS3ObjectStore,
  createSqsChangeQueue,
  createSqsDeadLetters,
  hideMessages,
  removeMessages,
} from "@codebox/aws";
import {
  createConsumer,
  createLivePolicy,
  createRightsStore,
  createStoredSearchIndex,
  RIGHTS_MAX_AGE_MS,
  type Clock,
} from "@codebox/core";
import { bucketOf } from "./bucket.ts";
import { createConsumeHandler, type ConsumeLog } from "./consume.ts";
import type { Environment } from "./environment.ts";
import { createIndexHandler, type IndexerParts } from "./indexer.ts";
import { createIntakeHandler, type IntakeParts } from "./intake.ts";
import { createRedriveHandler } from "./redrive.ts";

/** The consumer, from its environment and the clients of the execution environment. */
export function consumerFunction(
  env: Environment<"consumer">,
  parts: {
    readonly s3: S3Client;
    readonly sqs: SQSClient;
    readonly sns: SNSClient;
    readonly clock: Clock;
    /** 0 ≤ n < 1. Spreads the retries of consumers that lost a write to each other. Default: no spreading. */
    readonly random?: () => number;
    readonly log: ConsumeLog;
  },
) {
  const { sqs, clock, random, log } = parts;
  const settings = { ...bucketOf(env), ...urlsOf(env), topicArn: env.CODEBOX_TOPIC_ARN };
  const backend = createAwsBackend(parts, settings, { clock });
  return createConsumeHandler({
    // Anonymous callers send no changes: whether they may read makes no difference here.
    consumer: createConsumer({
      ...backend,
      policy: createLivePolicy(
        { anonymousRead: false, services: env.CODEBOX_SERVICES },
        createRightsStore({ ...backend, clock }, { maxAgeMs: RIGHTS_MAX_AGE_MS }),
      ),
      clock,
      ...(random ? { random } : {}),
    }),
    store: backend.store,
    deadLetters: backend.deadLetters,
    pause: (records, seconds) => {
      const receipts = records.map(({ receiptHandle: receipt }) => ({ receipt }));
      return hideMessages(sqs, env.CODEBOX_QUEUE_URL, receipts, seconds);
    },
    remove: (records) =>
      removeMessages(
        sqs,
        env.CODEBOX_QUEUE_URL,
        records.map(({ receiptHandle: receipt }) => ({ receipt })),
      ),
    clock,
    log,
  });
}

/** The intake of other services' changes. */
export function intakeFunction(
  env: Environment<"intake">,
  { s3, sqs, log }: { readonly s3: S3Client; readonly sqs: SQSClient; readonly log: IntakeParts["log"] },
) {
  const store = createS3ObjectStore(s3, bucketOf(env));
  return createIntakeHandler({
    queue: createSqsChangeQueue({ client: sqs, store }, { queueUrl: env.CODEBOX_QUEUE_URL }),
    store,
    services: env.CODEBOX_SERVICES,
    deadLetters: createSqsDeadLetters(sqs, urlsOf(env)),
    log,
  });
}

/** Keeps the search index up to date. */
export function indexerFunction(
  env: Environment<"indexer">,
  {
    s3,
    clock,
    random,
    log,
  }: {
    readonly s3: S3Client;
    readonly clock: Clock;
    /** 0 ≤ n < 1. Spreads the retries of indexers that lost a write to each other. Default: no spreading. */
    readonly random?: () => number;
    readonly log: IndexerParts["log"];
  },
) {
  const store = createS3ObjectStore(s3, bucketOf(env));
  const index = createStoredSearchIndex({ store, clock, ...(random ? { random } : {}) });
  return createIndexHandler({ index, store, log });
}

/** What an operator invokes by hand. */
export function redriveFunction(
  env: Environment<"redrive">,
  { s3, sqs, clock }: { readonly s3: S3Client; readonly sqs: SQSClient; readonly clock: Clock },
) {
  const { reader } = createBucketPorts(s3, bucketOf(env), { clock });
  return createRedriveHandler(createSqsDeadLetters(sqs, urlsOf(env)), reader, clock);
}

function urlsOf(env: { readonly CODEBOX_QUEUE_URL: string; readonly CODEBOX_DEAD_LETTERS_URL: string }) {
  return { queueUrl: env.CODEBOX_QUEUE_URL, deadLettersUrl: env.CODEBOX_DEAD_LETTERS_URL };
}
