import { LRUCache } from "lru-cache";
import { principalOfChange, refusalRejection, type Policy } from "../access/policy.ts";
import { actionOf, effectOf } from "../domain/changes/index.ts";
import { apply, withoutEmitted, type Applied } from "../domain/apply.ts";
import type { Change, ChangeOf } from "../domain/change.ts";
import type { SpilledDetail } from "../domain/detail.ts";
import type { ChangeEvent } from "../domain/event.ts";
import { indexKey, tarballKey } from "../layout.ts";
import { OUTBOX_MAX } from "../domain/limits.ts";
import type { Outcome, Rejection } from "../domain/outcome.ts";
import { own, serializePackument, stateOf, type Packument } from "../domain/packument.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import { StoreUnavailable, type ObjectInfo, type ObjectStore } from "../ports/object-store.ts";
import type { Outcomes } from "../ports/outcomes.ts";
import type { PackumentReader, ReadPackument } from "../read/reader.ts";
import { restored } from "../domain/restore.ts";
import { outcomeOfRecord, withArchived } from "../domain/history.ts";
import { archive, storeDetails } from "../stored/history.ts";
import { updateObject, type Mutation } from "./update-object.ts";

/** What the consumer works with. */
export type ConsumerPorts = {
  readonly store: ObjectStore;
  readonly policy: Policy;
  readonly reader: PackumentReader;
  readonly events: EventLog;
  readonly outcomes: Outcomes;
  readonly clock: Clock;
  /** The memory that the last written documents may take, in bytes of their JSON. Default: `WRITTEN_BYTES`. */
  readonly documentBytes?: number;
  /** 0 ≤ n < 1. Spreads the retries of consumers that lost a write to each other. Default: no spreading. */
  readonly random?: () => number;
};

/**
 * Applies a package's changes, in order, and returns their outcomes. Throws only what redelivery can cure; the batch is then not to
 * be acknowledged.
 *
 * Fewer outcomes than changes: the time was nearly up. Those changes are written; the others are untouched, for redelivery.
 */
export type Consumer = (name: string, changes: readonly Change[], time?: TimeLimit) => Promise<readonly Outcome[]>;

/** The end of an invocation, in two signals. Absent: there is none. */
export type TimeLimit = {
  /** Once it aborts no further change begins: what is applied so far is written. */
  readonly enough?: AbortSignal;
  /**
   * Once it aborts no further step begins: the batch is somebody else's by then, and a late deletion could meet what came after.
   */
  readonly over?: AbortSignal;
};

/** How many packages' last emitted events an instance remembers. Forgetting costs a repeated event, never a lost one. */
const REMEMBERED_PACKAGES = 10_000;

/**
 * Default of the memory that the last written documents may take: as much as the reader's cache, which holds the
 * same objects as long as nobody else writes. Forgetting one costs the repair of what a foreign writer undoes right then.
 */
const WRITTEN_BYTES = 32 * 1024 * 1024;

/**
 * The only writer of index.json: a batch of a package's changes becomes one read and one conditional write.
 *
 * 1. read → apply each change → write if the ETag still matches; when it does not, read and apply again.
 * 2. emit what the outbox holds, and record the outcomes.
 * 3. delete what the changes left over (staged tarballs, tarballs of unpublished versions).
 *
 * A crash anywhere leaves the batch unacknowledged. Delivered again, its applied changes are recognised by the ring, and
 * steps 2 and 3 run again: both are safe to repeat.
 *
 * A foreign writer may put the document back to what he read before our last write: it starts from what this instance wrote
 * then, and the foreign edits (`restored`), and is written even if the batch changes nothing.
 *
 * The outbox is cleared by the package's *next* write, which spares a second one. Until then only this instance knows that
 * the events went out, so another instance (or this one restarted) emits them again: subscribers recognise a repetition by its id.
 */
