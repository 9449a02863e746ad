import type { ListedToken, TokenLimits, TokenRecord, TokenStore } from "@codebox/core";
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
      database.all("SELECT * FROM tokens WHERE user = ? ORDER BY created, hash", user).map(listedOf),
    async page({ prefix = "", cursor = "" } = {}) {
      const rows = database.all(PAGE_SQL, prefix, cursor, PAGE);
      const last = rows.length === PAGE ? rows.at(-1) : undefined;
      return { tokens: rows.map(listedOf), ...(last ? { cursor: String(last["hash"]) } : {}) };
    },
    // Nobody waits for it, so it costs no sync of its own.
    used: async (hash, day) => {
      await database.writeLazily(() => database.run("UPDATE tokens SET last_used = ? WHERE hash = ?", day, hash));
    },
    isEmpty: async () => database.get("SELECT 1 FROM tokens LIMIT 1") === undefined,
    remove: (hash) => database.write(() => database.run("DELETE FROM tokens WHERE hash = ?", hash) > 0),
  };
}

/** Tokens in a page. */
const PAGE = 500;
const PAGE_SQL = `SELECT * FROM tokens WHERE substr(hash, 1, length(?1)) = ?1 AND hash > ?2 ORDER BY hash LIMIT ?3`;

/** What is stored as JSON. */
type Limits = Omit<TokenLimits, "readonly"> & Pick<TokenRecord, "description" | "signIn">;

function listedOf(row: Row): ListedToken {
  return { ...recordOf(row), ...(typeof row["last_used"] === "string" ? { lastUsed: row["last_used"] } : {}) };
}

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
