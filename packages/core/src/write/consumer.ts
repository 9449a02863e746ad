import { LRUCache } from "lru-cache";
import type { Policy } from "../access/policy.ts";
import { effectOf } from "../domain/changes/index.ts";
import { withoutEmitted } from "../domain/apply.ts";
import type { Change } from "../domain/change.ts";
import type { ChangeEvent } from "../domain/event.ts";
import { isStagedAt } from "../domain/changes/shared/publishing.ts";
import { indexKey, stagedContentKey, stagedKey, tarballKey } from "../layout.ts";
import { OUTBOX_MAX } from "../domain/limits.ts";
import type { Outcome } from "../domain/outcome.ts";
import { own, serializePackument, stateOf, type Packument } from "../domain/packument.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import type { Outcomes } from "../ports/outcomes.ts";
import type { PackumentReader, ReadPackument } from "../read/reader.ts";
import { restored } from "../domain/restore.ts";
import { withArchived } from "../domain/history.ts";
import { pendingVersions } from "../domain/release.ts";
import { archive, storeDetails } from "../stored/history.ts";
import { createReleases } from "../stored/releases.ts";
import { fold, type Progress } from "./fold.ts";
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
  /** This process, if it alone makes releases: those that it did not open itself have no sender any more. Default: others do, too. */
  readonly host?: string;
  /** 0 ≤ n < 1. Spreads the retries of consumers that lost a write to each other. Default: no spreading. */
  readonly random?: () => number;
};

/**
 * Applies a package's changes, in order, and returns their outcomes. Throws only what redelivery can cure; the batch is then not to
 * be acknowledged.
 *
 * Fewer outcomes than changes: the time was nearly up, or the next change waits for a release. Those changes are written; the
 * others are untouched, for redelivery.
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
    await cleanUp(ports.store, name, changes, written);
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
  { store, policy, reader, clock, random, host }: ConsumerPorts,
  memory: Memory,
  name: string,
  changes: readonly Change[],
  { enough, over }: TimeLimit,
): Promise<Written> {
  const emitted = memory.emitted.get(name) ?? new Set();
  const last = memory.documents.get(name);
  const known = last && withoutEmitted(last, emitted);
  const progress: Progress = { promoted: new Set(), folded: 0, enough };
  const releases = createReleases({ store, clock });
  const mutate = async (read: ReadPackument | undefined): Promise<Mutation<Written>> => {
    // Without the rights nothing is decided: the batch is redelivered.
    await policy.refresh?.();
    const found = read && withoutEmitted(read.packument, emitted);
    const start = known && found ? restored(known, found) : found;
    const {
      packument: folded,
      details,
      outcomes,
      changed,
    } = await fold({ store, policy, releases, clock, host }, start, changes, progress);
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
  const read = () => reader.stored(name);
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

async function emit(events: EventLog, unsent: readonly ChangeEvent[]): Promise<readonly string[]> {
  if (unsent.length > 0) await events.publish(unsent);
  return unsent.map((event) => event.id);
}

async function cleanUp(store: ObjectStore, name: string, changes: readonly Change[], written: Written): Promise<void> {
  const needed = pendingVersions(written.packument);
  const isListed = (version: string) => own(written.packument?.versions, version) || needed.includes(version);
  const leftover = changes.slice(0, written.outcomes.length).flatMap((change, index) => {
    const state = written.outcomes[index]?.state;
    if (change.type === "publish" && change.stage === undefined) {
      // Until the release is decided its tarball is needed.
      if (change.release?.step === "prepare") return [];
      const isAborted = change.release !== undefined && state === "rejected";
      const unlisted = isAborted && !isListed(change.version) ? [tarballKey(name, change.version)] : [];
      // A refused message may name any key.
      return isStagedAt(change.tarball, undefined) ? [change.tarball.staging, ...unlisted] : unlisted;
    }
    // A refused approval leaves the staged version as it is, and a refused message of another service may name any.
    if (change.type === "publish" || change.type === "stage.reject")
      return state === "applied" && change.stage !== undefined
        ? [stagedKey(change.stage), stagedContentKey(change.stage)]
        : [];
    const record = stateOf(written.packument).applied.find(({ id }) => id === change.id);
    const removed = (record && effectOf(record).removed) ?? [];
    const gone = removed.filter((version) => !isListed(version));
    return gone.map((version) => tarballKey(name, version));
  });
  await Promise.all(leftover.map((key) => store.delete(key)));
}