export function createConsumer(ports: ConsumerPorts): Consumer {
  const emitted = new LRUCache<string, ReadonlySet<string>>({ max: REMEMBERED_PACKAGES });
  const documents = new LRUCache<string, Packument>({ maxSize: ports.documentBytes ?? WRITTEN_BYTES });
  return async (name, changes, time = {}) => {
    const written = await write(ports, { emitted, documents }, name, changes, time);
    time.over?.throwIfAborted();
    const [, sent] = await Promise.all([ports.outcomes.record(written.outcomes), emit(ports.events, written.unsent)]);
    emitted.set(name, new Set([...written.known, ...sent]));
    time.over?.throwIfAborted();
    await cleanUp(ports.store, name, changes.slice(0, written.outcomes.length), written);
    return written.outcomes;
  };
}

type Written = {
  readonly packument: Packument | undefined;
  readonly outcomes: readonly Outcome[];
  readonly unsent: readonly ChangeEvent[];
  /** Ids in the stored outbox that are known to have gone out. */
  readonly known: readonly string[];
  /** Bytes of the document; absent: it was not written. */
  readonly size?: number;
};

/** What an instance remembers of the packages' last writes. */
type Memory = {
  readonly emitted: LRUCache<string, ReadonlySet<string>>;
  readonly documents: LRUCache<string, Packument>;
};

async function write(
  { store, policy, reader, clock, random }: ConsumerPorts,
  memory: Memory,
  name: string,
  changes: readonly Change[],
  { enough, over }: TimeLimit,
): Promise<Written> {
  const emitted = memory.emitted.get(name) ?? new Set();
  const last = memory.documents.get(name);
  const known = last && withoutEmitted(last, emitted);
  const progress: Progress = { promoted: new Set(), folded: 0, enough };
  const mutate = async (read: ReadPackument | undefined): Promise<Mutation<Written>> => {
    // Without the rights nothing is decided: the batch is redelivered.
    await policy.refresh?.();
    const found = read && withoutEmitted(read.packument, emitted);
    const start = known && found ? restored(known, found) : found;
    const { packument: folded, details, outcomes, changed } = await fold({ store, policy }, start, changes, progress);
    over?.throwIfAborted();
    const unsent = stateOf(folded).outbox;
    if ((!changed && start === found) || folded === undefined) {
      const packument = folded;
      const sent = stateOf(read?.packument).outbox.flatMap(({ id }) => (emitted.has(id) ? [id] : []));
      return { result: { packument, outcomes, unsent, known: sent } };
    }
    if (unsent.length > OUTBOX_MAX)
      throw new StoreUnavailable(`${name} has ${unsent.length} events that could not be emitted`);
    // What is final, and leaves the ring soon, goes into the store's history before the document forgets it.
    await storeDetails({ store }, name, details);
    const segments = read ? await archive({ store, clock }, read.packument) : [];
    over?.throwIfAborted();
    const packument = withArchived(folded, segments);
    const bytes = serializePackument(packument);
    return { result: { packument, outcomes, unsent, known: [], size: bytes.byteLength }, bytes };
  };
  const read = () => reader.read(name);
  const ports = { store, clock, ...(random ? { random } : {}) };
  const updated = await updateObject(ports, indexKey(name), { read, mutate });
  if (!updated.ok)
    throw new StoreUnavailable(`${name}/index.json changed ${updated.attempts} times while a change was applied`);
  const { packument, size } = updated.result;
  if (updated.etag !== undefined && packument && size !== undefined) {
    reader.wrote(name, { packument, etag: updated.etag }, size);
    memory.documents.set(name, packument, { size });
  }
  return updated.result;
}

type Folded = {
  readonly packument: Packument | undefined;
  readonly outcomes: readonly Outcome[];
  /** Details that are stored before the document is. */
  readonly details: readonly SpilledDetail[];
  readonly changed: boolean;
};

/** What stays when a write was lost and the changes are folded again. */
type Progress = {
  /** Ids of publishes whose tarball is at its final key. */
  readonly promoted: Set<string>;
  /** How many changes were folded at most. As many are folded again, though `enough` has aborted: else nothing would be written. */
  folded: number;
  readonly enough: AbortSignal | undefined;
};

/**
 * Applies the changes one after the other, until `enough`. A publish counts only once its tarball is at its final key.
 */
