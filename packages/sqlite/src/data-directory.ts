import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { storeFailure } from "./failures.ts";

/** Only the user of the server reads and writes: the files hold token hashes, password hashes and private packages. */
export const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;
const PERMISSIONS = 0o777;
/** The permissions of the group and of others. */
const OTHERS = 0o077;

export type DataDirectory = {
  readonly database: string;
  readonly blobs: string;
  readonly events: string;
  /** What the operator should change, one sentence each. */
  readonly warnings: readonly string[];
};

/**
 * Makes the data directory where it is missing, and makes its files private whatever the umask is and whichever user made them.
 *
 * The permissions of a directory that existed before stay: it may hold more than our files. The warning says how to change them.
 * @throws when the directory can't be used, with what to do.
 */
export function prepareDirectory(directory: string): DataDirectory {
  const inside = (name: string) => join(directory, name);
  const found = { database: inside("codebox.db"), blobs: inside("blobs"), events: inside("events.jsonl") };
  try {
    makePrivate(directory);
    makePrivate(found.blobs);
    chmodSync(found.blobs, PRIVATE_DIRECTORY);
    // SQLite gives its other files the permissions of the database.
    for (const file of [found.database, found.events]) closeSync(openSync(file, "a", PRIVATE_FILE));
    const ours = [found.database, `${found.database}-wal`, `${found.database}-shm`, found.events];
    const blobs = readdirSync(found.blobs).map((name) => join(found.blobs, name));
    for (const file of [...ours, ...blobs]) if (existsSync(file)) restrict(file);
  } catch (error) {
    throw explained(directory, error);
  }
  return { ...found, warnings: warningsOf(directory) };
}

function makePrivate(directory: string): void {
  if (existsSync(directory)) return;
  mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
  // The umask may have taken away what the owner needs.
  chmodSync(directory, PRIVATE_DIRECTORY);
}

/** Gives a file of ours its permissions, whatever the umask was when it was made. */
export function restrict(file: string): void {
  if ((statSync(file).mode & PERMISSIONS) !== PRIVATE_FILE) chmodSync(file, PRIVATE_FILE);
}

function warningsOf(directory: string): string[] {
  const mode = statSync(directory).mode & PERMISSIONS;
  // Windows has no such permissions, and shows all of them.
  if ((mode & OTHERS) === 0 || process.platform === "win32") return [];
  return [
    `other users of this machine have permissions on the data directory ${directory} (mode ${mode.toString(8)}); ` +
      `codebox keeps its own files private; chmod 700 ${directory} closes the directory too`,
  ];
}

function explained(directory: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ""];
  if (reason === undefined) return storeFailure(cause);
  return new Error(`the data directory ${directory} ${reason} (${message})`, { cause });
}

const NOT_OURS =
  "may not be written by this user; start codebox as the owner of the directory, or choose another with --data";
const NO_DIRECTORY = "is not a directory; choose another with --data";
const REASONS: Readonly<Record<string, string>> = {
  EACCES: NOT_OURS,
  EPERM: NOT_OURS,
  EROFS: "is on a read-only disk; mount the disk writable, or choose another directory with --data",
  ENOTDIR: NO_DIRECTORY,
  EEXIST: NO_DIRECTORY,
};

/** Else a new file could be on the disk after a power loss, and its name not. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows does it by itself, and opens no directories.
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
