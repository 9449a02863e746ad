// Creates in an emulator what the stacks deploy: bucket, FIFO queues, topics and their subscriptions.
import { CreateBucketCommand, PutPublicAccessBlockCommand, type S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SubscribeCommand, type SNSClient } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { REDELIVERIES_MAX } from "@codebox/core";
import { MOTO_REGION } from "../moto.ts";

export type Clients = { readonly s3: S3Client; readonly sqs: SQSClient; readonly sns: SNSClient };

export type Cloud = {
  readonly bucket: string;
  readonly queueUrl: string;
  readonly deadLettersUrl: string;
  readonly intakeUrl: string;
  readonly intakeDeadLettersUrl: string;
  readonly topicArn: string;
  /** The topic to which other services publish changes. */
  readonly intakeTopicArn: string;
  /** Events for the search index. */
  readonly indexUrl: string;
  /** A queue that is subscribed to the events, as a user's own service would have. */
  readonly subscriberUrl: string;
};

const FIFO = { FifoQueue: "true", DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" };

/** The names of all resources; those of FIFO queues and topics end in `.fifo`. */
export type CloudNames = {
  readonly bucket: string;
  readonly changes: string;
  readonly deadLetters: string;
  readonly intake: string;
  readonly intakeDeadLetters: string;
  readonly events: string;
  readonly intakeTopic: string;
  readonly subscriber: string;
  readonly index: string;
  readonly indexDeadLetters: string;
};

/** Names that begin with `prefix`. */
export function namesOf(prefix: string): CloudNames {
  return {
    bucket: `${prefix}-packages`,
    changes: `${prefix}-changes.fifo`,
    deadLetters: `${prefix}-dead-letters.fifo`,
    intake: `${prefix}-intake.fifo`,
    intakeDeadLetters: `${prefix}-intake-dead-letters.fifo`,
    events: `${prefix}-events`,
    intakeTopic: `${prefix}-intake.fifo`,
    subscriber: `${prefix}-subscriber`,
    index: `${prefix}-index`,
    indexDeadLetters: `${prefix}-index-dead-letters`,
  };
}

/**
 * Creates all resources.
 * @param visibilitySeconds How long a queue hides a received message.
 */
export async function makeCloud(
  { s3, sqs, sns }: Clients,
  { names, visibilitySeconds = 30 }: { readonly names: CloudNames; readonly visibilitySeconds?: number },
): Promise<Cloud> {
  const { bucket } = names;
  const location = { LocationConstraint: MOTO_REGION } as const;
  await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: location }));
  const nobody = {
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  };
  await s3.send(new PutPublicAccessBlockCommand({ Bucket: bucket, PublicAccessBlockConfiguration: nobody }));
  const make = async (name: string, deadLetters: string) => {
    const dead = await makeQueue(sqs, deadLetters, FIFO);
    const policy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: REDELIVERIES_MAX });
    const attributes = { ...FIFO, VisibilityTimeout: String(visibilitySeconds), RedrivePolicy: policy };
    return [await makeQueue(sqs, name, attributes), dead] as const;
  };
  const [queue, dead] = await make(names.changes, names.deadLetters);
  const [intake, intakeDead] = await make(names.intake, names.intakeDeadLetters);
  const subscriber = await makeQueue(sqs, names.subscriber, {});
  const indexDead = await makeQueue(sqs, names.indexDeadLetters, {});
  const index = await makeQueue(sqs, names.index, {
    VisibilityTimeout: String(visibilitySeconds),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: indexDead.arn, maxReceiveCount: 100 }),
  });
  const topicArn = await makeTopic(sns, names.events, {});
  const intakeTopicArn = await makeTopic(sns, names.intakeTopic, { FifoTopic: "true" });
  await subscribe(sns, topicArn, subscriber.arn);
  await subscribe(sns, topicArn, index.arn);
  await subscribe(sns, intakeTopicArn, intake.arn);
  return {
    bucket,
    queueUrl: queue.url,
    deadLettersUrl: dead.url,
    intakeUrl: intake.url,
    intakeDeadLettersUrl: intakeDead.url,
    topicArn,
    intakeTopicArn,
    indexUrl: index.url,
    subscriberUrl: subscriber.url,
  };
}

/** The functions' environment for this cloud. */
export function environmentOf(cloud: Cloud, publicUrl?: string): Record<string, string> {
  return {
    CODEBOX_BUCKET: cloud.bucket,
    CODEBOX_QUEUE_URL: cloud.queueUrl,
    CODEBOX_DEAD_LETTERS_URL: cloud.deadLettersUrl,
    CODEBOX_TOPIC_ARN: cloud.topicArn,
    ...(publicUrl === undefined ? {} : { CODEBOX_PUBLIC_URL: publicUrl }),
  };
}

async function makeQueue(sqs: SQSClient, name: string, attributes: Record<string, string>) {
  const { QueueUrl: url = "" } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }));
  return { url, arn: Attributes?.["QueueArn"] ?? "" };
}

async function makeTopic(sns: SNSClient, name: string, attributes: Record<string, string>): Promise<string> {
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: name, Attributes: attributes }));
  return TopicArn;
}

async function subscribe(sns: SNSClient, topicArn: string, queueArn: string): Promise<void> {
  const attributes = { RawMessageDelivery: "true" };
  await sns.send(
    new SubscribeCommand({ TopicArn: topicArn, Protocol: "sqs", Endpoint: queueArn, Attributes: attributes }),
  );
}
