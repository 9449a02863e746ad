import { createHash, randomUUID } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { StoreUnavailable, type Body, type CopyStore } from "@codebox/core";
import { DIGITS, nameOf, openCopyIndex, type CopyIndex, type Entry } from "./copy-index.ts";

/** A file is read in pieces of this size: larger ones are hardly faster, and each reader holds one. */
const PIECE_BYTES = 256 * 1024;
/** Up to here a file is read in one piece. */
const WHOLE_BYTES = 1024 * 1024;

export type CopyFilesSettings = {
  /** Made when it is missing. Nothing else may be in it. */
  readonly directory: string;
  /** Bytes that all copies together may take, those that are being written included. */
  readonly bytesMax: number;
};

/**
 * The `CopyStore` port over files: one a copy, never synced.
 *
 * A file is complete when it gets its name, which has its size and its digest. A crash of the machine can leave a file without its
 * bytes, so each is compared with its digest when it is first read after a start. When the copies take more than `bytesMax`, those
 * that were not used for longest are removed.
 *
 * @example const copies = await openCopyFiles({ directory: "codebox-data/upstream", bytesMax: 4 * 1024 ** 3 });
 */
export async function openCopyFiles({ directory, bytesMax }: CopyFilesSettings): Promise<CopyStore> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // The umask may have taken away what the owner needs.
  chmodSync(directory, 0o700);
  const index = await openCopyIndex(directory, bytesMax);
  const use = reader(directory, index);
  return {
    has: async (key) => index.has(hashOf(key)),
    read: (key) =>
      use(key, async (file, { etag, size }) => {
        const bytes = await readWhole(file, 0, size);
        await file.close();
        return { etag, bytes };
      }),
    open: (key, start = 0) =>
      use(key, async (file, { size }) => {
        if (size - start > WHOLE_BYTES)
          return { size, body: file.createReadStream({ start, highWaterMark: PIECE_BYTES }) };
        const body = await readWhole(file, start, size);
        await file.close();
        return { size, body };
      }),
    write: (key, body) => write(directory, index, hashOf(key), body),
  };
}

/** Reads a copy with `read`, which closes its file. A copy that is missing, damaged or unreadable is removed, to be fetched again. */
function reader(directory: string, index: CopyIndex) {
  return async <T>(key: string, read: (file: FileHandle, entry: Entry) => Promise<T>): Promise<T | undefined> => {
    const hash = hashOf(key);
    const entry = index.use(hash);
    if (!entry) return undefined;
    let file: FileHandle | undefined;
    try {
      file = await open(join(directory, nameOf(hash, entry)));
      if (!entry.isChecked) await check(file, entry);
      return await read(file, entry);
    } catch {
      await file?.close();
      await index.remove(hash, entry);
      return undefined;
    }
  };
}

async function write(directory: string, index: CopyIndex, hash: string, body: Body): Promise<string> {
  const temporary = join(directory, `new-${randomUUID()}`);
  const digest = createHash("sha256");
  let size = 0;
  try {
    const file = await onDisk(() => open(temporary, "wx", 0o600));
    try {
      await onDisk(() => file.chmod(0o600));
      for await (const piece of body instanceof Uint8Array ? piecesOf(body) : body) {
        digest.update(piece);
        size += piece.byteLength;
        await index.take(piece.byteLength);
        await onDisk(() => writeAll(file, piece));
      }
    } finally {
      await file.close();
    }
    const entry = { size, etag: digest.digest("hex").slice(0, DIGITS), isChecked: true };
    await onDisk(() => rename(temporary, join(directory, nameOf(hash, entry))));
    await index.add(hash, entry);
    return entry.etag;
  } catch (error) {
    index.giveBack(size);
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex").slice(0, DIGITS);

/** The digest of a large copy is computed in pieces: others get their turn between two of them. */
function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let from = 0; from < piece.byteLength;) from += (await file.write(piece, from)).bytesWritten;
}

async function readWhole(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, end - start));
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesRead } = await file.read(bytes, at, bytes.byteLength - at, start + at);
    if (bytesRead === 0) throw new Error("the file is shorter than its name says");
    at += bytesRead;
  }
  return bytes;
}

async function check(file: FileHandle, entry: Entry): Promise<void> {
  const digest = createHash("sha256");
  for (let at = 0; at < entry.size; at += PIECE_BYTES)
    digest.update(await readWhole(file, at, Math.min(at + PIECE_BYTES, entry.size)));
  if (digest.digest("hex").slice(0, DIGITS) !== entry.etag) throw new Error("the file is damaged");
  entry.isChecked = true;
}

async function onDisk<T>(access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`a copy of the upstream could not be written (${reason})`, { cause: error });
  }
}
