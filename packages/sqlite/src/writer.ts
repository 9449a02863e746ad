import type { DatabaseSync } from "node:sqlite";
import { StoreUnavailable } from "@codebox/core";
import { leftNothing, storeFailure, unavailable } from "./failures.ts";

/** How long a lazy job waits for others to share a sync with, in milliseconds. */
export const LAZY_MS = 10;
/** After a failure, lazy jobs are tried again after so many milliseconds, also when nothing else is written. */
const RETRY_MS = 1_000;

export type Writer = {
  write<T>(job: () => T): Promise<T>;
  writeLazily<T>(job: () => T): Promise<T>;
  /** Resolves once the lazy jobs that wait now were tried, whether they became durable or not; at once after a failure. */
  attempted(): Promise<void>;
  /** Why the last group that failed did so; `undefined` after `recovered`. */
  failure(): StoreUnavailable | undefined;
  /** Forgets the failure: writing was tried, and works. */
  recovered(): void;
  /** Tries what waits a last time. What then fails is rejected. */
  drain(): Promise<void>;
};

type Job = {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  readonly lazy: boolean;
};

/** Groups the writes of a database: those that are issued while others wait share one transaction. */
export function createWriter(db: DatabaseSync): Writer {
  let waiting: Job[] = [];
  let scheduled = false;
  let timer: NodeJS.Timeout | undefined;
  let failure: StoreUnavailable | undefined;
  let draining = false;
  let attempt = Promise.withResolvers<void>();

  const flush = () => {
    scheduled = false;
    // Else it would cut short the wait of the lazy jobs that come next.
    clearTimeout(timer);
    const jobs = waiting;
    waiting = [];
    if (failure?.problem === "stopped") reject(jobs, failure);
    else commitAll(jobs);
    attempt.resolve();
    attempt = Promise.withResolvers();
  };
  /** A job that needs a damaged page fails alone: the others are tried again without it. */
  const commitAll = (jobs: readonly Job[]) => {
    for (let left = jobs; left.length > 0;) {
      const { error, culprit } = commit(db, left);
      if (!error) return;
      if (!culprit) return fail(left, error);
      culprit.reject(error);
      left = left.filter((job) => job !== culprit);
    }
  };
  /**
   * Nothing of the group happened. Lazy jobs stay in front: what is written after them becomes durable with them or after them,
   * and their callers have gone on already.
   */
  const fail = (jobs: readonly Job[], error: StoreUnavailable) => {
    failure = error;
    const isKept = ({ lazy }: Job) => lazy && !draining && error.problem !== "stopped";
    const kept = jobs.filter(isKept);
    waiting = [...kept, ...waiting];
    if (kept.length > 0) timer = setTimeout(flush, RETRY_MS).unref();
    const rejected = jobs.filter((job) => !isKept(job));
    reject(rejected, error);
  };
  const add = <T>(run: () => T, lazy: boolean): Promise<T> =>
    new Promise((resolve, rejectJob) => {
      waiting.push({ run, resolve: resolve as Job["resolve"], reject: rejectJob, lazy });
    });
  const write: Writer["write"] = (run) => {
    if (!scheduled) setImmediate(flush);
    scheduled = true;
    return add(run, false);
  };
  return {
    write,
    writeLazily(run) {
      if (waiting.length === 0) timer = setTimeout(flush, LAZY_MS);
      return add(run, true);
    },
    attempted: async () => (waiting.length > 0 && !failure ? attempt.promise : undefined),
    failure: () => failure,
    recovered() {
      if (failure?.problem !== "stopped") failure = undefined;
    },
    async drain() {
      draining = true;
      // Each job's own caller gets its failure.
      while (waiting.length > 0) await Promise.allSettled([write(() => {})]);
    },
  };
}

function reject(jobs: readonly Job[], error: StoreUnavailable): void {
  for (const job of jobs) job.reject(error);
}

/** Why a group failed, and the job that needs a damaged page, where that is the reason. */
type Committed = { readonly error?: StoreUnavailable; readonly culprit?: Job };

/** Runs jobs in one transaction. When it returns an error, nothing of it happened, unless the problem is `stopped`. */
function commit(db: DatabaseSync, jobs: readonly Job[]): Committed {
  const settle: (() => void)[] = [];
  let running: Job | undefined;
  let committing = false;
  try {
    db.exec("BEGIN IMMEDIATE");
    for (const job of jobs) {
      running = job;
      settle.push(attemptJob(db, job));
    }
    committing = true;
    db.exec("COMMIT");
  } catch (cause) {
    const isUndone = rollBack(db);
    if (!isUndone || (committing && !leftNothing(cause))) return { error: unavailable("stopped", cause) };
    const error = failureOf(cause);
    return error.problem === "damaged" && running ? { error, culprit: running } : { error };
  }
  for (const report of settle) report();
  return {};
}

function failureOf(cause: unknown): StoreUnavailable {
  const failure = storeFailure(cause);
  if (failure instanceof StoreUnavailable) return failure;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailable(`the database could not write (${reason})`, { cause });
}

function rollBack(db: DatabaseSync): boolean {
  try {
    if (db.isTransaction) db.exec("ROLLBACK");
    return true;
  } catch {
    // The caller reports the failure before this one, and stops the writer.
    return false;
  }
}

function attemptJob(db: DatabaseSync, job: Job): () => void {
  db.exec("SAVEPOINT job");
  try {
    const value = job.run() as never;
    db.exec("RELEASE job");
    return () => job.resolve(value);
  } catch (error) {
    // SQLite may have undone the complete transaction already, and after a damaged page the commit fails: so its group fails with it.
    if (!db.isTransaction || error instanceof StoreUnavailable) throw error;
    db.exec("ROLLBACK TO job; RELEASE job");
    return () => job.reject(error);
  }
}
