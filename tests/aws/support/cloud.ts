import { CreateBucketCommand, type S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SubscribeCommand, type SNSClient } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { createS3Client, createSnsClient, createSqsClient } from "@codebox/aws";
import { REDELIVERIES_MAX } from "@codebox/core";
import { inject } from "vitest";
import { MOTO_CREDENTIALS, MOTO_REGION } from "../../../scripts/moto.ts";

let counter = 0;
/** A name that no other test of this run uses. */
export const unique = (prefix: string): string => `${prefix}-${process.pid}-${++counter}`;

/** Clients of the emulator. */
export function clients() {
  const options = { endpoint: inject("moto"), region: MOTO_REGION, credentials: MOTO_CREDENTIALS };
  return { s3: createS3Client(options), sqs: createSqsClient(options), sns: createSnsClient(options) };
}

export async function makeBucket(s3: S3Client): Promise<string> {
  const bucket = unique("bucket");
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: MOTO_REGION } }),
  );
  return bucket;
}

async function makeQueue(
  sqs: SQSClient,
  name: string,
  attributes: Record<string, string>,
): Promise<{ url: string; arn: string }> {
  const { QueueUrl: url = "" } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }));
  return { url, arn: Attributes?.["QueueArn"] ?? "" };
}

/** A FIFO queue and its dead letters, as the stacks make them. */
export async function makeQueues(sqs: SQSClient, redrive = true) {
  const fifo = {
    FifoQueue: "true",
    VisibilityTimeout: "30",
    DeduplicationScope: "messageGroup",
    FifoThroughputLimit: "perMessageGroupId",
  };
  const deadLetters = await makeQueue(sqs, `${unique("dead")}.fifo`, fifo);
  const policy = JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: REDELIVERIES_MAX });
  const queue = await makeQueue(sqs, `${unique("changes")}.fifo`, redrive ? { ...fifo, RedrivePolicy: policy } : fifo);
  return { queueUrl: queue.url, deadLettersUrl: deadLetters.url };
}

/** A topic, and a queue that is subscribed to it, raw. */
export async function makeTopic({ sns, sqs }: { readonly sns: SNSClient; readonly sqs: SQSClient }, fifo = false) {
  const suffix = fifo ? ".fifo" : "";
  const attributes: Record<string, string> = fifo ? { FifoQueue: "true" } : {};
  const queue = await makeQueue(sqs, `${unique("subscriber")}${suffix}`, attributes);
  const { TopicArn: topicArn = "" } = await sns.send(
    new CreateTopicCommand({
      Name: `${unique("events")}${suffix}`,
      ...(fifo ? { Attributes: { FifoTopic: "true" } } : {}),
    }),
  );
  const subscribe = (filter?: Record<string, unknown>) =>
    sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: "sqs",
        Endpoint: queue.arn,
        Attributes: {
          RawMessageDelivery: "true",
          ...(filter ? { FilterPolicy: JSON.stringify(filter) } : {}),
        },
      }),
    );
  return { topicArn, subscriberUrl: queue.url, subscribe };
}

/** Takes every message that is in a queue. */
export async function drain(sqs: SQSClient, queueUrl: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
    );
    if (Messages.length === 0) return bodies;
    for (const { Body = "", ReceiptHandle } of Messages) {
      bodies.push(Body);
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    }
  }
}
