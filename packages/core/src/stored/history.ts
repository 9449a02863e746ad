import { jsonIn } from "../domain/json.ts";
import { movedBack, type SpilledDetail } from "../domain/detail.ts";
import { segmentsToArchive, segmentStart, type Segment } from "../domain/history.ts";
import { HISTORY_PAGE_SEGMENTS, HISTORY_SEARCH_SEGMENTS } from "../domain/limits.ts";
import { isRecord, stateOf, type DistTags, type Packument } from "../domain/packument.ts";
import type { AppliedRecord, ChangeDetail } from "../domain/state.ts";
import { historyDetailKey, historyKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

/** What writing the history needs. */
export type ArchivePorts = { readonly store: ObjectStore; readonly clock: Pick<Clock, "sleep"> };

/**
 * Stores the records that a package's ring will soon let go of, and returns them.
 *
 * @example const segments = await archive({ store, clock }, packument); // then withArchived(changed, segments)
 *
 * Safe to repeat: a record that is there is not stored again, and none is removed. docs/decisions/0011 says why nothing is lost.
 * @param committed the document as it was read from the store
 * @throws StoreUnavailable
 */
export async function archive(ports: ArchivePorts, committed: Packument): Promise<readonly Segment[]> {
  const segments = segmentsToArchive(committed);
  for (const segment of segments) await writeSegment(ports, committed.name, segment);
  return segments;
}

async function writeSegment(ports: ArchivePorts, name: string, { first, records }: Segment): Promise<void> {
  const key = historyKey(name, first);
  const updated = await updateObject(ports, key, {
    read: () => readObject(ports.store, key),
    mutate(found) {
      const present = found ? parseSegment(key, found.bytes) : [];
      const ids = new Set(present.map(({ id }) => id));
      const missing = records.filter(({ id }) => !ids.has(id));
      if (missing.length === 0) return { result: undefined };
      const all = [...present, ...missing].toSorted((a, b) => a.sequence - b.sequence);
      return { result: undefined, bytes: Buffer.from(JSON.stringify({ schema: 1, name, records: all })) };
    },
  });
  if (!updated.ok) throw new StoreUnavailable(`${key} was written by others ${updated.attempts} times`);
}

/** Stores details that records name by their SHA-256. @throws StoreUnavailable */
export async function storeDetails(
  { store }: Pick<ArchivePorts, "store">,
  name: string,
  details: readonly SpilledDetail[],
): Promise<void> {
  const put = ({ sha256, json }: SpilledDetail) =>
    store.put(historyDetailKey(name, sha256), Buffer.from(json), { contentType: "application/json" });
  await Promise.all(details.map(put));
}

/** A record of the history, with its detail. */
export type HistoryEntry = Omit<AppliedRecord, "detail" | "detailIn"> & ChangeDetail;

/** Entries, the newest first. `next`: the page goes on before this sequence. Absent: it was the last page. */
export type HistoryPage = { readonly entries: readonly HistoryEntry[]; readonly next?: number };

/** Which page of a history. */
export type HistoryQuery = {
  /** Only entries with a lower sequence. Default: all. */
  readonly before?: number;
  /** Most entries. */
  readonly limit: number;
  /** Which records count. Default: all. */
  readonly matches?: (record: AppliedRecord) => boolean;
};

/**
 * A page of a package's history: the records in its document, and those in the store.
 *
 * @example await historyPage(store, packument, { limit: 50, matches: movesTags }) // { entries: [{ sequence: 7, … }], next: 4 }
 *
 * Bounded: a page may have fewer entries than `limit` and still name a `next`.
 * @throws StoreUnavailable
 */
export async function historyPage(
  store: Pick<ObjectStore, "get">,
  packument: Packument,
  { before = Number.MAX_SAFE_INTEGER, limit, matches = () => true }: HistoryQuery,
): Promise<HistoryPage> {
  const found: AppliedRecord[] = [];
  let next = 0;
  for await (const { records, end } of parts(store, packument, { before, most: HISTORY_PAGE_SEGMENTS })) {
    for (const record of records) {
      // A number that was given twice (docs/decisions/0009) is not divided between two pages.
      if (found.length >= limit && record.sequence !== found.at(-1)?.sequence) break;
      if (matches(record)) found.push(record);
      next = record.sequence;
    }
    if (found.length >= limit) break;
    next = end;
  }
  const entries = await Promise.all(found.map((record) => entryOf(store, packument.name, record)));
  return next > oldest(packument) ? { entries, next } : { entries };
}

/**
 * Looks through a package's history for the newest record that fits.
 *
 * @example await findRecord(store, packument, ({ id }) => id === "01J…")
 * @returns `undefined`: none fits. `"too far"`: none of the newest `HISTORY_SEARCH_SEGMENTS` objects has one, and there are more.
 * @throws StoreUnavailable
 */
export async function findRecord(
  store: Pick<ObjectStore, "get">,
  packument: Packument,
  fits: (record: AppliedRecord) => boolean,
  before: number = Number.MAX_SAFE_INTEGER,
): Promise<AppliedRecord | "too far" | undefined> {
  let reached = 0;
  for await (const { records, end } of parts(store, packument, { before, most: HISTORY_SEARCH_SEGMENTS })) {
    const found = records.find(fits);
    if (found) return found;
    reached = end;
  }
  return reached > oldest(packument) ? "too far" : undefined;
}

/**
 * The tags that a package had after the change with this sequence: the moves of the later changes are taken back.
 *
 * @returns `"too far"`: the history that one request reads does not go back to it.
 * @throws StoreUnavailable
 */
export async function tagsAfter(
  store: Pick<ObjectStore, "get">,
  packument: Packument,
  sequence: number,
): Promise<DistTags | "too far"> {
  let tags = packument["dist-tags"];
  let reached = 0;
  const before = Number.MAX_SAFE_INTEGER;
  for await (const { records, end } of parts(store, packument, { before, most: HISTORY_SEARCH_SEGMENTS })) {
    for (const record of records) {
      if (record.sequence <= sequence) return tags;
      const { tags: moved = {} } = await entryOf(store, packument.name, record);
      tags = movedBack(tags, moved);
    }
    reached = end;
  }
  return sequence + 1 < reached ? "too far" : tags;
}

/** The record with its detail, which may be an object of its own. @throws StoreUnavailable */
export async function entryOf(
  store: Pick<ObjectStore, "get">,
  name: string,
  { detail, detailIn, ...record }: AppliedRecord,
): Promise<HistoryEntry> {
  if (detailIn === undefined) return { ...record, ...detail };
  const key = historyDetailKey(name, detailIn.sha256);
  const found = await readObject(store, key);
  if (!found) throw new Error(`${key} is missing; the change ${record.id} of ${name} names it`);
  return { ...record, ...(jsonIn(found.bytes) as ChangeDetail) };
}

/** The first sequence that the history has. */
function oldest(packument: Packument): number {
  const { applied, archived } = stateOf(packument);
  return Math.min(archived?.from ?? Number.MAX_SAFE_INTEGER, applied[0]?.sequence ?? 1);
}

/** Records with their newest first. All with a sequence of at least `end` have been given. */
type Part = { readonly records: readonly AppliedRecord[]; readonly end: number };

/** The history before a sequence: the document's ring, then the objects of the store, from the newest to the oldest. */
async function* parts(
  store: Pick<ObjectStore, "get">,
  packument: Packument,
  { before, most }: { readonly before: number; readonly most: number },
): AsyncGenerator<Part> {
  const { applied } = stateOf(packument);
  const ring = applied.filter(({ sequence }) => sequence < before).toReversed();
  let end = Math.min(before, applied[0]?.sequence ?? 1);
  if (ring.length > 0) yield { records: ring, end };
  for (let read = 0; read < most && end > oldest(packument); read++) {
    const first = segmentStart(end - 1);
    const found = await readObject(store, historyKey(packument.name, first));
    const records = found ? parseSegment(historyKey(packument.name, first), found.bytes) : [];
    const wanted = records.filter(({ sequence }) => sequence < end).toReversed();
    end = first;
    yield { records: wanted, end };
  }
}

/** @throws Error when the object is damaged: it must not be overwritten. */
function parseSegment(key: string, bytes: Uint8Array): readonly AppliedRecord[] {
  const value = jsonIn(bytes);
  if (!isRecord(value) || !Array.isArray(value["records"])) throw new Error(`${key} is not a history object`);
  return value["records"] as readonly AppliedRecord[];
}
