import type { Database } from "./database.ts";
import type { Files } from "./files.ts";

/**
 * Moves what an older codebox kept in the database as chunks into files, one blob at a time. When the process ends before all
 * are moved, the next start moves the rest.
 *
 * @param onFailure called when the database file could not be made smaller: it then reuses its free pages.
 * @throws StoreUnavailable `full`: the files need as much space as the chunks, until all are moved.
 */
export async function moveChunks(database: Database, files: Files, onFailure: (error: unknown) => void): Promise<void> {
  const blobs = database.all("SELECT id FROM blobs").map(({ id }) => Number(id));
  if (blobs.length === 0) return;
  for (const blob of blobs) {
    const isUsed = database.get("SELECT 1 FROM objects WHERE blob = ? LIMIT 1", blob) !== undefined;
    const file = isUsed ? (await files.write(chunksOf(database, blob))).file : null;
    await database.write(() => {
      database.run("UPDATE objects SET file = ?, blob = NULL WHERE blob = ?", file, blob);
      database.run("DELETE FROM blobs WHERE id = ?", blob);
    });
  }
  try {
    database.compact();
  } catch (error) {
    onFailure(error);
  }
}

async function* chunksOf(database: Database, blob: number): AsyncGenerator<Uint8Array> {
  for (let number = 0; ; number++) {
    const row = database.get("SELECT bytes FROM chunks WHERE blob = ? AND number = ?", blob, number);
    if (!row) return;
    yield row["bytes"] as Uint8Array;
  }
}
