import {
  createConsumer,
  createPackumentReader,
  indexKey,
  parsePackument,
  REDELIVERIES_MAX,
  stateOf,
  StoreUnavailable,
  type Change,
  type EventLog,
  type ObjectStore,
} from "@codebox/core";
import { messageGroup } from "@codebox/aws";
import { createConsumeHandler } from "@codebox/functions";
import { openSqlite } from "@codebox/sqlite";
import { fail, fifoModel, manualClock, openPolicy, publishOf, stage, tagPut, type FifoMessage } from "@codebox/testing";
import type { SQSRecord } from "aws-lambda";
import { expect, test } from "vitest";

const PACKAGES = ["wire", "cable"] as const;
const OUTAGE_MS = 6 * 60 * 60 * 1_000;
/** The longest pause between two deliveries is 15 minutes: so late can the first one after the outage be. */
const CATCH_UP_MS = 16 * 60 * 1_000;
const STEP_MS = 5_000;
const CHANGE_EVERY_MS = 10 * 60 * 1_000;

type Outage = "none" | "S3" | "S3 denies access" | "SNS" | "KMS" | "throttled consumers" | "a crashing deploy";

/** A change is sent every ten minutes; the consumer is invoked as Lambda's event source mapping does it. */
async function simulate(outage: Outage) {
  const clock = manualClock();
  const backend = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
  let down = false;
  const broken = (what: Outage) => down && outage === what;
  const store = failing(backend.store, () => {
    if (broken("S3")) throw new StoreUnavailable("S3: SlowDown");
    if (broken("KMS")) throw new StoreUnavailable("KMS: ThrottlingException");
    if (broken("S3 denies access")) throw new Error("AccessDenied");
  });
  const announced: string[] = [];
  const events: EventLog = {
    async publish(list) {
      if (broken("SNS")) throw new Error("SNS: InternalError");
      announced.push(...list.filter(({ type }) => type === "tag.put").map(({ id }) => id));
    },
  };
  const queue = fifoModel({ clock, visibilitySeconds: 180, maxReceiveCount: REDELIVERIES_MAX });
  const handler = createConsumeHandler({
    consumer: createConsumer({
      ...backend,
      store,
      events,
      reader: createPackumentReader(store),
      policy: openPolicy,
      clock,
    }),
    store,
    deadLetters: { put: async ({ reason }) => fail(new Error(`dead-lettered: ${reason}`)) },
    pause: async (records, seconds) => queue.hide(idsOf(records), seconds),
    remove: async (records) => queue.delete(idsOf(records)),
    clock,
    log: { applied: () => undefined, failed: () => undefined, dead: () => undefined, postponed: () => undefined },
  });
  const invoke = async () => {
    const messages = queue.receive();
    if (messages.length === 0 || broken("throttled consumers") || broken("a crashing deploy")) return;
    const { batchItemFailures } = await handler({ Records: messages.map(recordOf) });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    queue.delete(messages.map(({ id }) => id).filter((id) => !failed.has(id)));
  };
  const sent: Change[] = [];
  const send = (change: Change) => {
    sent.push(change);
    queue.send({ id: change.id, group: messageGroup(change.name), body: JSON.stringify(change) });
  };
  for (const name of PACKAGES)
    for (const version of ["1.0.0", "2.0.0"]) {
      const change = publishOf(name, version);
      await stage(backend.store, change);
      send(change);
    }
  await invoke();
  down = true;
  for (let passed = 0; passed < OUTAGE_MS; passed += STEP_MS) {
    if (passed % CHANGE_EVERY_MS === 0)
      for (const name of PACKAGES) send(tagPut(name, "next", passed % (2 * CHANGE_EVERY_MS) === 0 ? "1.0.0" : "2.0.0"));
    await invoke();
    await clock.advance(STEP_MS);
  }
  down = false;
  for (let passed = 0; passed < CATCH_UP_MS && !queue.isEmpty(); passed += STEP_MS) {
    await invoke();
    await clock.advance(STEP_MS);
  }
  const packument = async (name: string) => {
    const found = await backend.store.get(indexKey(name));
    return found && "bytes" in found ? parsePackument(name, found.bytes) : undefined;
  };
  const packuments = await Promise.all(PACKAGES.map(packument));
  await backend.close();
  return { queue, sent, announced, packuments };
}

const idsOf = (records: readonly SQSRecord[]) => records.map(({ messageId }) => messageId);

function recordOf({ id, group, body, receives }: FifoMessage): SQSRecord {
  const attributes = { ApproximateReceiveCount: String(receives), MessageGroupId: group };
  return { messageId: id, receiptHandle: id, body, attributes } as unknown as SQSRecord;
}

/** The store, whose every operation runs `check` first. */
function failing(store: ObjectStore, check: () => void): ObjectStore {
  const guard =
    <Arguments extends unknown[], Result>(call: (...rest: Arguments) => Promise<Result>) =>
    async (...rest: Arguments): Promise<Result> => {
      check();
      return call(...rest);
    };
  return {
    get: guard(store.get),
    open: guard(store.open),
    head: guard(store.head),
    put: guard(store.put),
    copy: guard(store.copy),
    delete: guard(store.delete),
    list: guard(store.list),
    signedUrl: guard(store.signedUrl),
  };
}

test.each<Outage>(["none", "S3", "S3 denies access", "SNS", "KMS", "throttled consumers", "a crashing deploy"])(
  "six hours without a working dependency (%s) delay changes: none is lost, dead-lettered, applied twice or out of order",
  async (outage) => {
    // Given a change of each package every ten minutes, when the outage ends
    const { queue, sent, announced, packuments } = await simulate(outage);
    // then everything is caught up within the longest pause
    expect(queue.isEmpty()).toBe(true);
    expect(queue.dead).toEqual([]);
    for (const [index, name] of PACKAGES.entries()) {
      const accepted = sent.filter((change) => change.name === name).map(({ id }) => id);
      const state = stateOf(packuments[index]);
      expect(state.applied.map(({ id }) => id)).toEqual(accepted);
      expect(state.sequence).toBe(accepted.length);
    }
    const tags = sent.filter(({ type }) => type === "tag.put").map(({ id }) => id);
    expect([...new Set(announced)].toSorted()).toEqual(tags.toSorted());
  },
);
