import { PublishBatchCommand, type PublishBatchRequestEntry, type SNSClient } from "@aws-sdk/client-sns";
import type { ChangeEvent, EventLog } from "@codebox/core";
import { batchesOf } from "./batches.ts";
import { messageGroup, messageJson } from "./messages.ts";
import { messageOf } from "./failures.ts";

/** SNS's limits on PublishBatch. A topic may allow more bytes; every topic allows these. Source: SNS API reference, PublishBatch. */
const LIMITS = { entries: 10, bytes: 256 * 1024 };
/** What a message's attributes and envelope add, at most, in bytes. */
const ENVELOPE_BYTES = 1_024;

/** Some events were not accepted. They stay in their package's outbox and are sent again. */
export class EventLogUnavailable extends Error {
  override readonly name = "EventLogUnavailable";
}

/**
 * The `EventLog` port over an SNS topic, standard or FIFO.
 *
 * A message is the event as JSON. Its attributes, for filter policies: `type` (`tag.put`), `name` (`@acme/wire`) and `scope`
 * (`@acme`, or `-` for none).
 * @throws EventLogUnavailable naming the events that were not taken; earlier ones were.
 */
export function createSnsEventLog(client: SNSClient, { topicArn }: { readonly topicArn: string }): EventLog {
  const fifo = topicArn.endsWith(".fifo");
  return {
    async publish(events) {
      const entries = events.map((event) => entryOf(event, fifo));
      const bytesOf = ({ Message }: Entry) => Buffer.byteLength(Message) + ENVELOPE_BYTES;
      for (const batch of batchesOf(entries, LIMITS, bytesOf)) await send(client, topicArn, batch);
    },
  };
}

type Entry = Omit<PublishBatchRequestEntry, "Id"> & { readonly Message: string };

async function send(client: SNSClient, topicArn: string, batch: readonly Entry[]): Promise<void> {
  const entries = batch.map((entry, index) => ({ ...entry, Id: String(index) }));
  const ids = entries.map(({ Message }) => (JSON.parse(Message) as ChangeEvent).id);
  const answer = await client
    .send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: entries }))
    .catch((error: unknown) => {
      throw new EventLogUnavailable(`SNS took none of ${ids.join(", ")}: ${messageOf(error)}`, { cause: error });
    });
  const failed = answer.Failed ?? [];
  if (failed.length === 0) return;
  const which = failed.map(({ Id, Code, Message }) => `${ids[Number(Id)] ?? Id} (${Code ?? ""} ${Message ?? ""})`);
  throw new EventLogUnavailable(`SNS did not take ${which.join(", ")}`);
}

function entryOf(event: ChangeEvent, fifo: boolean): Entry {
  const text = (value: string) => ({ DataType: "String", StringValue: value });
  const scope = event.name.startsWith("@") ? event.name.slice(0, event.name.indexOf("/")) : "-";
  return {
    Message: messageJson(event),
    MessageAttributes: { type: text(event.type), name: text(event.name), scope: text(scope) },
    ...(fifo ? { MessageGroupId: messageGroup(event.name), MessageDeduplicationId: event.id } : {}),
  };
}
