import type { Body, ObjectStore } from "./object-store.ts";
import { StoreUnavailable } from "./object-store.ts";

/**
 * Where copies of the upstream's documents and tarballs are kept. They are disposable: any of them may be gone at any time, and
 * none needs to survive a crash. What is returned is never damaged.
 *
 * Error semantics: a copy that is missing is `undefined`. `StoreUnavailable`: the store does not work; what it is asked for can be
 * fetched again. Errors of a body surface as they are.
 */
export interface CopyStore {
  /** Reads a copy completely. */
  read(key: string): Promise<Copy | undefined>;
  /** Opens a copy, or what comes after its first `start` bytes. Default: 0. */
  open(key: string, start?: number): Promise<OpenCopy | undefined>;
  has(key: string): Promise<boolean>;
  /** Keeps a copy completely or not at all, in place of an older one. Returns its ETag. */
  write(key: string, body: Body, contentType: string): Promise<string>;
}

/** The ETag differs whenever the bytes differ. */
export type Copy = { readonly etag: string; readonly bytes: Uint8Array };
/** `size` is the whole copy's. The body is bytes, or pieces that must be read to their end, or returned. */
export type OpenCopy = { readonly size: number; readonly body: Body };

/** The copies in an object store: for hosts that have no better place. */
export function copiesIn(store: Pick<ObjectStore, "get" | "open" | "head" | "put">): CopyStore {
  return {
    async read(key) {
      const found = await store.get(key);
      return found?.notModified === false ? { etag: found.etag, bytes: found.bytes } : undefined;
    },
    async open(key, start = 0) {
      const found = await store.open(key, { start });
      return found && { size: found.size, body: found.body };
    },
    has: async (key) => (await store.head(key)) !== undefined,
    async write(key, body, contentType) {
      const result = await store.put(key, body, { contentType });
      if (!result.ok) throw new StoreUnavailable("an unconditional write was refused");
      return result.etag;
    },
  };
}
