import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type Message,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { asClientError, resultsOf } from "./aws.ts";
import { ClientError } from "./errors.ts";
import { backOff, type Transport } from "./producer.ts";
import type { QueueHandler } from "./queue-handler.ts";

/** SQS's limits on SendMessageBatch. Source: SQS API reference. */
const LIMITS = { entries: 10, bytes: 1_000_000 };

/**
 * Sends changes to the intake queue of a registry on AWS, without the topic in front of it.
 *
 * @example createProducer({ transport: sqsTransport({ client: new SQSClient({}), queueUrl }) })
 */
export function sqsTransport({ client, queueUrl }: Queue): Transport {
  return {
    limits: LIMITS,
    async send(entries) {
      const Entries = entries.map(({ change, body, group }, index) => ({
        Id: String(index),
        MessageBody: body,
        MessageGroupId: group,
        MessageDeduplicationId: change.id,
      }));
      return resultsOf(entries, () => client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries })));
    },
  };
}

type Queue = { readonly client: SQSClient; readonly queueUrl: string };

/**
 * Receives events from a queue that is subscribed to the event topic, until `signal` aborts.
 *
 * @example await consumeQueue({ client: new SQSClient({}), queueUrl, handler: createQueueHandler({ consumer }), signal });
 * What the handler reports as failed stays in the queue, and comes again after the queue's visibility timeout. Give the queue a
 * dead-letter queue: a message that is no event goes there.
 * @throws ClientError `refused` when AWS refuses the receiver
 */
export async function consumeQueue(
  options: Queue & { readonly handler: QueueHandler; readonly signal: AbortSignal },
): Promise<void> {
  const { client, queueUrl, handler, signal } = options;
  for (let failures = 0; !signal.aborted;) {
    try {
      await once(client, queueUrl, handler, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      const known = error instanceof ClientError ? error : asClientError(error);
      if (known.code === "refused") throw known;
      failures++;
      await backOff(failures);
    }
  }
}

async function once(client: SQSClient, queueUrl: string, handler: QueueHandler, signal: AbortSignal): Promise<void> {
  const receive = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: 10,
    WaitTimeSeconds: 20,
    MessageSystemAttributeNames: ["ApproximateReceiveCount"],
  });
  const { Messages = [] } = await client.send(receive, { abortSignal: signal });
  if (Messages.length === 0) return;
  const { batchItemFailures } = await handler({ Records: Messages.map(recordOf) });
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const Entries = Messages.filter(({ MessageId = "" }) => !failed.has(MessageId)).map(({ ReceiptHandle }, index) => ({
    Id: String(index),
    ReceiptHandle,
  }));
  // A message whose deletion fails comes again, and is recognised by its sequence.
  if (Entries.length > 0) await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
}

function recordOf({ MessageId = "", Body = "", Attributes }: Message) {
  return {
    messageId: MessageId,
    body: Body,
    attributes: { ApproximateReceiveCount: Attributes?.ApproximateReceiveCount ?? "1" },
  };
}
