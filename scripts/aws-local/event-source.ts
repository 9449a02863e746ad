// A queue's event source mapping, like Lambda's: receives messages, invokes the function with an SQS event, and deletes the messages that it
// did not report as failed.
import { DeleteMessageBatchCommand, ReceiveMessageCommand, type Message, type SQSClient } from "@aws-sdk/client-sqs";
import { systemClock } from "@codebox/system";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

export type EventSource = {
  /** Stops receiving. Resolves when all running invocations have ended. */
  stop(): Promise<void>;
};

export type EventSourceSettings = {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly handler: (event: SQSEvent) => Promise<SQSBatchResponse>;
  /** Called when an invocation threw: all its messages are delivered again. */
  readonly onError: (error: unknown) => void;
};

/** Lambda's batch for a FIFO queue, and SQS's limit. */
const BATCH = 10;

/** Pause between two polls of the queue while an invocation runs, in milliseconds. */
const BUSY_MS = 50;

/**
 * One loop receives, because the emulator gives one group to two competing receivers. The loop does not wait for the invocations. SQS
 * delivers no other message of a group while its messages are in flight, so each group is in one invocation at a time.
 */
export function startEventSource({ sqs, queueUrl, handler, onError }: EventSourceSettings): EventSource {
  let stopped = false;
  const running = new Set<Promise<void>>();
  const invoke = async (messages: readonly Message[]) => {
    try {
      const { batchItemFailures } = await handler({ Records: messages.map((message) => recordOf(message, queueUrl)) });
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      await remove(
        sqs,
        queueUrl,
        messages.filter(({ MessageId = "" }) => !failed.has(MessageId)),
      );
    } catch (error) {
      onError(error);
    }
  };
  const receive = async (): Promise<readonly Message[]> => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: BATCH,
        // The emulator's long poll does not wake up when a group becomes free again. SQS's does.
        WaitTimeSeconds: running.size > 0 ? 0 : 1,
        MessageSystemAttributeNames: ["All"],
      }),
    );
    return Messages;
  };
  const loop = async () => {
    while (!stopped) {
      try {
        const messages = await receive();
        if (messages.length === 0) {
          await Promise.race([...running, systemClock.sleep(BUSY_MS)]);
          continue;
        }
        const invocation = invoke(messages).finally(() => running.delete(invocation));
        running.add(invocation);
      } catch (error) {
        onError(error);
      }
    }
  };
  const looping = loop();
  return {
    async stop() {
      stopped = true;
      await looping;
      await Promise.all(running);
    },
  };
}

function recordOf(message: Message, queueUrl: string): SQSRecord {
  return {
    messageId: message.MessageId ?? "",
    receiptHandle: message.ReceiptHandle ?? "",
    body: message.Body ?? "",
    attributes: message.Attributes as unknown as SQSRecord["attributes"],
    messageAttributes: {},
    md5OfBody: message.MD5OfBody ?? "",
    eventSource: "aws:sqs",
    eventSourceARN: queueUrl,
    awsRegion: "eu-central-1",
  };
}

async function remove(sqs: SQSClient, queueUrl: string, messages: readonly Message[]): Promise<void> {
  if (messages.length === 0) return;
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  if (Failed.length > 0) throw new Error(`${Failed.length} messages could not be deleted: ${Failed[0]?.Message ?? ""}`);
}
