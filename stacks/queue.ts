import { REDELIVERIES_MAX } from "../packages/core/src/domain/limits.ts";
import { DEAD_LETTER_DAYS, QUEUE_DAYS } from "../packages/core/src/layout.ts";
import type { Functions } from "./functions.ts";
import type { FunctionName } from "./rights.ts";
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
  /** What the consumer could not apply. Only our functions send changes and dead letters, so a redriven one is believed. */
  readonly deadLetters: sst.aws.Queue;
  /** What the intake could not take. Apart, because its messages' actors are not checked: they are redriven to the intake. */
  readonly intakeDeadLetters: sst.aws.Queue;
  /** Events for the search index. In any order: an event only says which package to read. */
  readonly index: sst.aws.Queue;
  readonly indexDeadLetters: sst.aws.Queue;
};

/**
 * The queues: accepted changes, other services' messages, and the dead letters of each.
 *
 * They are FIFO with high throughput (deduplication and limits by message group), but those of the search index. All are encrypted,
 * and refuse plain HTTP.
 * @param timeoutOf The timeout in seconds of a queue's function.
 */
export function queues(timeoutOf: (name: FunctionName) => number, settings: Settings): Queues {
  const make = (name: string, deadLetterName: string, to: FunctionName) => {
    const dead = fifo(deadLetterName, { seconds: 30, days: DEAD_LETTER_DAYS }, settings);
    const dlq = { queue: dead.arn, retry: REDELIVERIES_MAX };
    const queue = fifo(name, { seconds: VISIBILITY * timeoutOf(to), days: QUEUE_DAYS, dlq }, settings);
    new aws.sqs.RedriveAllowPolicy(`${deadLetterName}Sources`, {
      queueUrl: dead.url,
      redriveAllowPolicy: $jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [queue.arn] }),
    });
    return [queue, dead] as const;
  };
  const [changes, deadLetters] = make("ChangeQueue", "DeadLetterQueue", "consumer");
  const [intake, intakeDeadLetters] = make("IntakeQueue", "IntakeDeadLetterQueue", "intake");
  const indexDeadLetters = standard("IndexDeadLetterQueue", { seconds: 30, days: DEAD_LETTER_DAYS }, settings);
  const dlq = { queue: indexDeadLetters.arn, retry: INDEX_RECEIVES_MAX };
  const index = standard("IndexQueue", { seconds: VISIBILITY * timeoutOf("indexer"), days: INDEX_DAYS, dlq }, settings);
  return { changes, intake, deadLetters, intakeDeadLetters, index, indexDeadLetters };
}

/** Days for which an event waits for the indexer. After a longer outage the index is built again. */
const INDEX_DAYS = 4;
/** Receives of an event: at six minutes each, some ten hours. */
const INDEX_RECEIVES_MAX = 100;

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

/** A queue without order. */
function standard(name: string, { seconds, days, dlq }: Shape, { trial }: Settings): sst.aws.Queue {
  return new sst.aws.Queue(name, {
    visibilityTimeout: `${seconds} seconds`,
    ...(dlq === undefined ? {} : { dlq }),
    transform: {
      queue(args, opts) {
        args.sqsManagedSseEnabled = true;
        args.messageRetentionSeconds = days * DAY_SECONDS;
        args.receiveWaitTimeSeconds = LONG_POLL_SECONDS;
        opts.retainOnDelete = !trial;
      },
    },
  });
}

type Statement = aws.types.input.iam.GetPolicyDocumentStatementArgs;

/** The statement of a queue's policy that refuses plain HTTP. */
export function refusePlainHttp(queue: sst.aws.Queue): Statement {
  return {
    effect: "Deny",
    principals: [{ type: "*", identifiers: ["*"] }],
    actions: ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
    resources: [queue.arn],
    conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
  };
}

/**
 * The policies of the queues whose messages are believed: nobody but these functions and the operators may send to them, whatever
 * another policy allows. SQS moves a message to its dead-letter queue without this right.
 */
export function closeQueues({ changes, deadLetters }: Queues, functions: Functions, { operators }: Settings): void {
  const policy = (name: string, queue: sst.aws.Queue, senders: readonly FunctionName[]) => {
    const roles = senders.map((sender) => functions[sender].nodes.role.arn);
    const statement: Statement = {
      effect: "Deny",
      principals: [{ type: "*", identifiers: ["*"] }],
      actions: ["sqs:SendMessage"],
      resources: [queue.arn],
      // Also true for a request without this key, as that of an AWS service.
      conditions: [{ test: "ArnNotEquals", variable: "aws:PrincipalArn", values: [...roles, ...operators] }],
    };
    const document = aws.iam.getPolicyDocumentOutput({ statements: [refusePlainHttp(queue), statement] });
    new aws.sqs.QueuePolicy(name, { queueUrl: queue.url, policy: document.json });
  };
  policy("ChangeQueuePolicy", changes, ["write", "intake", "redrive"]);
  policy("DeadLetterQueuePolicy", deadLetters, ["consumer"]);
}
