import { createHash, randomUUID } from "node:crypto";
import { openSync } from "node:fs";
import { open, readdir, rm, statfs, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { ByteRange, StoreUnavailable } from "@codebox/core";
import { readFailure, storeFailure } from "./failures.ts";
import { readPieces, readWhole } from "./file-reader.ts";
import { PRIVATE_FILE, syncDirectory } from "./data-directory.ts";

/** A probe writes so many bytes: a tarball of common size. */
const PROBE_BYTES = 1024 * 1024;

/** A body that is on the disk, under a name of its own. */
type WrittenFile = { readonly file: string; readonly etag: string; readonly size: number };

/**
 * The bytes of large objects, one file each, in a directory of their own.
 *
 * A file is written once, under a name that is never used again, and is durable before a row names it. So a file that no row
 * names is a leftover, and reading needs no lock: a file that is removed while it is open is still read to its end.
 *
 * Error semantics: `StoreUnavailable`; errors of a body surface as they are.
 */
export type Files = {
  /** Writes a body; it is durable afterwards. When it throws, no file is left. */
  write(body: AsyncIterable<Uint8Array>): Promise<WrittenFile>;
  /** Opens a file in the same turn of the event loop, so that nothing removes it after its row was read. */
  stream(file: string, size: number, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  read(file: string, size: number): Promise<Uint8Array>;
  /** A failure is reported to `onFailure`: the next start removes the file. */
  remove(file: string): Promise<void>;
  /** Removes every file that is not known: what a process left that did not end by itself. */
  sweep(known: ReadonlySet<string>): Promise<void>;
  /** Bytes that the disk has left. */
  freeBytes(): Promise<number>;
  /** Tries whether a file can be written. @throws StoreUnavailable when it cannot. */
  probe(): Promise<void>;
  /** Why the last file could not be written; `undefined` after a probe that worked. */
  failure(): StoreUnavailable | undefined;
};

/**
 * @param directory exists.
 * @param onFailure called when a file that nobody needs could not be removed.
 */
export function createFiles(directory: string, onFailure: (error: unknown) => void): Files {
  let failure: StoreUnavailable | undefined;
  const path = (file: string) => join(directory, file);
  const remove = (file: string) => onDisk(() => rm(path(file), { force: true })).catch(onFailure);
  const begin = (file: string) => {
    try {
      return openSync(path(file), "r");
    } catch (error) {
      throw readFailure(error);
    }
  };
  const failed = (error: unknown): never => {
    failure = error as StoreUnavailable;
    throw error;
  };
  const write = async (body: AsyncIterable<Uint8Array>): Promise<WrittenFile> => {
    const file = randomUUID();
    const handle = await onDisk(() => open(path(file), "wx", PRIVATE_FILE)).catch(failed);
    try {
      // The umask may have taken away what the owner needs.
      await onDisk(() => handle.chmod(PRIVATE_FILE)).catch(failed);
      const written = await fill(handle, body, failed);
      await onDisk(() => handle.sync()).catch(failed);
      await onDisk(() => syncDirectory(directory)).catch(failed);
      return { file, ...written };
    } catch (error) {
      await remove(file);
      throw error;
    } finally {
      await handle.close();
    }
  };
  return {
    write,
    stream: async (file, size, range) => readPieces(begin(file), size, range),
    read: async (file, size) => readWhole(begin(file), size),
    remove,
    async sweep(known) {
      const found = await onDisk(() => readdir(directory));
      await Promise.all(found.filter((file) => !known.has(file)).map(remove));
    },
    async freeBytes() {
      const { bavail, bsize } = await onDisk(() => statfs(directory));
      return bavail * bsize;
    },
    async probe() {
      const { file } = await write(zeros(PROBE_BYTES));
      await remove(file);
      failure = undefined;
    },
    failure: () => failure,
  };
}

async function fill(
  handle: FileHandle,
  body: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => never,
): Promise<Omit<WrittenFile, "file">> {
  const hash = createHash("md5");
  let size = 0;
  for await (const piece of body) {
    hash.update(piece);
    // It may take less than all of it, above all when the disk becomes full.
    for (let from = 0; from < piece.byteLength;) {
      const { bytesWritten } = await onDisk(() => handle.write(piece, from)).catch(failed);
      from += bytesWritten;
    }
    size += piece.byteLength;
  }
  return { etag: `"${hash.digest("hex")}"`, size };
}

async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(size);
}

async function onDisk<T>(access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    throw storeFailure(error);
  }
}
