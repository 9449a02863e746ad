import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { isRecord } from "../domain/packument.ts";
import { searchKeys } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import type { IndexedPackage, SearchIndex } from "../ports/search-index.ts";
import { createEntrySet, type EntrySet } from "../read/entry-set.ts";
import { readObject, updateObject } from "../write/update-object.ts";

export type StoredSearchIndex = SearchIndex & {
  /** Whether `rebuild` ever came to its end. */
  isComplete(): Promise<boolean>;
};

export type StoredSearchPorts = {
  readonly store: Pick<ObjectStore, "get" | "put">;
  readonly clock: Pick<Clock, "sleep">;
  /** 0 ≤ n < 1. Spreads writers that lost to each other. Default: no spreading. */
  readonly random?: () => number;
};

/** Packages in the object of recent changes before they are moved to the one of all: it is read and written for each batch. */
const RECENT_MAX = 500;

/** The content of one of the two objects. `complete`: it is the result of a build, and of what was put since. */
type Part = { readonly complete: boolean; readonly packages: readonly IndexedPackage[] };
type ReadPart = Part & { readonly etag: string };
const EMPTY: Part = { complete: false, packages: [] };

/**
 * The `SearchIndex` port over two objects of a store: all packages, and those that changed recently. A question reads both, by ETag;
 * a change writes the small one. Both writes are conditional.
 *
 * The recent ones are read first: they are moved into the other object before they leave theirs, so none is missed. Read twice,
 * a package is the same.
 *
 * @example const index = createStoredSearchIndex({ store, clock }); await index.put(packages);
 */
export function createStoredSearchIndex(ports: StoredSearchPorts): StoredSearchIndex {
  const { store } = ports;
  const known = createReader(store);
  const write = (key: string, change: (part: ReadPart | undefined) => Part) => updatePart(ports, key, change);
  /** Moves the recent packages into the object of all. Loses to another writer without harm: then he does it, or the next one. */
  const compact = async () => {
    const recent = await readPart(store, searchKeys.recent);
    if (!recent || recent.packages.length === 0) return;
    await write(searchKeys.all, (all) => merged(all ?? EMPTY, recent.packages));
    await store.put(searchKeys.recent, await bytesOf(EMPTY), { condition: { ifMatch: recent.etag } });
  };
  return {
    async put(packages) {
      if (packages.length === 0) return;
      let count = 0;
      await write(searchKeys.recent, (recent) => {
        const next = newest([...(recent?.packages ?? []), ...packages]);
        count = next.length;
        return { complete: false, packages: next };
      });
      if (count > RECENT_MAX) await compact();
    },
    async rebuild(packages) {
      await compact();
      const before = new Map((await readPart(store, searchKeys.all))?.packages.map((one) => [one.name, one.sequence]));
      const built = (await Array.fromAsync(packages)).flat();
      await write(searchKeys.all, (all) => {
        // What was moved here since the build began may be newer than what the build has read.
        const since = (all?.packages ?? []).filter(({ name, sequence }) => before.get(name) !== sequence);
        return { ...merged({ complete: true, packages: built }, since), complete: true };
      });
    },
    async query(query) {
      const { entries, complete } = await known();
      return { ...entries.query(query), complete };
    },
    list: async (filter) => (await known()).entries.list(filter),
    isComplete: async () => (await readPart(store, searchKeys.all))?.complete === true,
  };
}

type Known = { readonly entries: EntrySet; readonly complete: boolean };

/** Reads both objects; what has not changed is neither transferred nor parsed again. */
function createReader(store: StoredSearchPorts["store"]): () => Promise<Known> {
  let all: { readonly etag: string | undefined; readonly complete: boolean; readonly entries: EntrySet } | undefined;
  let recent: { readonly etag: string; readonly part: Part } | undefined;
  const refresh = async (): Promise<Known> => {
    const changed = await store.get(searchKeys.recent, recent ? { ifNoneMatch: recent.etag } : {});
    if (changed?.notModified === false) recent = { etag: changed.etag, part: await partOf(changed.bytes) };
    const replaced = await store.get(searchKeys.all, all?.etag === undefined ? {} : { ifNoneMatch: all.etag });
    if (!all || (replaced ? !replaced.notModified : all.etag !== undefined)) {
      const part = replaced?.notModified === false ? await partOf(replaced.bytes) : EMPTY;
      const entries = createEntrySet();
      entries.put(part.packages);
      all = { etag: replaced?.etag, complete: part.complete, entries };
      entries.put(recent?.part.packages ?? []);
    } else if (changed?.notModified === false) all.entries.put(recent?.part.packages ?? []);
    return { entries: all.entries, complete: all.complete };
  };
  let last: Promise<unknown> = Promise.resolve();
  // One after the other: two at a time could put an older part over a newer one.
  return () => {
    const next = last.catch(() => {}).then(refresh);
    last = next;
    return next;
  };
}

async function updatePart(
  ports: StoredSearchPorts,
  key: string,
  change: (part: ReadPart | undefined) => Part,
): Promise<void> {
  const updated = await updateObject(ports, key, {
    read: () => readPart(ports.store, key),
    mutate: async (found) => ({
      result: undefined,
      bytes: await bytesOf(change(found)),
      contentType: "application/gzip",
    }),
  });
  if (!updated.ok) throw new StoreUnavailable(`${key} changed ${updated.attempts} times while it was written`);
}

function merged({ complete, packages }: Part, more: readonly IndexedPackage[]): Part {
  const entries = createEntrySet();
  entries.put(packages);
  entries.put(more);
  return { complete, packages: [...entries.all()] };
}

/** One entry for each package: the newest. One without a sequence, which has no document, gives way to any that comes after it. */
function newest(packages: readonly IndexedPackage[]): readonly IndexedPackage[] {
  const entries = new Map<string, IndexedPackage>();
  for (const one of packages) {
    const { sequence = Number.POSITIVE_INFINITY } = one;
    if (sequence >= (entries.get(one.name)?.sequence ?? 0)) entries.set(one.name, one);
  }
  return [...entries.values()];
}

async function readPart(store: StoredSearchPorts["store"], key: string): Promise<ReadPart | undefined> {
  const found = await readObject(store, key);
  return found && { etag: found.etag, ...(await partOf(found.bytes)) };
}

const [compress, decompress] = [promisify(gzip), promisify(gunzip)];

const bytesOf = ({ complete, packages }: Part): Promise<Uint8Array> =>
  compress(JSON.stringify({ schema: 1, complete, packages }));

/** What can't be read counts as an index that was never built: the indexer builds it then. */
async function partOf(bytes: Uint8Array): Promise<Part> {
  try {
    const value: unknown = JSON.parse((await decompress(bytes)).toString("utf8"));
    if (!isRecord(value) || value["schema"] !== 1 || !Array.isArray(value["packages"])) return EMPTY;
    return { complete: value["complete"] === true, packages: value["packages"] as IndexedPackage[] };
  } catch {
    return EMPTY;
  }
}
