import { messageGroup, unpackMessage, type SqsDeadLetters } from "@codebox/aws";
import type { Change, Clock, Consumer, ObjectStore, Outcome, TimeLimit } from "@codebox/core";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

export type ConsumeParts = {
  readonly consumer: Consumer;
  /** Holds the bodies that did not fit a message. */
  readonly store: ObjectStore;
  readonly deadLetters: Pick<SqsDeadLetters, "put">;
  /** Hides failed messages for so many seconds, instead of the queue's own visibility time-out. */
  readonly pause: (records: readonly SQSRecord[], seconds: number) => Promise<void>;
  /** Deletes messages of a finished group at once, so that the group's next batch does not wait for the other groups. */
  readonly remove: (records: readonly SQSRecord[]) => Promise<void>;
  readonly clock: Clock;
  readonly log: ConsumeLog;
};
/** Of Lambda's context only the time that is left. */
export type Remaining = Pick<Context, "getRemainingTimeInMillis">;
export type ConsumeLog = {
  /** @param waitedMs milliseconds since the oldest of these changes was accepted */
  readonly applied: (name: string, outcomes: readonly Outcome[], waitedMs: number) => void;
  readonly failed: (group: string, error: unknown, messages: number) => void;
  readonly dead: (id: string, group: string, reason: string) => void;
  /** The invocation's time was nearly up: so many messages of the group are redelivered, after those that were applied. */
  readonly postponed: (group: string, messages: number) => void;
};

/**
 * Seconds before the 2nd, 3rd, … delivery of a failed message; the last one repeats. It bounds how long a package stays
 * behind after an outage, and how many of a message's `REDELIVERIES_MAX` receives an outage uses up: 96 a day.
 */
const PAUSES = [1, 4, 16, 60, 180, 900] as const;

/** Kept back of an invocation's time, in milliseconds, to report the groups that did not come to their end. */
const REPORT_MS = 4_000;

/**
 * Kept back of it for what follows the last change that begins, in milliseconds: the write, its events, the outcomes. The SDK's
 * longest attempt at these is 6 s.
 */
const WRITE_MS = 10_000;

/**
 * The consumer as the handler of an SQS event: each message group is one call of the consumer, so one read and one conditional
 * write a package, and the groups do not wait for each other.
 *
 * Own grouping instead of a batch processor's: those call a handler for each record, which would be a write a record.
 * A group that fails is reported from its first message on, so that SQS keeps its order; the other groups are not. A failure
 * never sends a change to the dead-letter queue, however often it repeats: the cause may be an outage or a broken deploy, and
 * later changes of the package would overtake it. Only a message that is no change goes there, with the reason; its group goes
 * on. When the time is nearly up, what a group has applied is written and deleted, and the rest is redelivered at once. A group
 * that does not end then counts as failed: running out of time would fail the other groups too.
 */
export function createConsumeHandler(
  parts: ConsumeParts,
): (event: SQSEvent, context?: Remaining) => Promise<SQSBatchResponse> {
  return async ({ Records }, context) => {
    const groups = Map.groupBy(Records, groupOf);
    const deadline = createDeadline(parts.clock, context);
    // Lambda deletes the messages when the last group is done; before that, a finished group would wait for the others.
    const working = new Set(groups.keys());
    try {
      const failed = await Promise.all(
        [...groups].map(([group, records]) => handleGroup(parts, group, records, { deadline, working })),
      );
      return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
    } finally {
      deadline.cancel();
    }
  };
}

type Deadline = Required<TimeLimit> & {
  /** Rejects when the time is up. */
  readonly passed: Promise<never>;
  cancel(): void;
};

function createDeadline(clock: Clock, context: Remaining | undefined): Deadline {
  const enough = new AbortController();
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
  if (context) {
    const left = context.getRemainingTimeInMillis();
    void clock.sleep(Math.max(0, left - WRITE_MS), cancelled.signal).then(() => enough.abort());
    void clock.sleep(Math.max(0, left - REPORT_MS), cancelled.signal).then(end);
  }
  return { enough: enough.signal, over: over.signal, passed, cancel: () => cancelled.abort() };
}

/** The records that shall be delivered again. */
async function handleGroup(
  parts: ConsumeParts,
  group: string,
  records: readonly SQSRecord[],
  { deadline, working }: { readonly deadline: Deadline; readonly working: Set<string> },
): Promise<readonly SQSRecord[]> {
  const settled = new Set<SQSRecord>();
  try {
    await Promise.race([applyGroup(parts, group, records, { settled, deadline }), deadline.passed]);
  } catch (error) {
    parts.log.failed(group, error, records.length);
    const open = records.filter((record) => !settled.has(record));
    working.delete(group);
    await attempt(parts, group, open, () => parts.pause(open, pauseBefore(open)));
    return open;
  }
  const open = records.filter((record) => !settled.has(record));
  if (open.length > 0) parts.log.postponed(group, open.length);
  const done = records.filter((record) => settled.has(record));
  // SQS delivers nothing of a group while messages of it are in flight.
  if (working.delete(group) && (working.size > 0 || open.length > 0))
    await attempt(parts, group, done, () => parts.remove(done));
  await attempt(parts, group, open, () => parts.pause(open, 0));
  return open;
}

/** The seconds before these messages are delivered again. */
function pauseBefore([first]: readonly SQSRecord[]): number {
  const receives = first ? receivesOf(first) : 1;
  return PAUSES[Math.min(receives, PAUSES.length) - 1] ?? 1;
}

/**
 * Runs what only saves time. When it fails, Lambda and the queue's own visibility time-out do the same later, so the failure
 * is logged and changes nothing.
 */
async function attempt(
  { log }: ConsumeParts,
  group: string,
  records: readonly SQSRecord[],
  job: () => Promise<void>,
): Promise<void> {
  if (records.length === 0) return;
  try {
    await job();
  } catch (error) {
    log.failed(group, error, records.length);
  }
}

/** Records are added to `settled` once they are applied or, being no changes, stand among the dead letters. */
async function applyGroup(
  parts: ConsumeParts,
  group: string,
  records: readonly SQSRecord[],
  { settled, deadline }: { readonly settled: Set<SQSRecord>; readonly deadline: Deadline },
): Promise<void> {
  const arrived: { readonly record: SQSRecord; readonly change: Change }[] = [];
  for (const record of records) {
    const change = await changeOf(parts, group, record);
    if (change) arrived.push({ record, change });
    else settled.add(record);
  }
  // Of one package, unless a name happens to be another's hash.
  for (const [name, batch] of Map.groupBy(arrived, ({ change }) => change.name)) {
    const changes = batch.map(({ change }) => change);
    const outcomes = await parts.consumer(name, changes, deadline);
    const accepted = Math.min(...changes.map(({ at }) => Date.parse(at)));
    parts.log.applied(name, outcomes, parts.clock.now().getTime() - accepted);
    for (const { record } of batch.slice(0, outcomes.length)) settled.add(record);
  }
}

/** The change of a record; `undefined` once one that is none is among the dead letters. */
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

function groupOf(record: SQSRecord): string {
  return record.attributes.MessageGroupId ?? "";
}

function receivesOf(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}
