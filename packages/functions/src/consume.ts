import { messageGroup, unpackMessage, type SqsDeadLetters } from "@codebox/aws";
import { RECEIVES_MAX, type Change, type Clock, type Consumer, type ObjectStore, type Outcome } from "@codebox/core";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

export type ConsumeParts = {
  readonly consumer: Consumer;
  /** Holds the bodies that did not fit a message. */
  readonly store: ObjectStore;
  readonly deadLetters: Pick<SqsDeadLetters, "put">;
  /** Hides failed messages for a while, sooner to come again than the queue's own visibility time-out. */
  readonly pause: (records: readonly SQSRecord[], seconds: number) => Promise<void>;
  readonly clock: Clock;
  readonly log: ConsumeLog;
};
/** Of Lambda's context only the time that is left. */
export type Remaining = Pick<Context, "getRemainingTimeInMillis">;
export type ConsumeLog = {
  readonly applied: (name: string, outcomes: readonly Outcome[]) => void;
  readonly failed: (group: string, error: unknown, messages: number) => void;
  readonly dead: (id: string, group: string, reason: string) => void;
};

/** Seconds before the 2nd, 3rd, … delivery of a failed message. Eight deliveries span some ten minutes of trouble. */
const PAUSES = [1, 4, 16, 64, 180] as const;

/** Kept back of an invocation's time, in milliseconds, to report the groups that did not come to their end. */
const REPORT_MS = 4_000;

/**
 * The consumer as the handler of an SQS event: each message group is one call of the consumer, so one read and one conditional
 * write a package, and the groups do not wait for each other.
 *
 * Own grouping instead of a batch processor's: those call a handler for each record, which would be a write a record.
 * A group that fails is reported from its first message on, so that SQS keeps its order; the other groups are not. A message that
 * is no change goes to the dead letters with the reason, and its group goes on. A group that is not done shortly before the
 * invocation's time is up counts as failed: running out of time would fail the others with it.
 */
export function createConsumeHandler(
  parts: ConsumeParts,
): (event: SQSEvent, context?: Remaining) => Promise<SQSBatchResponse> {
  return async ({ Records }, context) => {
    const groups = Map.groupBy(Records, groupOf);
    const deadline = createDeadline(parts.clock, context);
    try {
      const failed = await Promise.all(
        [...groups].map(([group, records]) => handleGroup(parts, group, records, deadline)),
      );
      return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
    } finally {
      deadline.cancel();
    }
  };
}

type Deadline = {
  /** Aborts when the time is up: what is still at work then begins no further step, now or when the environment thaws. */
  readonly signal: AbortSignal;
  /** Rejects when the time is up. */
  readonly passed: Promise<never>;
  cancel(): void;
};

function createDeadline(clock: Clock, context: Remaining | undefined): Deadline {
  const over = new AbortController();
  const cancelled = new AbortController();
  const passed = new Promise<never>((_, reject) => {
    over.signal.addEventListener("abort", () => reject(over.signal.reason));
  });
  // Every group may have ended before.
  passed.catch(() => undefined);
  const end = () => {
    if (!cancelled.signal.aborted)
      over.abort(new Error("the invocation's time was up before the changes were applied"));
  };
  if (context)
    void clock.sleep(Math.max(0, context.getRemainingTimeInMillis() - REPORT_MS), cancelled.signal).then(end);
  return { signal: over.signal, passed, cancel: () => cancelled.abort() };
}

/** The records that shall be delivered again. */
async function handleGroup(
  parts: ConsumeParts,
  group: string,
  records: readonly SQSRecord[],
  deadline: Deadline,
): Promise<readonly SQSRecord[]> {
  const dead = new Set<SQSRecord>();
  try {
    await Promise.race([applyGroup(parts, group, records, { dead, signal: deadline.signal }), deadline.passed]);
    return [];
  } catch (error) {
    parts.log.failed(group, error, records.length);
    const open = records.filter((record) => !dead.has(record));
    return giveBack(parts, group, open, error);
  }
}

/** Records that are no changes are added to `dead` once they stand among the dead letters. */
async function applyGroup(
  parts: ConsumeParts,
  group: string,
  records: readonly SQSRecord[],
  { dead, signal }: { readonly dead: Set<SQSRecord>; readonly signal: AbortSignal },
): Promise<void> {
  const changes: Change[] = [];
  for (const record of records) {
    const change = await changeOf(parts, group, record);
    if (change) changes.push(change);
    else dead.add(record);
  }
  // Of one package, unless a name happens to be another's hash.
  for (const [name, batch] of Map.groupBy(changes, (change) => change.name))
    parts.log.applied(name, await parts.consumer(name, batch, signal));
}

/** The change of a record; `undefined` once one that is none stands among the dead letters. */
async function changeOf(
  { store, deadLetters, log }: ConsumeParts,
  group: string,
  record: SQSRecord,
): Promise<Change | undefined> {
  const unpacked = await unpackMessage(store, record.body);
  const reason = unpacked.ok ? misplaced(unpacked.change, group) : unpacked.reason;
  if (unpacked.ok && reason === undefined) return unpacked.change;
  const letter = { body: record.body, group, id: record.messageId, receives: receivesOf(record) };
  await deadLetters.put({ ...letter, reason: reason ?? "" });
  log.dead(unpacked.ok ? unpacked.change.id : record.messageId, group, reason ?? "");
  return undefined;
}

/** A change in another package's group could overtake its own package's changes. */
function misplaced({ name }: Change, group: string): string | undefined {
  const expected = messageGroup(name);
  return group === expected
    ? undefined
    : `the MessageGroupId of a change of ${name} must be "${expected}", not "${group}"`;
}

/**
 * Those that were delivered often enough go to the dead letters, with the reason that SQS's own redrive would not know. In
 * their order: one that stays holds back all behind it.
 */
async function giveBack(
  { deadLetters, pause, log }: ConsumeParts,
  group: string,
  records: readonly SQSRecord[],
  error: unknown,
): Promise<readonly SQSRecord[]> {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  let dead = 0;
  try {
    for (const record of records) {
      const receives = receivesOf(record);
      if (receives < RECEIVES_MAX) break;
      await deadLetters.put({ body: record.body, group, id: record.messageId, reason, receives });
      log.dead(record.messageId, group, reason);
      dead++;
    }
    const [first] = records.slice(dead);
    if (first) await pause(records.slice(dead), PAUSES[Math.min(receivesOf(first), PAUSES.length) - 1] ?? 1);
  } catch (failure) {
    // They stay hidden for the queue's own time-out, and SQS's redrive policy goes on counting.
    log.failed(group, failure, records.length);
  }
  return records.slice(dead);
}

function groupOf(record: SQSRecord): string {
  return record.attributes.MessageGroupId ?? "";
}

function receivesOf(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}
