import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { storeFailure } from "./failures.ts";
import { MIGRATIONS } from "./schema.ts";
import { createWriter, type Writer } from "./writer.ts";

export type Row = Record<string, null | number | bigint | string | Uint8Array>;

/**
 * The one SQLite file of an embedded registry. All writes go through `write`, which groups them.
 *
 * Error semantics: what the disk or a damaged page causes is `StoreUnavailable` with its `problem`.
 */
export type Database = Pick<Writer, "attempted" | "failure"> & {
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
  /** Only inside a `write` job. Returns the number of changed rows. */
  run(sql: string, ...values: SQLInputValue[]): number;
  /**
   * Runs a job in a transaction and resolves once it is durable.
   *
   * Jobs that come in while others wait share one transaction, and so one sync of the disk. Each has a savepoint: one that
   * throws is undone alone, and its error surfaces.
   * @throws StoreUnavailable when the group fails; then no job of it happened. The next group is tried again, except after a
   * failed sync (`stopped`): what it left on the disk is not known, so nothing is written until the process starts again
   * (PostgreSQL panics for the same reason).
   */
  write<T>(job: () => T): Promise<T>;
  /**
   * The same for a job that nobody waits for at once: it joins the next group, or begins one within `LAZY_MS`. Whatever is
   * written after it becomes durable with it or after it, never before: a lazy job whose group fails stays in front of the next
   * group, so it may run several times.
   */
  writeLazily<T>(job: () => T): Promise<T>;
  /** Tries whether the database can grow. @throws StoreUnavailable when it cannot. */
  probe(): Promise<void>;
  /** Gives unused pages back to the file system. Needs as much space as the used ones take, for a short time. */
  compact(): void;
  close(): Promise<void>;
};

/** A probe takes so many bytes: more than a change and its document usually need. */
const PROBE_BYTES = 256 * 1024;

/** Opens the database in a file, or in memory for `:memory:`. */
export function openDatabase(file: string): Database {
  const db = open(file);
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, known);
    return known;
  };
  const writer = createWriter(db);
  const run: Database["run"] = (sql, ...values) => guarded(() => Number(prepared(sql).run(...values).changes));
  return {
    get: (sql, ...values) => guarded(() => prepared(sql).get(...values) as Row | undefined),
    all: (sql, ...values) => guarded(() => prepared(sql).all(...values) as Row[]),
    run,
    write: writer.write,
    writeLazily: writer.writeLazily,
    attempted: writer.attempted,
    failure: writer.failure,
    async probe() {
      await writer.write(() => {
        run("INSERT INTO probes VALUES (zeroblob(?))", PROBE_BYTES);
        run("DELETE FROM probes");
      });
      writer.recovered();
    },
    compact: () => guarded(() => db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")),
    async close() {
      await writer.drain();
      db.close();
    },
  };
}

function guarded<T>(access: () => T): T {
  try {
    return access();
  } catch (error) {
    throw storeFailure(error);
  }
}

function open(file: string): DatabaseSync {
  const db = guarded(() => new DatabaseSync(file));
  try {
    lock(db, file);
    guarded(() => migrate(db));
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** One process at a time: the write-ahead log is opened in exclusive mode, so a second one fails here and not later. */
function lock(db: DatabaseSync, file: string): void {
  try {
    if (file !== ":memory:") db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec(
      "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 8000",
    );
    db.exec("BEGIN IMMEDIATE; COMMIT");
  } catch (error) {
    if (/locked|busy/i.test(String(error)))
      throw new Error(
        `another process uses the data directory ${dirname(file)}; stop it, or choose another with --data`,
        {
          cause: error,
        },
      );
    throw storeFailure(error);
  }
}

function migrate(db: DatabaseSync): void {
  const version = Number((db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version);
  if (version > MIGRATIONS.length)
    throw new Error(`the data directory was written by a newer codebox (schema ${version}); start that one`);
  MIGRATIONS.slice(version).forEach((sql, index) => {
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${version + index + 1}; COMMIT`);
  });
}
