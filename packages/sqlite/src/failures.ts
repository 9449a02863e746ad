import { StoreUnavailable, type StoreProblem } from "@codebox/core";

/** SQLite's primary result codes: the lower eight bits of an extended one. Source: https://sqlite.org/rescode.html */
const PROBLEMS: Readonly<Record<number, StoreProblem>> = {
  8: "refused", // SQLITE_READONLY
  10: "refused", // SQLITE_IOERR
  11: "damaged", // SQLITE_CORRUPT
  13: "full", // SQLITE_FULL
  26: "damaged", // SQLITE_NOTADB
};
/** SQLITE_NOMEM, SQLITE_CANTOPEN: memory or file descriptors are used up, and may be free again in a moment. */
const PASSING: ReadonlySet<number> = new Set([7, 14]);
/** SQLITE_IOERR_READ, _SHORT_READ and _CORRUPTFS: a page that cannot be read. */
const READ_FAILED: ReadonlySet<number> = new Set([266, 522, 8458]);
/** SQLITE_IOERR_WRITE: the disk did not take the bytes, so no commit mark is on it. */
const WRITE_FAILED = 778;
const PRIMARY = 0xff;

/** What a failed system call says. Source: man 2 open, write, fsync. */
const SYSTEM_PROBLEMS: Readonly<Record<string, StoreProblem>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EROFS: "refused",
  EACCES: "refused",
  EPERM: "refused",
  EIO: "refused",
};

const TEXTS: Readonly<Record<StoreProblem, string>> = {
  full: "the disk of the data directory is full: nothing can be stored until there is space again",
  refused: "the disk of the data directory refuses writes",
  stopped:
    "the disk failed while it was written to, and what is on it is not known; check it and start the server again",
  damaged: "a part of the data directory is damaged; restore it from a backup",
};

/** The error of a port for a failure of SQLite or of a file; every other error is returned as it is. */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreUnavailable) return error;
  const code = sqliteCode(error);
  if (code !== undefined) {
    const problem = READ_FAILED.has(code) ? "damaged" : PROBLEMS[code & PRIMARY];
    if (problem !== undefined) return unavailable(problem, error);
    return PASSING.has(code & PRIMARY) ? passing(error) : error;
  }
  const name = "code" in error && "syscall" in error ? String(error.code) : undefined;
  if (name === undefined) return error;
  const problem = SYSTEM_PROBLEMS[name];
  return problem === undefined ? passing(error) : unavailable(problem, error);
}

function passing(cause: Error): StoreUnavailable {
  return new StoreUnavailable(`the data directory does not answer (${cause.message})`, { cause });
}

/** The same for a file that is read: one that is missing or can't be read is damaged, and no other one is. */
export function readFailure(error: unknown): unknown {
  const isGone = error instanceof Error && "code" in error && UNREADABLE.has(String(error.code));
  return isGone ? unavailable("damaged", error) : storeFailure(error);
}

const UNREADABLE: ReadonlySet<string> = new Set(["ENOENT", "EIO", "EISDIR", "EACCES"]);

export function unavailable(problem: StoreProblem, cause?: unknown): StoreUnavailable {
  const reason = cause instanceof Error ? ` (${cause.message})` : "";
  return new StoreUnavailable(`${TEXTS[problem]}${reason}`, { problem, cause });
}

/**
 * Whether a COMMIT that failed left nothing behind: the disk did not take all pages, so no commit mark is on it. Otherwise the
 * sync may have failed after the mark was written, and the transaction may be there after a crash.
 */
export function leftNothing(error: unknown): boolean {
  const code = error instanceof Error ? sqliteCode(error) : undefined;
  if (code === undefined) return false;
  const problem = PROBLEMS[code & PRIMARY];
  return code === WRITE_FAILED || problem === "full" || (code & PRIMARY) === 8;
}

function sqliteCode(error: Error): number | undefined {
  return "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
}
