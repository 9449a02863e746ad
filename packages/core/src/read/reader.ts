import { LRUCache } from "lru-cache";
import { indexKey } from "../layout.ts";
import { parsePackument, type Packument } from "../domain/packument.ts";
import type { ObjectStore } from "../ports/object-store.ts";

/** A package's document as stored, with the ETag that a conditional write must name. */
export type ReadPackument = { readonly packument: Packument; readonly etag: string };

/**
 * Reads packuments, always up to date: every read asks the store, and the parsed document is kept by ETag, so that an
 * unchanged one is neither transferred nor parsed again.
 */
export type PackumentReader = {
  read(name: string): Promise<ReadPackument | undefined>;
  /** Gives the reader what was just written, to spare the next read its parsing. */
  wrote(name: string, written: ReadPackument, bytes: number): void;
};

/** Default of the memory that parsed documents may take, in bytes of their JSON. A parsed document is some three times that. */
const CACHE_BYTES = 32 * 1024 * 1024;

export function createPackumentReader(store: ObjectStore, maxBytes: number = CACHE_BYTES): PackumentReader {
  const cache = new LRUCache<string, ReadPackument>({ maxSize: maxBytes, maxEntrySize: maxBytes / 2 });
  const keep = (name: string, entry: ReadPackument, bytes: number) => {
    cache.set(name, entry, { size: Math.max(1, bytes) });
  };
  return {
    async read(name) {
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
    },
    wrote: keep,
  };
}
