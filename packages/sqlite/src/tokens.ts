import type { TokenRecord, TokenStore } from "@codebox/core";
import type { Database, Row } from "./database.ts";

/** The `TokenStore` port over SQLite. */
export function createTokenStore(database: Database): TokenStore {
  return {
    put: async ({ hash, user, readonly, label, created, expires, ...limits }) => {
      await database.write(() => {
        // The name stays taken when the token is revoked.
        database.run("INSERT INTO token_holders (name) VALUES (?) ON CONFLICT (name) DO NOTHING", user);
        return database.run(
          "INSERT OR REPLACE INTO tokens (hash, user, readonly, label, created, expires, limits) VALUES (?, ?, ?, ?, ?, ?, ?)",
          hash,
          user,
          readonly ? 1 : 0,
          label,
          created,
          expires ?? null,
          JSON.stringify(limits),
        );
      });
    },
    async find(hash) {
      const row = database.get("SELECT * FROM tokens WHERE hash = ?", hash);
      return row && recordOf(row);
    },
    list: async (user) =>
      database.all("SELECT * FROM tokens WHERE user = ? ORDER BY created, hash", user).map(recordOf),
    isEmpty: async () => database.get("SELECT 1 FROM tokens LIMIT 1") === undefined,
    remove: (hash) => database.write(() => database.run("DELETE FROM tokens WHERE hash = ?", hash) > 0),
  };
}

type Limits = Pick<TokenRecord, "packages" | "scopes" | "cidr">;

function recordOf(row: Row): TokenRecord {
  return {
    hash: String(row["hash"]),
    user: String(row["user"]),
    readonly: row["readonly"] === 1,
    label: String(row["label"]),
    created: String(row["created"]),
    ...(typeof row["expires"] === "string" ? { expires: row["expires"] } : {}),
    ...(typeof row["limits"] === "string" ? (JSON.parse(row["limits"]) as Limits) : {}),
  };
}
