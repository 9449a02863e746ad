import { LRUCache } from "lru-cache";
import { indexKey } from "../layout.ts";
import { parsePackument, type Packument } from "../domain/packument.ts";
import { pendingOf, visible } from "../domain/release.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { readRelease, type ReleaseState } from "../stored/releases.ts";

/** A package's document with an ETag. That of a stored document is what a conditional write must name. */
export type ReadPackument = { readonly packument: Packument; readonly etag: string };

/**
 * Reads packuments, always up to date: every read asks the store, and the parsed document is kept by ETag, so that an
 * unchanged one is neither transferred nor parsed again.
 */
export type PackumentReader = {
  /**
   * The package as everybody sees it: with the change of a committed release, without that of any other (docs/decisions/0022).
   * `undefined`: there is none. The ETag differs whenever the package does.
   */
  read(name: string): Promise<ReadPackument | undefined>;
  /** The document as it is stored, with what a release is preparing. For the consumer, and for outcomes. */
  stored(name: string): Promise<ReadPackument | undefined>;
  /** Gives the reader what was just written, to spare the next read its parsing. */
  wrote(name: string, written: ReadPackument, bytes: number): void;
};

/** Default of the memory that parsed documents may take, in bytes of their JSON. A parsed document is some three times that. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** Decided releases that a reader remembers: a few bytes each. A document is soon without its pending part. */
const DECISIONS_MAX = 1_000;

export function createPackumentReader(store: ObjectStore, maxBytes: number = CACHE_BYTES): PackumentReader {
  const cache = new LRUCache<string, ReadPackument>({ maxSize: maxBytes, maxEntrySize: maxBytes / 2 });
  const keep = (name: string, entry: ReadPackument, bytes: number) => {
    cache.set(name, entry, { size: Math.max(1, bytes) });
  };
  const stored = async (name: string): Promise<ReadPackument | undefined> => {
    const known = cache.get(name);
    const found = await store.get(indexKey(name), known ? { ifNoneMatch: known.etag } : {});
    if (found === undefined) {
      cache.delete(name);
      return undefined;
    }
    if (found.notModified) return known;
    const entry = { packument: parsePackument(name, found.bytes), etag: found.etag };
    keep(name, entry, found.bytes.byteLength);
    return entry;
  };
  const stateOf = createDecisions(store);
  return {
    async read(name) {
      const entry = await stored(name);
      const pending = pendingOf(entry?.packument);
      if (!entry) return undefined;
      // Asked after the document was read: a release that is committed by then was prepared in it.
      const state = pending && (await stateOf(pending.release));
      const packument = visible(entry.packument, state === "committed");
      // One document is two packages, before the release is decided and after it.
      return packument && { packument, etag: state === undefined ? entry.etag : tagged(entry.etag, state) };
    },
    stored,
    wrote: keep,
  };
}

/** The states of releases. Those that are decided are final, and kept. */
function createDecisions(store: ObjectStore): (id: string) => Promise<ReleaseState> {
  const decided = new LRUCache<string, ReleaseState>({ max: DECISIONS_MAX });
  return async (id) => {
    const known = decided.get(id);
    if (known) return known;
    const state = (await readRelease(store, id))?.state ?? "aborted";
    if (state !== "open") decided.set(id, state);
    return state;
  };
}

/** @example tagged('"5d41"', "open") // '"5d41-open"' */
function tagged(etag: string, state: ReleaseState): string {
  return etag.replace(/"?$/, (end) => `-${state}${end}`);
}
