import { REDELIVERIES_MAX } from "../packages/core/src/domain/limits.ts";
import { METRIC, METRICS_NAMESPACE } from "../packages/functions/src/metric-names.ts";
import type { Mappings } from "./consume.ts";
import type { Functions } from "./functions.ts";
import type { Topics } from "./events.ts";
import type { Queues } from "./queue.ts";
import type { Settings } from "./settings.ts";

type Watched = {
  readonly queues: Queues;
  readonly topics: Topics;
  readonly functions: Functions;
  readonly mappings: Mappings;
  readonly api: sst.aws.ApiGatewayV2;
};

type Alarm = {
  readonly what: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, $util.Input<string>>>;
  readonly statistic: "Sum" | "Maximum";
  /** The alarm goes off when the metric is above this. */
  readonly above: number;
  /** How many minutes in a row it must be above. Default: 1. */
  readonly minutes?: number;
};

/**
 * The alarms, and the topic that they are sent to. docs/deploy.md says what to do about each.
 *
 * @returns The topic's ARN.
 */
export function alarms(watched: Watched, { alarmEmail }: Settings): $util.Output<string> {
  // Not encrypted: CloudWatch cannot publish to a topic with SNS's own key, and an alarm contains no data of a package.
  const topic = new sst.aws.SnsTopic("AlarmTopic");
  if (alarmEmail !== undefined)
    new aws.sns.TopicSubscription("AlarmEmail", { topic: topic.arn, protocol: "email", endpoint: alarmEmail });
  for (const [name, alarm] of Object.entries(alarmsOn(watched)))
    new aws.cloudwatch.MetricAlarm(`Alarm${name}`, {
      alarmDescription: `codebox ${$app.stage}: ${alarm.what}. What to do: docs/deploy.md, "Alarms".`,
      namespace: alarm.namespace,
      metricName: alarm.metric,
      dimensions: { ...alarm.dimensions },
      statistic: alarm.statistic,
      comparisonOperator: "GreaterThanThreshold",
      threshold: alarm.above,
      period: 60,
      evaluationPeriods: alarm.minutes ?? 1,
      treatMissingData: "notBreaching",
      alarmActions: [topic.arn],
      okActions: [topic.arn],
    });
  return topic.arn;
}

function alarmsOn({ queues, topics, functions, mappings, api }: Watched): Record<string, Alarm> {
  return {
    DeadLetters: {
      what: "a change could not be applied and is in the dead-letter queue",
      ...onQueue(queues.deadLetters, "ApproximateNumberOfMessagesVisible"),
      above: 0,
    },
    IntakeDeadLetters: {
      what: "a message of another service was not a change, or could not be delivered",
      ...onQueue(queues.intakeDeadLetters, "ApproximateNumberOfMessagesVisible"),
      above: 0,
    },
    IndexDeadLetters: {
      what: "an event could not be indexed, so searches may miss what changed",
      ...onQueue(queues.indexDeadLetters, "ApproximateNumberOfMessagesVisible"),
      above: 0,
    },
    OldestChange: {
      what: "an accepted change has waited for more than five minutes",
      ...onQueue(queues.changes, "ApproximateAgeOfOldestMessage"),
      above: 300,
    },
    OldestIntake: {
      what: "a message of another service has waited for more than five minutes",
      ...onQueue(queues.intake, "ApproximateAgeOfOldestMessage"),
      above: 300,
    },
    ConsumerErrors: {
      what: "the consumer crashed or ran out of time",
      ...onFunction(functions.consumer, "Errors"),
      above: 0,
    },
    ConsumerFailedChanges: {
      what: `changes fail repeatedly; after ${REDELIVERIES_MAX} deliveries they go to the dead-letter queue`,
      namespace: "AWS/Lambda",
      metric: "FailedInvokeEventCount",
      dimensions: { EventSourceMappingUUID: mappings.changes },
      statistic: "Sum",
      above: 10,
      minutes: 3,
    },
    IntakeErrors: {
      what: "the intake crashed or ran out of time",
      ...onFunction(functions.intake, "Errors"),
      above: 0,
    },
    EventsUndelivered: {
      what: "SNS could not deliver an event to a subscriber",
      ...onTopic(topics.events),
      above: 0,
    },
    IntakeUndelivered: {
      what: "SNS could not deliver another service's message to the intake",
      ...onTopic(topics.intake),
      above: 0,
    },
    Api5xx: {
      what: "the API answered more than five requests a minute with a server error",
      namespace: "AWS/ApiGateway",
      metric: "5xx",
      dimensions: { ApiId: api.nodes.api.id },
      statistic: "Sum",
      above: 5,
      minutes: 3,
    },
    ...alarmsOnFunctions(functions),
  };
}

function alarmsOnFunctions(functions: Functions): Record<string, Alarm> {
  return {
    UpstreamFailures: {
      what: "the upstream failed, and no copy could be served",
      ...ofOurs(functions.read, METRIC.upstreamFailures),
      above: 20,
      minutes: 3,
    },
    AnsweredLater: {
      what: "changes were not applied in the time that a client waits",
      ...ofOurs(functions.write, METRIC.answeredLater),
      above: 5,
      minutes: 3,
    },
    ...Object.fromEntries(
      (["Read", "Write", "Account", "Consumer", "Intake"] as const).map((name) => [
        `${name}Throttles`,
        {
          what: `the function "${name.toLowerCase()}" reached its concurrency limit, or the account's`,
          ...onFunction(functions[name.toLowerCase() as Lowercase<typeof name>], "Throttles"),
          above: 0,
          minutes: 3,
        },
      ]),
    ),
  };
}

function onQueue(queue: sst.aws.Queue, metric: string) {
  return {
    namespace: "AWS/SQS",
    metric,
    dimensions: { QueueName: queue.nodes.queue.name },
    statistic: "Maximum",
  } as const;
}

function onTopic(topic: sst.aws.SnsTopic) {
  return {
    namespace: "AWS/SNS",
    metric: "NumberOfNotificationsFailed",
    dimensions: { TopicName: topic.nodes.topic.name },
    statistic: "Sum",
  } as const;
}

function onFunction(fn: sst.aws.Function, metric: string) {
  return { namespace: "AWS/Lambda", metric, dimensions: { FunctionName: fn.name }, statistic: "Sum" } as const;
}

/** One of the metrics that the functions write into their logs. */
function ofOurs(fn: sst.aws.Function, metric: string) {
  return { namespace: METRICS_NAMESPACE, metric, dimensions: { service: fn.name }, statistic: "Sum" } as const;
}
