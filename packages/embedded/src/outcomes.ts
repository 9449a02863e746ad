import type { Clock, Outcome, Outcomes } from "@codebox/core";
import type { Database } from "./database.ts";

/** How long outcomes can be asked for, in milliseconds. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** The `Outcomes` port over SQLite: waiting is in memory, since whoever waits and whoever tells are one process. */
export function createOutcomes(database: Database, clock: Clock): Outcomes {
  const waiters = new Map<string, Set<(outcome: Outcome) => void>>();
  return {
    async record(outcomes) {
      const at = clock.now().getTime();
      await database.write(() => {
        for (const outcome of outcomes) {
          database.run(
            "INSERT INTO outcomes (id, name, body, at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE body IS NULL",
            outcome.id, outcome.name, JSON.stringify(outcome), at,
          ); // prettier-ignore
        }
        database.run("DELETE FROM outcomes WHERE at < ?", at - KEPT_MS);
      });
      for (const outcome of outcomes) for (const tell of waiters.get(outcome.id) ?? []) tell(outcome);
    },
    async wait({ id }, timeoutMs) {
      const known = stored(database, id);
      if (known) return known;
      const cancel = new AbortController();
      const listeners = waiters.get(id) ?? new Set();
      const { promise: told, resolve } = Promise.withResolvers<Outcome>();
      waiters.set(id, listeners.add(resolve));
      try {
        return await Promise.race([told, clock.sleep(timeoutMs, cancel.signal).then(() => undefined)]);
      } finally {
        cancel.abort();
        listeners.delete(resolve);
        if (listeners.size === 0) waiters.delete(id);
      }
    },
    async remember({ id, name }) {
      const at = clock.now().getTime();
      await database.write(() =>
        database.run(
          "INSERT INTO outcomes (id, name, body, at) VALUES (?, ?, NULL, ?) ON CONFLICT (id) DO NOTHING",
          id,
          name,
          at,
        ),
      );
    },
    async find(id) {
      const row = database.get(
        "SELECT name, body FROM outcomes WHERE id = ?1 UNION ALL SELECT name, NULL FROM changes WHERE id = ?1 AND acknowledged IS NULL LIMIT 1",
        id,
      );
      if (!row) return undefined;
      return typeof row["body"] === "string"
        ? (JSON.parse(row["body"]) as Outcome)
        : { state: "pending", id, name: String(row["name"]) };
    },
  };
}

function stored(database: Database, id: string): Outcome | undefined {
  const body = database.get("SELECT body FROM outcomes WHERE id = ?", id)?.["body"];
  return typeof body === "string" ? (JSON.parse(body) as Outcome) : undefined;
}
