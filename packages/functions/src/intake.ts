import { unpackMessage, type SqsDeadLetters } from "@codebox/aws";
import { isRecord, type Change, type ChangeQueue, type ObjectStore, type Service } from "@codebox/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

export type IntakeParts = {
  readonly queue: ChangeQueue;
  readonly store: ObjectStore;
  /** The names of senders. */
  readonly services: readonly Service[];
  readonly deadLetters: Pick<SqsDeadLetters, "put">;
  readonly log: {
    readonly taken: (id: string, name: string, sender: string) => void;
    readonly dead: (id: string, reason: string) => void;
    readonly failed: (error: unknown) => void;
  };
};

/**
 * Takes changes of other services from a queue, raw or as SNS wraps them, and queues them for the consumer.
 *
 * The actor of a change is the sender of its message, as SQS names it; what the message says of an actor is ignored.
 * A message that is no change goes to the dead letters with the reason. A change that the consumer will refuse (a version that
 * does not exist, something that the sender may not do) is queued: its sender learns of it from `GET /-/changes/<id>`.
 * A failure holds back its own group only.
 */
export function createIntakeHandler(parts: IntakeParts): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async ({ Records }) => {
    const groups = Map.groupBy(Records, groupOf);
    const failed = await Promise.all([...groups.values()].map((records) => takeGroup(parts, records)));
    return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

function groupOf({ attributes }: SQSRecord): string {
  return attributes.MessageGroupId ?? "intake";
}

/** One after the other: the order of a package's changes is the order in which they were sent. */
async function takeGroup(parts: IntakeParts, records: readonly SQSRecord[]): Promise<readonly SQSRecord[]> {
  for (const [index, record] of records.entries()) {
    try {
      await take(parts, record);
    } catch (error) {
      parts.log.failed(error);
      return records.slice(index);
    }
  }
  return [];
}

async function take({ queue, store, services, deadLetters, log }: IntakeParts, record: SQSRecord): Promise<void> {
  const { messageId: id, body, attributes } = record;
  const actor = senderOf(attributes.SenderId, services);
  const unpacked = await unpackMessage(store, unwrapped(body), actor);
  if (unpacked.ok && unpacked.change.release === undefined) {
    await queue.send(unpacked.change);
    log.taken(unpacked.change.id, unpacked.change.name, actor.name);
    return;
  }
  const receives = Number(attributes.ApproximateReceiveCount);
  const reason = unpacked.ok ? "a release is made over HTTP: leave out the field release" : unpacked.reason;
  await deadLetters.put({ id, group: groupOf(record), body, receives, reason });
  log.dead(id, reason);
}

/**
 * Who sent a message, by the id that SQS gives to the sender: of an IAM user, or of a role with the session's name, which the
 * sender chooses. Without an entry in the settings the id is the name. Source: SQS API reference, ReceiveMessage, "SenderId".
 */
function senderOf(senderId: string, services: readonly Service[]): Change["actor"] {
  const [sender = ""] = senderId.split(":");
  return { kind: "service", name: services.find((service) => service.sender === sender)?.name ?? sender };
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
