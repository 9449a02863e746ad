import { ReceiveMessageCommand, type Message, type SQSClient } from "@aws-sdk/client-sqs";
import type { ChangeBatch, ChangeMessage, ChangeReceiver, ObjectStore } from "@codebox/core";
import { unpackMessage } from "./messages.ts";
import { unavailable } from "./sqs-change-queue.ts";
import { hideMessages, removeMessages } from "./sqs-batches.ts";
import type { SqsDeadLetters } from "./sqs-dead-letters.ts";

export type ReceiverPorts = {
  readonly client: SQSClient;
  readonly store: ObjectStore;
  readonly deadLetters: SqsDeadLetters;
};
export type ReceiverSettings = {
  readonly queueUrl: string;
  /** For how long SQS hides what was received. */
  readonly leaseSeconds: number;
  /** For how long a released group is hidden. */
  readonly pauseSeconds: number;
  /** Long polling; 0–20. */
  readonly waitSeconds: number;
};

/** SQS's limit on a receive, and on every batch call. */
const BATCH = 10;

/**
 * The `ChangeReceiver` port over a FIFO queue, for a consumer that is not a Lambda.
 *
 * A receive may bring several groups; they are handed out one at a time, and those that wait here keep their lease running.
 * Messages that are not changes go to the dead letters with the reason.
 */
export function createSqsChangeReceiver(ports: ReceiverPorts, settings: ReceiverSettings): ChangeReceiver {
  const { client } = ports;
  const { queueUrl, pauseSeconds } = settings;
  const inFlight = new Set<string>();
  let waiting: ChangeBatch[] = [];
  let poll: Promise<void> | undefined;
  const fill = async () => {
    try {
      waiting.push(...(await receive(ports, settings)));
    } finally {
      poll = undefined;
    }
  };
  const take = (max: number): ChangeBatch | undefined => {
    const next = waiting.find(({ group }) => !inFlight.has(group));
    if (!next) return undefined;
    const rest = next.messages.slice(max);
    waiting = waiting.flatMap((batch) =>
      batch !== next ? batch : rest.length > 0 ? { ...batch, messages: rest } : [],
    );
    inFlight.add(next.group);
    return { group: next.group, messages: next.messages.slice(0, max) };
  };
  return {
    async receive({ max, signal }) {
      const aborted = new Promise<"aborted">((resolve) => {
        signal.addEventListener("abort", () => resolve("aborted"), { once: true });
      });
      for (;;) {
        const batch = take(max);
        if (batch || signal.aborted) return batch;
        // Not cancelled: a request that is given up may still have taken messages, which would then be nobody's until their lease ends.
        poll ??= fill();
        if ((await Promise.race([poll, aborted])) === "aborted") return undefined;
      }
    },
    async acknowledge(batch) {
      await removeMessages(client, queueUrl, batch.messages);
      inFlight.delete(batch.group);
    },
    async release(batch) {
      // What else of the group waits here must not overtake it.
      const behind = waiting.filter(({ group }) => group === batch.group).flatMap(({ messages }) => messages);
      waiting = waiting.filter(({ group }) => group !== batch.group);
      await hideMessages(client, queueUrl, [...batch.messages, ...behind], pauseSeconds);
      inFlight.delete(batch.group);
    },
  };
}

async function receive({ client, store, deadLetters }: ReceiverPorts, settings: ReceiverSettings) {
  const { queueUrl, leaseSeconds, waitSeconds } = settings;
  const input = {
    QueueUrl: queueUrl,
    MaxNumberOfMessages: BATCH,
    VisibilityTimeout: leaseSeconds,
    WaitTimeSeconds: waitSeconds,
    MessageSystemAttributeNames: ["All" as const],
  };
  const { Messages = [] } = await client.send(new ReceiveMessageCommand(input)).catch((error: unknown) => {
    throw unavailable("nothing could be received", error);
  });
  const groups = new Map<string, ChangeMessage[]>();
  for (const message of Messages) {
    const body = message.Body ?? "";
    const group = message.Attributes?.MessageGroupId ?? "";
    const receives = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
    const receipt = message.ReceiptHandle ?? "";
    const unpacked = await unpackMessage(store, body);
    if (unpacked.ok) {
      const messages = groups.get(group) ?? [];
      groups.set(group, [...messages, { change: unpacked.change, receipt, receives }]);
      continue;
    }
    await deadLetters.put({ body, group, id: idOf(message), reason: unpacked.reason, receives });
    await removeMessages(client, queueUrl, [{ receipt }]);
  }
  return [...groups].map(([group, messages]): ChangeBatch => ({ group, messages }));
}

function idOf({ MessageId = "" }: Message): string {
  return MessageId;
}
