import type { Database } from "./database.ts";
import type { Files } from "./files.ts";

/** With less than this left on the disk, writing is tried before the health check says that it works. */
const LOW_BYTES = 16 * 1024 * 1024;

/**
 * Whether something can be stored now. Usually answers from memory; after a failed write, and while the disk is nearly full, it
 * tries: it writes a file and rows, and removes them.
 *
 * @throws StoreUnavailable with the reason.
 */
export function createWritableCheck(database: Database, files: Files | undefined): () => Promise<void> {
  let running: Promise<void> | undefined;
  const probe = async () => {
    await files?.probe();
    await database.probe();
  };
  return async () => {
    const known = database.failure() ?? files?.failure();
    if (known?.problem === "stopped") throw known;
    const isLow = files !== undefined && (await files.freeBytes()) < LOW_BYTES;
    if (!known && !isLow) return;
    running ??= probe().finally(() => (running = undefined));
    await running;
  };
}
