import type { TokenRecord, TokenStore } from "@codebox/core";
import type { Database, Row } from "./database.ts";

/** The `TokenStore` port over SQLite. */
export function createTokenStore(database: Database): TokenStore {
  return {
    put: async ({ hash, user, readonly, label, created }) => {
      await database.write(() =>
        database.run(
          "INSERT OR REPLACE INTO tokens (hash, user, readonly, label, created) VALUES (?, ?, ?, ?, ?)",
          hash,
          user,
          readonly ? 1 : 0,
          label,
          created,
        ),
      );
    },
    async find(hash) {
      const row = database.get("SELECT * FROM tokens WHERE hash = ?", hash);
      return row && recordOf(row);
    },
    list: async (user) =>
      database.all("SELECT * FROM tokens WHERE user = ? ORDER BY created, hash", user).map(recordOf),
    remove: (hash) => database.write(() => database.run("DELETE FROM tokens WHERE hash = ?", hash) > 0),
  };
}

function recordOf(row: Row): TokenRecord {
  return {
    hash: String(row["hash"]),
    user: String(row["user"]),
    readonly: row["readonly"] === 1,
    label: String(row["label"]),
    created: String(row["created"]),
  };
}
