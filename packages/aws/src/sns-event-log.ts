import { PublishBatchCommand, type PublishBatchRequestEntry, type SNSClient } from "@aws-sdk/client-sns";
import type { ChangeEvent, EventLog } from "@codebox/core";
import { messageGroup, messageJson } from "./messages.ts";
import { messageOf } from "./failures.ts";

/** SNS's limits on PublishBatch. A topic may allow more bytes; every topic allows these. Source: SNS API reference, PublishBatch. */
const BATCH_ENTRIES = 10;
const BATCH_BYTES = 256 * 1024;
/** What a message's attributes and envelope add, at most, in bytes. */
const ENVELOPE_BYTES = 1_024;

/** Some events were not taken. They stay in their package's outbox and are announced again. */
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
      for (const batch of batches(events.map((event) => entryOf(event, fifo)))) await send(client, topicArn, batch);
    },
  };
}

async function send(client: SNSClient, topicArn: string, entries: PublishBatchRequestEntry[]): Promise<void> {
  const ids = entries.map(({ Message = "{}" }) => (JSON.parse(Message) as ChangeEvent).id);
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

function entryOf(event: ChangeEvent, fifo: boolean): Omit<PublishBatchRequestEntry, "Id"> {
  const text = (value: string) => ({ DataType: "String", StringValue: value });
  const scope = event.name.startsWith("@") ? event.name.slice(0, event.name.indexOf("/")) : "-";
  return {
    Message: messageJson(event),
    MessageAttributes: { type: text(event.type), name: text(event.name), scope: text(scope) },
    ...(fifo ? { MessageGroupId: messageGroup(event.name), MessageDeduplicationId: event.id } : {}),
  };
}

/** Cuts the entries, in order, into batches that SNS takes. */
function batches(entries: readonly Omit<PublishBatchRequestEntry, "Id">[]): PublishBatchRequestEntry[][] {
  const all: PublishBatchRequestEntry[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.Message ?? "") + ENVELOPE_BYTES;
    const current = all.at(-1);
    if (current && current.length < BATCH_ENTRIES && bytes + size <= BATCH_BYTES) {
      current.push({ ...entry, Id: String(current.length) });
      bytes += size;
    } else {
      all.push([{ ...entry, Id: "0" }]);
      bytes = size;
    }
  }
  return all;
}
