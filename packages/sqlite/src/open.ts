import { join } from "node:path";
import {
  copiesIn,
  createPackumentReader,
  type Clock,
  type CopyStore,
  type LocalBackend,
  type LocalSearchIndex,
  type ObjectStore,
} from "@codebox/core";
import { createChangeQueue, type SqliteChangeQueue } from "./change-queue.ts";
import { moveChunks } from "./chunks.ts";
import { openCopyFiles } from "./copy-files.ts";
import { prepareDirectory, syncDirectory, type DataDirectory } from "./data-directory.ts";
import { openDatabase, type Database } from "./database.ts";
import { createEventLog, type SqliteEventLog } from "./event-log.ts";
import { createFiles, type Files } from "./files.ts";
import { createIdentities } from "./identities.ts";
import { createObjectStore, sweepFiles } from "./object-store.ts";
import { createOutcomes } from "./outcomes.ts";
import { openSearchIndex } from "./search-index.ts";
import { createTokenStore } from "./tokens.ts";
import { createWritableCheck } from "./writable.ts";

const COPY_BYTES_MAX = 4 * 1024 * 1024 * 1024;

export type SqliteSettings = {
  /** The data directory, or `:memory:`. */
  readonly directory: string;
  readonly clock: Clock;
  /** Whether `npm login` makes accounts. Default: `closed`. */
  readonly registration?: "open" | "closed";
  /** Bytes of objects that are kept in memory. Default: `MEMORY_BYTES`. */
  readonly memoryBytes?: number;
  /** Bytes of JSON whose parsed documents are kept. Default: 32 MiB. */
  readonly documentBytes?: number;
  /** User names that `npm login` never gives away. Default: none. */
  readonly reserved?: readonly string[];
  /** Bytes that the copies of the upstream may take. Default: 4 GiB. */
  readonly copyBytesMax?: number;
  /** Called with failures that no caller waits for: events that could not be stored, files that could not be removed. */
  readonly onFailure: (error: unknown) => void;
  /** Called at the opening with what the operator should change, for example the permissions of the directory. */
  readonly onWarning?: (warning: string) => void;
};

/** A `Backend`, and what only a host on one machine needs. `queue` is also the receiver and the dead letters. */
export type SqliteBackend = LocalBackend & {
  readonly database: Database;
  readonly queue: SqliteChangeQueue;
  readonly receiver: SqliteChangeQueue;
  readonly events: SqliteEventLog;
  readonly eventReader: SqliteEventLog;
};

/**
 * Opens every port of the embedded registry over one data directory.
 *
 * @example const embedded = await openSqlite({ directory: ":memory:", clock: systemClock, onFailure });
 * @throws when another process uses the directory, or when it can't be read or written, with what to do.
 */
export async function openSqlite({
  directory,
  clock,
  registration = "closed",
  reserved = [],
  memoryBytes,
  documentBytes,
  copyBytesMax = COPY_BYTES_MAX,
  onFailure,
  onWarning,
}: SqliteSettings): Promise<SqliteBackend> {
  const found = directory === ":memory:" ? undefined : prepareDirectory(directory);
  for (const warning of found?.warnings ?? []) onWarning?.(warning);
  const database = openDatabase(found?.database ?? ":memory:");
  try {
    const files = found && (await openFiles(database, directory, found, onFailure));
    const events = createEventLog(database, onFailure, found?.events);
    const store = createObjectStore({ database, clock, files, memoryBytes });
    const reader = createPackumentReader(store, documentBytes);
    const queue = createChangeQueue(database, clock, onFailure);
    const searchIndex = openSearch(found && join(directory, "search.db"), onFailure);
    const copies = found ? await openCopies(store, directory, copyBytesMax, onFailure) : copiesIn(store);
    return {
      database,
      store,
      copies,
      searchIndex,
      reader,
      queue,
      receiver: queue,
      deadLetters: queue,
      outcomes: createOutcomes(database, clock, reader),
      events,
      eventReader: events,
      tokens: createTokenStore(database),
      identities: createIdentities(database, clock, { registration, reserved }),
      checkWritable: createWritableCheck(database, files),
      async close() {
        await database.close();
        events.close();
        searchIndex.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A disk that takes no new directory must not keep the server from its start: then nothing is kept until the next one. */
async function openCopies(
  store: ObjectStore,
  directory: string,
  bytesMax: number,
  onFailure: (error: unknown) => void,
): Promise<CopyStore> {
  try {
    return await openCopyFiles({ directory: join(directory, "upstream"), bytesMax });
  } catch (error) {
    onFailure(error);
    return copiesIn(store);
  }
}

/** Without a file the index is in memory, and built at each start. */
function openSearch(
  file: string | undefined,
  onFailure: (error: unknown) => void,
): LocalSearchIndex & { close(): void } {
  try {
    return openSearchIndex(file ?? ":memory:");
  } catch (error) {
    onFailure(error);
    return openSearchIndex(":memory:");
  }
}

async function openFiles(
  database: Database,
  directory: string,
  { blobs }: DataDirectory,
  onFailure: (error: unknown) => void,
): Promise<Files> {
  await syncDirectory(directory);
  const files = createFiles(blobs, onFailure);
  await sweepFiles(database, files);
  await moveChunks(database, files, onFailure);
  return files;
}
