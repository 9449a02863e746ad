import { SendMessageBatchCommand, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { QueueUnavailable, type Change, type ChangeQueue, type ObjectStore } from "@codebox/core";
import { batchesOf } from "./batches.ts";
import { isUnavailable, messageOf } from "./failures.ts";
import { MESSAGE_BYTES_MAX, messageGroup, packMessage } from "./messages.ts";

/** SQS's limits on a batch. Source: SQS API reference, SendMessageBatch. */
const LIMITS = { entries: 10, bytes: MESSAGE_BYTES_MAX };

export type SqsQueuePorts = {
  readonly client: SQSClient;
  /** Holds the bodies that do not fit a message. */
  readonly store: ObjectStore;
};

/** The sending end over SQS, for one change and for many. */
export type SqsChangeQueue = ChangeQueue & {
  /** Sends changes in their order. Throws `QueueUnavailable` naming those that were not taken; nothing after them was sent. */
  sendBatch(changes: readonly Change[]): Promise<void>;
};

/**
 * The `ChangeQueue` port over a FIFO queue: the group is the package's name, the deduplication id the change's.
 *
 * @example await createSqsChangeQueue({ client, store }, { queueUrl }).send(change);
 */
export function createSqsChangeQueue(
  { client, store }: SqsQueuePorts,
  { queueUrl }: { readonly queueUrl: string },
): SqsChangeQueue {
  const entryOf = async (change: Change) => ({
    MessageBody: await packMessage(store, change),
    MessageGroupId: messageGroup(change.name),
    MessageDeduplicationId: change.id,
  });
  return {
    async send(change) {
      const entry = await entryOf(change);
      try {
        await client.send(new SendMessageCommand({ QueueUrl: queueUrl, ...entry }));
      } catch (error) {
        throw unavailable(`${change.id} may not have been queued`, error);
      }
    },
    async sendBatch(changes) {
      const entries = await Promise.all(changes.map(entryOf));
      const bytesOf = ({ MessageBody }: Entry) => Buffer.byteLength(MessageBody);
      for (const batch of batchesOf(entries, LIMITS, bytesOf)) await sendBatch(client, queueUrl, batch);
    },
  };
}

type Entry = {
  readonly MessageBody: string;
  readonly MessageGroupId: string;
  readonly MessageDeduplicationId: string;
};

async function sendBatch(client: SQSClient, queueUrl: string, batch: readonly Entry[]): Promise<void> {
  const ids = batch.map(({ MessageDeduplicationId }) => MessageDeduplicationId);
  const Entries = batch.map((entry, index) => ({ ...entry, Id: String(index) }));
  const answer = await client
    .send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }))
    .catch((error: unknown) => {
      throw unavailable(`${ids.join(", ")} may not have been queued`, error);
    });
  const failed = answer.Failed ?? [];
  if (failed.length === 0) return;
  const which = failed.map(({ Id, Code }) => `${ids[Number(Id)] ?? Id} (${Code ?? "unknown"})`);
  throw new QueueUnavailable(`the queue did not take ${which.join(", ")}`);
}

/** What another try may cure becomes `QueueUnavailable`; a mistake of the installation surfaces as it is. */
export function unavailable(what: string, error: unknown): unknown {
  return isUnavailable(error) ? new QueueUnavailable(`SQS: ${what}: ${messageOf(error)}`, { cause: error }) : error;
}
