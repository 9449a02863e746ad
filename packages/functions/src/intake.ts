import { unpackMessage, type SqsDeadLetters } from "@codebox/aws";
import { isRecord, type ChangeQueue, type ObjectStore } from "@codebox/core";
import type { SNSEvent, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

export type IntakeParts = {
  readonly queue: ChangeQueue;
  readonly store: ObjectStore;
  readonly deadLetters: Pick<SqsDeadLetters, "put">;
  readonly log: {
    readonly taken: (id: string, name: string) => void;
    readonly dead: (id: string, reason: string) => void;
    readonly failed: (error: unknown) => void;
  };
};

type Arrival = {
  readonly id: string;
  readonly group: string;
  readonly body: string;
  readonly receives: number;
};

/**
 * Takes changes of other services, from a queue (raw or as SNS wraps them) or from a topic, and queues them for the consumer.
 *
 * A message that is no change goes to the dead letters with the reason. A change that the consumer will refuse (a version that
 * does not exist) is queued: its sender learns of it from `GET /-/changes/<id>`.
 * From a queue: a failure holds back its own group only. From a topic: a failure throws, and SNS delivers again.
 */
export function createIntakeHandler(parts: IntakeParts): (event: SQSEvent | SNSEvent) => Promise<SQSBatchResponse> {
  return async ({ Records }) => {
    const queued: SQSRecord[] = [];
    for (const record of Records) {
      if ("Sns" in record) {
        const { MessageId, Message } = record.Sns;
        await take(parts, { id: MessageId, group: "intake", body: Message, receives: 1 });
      } else queued.push(record);
    }
    const groups = Map.groupBy(queued, (record) => record.attributes.MessageGroupId ?? "");
    const failed = await Promise.all([...groups.values()].map((records) => takeGroup(parts, records)));
    return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

/** One after the other: the order of a package's changes is the order in which they were sent. */
async function takeGroup(parts: IntakeParts, records: readonly SQSRecord[]): Promise<readonly SQSRecord[]> {
  for (const [index, { messageId, body, attributes }] of records.entries()) {
    const group = attributes.MessageGroupId ?? "intake";
    try {
      await take(parts, { id: messageId, group, body, receives: Number(attributes.ApproximateReceiveCount) });
    } catch (error) {
      parts.log.failed(error);
      return records.slice(index);
    }
  }
  return [];
}

async function take({ queue, store, deadLetters, log }: IntakeParts, arrival: Arrival): Promise<void> {
  const unpacked = await unpackMessage(store, unwrapped(arrival.body));
  if (unpacked.ok) {
    await queue.send(unpacked.change);
    log.taken(unpacked.change.id, unpacked.change.name);
    return;
  }
  await deadLetters.put({ ...arrival, reason: unpacked.reason });
  log.dead(arrival.id, unpacked.reason);
}

/** What SNS wraps without raw delivery: `{"Type":"Notification","Message":"…"}`. */
function unwrapped(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (isRecord(value) && value["Type"] === "Notification" && typeof value["Message"] === "string")
      return value["Message"];
  } catch {
    // Not JSON: `unpackMessage` says so, with the reason that goes to the dead letters.
    return body;
  }
  return body;
}
