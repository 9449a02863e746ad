import { join } from "node:path";
import { createPackumentReader, type Backend, type Clock } from "@codebox/core";
import { createChangeQueue, type SqliteChangeQueue } from "./change-queue.ts";
import { openDatabase, type Database } from "./database.ts";
import { createEventLog, type SqliteEventLog } from "./event-log.ts";
import { createIdentities } from "./identities.ts";
import { createObjectStore, sweepBlobs } from "./object-store.ts";
import { createOutcomes } from "./outcomes.ts";
import { createTokenStore } from "./tokens.ts";

export type SqliteSettings = {
  /** The data directory, or `:memory:`. */
  readonly directory: string;
  readonly clock: Clock;
  /** Whether `npm login` makes accounts. Default: `closed`. */
  readonly registration?: "open" | "closed";
  /** User names that `npm login` never gives away. Default: none. */
  readonly reserved?: readonly string[];
  /** Called for failures that no caller waits for: events that could not be stored. */
  readonly onFailure: (error: unknown) => void;
};

/** A `Backend`, and what only a host on one machine needs. `queue` is also the receiver and the dead letters. */
export type SqliteBackend = Backend & {
  /** Whether anybody holds a token. */
  hasTokens(): boolean;
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
  return {
    hasTokens: () => database.get("SELECT 1 FROM tokens LIMIT 1") !== undefined,
    database,
    store,
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
