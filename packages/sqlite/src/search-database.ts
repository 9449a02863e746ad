import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { PRIVATE_FILE, restrict } from "./data-directory.ts";
import { storeFailure } from "./failures.ts";
import { SEARCH_SCHEMA, SEARCH_VERSION } from "./search-schema.ts";

/** The statements of the index's file. Rows come as arrays: a search reads thousands. Everything throws `StoreUnavailable`. */
export type SearchDatabase = {
  all(sql: string, ...values: Value[]): Value[][];
  /** The rows one after the other, also over several turns of the event loop. */
  rows(sql: string, ...values: Value[]): Iterable<Value[]>;
  get(sql: string, ...values: Value[]): Value[] | undefined;
  run(sql: string, ...values: Value[]): void;
  /** Runs a job in a transaction. A crash of the process or of the machine undoes it completely or not at all. */
  transaction(job: () => void): void;
  close(): void;
};
type Value = string | number | null;

/**
 * Opens the file of the index. A file of another version, or one that is damaged, is replaced by an empty one.
 *
 * `synchronous = NORMAL`: the file never breaks, and the last transactions before a power loss may be missing. The index knows up
 * to which event it is made, so they are made again.
 * @param options.empty throw the file away that is there.
 * @throws StoreUnavailable when there can be no file.
 */
export function openSearchDatabase(file: string, { empty = false } = {}): SearchDatabase {
  return guarded(() => {
    try {
      if (!empty) return statementsOf(open(file));
    } catch (error) {
      if (file === ":memory:") throw error;
    }
    if (file !== ":memory:") for (const name of filesOf(file)) rmSync(name, { force: true });
    return statementsOf(open(file));
  });
}

/** SQLite gives its other files the permissions of the first. */
const filesOf = (file: string): readonly string[] => [file, `${file}-wal`, `${file}-shm`];

function open(file: string): DatabaseSync {
  if (file !== ":memory:") {
    closeSync(openSync(file, "a", PRIVATE_FILE));
    for (const name of filesOf(file)) if (existsSync(name)) restrict(name);
  }
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version === 0) db.exec(`BEGIN IMMEDIATE; ${SEARCH_SCHEMA} COMMIT`);
    else if (version !== SEARCH_VERSION) throw new Error(`the search index has version ${version}`);
    db.prepare("SELECT count(*) FROM state").get();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function statementsOf(db: DatabaseSync): SearchDatabase {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql) ?? db.prepare(sql);
    if (!statements.has(sql)) known.setReturnArrays(true);
    statements.set(sql, known);
    return known;
  };
  return {
    all: (sql, ...values) => guarded(() => prepared(sql).all(...values) as unknown as Value[][]),
    *rows(sql, ...values) {
      // Not a shared statement: another search would begin it again.
      const iterator = guarded(() => {
        const statement = db.prepare(sql);
        statement.setReturnArrays(true);
        return statement.iterate(...values) as unknown as Iterator<Value[]>;
      });
      try {
        for (;;) {
          const { done, value } = guarded(() => iterator.next());
          if (done === true) return;
          yield value;
        }
      } finally {
        iterator.return?.();
      }
    },
    get: (sql, ...values) => guarded(() => prepared(sql).get(...values) as unknown as Value[] | undefined),
    run: (sql, ...values) => guarded(() => void prepared(sql).run(...values)),
    transaction: (job) =>
      guarded(() => {
        db.exec("BEGIN IMMEDIATE");
        try {
          job();
          db.exec("COMMIT");
        } catch (error) {
          if (db.isTransaction) db.exec("ROLLBACK");
          throw error;
        }
      }),
    close: () => db.close(),
  };
}

function guarded<T>(access: () => T): T {
  try {
    return access();
  } catch (error) {
    throw storeFailure(error);
  }
}
