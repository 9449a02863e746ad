import { REDELIVERIES_MAX } from "../packages/core/src/domain/limits.ts";
import { DEAD_LETTER_DAYS, QUEUE_DAYS } from "../packages/core/src/layout.ts";
import type { Settings } from "./settings.ts";

/** Lambda recommends that a queue hides a message for six times its function's timeout. Source: "Using Lambda with Amazon SQS". */
const VISIBILITY = 6;
const DAY_SECONDS = 24 * 60 * 60;
/** SQS's maximum message size, in bytes. Its default may be a quarter of this. */
const MESSAGE_BYTES = 1024 * 1024;
const LONG_POLL_SECONDS = 20;

export type Queues = {
  readonly changes: sst.aws.Queue;
  /** Messages of other services, through the intake topic or sent directly. */
  readonly intake: sst.aws.Queue;
  readonly deadLetters: sst.aws.Queue;
};

/**
 * The FIFO queues: accepted changes, other services' messages, and the dead letters of both.
 *
 * They have high throughput (deduplication and limits by message group), are encrypted, and refuse plain HTTP.
 * @param timeouts Timeout in seconds of each queue's function.
 */
export function queues(timeouts: { readonly consumer: number; readonly intake: number }, settings: Settings): Queues {
  const deadLetters = fifo("DeadLetterQueue", { seconds: 30, days: DEAD_LETTER_DAYS }, settings);
  const dlq = { queue: deadLetters.arn, retry: REDELIVERIES_MAX };
  const changes = fifo("ChangeQueue", { seconds: VISIBILITY * timeouts.consumer, days: QUEUE_DAYS, dlq }, settings);
  const intake = fifo("IntakeQueue", { seconds: VISIBILITY * timeouts.intake, days: QUEUE_DAYS, dlq }, settings);
  new aws.sqs.RedriveAllowPolicy("DeadLetterQueueSources", {
    queueUrl: deadLetters.url,
    redriveAllowPolicy: $jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [changes.arn, intake.arn] }),
  });
  return { changes, intake, deadLetters };
}

type Shape = {
  /** How long a received message is hidden. */
  readonly seconds: number;
  /** How long a message is kept. */
  readonly days: number;
  readonly dlq?: { readonly queue: $util.Input<string>; readonly retry: number };
};

function fifo(name: string, { seconds, days, dlq }: Shape, { trial }: Settings): sst.aws.Queue {
  return new sst.aws.Queue(name, {
    fifo: true,
    visibilityTimeout: `${seconds} seconds`,
    ...(dlq === undefined ? {} : { dlq }),
    transform: {
      queue(args, opts) {
        args.deduplicationScope = "messageGroup";
        args.fifoThroughputLimit = "perMessageGroupId";
        args.sqsManagedSseEnabled = true;
        args.messageRetentionSeconds = days * DAY_SECONDS;
        args.maxMessageSize = MESSAGE_BYTES;
        args.receiveWaitTimeSeconds = LONG_POLL_SECONDS;
        // SST's `retain` keeps only buckets, but a queue may hold accepted changes.
        opts.retainOnDelete = !trial;
      },
    },
  });
}

/** The statement of a queue's policy that refuses plain HTTP. */
export function refusePlainHttp(queue: sst.aws.Queue): aws.types.input.iam.GetPolicyDocumentStatementArgs {
  return {
    effect: "Deny",
    principals: [{ type: "*", identifiers: ["*"] }],
    actions: ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
    resources: [queue.arn],
    conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
  };
}
