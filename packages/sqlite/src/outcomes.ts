import {
  outcomeInRing,
  type ChangeEvent,
  type Clock,
  type DistTags,
  type Outcome,
  type Outcomes,
  type PackumentReader,
} from "@codebox/core";
import type { Database } from "./database.ts";

/** How long a rejection can be asked for, in milliseconds. Applied changes are in the event log for good. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** The `Outcomes` port over SQLite: waiting is in memory, since the waiter and the consumer are one process. */
export function createOutcomes(database: Database, clock: Clock, reader: PackumentReader): Outcomes {
  const waiters = new Map<string, Set<(outcome: Outcome) => void>>();
  const settle = (outcomes: readonly Outcome[]) => {
    for (const outcome of outcomes) for (const resolve of waiters.get(outcome.id) ?? []) resolve(outcome);
  };
  return {
    async record(outcomes) {
      // An applied change is in its index.json, durably, and will be in the event log: that is its record.
      settle(outcomes.filter(({ state }) => state === "applied"));
      const rejected = outcomes.filter(({ state }) => state === "rejected");
      if (rejected.length === 0) return;
      const at = clock.now().getTime();
      await database.write(() => {
        for (const outcome of rejected) database.run(REJECTED, outcome.id, outcome.name, JSON.stringify(outcome), at);
        database.run("DELETE FROM outcomes WHERE at < ?", at - KEPT_MS);
      });
      settle(rejected);
    },
    async wait({ id }, timeoutMs) {
      const known = stored(database, id);
      if (known) return known;
      const cancel = new AbortController();
      const listeners = waiters.get(id) ?? new Set();
      const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
      waiters.set(id, listeners.add(resolve));
      try {
        return await Promise.race([outcome, clock.sleep(timeoutMs, cancel.signal).then(() => undefined)]);
      } finally {
        // A reason of our own: the default one is an exception, made with its stack.
        cancel.abort("answered");
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
      const known = stored(database, id);
      if (known) return known;
      const row = database.get(UNDECIDED, id);
      if (!row) return undefined;
      const name = String(row["name"]);
      // Its event is written a moment after it is applied.
      const applied = outcomeInRing((await reader.stored(name))?.packument, id);
      return applied ?? { state: isPutAside(database, id) ? "failed" : "pending", id, name };
    },
  };
}

const REJECTED =
  "INSERT INTO outcomes (id, name, body, at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE body IS NULL";
const UNDECIDED =
  "SELECT name FROM outcomes WHERE id = ?1 UNION ALL SELECT name FROM changes WHERE id = ?1 AND acknowledged IS NULL UNION ALL SELECT name FROM dead_letters WHERE id = ?1 LIMIT 1";

function isPutAside(database: Database, id: string): boolean {
  return database.get("SELECT 1 FROM dead_letters WHERE id = ?", id) !== undefined;
}

function stored(database: Database, id: string): Outcome | undefined {
  const event = database.get("SELECT body FROM events WHERE id = ?", id)?.["body"];
  if (typeof event === "string") return applied(JSON.parse(event) as ChangeEvent);
  const body = database.get("SELECT body FROM outcomes WHERE id = ?", id)?.["body"];
  return typeof body === "string" ? (JSON.parse(body) as Outcome) : undefined;
}

function applied({ id, name, sequence, revision, data }: ChangeEvent): Outcome {
  const distTags = data["dist-tags"] as DistTags | undefined;
  return { state: "applied", id, name, sequence, revision, ...(distTags ? { distTags } : {}) };
}
