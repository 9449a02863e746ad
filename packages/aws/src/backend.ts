import type { S3Client } from "@aws-sdk/client-s3";
import type { SNSClient } from "@aws-sdk/client-sns";
import type { SQSClient } from "@aws-sdk/client-sqs";
import {
  createPackumentReader,
  createStoredOutcomes,
  createTokenIdentities,
  createTokenStore,
  type Backend,
  type Clock,
} from "@codebox/core";
import { createS3ObjectStore } from "./s3-object-store.ts";
import type { S3Settings } from "./s3-settings.ts";
import { createSnsEventLog } from "./sns-event-log.ts";
import { createSqsChangeQueue, type SqsChangeQueue } from "./sqs-change-queue.ts";
import { createSqsDeadLetters, type SqsDeadLetters } from "./sqs-dead-letters.ts";

export type AwsClients = { readonly s3: S3Client; readonly sqs: SQSClient; readonly sns: SNSClient };
export type AwsSettings = S3Settings & {
  /** The FIFO queue of changes, and that of dead letters. */
  readonly queueUrl: string;
  readonly deadLettersUrl: string;
  /** The topic on which changes are announced. */
  readonly topicArn: string;
};
export type AwsParts = {
  readonly clock: Clock;
  /** 0 ≤ n < 1. Spreads those who wait for outcomes. Default: no spreading. */
  readonly random?: () => number;
};

/** The parts of a `Backend` that need the bucket and nothing else. */
export type BucketPorts = Pick<Backend, "store" | "reader" | "outcomes" | "tokens" | "identities">;
/** A `Backend` whose dead letters take messages that can never be applied. SQS calls the consumer, so it has no receiver. */
export type AwsBackend = Backend & { readonly queue: SqsChangeQueue; readonly deadLetters: SqsDeadLetters };

/**
 * The parts over S3, for functions that may use the bucket but no queue. Making them sends no request.
 *
 * @example const { reader, tokens } = createBucketPorts(createS3Client(), { bucket: "acme-registry" }, { clock });
 */
export function createBucketPorts(s3: S3Client, settings: S3Settings, parts: AwsParts): BucketPorts {
  const store = createS3ObjectStore(s3, settings);
  const reader = createPackumentReader(store);
  const tokens = createTokenStore(store);
  return {
    store,
    reader,
    outcomes: createStoredOutcomes({ store, reader, ...parts }),
    tokens,
    identities: createTokenIdentities(tokens),
  };
}

/**
 * The `Backend` over S3, SQS and SNS. Making it sends no request: a function without a right must only not call what needs it.
 *
 * @example
 * const clients = { s3: createS3Client(), sqs: createSqsClient(), sns: createSnsClient() };
 * const backend = createAwsBackend(clients, { bucket, queueUrl, deadLettersUrl, topicArn }, { clock });
 */
export function createAwsBackend({ s3, sqs, sns }: AwsClients, settings: AwsSettings, parts: AwsParts): AwsBackend {
  const ports = createBucketPorts(s3, settings, parts);
  return {
    ...ports,
    queue: createSqsChangeQueue({ client: sqs, store: ports.store }, settings),
    deadLetters: createSqsDeadLetters(sqs, settings),
    events: createSnsEventLog(sns, settings),
    async close() {
      for (const client of [s3, sqs, sns]) client.destroy();
    },
  };
}
