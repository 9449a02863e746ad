import { SendMessageBatchCommand, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { QueueUnavailable, type Change, type ChangeQueue, type ObjectStore } from "@codebox/core";
import { isUnavailable, messageOf } from "./failures.ts";
import { MESSAGE_BYTES_MAX, messageGroup, packMessage } from "./messages.ts";

/** SQS's limit on a batch. Source: SQS API reference, SendMessageBatch. */
const BATCH_ENTRIES = 10;

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
      for (const batch of batches(entries)) await sendBatch(client, queueUrl, batch);
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

/** Cuts entries, in order, into batches of at most ten and at most 1 MiB in all. */
function batches(entries: readonly Entry[]): Entry[][] {
  const all: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.MessageBody);
    const current = all.at(-1);
    if (current && current.length < BATCH_ENTRIES && bytes + size <= MESSAGE_BYTES_MAX) {
      current.push(entry);
      bytes += size;
    } else {
      all.push([entry]);
      bytes = size;
    }
  }
  return all;
}

/** What another try may cure becomes `QueueUnavailable`; a mistake of the installation surfaces as it is. */
export function unavailable(what: string, error: unknown): unknown {
  return isUnavailable(error) ? new QueueUnavailable(`SQS: ${what}: ${messageOf(error)}`, { cause: error }) : error;
}
