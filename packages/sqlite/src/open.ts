import { join } from "node:path";
import { copiesIn, createPackumentReader, type Clock, type LocalBackend } from "@codebox/core";
import { createChangeQueue, type SqliteChangeQueue } from "./change-queue.ts";
import { openCopyFiles } from "./copy-files.ts";
import { openDatabase, type Database } from "./database.ts";
import { createEventLog, type SqliteEventLog } from "./event-log.ts";
import { createIdentities } from "./identities.ts";
import { createObjectStore, sweepBlobs } from "./object-store.ts";
import { createOutcomes } from "./outcomes.ts";
import { createTokenStore } from "./tokens.ts";

const COPY_BYTES_MAX = 4 * 1024 * 1024 * 1024;

export type SqliteSettings = {
  /** The data directory, or `:memory:`. */
  readonly directory: string;
  readonly clock: Clock;
  /** Whether `npm login` makes accounts. Default: `closed`. */
  readonly registration?: "open" | "closed";
  /** User names that `npm login` never gives away. Default: none. */
  readonly reserved?: readonly string[];
  /** Bytes that the copies of the upstream may take. Default: 4 GiB. */
  readonly copyBytesMax?: number;
  /** Called for failures that no caller waits for: events that could not be stored. */
  readonly onFailure: (error: unknown) => void;
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
 * @example const embedded = await openSqlite({ directory: ":memory:", clock: systemClock });
 * @throws when another process uses the directory.
 */
export async function openSqlite({
  directory,
  clock,
  registration = "closed",
  reserved = [],
  copyBytesMax = COPY_BYTES_MAX,
  onFailure,
}: SqliteSettings): Promise<SqliteBackend> {
  const database = openDatabase(directory);
  await sweepBlobs(database);
  const events = createEventLog(
    database,
    onFailure,
    directory === ":memory:" ? undefined : join(directory, "events.jsonl"),
  );
  const store = createObjectStore(database, clock);
  const reader = createPackumentReader(store);
  const queue = createChangeQueue(database, clock);
  const copies =
    directory === ":memory:"
      ? copiesIn(store)
      : await openCopyFiles({ directory: join(directory, "upstream"), bytesMax: copyBytesMax });
  return {
    database,
    store,
    copies,
    reader,
    queue,
    receiver: queue,
    deadLetters: queue,
    outcomes: createOutcomes(database, clock, reader),
    events,
    eventReader: events,
    tokens: createTokenStore(database),
    identities: createIdentities(database, clock, { registration, reserved }),
    async close() {
      await database.close();
      events.close();
    },
  };
}
