import { parseEvent, type Consumer } from "./consumer.ts";
import type { ChangeEvent } from "./messages.ts";

/** A message of a queue, as Lambda's event source mapping delivers it. */
export type QueueRecord = {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: { readonly ApproximateReceiveCount: string };
};

/** A handler for Lambda with `ReportBatchItemFailures`, and for `consumeQueue`. */
export type QueueHandler = (event: { readonly Records: readonly QueueRecord[] }) => Promise<{
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}>;

export type QueueHandlerOptions = {
  readonly consumer: Consumer;
  /**
   * How often an event is delivered until missing ones before it are given up, which `onGap` of the consumer hears. Fewer than the
   * queue's `maxReceiveCount`. Default: 5.
   */
  readonly gapReceives?: number;
  /** Called for a message that was not handled and comes again: no event, or one whose handling failed. */
  readonly onFailure?: (error: unknown, record: QueueRecord) => void;
};

/**
 * Handles messages of a queue that is subscribed to the event topic, with raw delivery or without. Packages do not wait for each
 * other; an event that is early goes back to the queue.
 *
 * @example export const handler = createQueueHandler({ consumer }); // a Lambda function
 */
export function createQueueHandler({ consumer, gapReceives = 5, onFailure }: QueueHandlerOptions): QueueHandler {
  return async ({ Records }) => {
    const failed: QueueRecord[] = [];
    const fail = (error: unknown, record: QueueRecord) => {
      failed.push(record);
      onFailure?.(error, record);
    };
    const read = Records.flatMap((record): Received[] => {
      try {
        return [{ record, event: parseEvent(bodyOf(record)) }];
      } catch (error) {
        fail(error, record);
        return [];
      }
    });
    const packages = new Map<string, Received[]>();
    for (const one of read) packages.set(one.event.name, [...(packages.get(one.event.name) ?? []), one]);
    await Promise.all(
      [...packages.values()].map(async (received) => {
        for (const { record, event } of received.sort((a, b) => a.event.sequence - b.event.sequence)) {
          const isLast = Number(record.attributes.ApproximateReceiveCount) >= gapReceives;
          try {
            if ((await consumer.take(event, { isLast })) === "early") failed.push(record);
          } catch (error) {
            fail(error, record);
          }
        }
      }),
    );
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

type Received = { readonly record: QueueRecord; readonly event: ChangeEvent };

/** The event in a body: raw, or as SNS wraps it: `{"Type":"Notification","Message":"…"}`. */
function bodyOf({ body }: QueueRecord): unknown {
  const value = JSON.parse(body) as { readonly Type?: unknown; readonly Message?: unknown } | null;
  return value?.Type === "Notification" && typeof value.Message === "string" ? JSON.parse(value.Message) : value;
}
