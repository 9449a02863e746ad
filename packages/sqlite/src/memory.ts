import type { ObjectInfo } from "@codebox/core";
import { LRUCache } from "lru-cache";

/** Default of the bytes that a store keeps in memory: the tarballs that an install of a large tree fetches. */
export const MEMORY_BYTES = 64 * 1024 * 1024;
/** No object takes more than this part of it. */
const LARGEST_PART = 1 / 8;
/** What an entry takes besides its bytes. */
const ENTRY_BYTES = 500;

/** An object as it is stored now. `bytes` are absent while nobody opened it. */
type Entry = { readonly info: ObjectInfo; readonly bytes?: Uint8Array };

/**
 * What was read of the store a short time ago, within a budget of bytes.
 *
 * Nothing in here is outdated: the process is the only writer, a write forgets its key in the same turn of the event loop, and what
 * was being read from a file meanwhile is not kept.
 */
export type Memory = {
  get(key: string): Entry | undefined;
  set(key: string, entry: Entry): void;
  /** Called inside a write. */
  forget(key: string): void;
  /**
   * Reads the bytes of an object once for all who ask for it meanwhile, and keeps them. `undefined`: they are too large, or too many
   * bytes are in use; the caller reads piece by piece then.
   */
  load(info: ObjectInfo, read: () => Promise<Uint8Array>): Promise<Uint8Array> | undefined;
};

/** @param budget bytes. 0: nothing but what describes small objects is kept. */
export function createMemory(budget: number): Memory {
  const entries = new LRUCache<string, Entry>({
    maxSize: Math.max(budget, ENTRY_BYTES),
    sizeCalculation: ({ bytes }) => ENTRY_BYTES + (bytes?.byteLength ?? 0),
  });
  const loading = new Map<string, Promise<Uint8Array>>();
  const inUse = createUse();
  const keep = async (info: ObjectInfo, read: () => Promise<Uint8Array>): Promise<Uint8Array> => {
    const pending = read();
    loading.set(info.key, pending);
    try {
      const bytes = await pending;
      // Else it was written meanwhile.
      if (loading.get(info.key) === pending) entries.set(info.key, { info, bytes });
      inUse.add(bytes);
      return bytes;
    } finally {
      if (loading.get(info.key) === pending) loading.delete(info.key);
    }
  };
  return {
    get: (key) => entries.get(key),
    set: (key, entry) => void entries.set(key, entry),
    forget(key) {
      entries.delete(key);
      loading.delete(key);
    },
    load(info, read) {
      const known = loading.get(info.key);
      if (known) return known;
      if (info.size > budget * LARGEST_PART || inUse.bytes() + info.size > 2 * budget) return undefined;
      return keep(info, read);
    },
  };
}

/** Counts the bytes that somebody still holds: slow clients hold what the budget has dropped long ago. */
function createUse() {
  let bytes = 0;
  const registry = new FinalizationRegistry<number>((size) => (bytes -= size));
  return {
    bytes: () => bytes,
    add(buffer: Uint8Array) {
      bytes += buffer.byteLength;
      // Not the view: what a client is sent may be another view of the same bytes.
      registry.register(buffer.buffer, buffer.byteLength);
    },
  };
}