async function fold(
  { store, policy }: Pick<ConsumerPorts, "store" | "policy">,
  start: Packument | undefined,
  changes: readonly Change[],
  progress: Progress,
): Promise<Folded> {
  const { promoted } = progress;
  let packument = start;
  let changed = false;
  const outcomes: Outcome[] = [];
  const details: SpilledDetail[] = [];
  for (const change of changes) {
    if (progress.enough?.aborted && outcomes.length >= progress.folded) break;
    let result = authorised(policy, packument, change);
    if (result.kind === "applied" && change.type === "publish" && !promoted.has(change.id)) {
      const failure = await promote(store, change);
      if (failure) result = { kind: "rejected", rejection: failure };
      else promoted.add(change.id);
    }
    if (result.kind === "applied") {
      packument = result.packument;
      changed = true;
      if (result.spilled) details.push(result.spilled);
    }
    outcomes.push(outcomeOf(change, result));
    progress.folded = Math.max(progress.folded, outcomes.length);
  }
  return { packument, outcomes, details, changed };
}

/**
 * Applies a change if its sender may make it, whichever way it came into the queue.
 *
 * A change that was applied before stays applied: it may have taken away the right that it needed itself.
 */
function authorised(policy: Policy, packument: Packument | undefined, change: Change): Applied {
  const result = apply(packument, change, policy.ruleContext);
  if (result.kind === "replayed") return result;
  const target = { name: change.name, packument };
  const decision = policy.may(principalOfChange(change), actionOf(change), target);
  return decision.allowed ? result : { kind: "rejected", rejection: refusalRejection(decision) };
}

function outcomeOf({ id, name }: Change, result: Applied): Outcome {
  switch (result.kind) {
    case "rejected":
      return { state: "rejected", id, name, rejection: result.rejection };
    case "applied": {
      const { sequence, revision } = result.event;
      return { state: "applied", id, name, sequence, revision, distTags: result.packument["dist-tags"] };
    }
    case "replayed":
      return outcomeOfRecord(result.packument, result.record);
  }
}

/**
 * Puts a staged tarball under its final key.
 *
 * The version is not in the packument, so an object that is there already is a leftover: of this publish before a
 * crash or the end of an invocation, or of an unpublish whose clean-up is still to come. With the same bytes it stays: copying a
 * large one again could take the time that was too short before. Any other is replaced, and only as it was seen.
 */
async function promote(store: ObjectStore, change: ChangeOf<"publish">): Promise<Rejection | undefined> {
  const { staging } = change.tarball;
  const final = tarballKey(change.name, change.version);
  const first = await store.copy(staging, final, { ifNoneMatch: "*" });
  if (first.ok) return undefined;
  if (first.reason === "missing") return missingTarball(change);
  const [staged, leftover] = await Promise.all([store.head(staging), store.head(final)]);
  if (staged && leftover && sameBytes(staged, leftover)) return undefined;
  const again = await store.copy(staging, final, leftover ? { ifMatch: leftover.etag } : { ifNoneMatch: "*" });
  if (again.ok) return undefined;
  if (again.reason === "missing" && (await store.head(staging)) === undefined) return missingTarball(change);
  throw new StoreUnavailable(`${final} is being written by somebody else`);
}

function sameBytes(one: ObjectInfo, other: ObjectInfo): boolean {
  if (one.size !== other.size) return false;
  return one.etag === other.etag || (one.checksum !== undefined && one.checksum === other.checksum);
}

function missingTarball({ name, version }: ChangeOf<"publish">): Rejection {
  return { code: "tarball_missing", message: `the uploaded tarball of ${name}@${version} is gone; publish it again` };
}

async function emit(events: EventLog, unsent: readonly ChangeEvent[]): Promise<readonly string[]> {
  if (unsent.length > 0) await events.publish(unsent);
  return unsent.map((event) => event.id);
}

async function cleanUp(store: ObjectStore, name: string, changes: readonly Change[], written: Written): Promise<void> {
  const leftover = changes.flatMap((change) => {
    if (change.type === "publish") return [change.tarball.staging];
    const record = stateOf(written.packument).applied.find(({ id }) => id === change.id);
    const removed = (record && effectOf(record).removed) ?? [];
    const gone = removed.filter((version) => !own(written.packument?.versions, version));
    return gone.map((version) => tarballKey(name, version));
  });
  await Promise.all(leftover.map((key) => store.delete(key)));
}
