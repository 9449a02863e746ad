import { ChangeMessageVisibilityBatchCommand, DeleteMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { QueueUnavailable } from "@codebox/core";
import { unavailable } from "./sqs-change-queue.ts";

/** SQS's limit on the entries of a batch request. */
const BATCH = 10;

/** Gives messages back, to be received again after `seconds`. */
export async function hideMessages(
  client: SQSClient,
  queueUrl: string,
  messages: readonly { readonly receipt: string }[],
  seconds: number,
) {
  for (let at = 0; at < messages.length; at += BATCH) {
    const Entries = messages.slice(at, at + BATCH).map(({ receipt }, index) => ({
      Id: String(index),
      ReceiptHandle: receipt,
      VisibilityTimeout: seconds,
    }));
    const answer = await client
      .send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }))
      .catch((error: unknown) => {
        throw unavailable("messages were not given back; they come again when their lease ends", error);
      });
    const [failed] = answer.Failed ?? [];
    if (failed) throw new QueueUnavailable(`a message was not given back: ${failed.Code ?? "unknown"}`);
  }
}

/** Deletes messages for good. */
export async function removeMessages(
  client: SQSClient,
  queueUrl: string,
  messages: readonly { readonly receipt: string }[],
): Promise<void> {
  for (let at = 0; at < messages.length; at += BATCH) {
    const Entries = messages
      .slice(at, at + BATCH)
      .map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt }));
    const answer = await client
      .send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }))
      .catch((error: unknown) => {
        throw unavailable("messages were not removed, and come again", error);
      });
    const [failed] = answer.Failed ?? [];
    if (failed) throw new QueueUnavailable(`messages were not removed, and come again: ${failed.Code ?? "unknown"}`);
  }
}
