import {
  createConsumer,
  createPackumentReader,
  createStoredOutcomes,
  createWorker,
  type Change,
  type ChangeEvent,
  type createRelease,
  type ObjectStore,
} from "@codebox/core";
import { messageGroup } from "@codebox/aws";
import { createConsumeHandler } from "@codebox/functions";
import { openSqlite } from "@codebox/sqlite";
import {
  createMemoryBackend,
  fail,
  faultyEvents,
  faultyOutcomes,
  faultyQueue,
  faultyStore,
  fifoModel,
  openPolicy,
  type FaultSource,
  type FifoMessage,
  type ManualClock,
} from "@codebox/testing";
import type { SQSRecord } from "aws-lambda";
import { expect } from "vitest";

/** A registry whose parts fail at random. `clean` is the store behind the faults. */
export type World = {
  readonly clean: ObjectStore;
  readonly store: ObjectStore;
  readonly queue: { send(change: Change): Promise<void> };
  readonly outcomes: Parameters<typeof createRelease>[0]["outcomes"];
  /** Does what a consumer does in a moment. */
  turn(): Promise<void>;
  isIdle(): boolean;
  events(): Promise<readonly ChangeEvent[]>;
  close(): Promise<void>;
};

export type OpenWorld = (clock: ManualClock, faults: FaultSource) => Promise<World>;

/** One machine: SQLite, and the worker in the process. */
async function embedded(clock: ManualClock, faults: FaultSource): Promise<World> {
  const backend = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
  const store = faultyStore(backend.store, faults);
  const queue = faultyQueue(backend.queue, faults);
  const outcomes = faultyOutcomes(backend.outcomes, faults);
  const worker = createWorker({
    queue: { ...queue, isEmpty: backend.queue.isEmpty },
    consumer: createConsumer({
      store,
      outcomes,
      policy: openPolicy,
      events: faultyEvents(backend.events, faults),
      reader: createPackumentReader(store),
      clock,
    }),
    concurrency: 3,
    onFailure: () => {},
  });
  worker.start();
  return {
    clean: backend.store,
    store,
    queue,
    outcomes,
    turn: async () => undefined,
    isIdle: backend.queue.isEmpty,
    events: async () => (await backend.events.read(0, 10_000)).map(({ event }) => event),
    async close() {
      await worker.drain();
      await backend.close();
    },
  };
}

/** AWS: S3's outcomes, SQS FIFO, and two execution environments of the consumer, each with its own memory. */
async function aws(clock: ManualClock, faults: FaultSource): Promise<World> {
  const { store: clean } = createMemoryBackend({ clock });
  const store = faultyStore(clean, faults);
  const outcomes = createStoredOutcomes({ store, reader: createPackumentReader(store), clock });
  const model = fifoModel({ clock, visibilitySeconds: 180, maxReceiveCount: 1_000 });
  const announced: ChangeEvent[] = [];
  const events = faultyEvents({ publish: async (list) => void announced.push(...list) }, faults);
  const handlerOf = () =>
    createConsumeHandler({
      consumer: createConsumer({
        store,
        outcomes,
        events,
        policy: openPolicy,
        reader: createPackumentReader(store),
        clock,
      }),
      store,
      deadLetters: { put: async ({ reason }) => fail(new Error(`dead-lettered: ${reason}`)) },
      pause: async (records, seconds) => model.hide(idsOf(records), seconds),
      remove: async (records) => model.delete(idsOf(records)),
      clock,
      log: { applied: () => undefined, failed: () => undefined, dead: () => undefined, postponed: () => undefined },
    });
  const handlers = [handlerOf(), handlerOf()];
  const sent = new Set<string>();
  const send = async (change: Change) => {
    if (sent.has(change.id)) return;
    sent.add(change.id);
    model.send({ id: change.id, group: messageGroup(change.name), body: JSON.stringify(change) });
  };
  const running = new Set<Promise<void>>();
  const invoke = async () => {
    const messages = model.receive();
    const handler = handlers[Math.floor(faults.random() * handlers.length)];
    if (messages.length === 0 || !handler) return;
    const { batchItemFailures } = await handler({ Records: messages.map(recordOf) });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    model.delete(messages.map(({ id }) => id).filter((id) => !failed.has(id)));
  };
  return {
    clean,
    store,
    queue: faultyQueue({ send, receive: fail, acknowledge: fail, release: fail }, faults),
    outcomes,
    async turn() {
      const one = invoke().finally(() => running.delete(one));
      running.add(one);
    },
    isIdle: () => model.isEmpty() && running.size === 0,
    events: async () => announced,
    close: async () => expect(model.dead).toEqual([]),
  };
}

const idsOf = (records: readonly SQSRecord[]) => records.map(({ messageId }) => messageId);

function recordOf({ id, group, body, receives }: FifoMessage): SQSRecord {
  const attributes = { ApproximateReceiveCount: String(receives), MessageGroupId: group };
  return { messageId: id, receiptHandle: id, body, attributes } as unknown as SQSRecord;
}

/** Each shape of a registry, to make releases in. */
export const WORLDS = { embedded, aws } as const;
