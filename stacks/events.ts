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

  new aws.sqs.QueuePolicy("IntakeQueuePolicy", queuePolicy(queues.intake, intake));
  new aws.sqs.QueuePolicy("IntakeDeadLetterQueuePolicy", queuePolicy(queues.intakeDeadLetters, intake));
  new aws.sns.TopicSubscription("IntakeSubscription", {
    topic: intake.arn,
    protocol: "sqs",
    endpoint: queues.intake.arn,
    rawMessageDelivery: true,
    redrivePolicy: $jsonStringify({ deadLetterTargetArn: queues.intakeDeadLetters.arn }),
  });
  new aws.sqs.QueuePolicy("IndexQueuePolicy", queuePolicy(queues.index, announced));
  new aws.sqs.QueuePolicy("IndexDeadLetterQueuePolicy", queuePolicy(queues.indexDeadLetters, announced));
  new aws.sns.TopicSubscription("IndexSubscription", {
    topic: announced.arn,
    protocol: "sqs",
    endpoint: queues.index.arn,
    rawMessageDelivery: true,
    redrivePolicy: $jsonStringify({ deadLetterTargetArn: queues.indexDeadLetters.arn }),
  });
  return { events: announced, intake };
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
