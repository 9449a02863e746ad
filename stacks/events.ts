import { refusePlainHttp, type Queues } from "./queue.ts";
import type { Settings } from "./settings.ts";

export type Topics = {
  /** The topic that announces every applied change. */
  readonly events: sst.aws.SnsTopic;
  /** The topic to which other services may publish changes. */
  readonly intake: sst.aws.SnsTopic;
};

/**
 * The topics. Events are delivered at least once and carry their own sequence, so their topic is a standard topic, which every kind
 * of subscriber can use. The intake topic is FIFO: a package's changes keep the order in which they were published.
 */
export function events(queues: Queues, { trial }: Settings): Topics {
  const topic = (name: string, fifo: boolean) =>
    new sst.aws.SnsTopic(name, {
      fifo,
      transform: {
        topic(args, opts) {
          // The intake has no key: other accounts, EventBridge and S3 could not use AWS's own key, and it carries names and tags only.
          if (!fifo) args.kmsMasterKeyId = "alias/aws/sns";
          opts.retainOnDelete = !trial;
        },
      },
    });
  const announced = topic("EventTopic", false);
  const intake = topic("IntakeTopic", true);
  for (const [name, { arn }] of [
    ["EventTopicPolicy", announced],
    ["IntakeTopicPolicy", intake],
  ] as const)
    new aws.sns.TopicPolicy(name, { arn, policy: topicPolicy(arn).json });

  subscribe("Intake", intake, { queue: queues.intake, deadLetters: queues.intakeDeadLetters });
  subscribe("Index", announced, { queue: queues.index, deadLetters: queues.indexDeadLetters });
  return { events: announced, intake };
}

/** Delivers a topic's messages to a queue as they are, and those that SNS can't deliver to the queue's dead letters. */
function subscribe(
  name: string,
  from: sst.aws.SnsTopic,
  { queue, deadLetters }: { readonly queue: sst.aws.Queue; readonly deadLetters: sst.aws.Queue },
): void {
  new aws.sqs.QueuePolicy(`${name}QueuePolicy`, queuePolicy(queue, from));
  new aws.sqs.QueuePolicy(`${name}DeadLetterQueuePolicy`, queuePolicy(deadLetters, from));
  new aws.sns.TopicSubscription(`${name}Subscription`, {
    topic: from.arn,
    protocol: "sqs",
    endpoint: queue.arn,
    rawMessageDelivery: true,
    redrivePolicy: $jsonStringify({ deadLetterTargetArn: deadLetters.arn }),
  });
}

function topicPolicy(arn: $util.Output<string>) {
  return aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        effect: "Deny",
        principals: [{ type: "*", identifiers: ["*"] }],
        actions: ["sns:Publish"],
        resources: [arn],
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
    ],
  });
}

/** The policy of a queue to which the topic `from` may send, and other services that an operator allows to. */
function queuePolicy(queue: sst.aws.Queue, from: sst.aws.SnsTopic): aws.sqs.QueuePolicyArgs {
  const allow = {
    effect: "Allow",
    principals: [{ type: "Service", identifiers: ["sns.amazonaws.com"] }],
    actions: ["sqs:SendMessage"],
    resources: [queue.arn],
    conditions: [{ test: "ArnEquals", variable: "aws:SourceArn", values: [from.arn] }],
  };
  const statements = [refusePlainHttp(queue), allow];
  return { queueUrl: queue.url, policy: aws.iam.getPolicyDocumentOutput({ statements }).json };
}
