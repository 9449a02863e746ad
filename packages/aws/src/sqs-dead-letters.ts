import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type MessageAttributeValue,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { REDELIVERIES_MAX, isRecord, type DeadLetter, type DeadLetters } from "@codebox/core";
import { messageGroup, sha256 } from "./messages.ts";
import { unavailable } from "./sqs-change-queue.ts";
import { hideMessages } from "./sqs-batches.ts";

/** Seconds for which a listing hides what it has seen, so that it sees each letter once. Given back when the listing ends. */
const HIDE_SECONDS = 60;
/** SQS's limit on a string attribute is the message's; a reason is for a person. */
const REASON_MAX = 1_000;

/** A message that no redelivery cures, on its way to the dead letters. */
export type Rejected = {
  readonly body: string;
  readonly group: string;
  /**
   * The message's id in the queue where it failed: makes putting it there twice harmless. Not the change's: redriven, the change
   * may fail again within the five minutes for which SQS drops what it has seen.
   */
  readonly id: string;
  readonly reason: string;
  /** How often it had been handed out. */
  readonly receives: number;
};

export type SqsDeadLetters = DeadLetters & {
  put(rejected: Rejected): Promise<void>;
};

export type DeadLetterSettings = {
  readonly deadLettersUrl: string;
  /** Where redriven ones go. */
  readonly queueUrl: string;
};

/**
 * Dead letters in a FIFO queue of their own: those that SQS moved after `REDELIVERIES_MAX` receives, and those that were put there with a reason.
 *
 * SQS can't be browsed: a listing receives what is there and gives it back. It shows at most ten letters of a message group,
 * the oldest; the next ones come to light once those are redriven. Two listings at a time see a part each.
 * @throws QueueUnavailable
 */
export function createSqsDeadLetters(
  client: SQSClient,
  { deadLettersUrl, queueUrl }: DeadLetterSettings,
): SqsDeadLetters {
  return {
    async put({ body, group, id, reason, receives }) {
      const attributes: Record<string, MessageAttributeValue> = {
        reason: { DataType: "String", StringValue: printable(reason.slice(0, REASON_MAX)) || "unknown" },
        id: { DataType: "String", StringValue: id },
        receives: { DataType: "Number", StringValue: String(receives) },
      };
      const message = {
        QueueUrl: deadLettersUrl,
        MessageBody: body,
        MessageGroupId: group,
        MessageDeduplicationId: sha256(`dead ${id} ${receives}`),
        MessageAttributes: attributes,
      };
      await client.send(new SendMessageCommand(message)).catch((error: unknown) => {
        throw unavailable(`${id} was not put among the dead letters`, error);
      });
    },
    async *list() {
      const seen: Message[] = [];
      try {
        for await (const message of receiveAll(client, deadLettersUrl, seen)) yield letterOf(message);
      } finally {
        await giveBack(client, deadLettersUrl, seen);
      }
    },
    async redrive(id) {
      const seen: Message[] = [];
      try {
        for await (const message of receiveAll(client, deadLettersUrl, seen)) {
          if (letterOf(message).id !== id) continue;
          await resend(client, queueUrl, message);
          await client.send(
            new DeleteMessageCommand({ QueueUrl: deadLettersUrl, ReceiptHandle: message.ReceiptHandle }),
          );
          seen.splice(seen.indexOf(message), 1);
          return true;
        }
        return false;
      } finally {
        await giveBack(client, deadLettersUrl, seen);
      }
    },
  };
}

async function* receiveAll(client: SQSClient, queueUrl: string, seen: Message[]): AsyncGenerator<Message> {
  for (;;) {
    const input = {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: HIDE_SECONDS,
      WaitTimeSeconds: 1,
      MessageSystemAttributeNames: ["All" as const],
      MessageAttributeNames: ["All"],
    };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(input)).catch((error: unknown) => {
      throw unavailable("the dead letters can't be read", error);
    });
    if (Messages.length === 0) return;
    seen.push(...Messages);
    yield* Messages;
  }
}

/**
 * Behind what waits, in its package's own group: an intake message may have come in another. Its deduplication id is new, or SQS would drop it when the change was sent within the last five minutes;
 * and the same for a second try of this redrive, which SQS then drops.
 */
async function resend(client: SQSClient, queueUrl: string, message: Message): Promise<void> {
  const input = {
    QueueUrl: queueUrl,
    MessageBody: message.Body ?? "",
    MessageGroupId: groupOf(message),
    MessageDeduplicationId: sha256(`redrive ${message.MessageId}`),
  };
  await client.send(new SendMessageCommand(input)).catch((error: unknown) => {
    throw unavailable("the dead letter was not put back into the queue", error);
  });
}

function groupOf({ Body = "", Attributes }: Message): string {
  const body = bodyOf(Body);
  const name = isRecord(body) ? body["name"] : undefined;
  return typeof name === "string" ? messageGroup(name) : (Attributes?.MessageGroupId ?? "");
}

function giveBack(client: SQSClient, queueUrl: string, messages: readonly Message[]): Promise<void> {
  const receipts = messages.map(({ ReceiptHandle = "" }) => ({ receipt: ReceiptHandle }));
  return hideMessages(client, queueUrl, receipts, 0);
}

function letterOf({ Body = "", MessageId = "", Attributes, MessageAttributes }: Message): DeadLetter {
  const body = bodyOf(Body);
  const id = isRecord(body) && typeof body["id"] === "string" ? body["id"] : MessageAttributes?.["id"]?.StringValue;
  const sent = Number(Attributes?.SentTimestamp ?? 0);
  return {
    id: id ?? MessageId,
    group: Attributes?.MessageGroupId ?? "",
    body,
    reason:
      MessageAttributes?.["reason"]?.StringValue ??
      `received ${REDELIVERIES_MAX} times without success; the consumer's log says why`,
    receives: Number(MessageAttributes?.["receives"]?.StringValue ?? Attributes?.ApproximateReceiveCount ?? 0),
    at: new Date(sent).toISOString(),
  };
}

/** The body as JSON where it is JSON: not every dead letter is. */
function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A reason may quote what was sent, and an attribute takes neither control characters nor half a surrogate pair. */
function printable(text: string): string {
  return text.toWellFormed().replaceAll(/[^\t\n\r\u0020-\uFFFD]/g, "\uFFFD");
}
