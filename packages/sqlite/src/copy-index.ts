import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Hex digits of a sha256 in a name: enough that no two keys or contents meet. */
export const DIGITS = 40;
const NAME = new RegExp(String.raw`^([0-9a-f]{${DIGITS}})-(\d{1,15})-([0-9a-f]{${DIGITS}})$`);

/** A copy's file. `isChecked`: its bytes were compared with their digest since the start, or written since. */
export type Entry = { readonly size: number; readonly etag: string; isChecked: boolean };

/** The name of a copy's file. @example nameOf("3f…", { size: 12, etag: "a1…" }) // "3f…-12-a1…" */
export const nameOf = (hash: string, { size, etag }: Pick<Entry, "size" | "etag">): string => `${hash}-${size}-${etag}`;

/** Which copies are in the directory, by the hash of their key, and how many bytes they take. */
export type CopyIndex = {
  has(hash: string): boolean;
  /** The entry, as the one that was used last. */
  use(hash: string): Entry | undefined;
  /** Takes a file that has its name now. Its bytes were counted while they were written. */
  add(hash: string, entry: Entry): Promise<void>;
  remove(hash: string, entry: Entry): Promise<void>;
  /** Counts bytes that are about to be written, and removes what was not used for longest to make room for them. */
  take(bytes: number): Promise<void>;
  /** Bytes that were taken and are not on the disk. */
  giveBack(bytes: number): void;
};

/** Reads the directory. What is no copy is removed: a write that did not end. */
export async function openCopyIndex(directory: string, bytesMax: number): Promise<CopyIndex> {
  const entries = new Map<string, Entry>();
  let total = 0;
  const remove = async (hash: string, entry: Entry) => {
    // Another one may have been first.
    if (entries.get(hash) !== entry) return;
    entries.delete(hash);
    total -= entry.size;
    await rm(join(directory, nameOf(hash, entry)), { force: true }).catch(() => {});
  };
  const evict = async () => {
    for (const [hash, entry] of entries) {
      if (total <= bytesMax) return;
      await remove(hash, entry);
    }
  };
  for (const name of await readdir(directory)) {
    const [, hash, size, etag] = NAME.exec(name) ?? [];
    if (hash === undefined || etag === undefined || entries.has(hash))
      await rm(join(directory, name), { force: true, recursive: true });
    else {
      entries.set(hash, { size: Number(size), etag, isChecked: false });
      total += Number(size);
    }
  }
  await evict();
  return {
    has: (hash) => entries.has(hash),
    use(hash) {
      const entry = entries.get(hash);
      if (!entry) return undefined;
      entries.delete(hash);
      entries.set(hash, entry);
      return entry;
    },
    async add(hash, entry) {
      const old = entries.get(hash);
      // The same bytes have the same name, and are in its place already.
      if (old?.etag === entry.etag) total -= old.size;
      else if (old) await remove(hash, old);
      entries.set(hash, entry);
    },
    remove,
    async take(bytes) {
      total += bytes;
      await evict();
    },
    giveBack: (bytes) => void (total -= bytes),
  };
}
