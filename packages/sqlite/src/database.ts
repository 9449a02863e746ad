import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StoreUnavailable } from "@codebox/core";
import { MIGRATIONS } from "./schema.ts";

export type Row = Record<string, null | number | bigint | string | Uint8Array>;

/** The one SQLite file of an embedded registry. All writes go through `write`, which groups them. */
export type Database = {
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
  /** Only inside a `write` job. Returns the number of changed rows. */
  run(sql: string, ...values: SQLInputValue[]): number;
  /**
   * Runs a job in a transaction and resolves once it is durable.
   *
   * Jobs that come in while others wait share one transaction, and so one sync of the disk. Each has a savepoint: one that
   * throws is undone alone, and its error surfaces.
   * @throws StoreUnavailable when the commit fails; then no job of the group happened, and none will until the process is
   * started again: what a failed sync left on the disk is not known (PostgreSQL panics for the same reason).
   */
  write<T>(job: () => T): Promise<T>;
  /**
   * The same for a job that nobody waits for at once: it joins the next group, or begins one within `LAZY_MS`. Whatever is
   * written after it becomes durable with it or after it, never before: when a commit fails, so does every later write.
   */
  writeLazily<T>(job: () => T): Promise<T>;
  close(): Promise<void>;
};

type Job = {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
};

/** Opens the database in a directory (made when missing), or in memory for `:memory:`. */
export function openDatabase(directory: string): Database {
  const memory = directory === ":memory:";
  if (!memory) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = memory ? ":memory:" : join(directory, "codebox.db");
  const db = lock(new DatabaseSync(file), directory, memory);
  migrate(db);
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, known);
    return known;
  };
  const writer = createWriter(db);
  return {
    get: (sql, ...values) => prepared(sql).get(...values) as Row | undefined,
    all: (sql, ...values) => prepared(sql).all(...values) as Row[],
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    write: writer.write,
    writeLazily: writer.writeLazily,
    async close() {
      await writer.drain();
      db.close();
    },
  };
}

/** One process at a time: the write-ahead log is opened in exclusive mode, so a second one fails here and not later. */
function lock(db: DatabaseSync, directory: string, memory: boolean): DatabaseSync {
  try {
    if (!memory) db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec(
      "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 8000",
    );
    db.exec("BEGIN IMMEDIATE; COMMIT");
    return db;
  } catch (error) {
    db.close();
    if (/locked|busy/i.test(String(error)))
      throw new Error(`another process uses the data directory ${directory}; stop it, or choose another with --data`, {
        cause: error,
      });
    throw error;
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

/** How long a lazy job waits for others to share a sync with, in milliseconds. */
export const LAZY_MS = 10;

function createWriter(db: DatabaseSync): Pick<Database, "write" | "writeLazily"> & { drain: () => Promise<void> } {
  let waiting: Job[] = [];
  let scheduled = false;
  let lazy: NodeJS.Timeout | undefined;
  let broken: StoreUnavailable | undefined;
  const flush = () => {
    scheduled = false;
    // Else it would cut short the wait of the lazy jobs that come next.
    clearTimeout(lazy);
    const jobs = waiting;
    waiting = [];
    if (broken) for (const job of jobs) job.reject(broken);
    else if (jobs.length > 0) broken = commit(db, jobs);
  };
  const add = <T>(run: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push({ run, resolve: resolve as Job["resolve"], reject });
    });
  const write: Database["write"] = (run) => {
    if (!scheduled) setImmediate(flush);
    scheduled = true;
    return add(run);
  };
  return {
    write,
    writeLazily(run) {
      if (waiting.length === 0) lazy = setTimeout(flush, LAZY_MS);
      return add(run);
    },
    async drain() {
      while (waiting.length > 0) await write(() => {});
    },
  };
}

/** Runs jobs in one transaction. Returns what made the commit fail. */
function commit(db: DatabaseSync, jobs: readonly Job[]): StoreUnavailable | undefined {
  const settle: (() => void)[] = [];
  try {
    db.exec("BEGIN IMMEDIATE");
    for (const job of jobs) settle.push(attempt(db, job));
    db.exec("COMMIT");
  } catch (cause) {
    if (db.isTransaction) db.exec("ROLLBACK");
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new StoreUnavailable(
      `the database could not commit (${reason}); fix the cause and start the server again`,
      { cause },
    );
    for (const job of jobs) job.reject(error);
    return error;
  }
  for (const done of settle) done();
  return undefined;
}

function attempt(db: DatabaseSync, { run, resolve, reject }: Job): () => void {
  db.exec("SAVEPOINT job");
  try {
    const value = run() as never;
    db.exec("RELEASE job");
    return () => resolve(value);
  } catch (error) {
    db.exec("ROLLBACK TO job; RELEASE job");
    return () => reject(error);
  }
}
