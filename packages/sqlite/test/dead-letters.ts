import type { Change } from "@codebox/core";
import type { SqliteBackend } from "../src/index.ts";

/** Makes a change a dead letter, as an earlier version of codebox left it. */
export async function bury({ database }: SqliteBackend, change: Change, reason = "down"): Promise<void> {
  const { id, name } = change;
  await database.write(() => {
    database.run("DELETE FROM changes WHERE id = ?", id);
    const sql = "INSERT INTO dead_letters (id, name, body, reason, receives, at) VALUES (?, ?, ?, ?, 8, 0)";
    database.run(sql, id, name, JSON.stringify(change), reason);
  });
}
