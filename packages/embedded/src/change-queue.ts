import {
  Change, RECEIVES_MAX,
  type ChangeMessage, type ChangeQueue, type ChangeReceiver, type Clock, type DeadLetter, type DeadLetters,
} from "@codebox/core"; // prettier-ignore
import type { Database, Row } from "./database.ts";

/** How long an acknowledged change's id is kept, in milliseconds: sent again meanwhile, it is not queued again. SQS keeps five minutes. */
const DEDUPLICATION_MS = 5 * 60 * 1000;
/** The pause before a released group is handed out again: doubles from the first to the second. */
const BACKOFF_MS = { first: 50, most: 5_000 } as const;

export type EmbeddedQueue = ChangeQueue &
  ChangeReceiver &
  DeadLetters & {
    /** Whether a change is queued and not yet acknowledged. */
    isWaiting(id: string): boolean;
    /** Whether nothing waits and nothing is in flight. */
    isEmpty(): boolean;
  };

/**
 * The FIFO queue over SQLite.
 *
 * Which groups wait is known in memory, the changes themselves only to the database. Leases are in memory too: the one process
 * that could hold them is this one, so a crash returns every change that was in flight.
 */
export function createChangeQueue(database: Database, clock: Clock): EmbeddedQueue {
  const ready = new Set<string>();
  const inFlight = new Set<string>();
  const pausing = new Map<string, number>();
  const failures = new Map<string, number>();
  const waiting = new Set<() => void>();

  for (const row of database.all(
    "SELECT name FROM changes WHERE acknowledged IS NULL GROUP BY name ORDER BY min(position)",
  ))
    ready.add(String(row["name"]));

  const offer = (group: string) => {
    if (inFlight.has(group) || pausing.has(group)) return;
    ready.add(group);
    const [wake] = waiting;
    wake?.();
  };
  const settle = (group: string) => {
    inFlight.delete(group);
    if (hasWaiting(database, group)) offer(group);
  };
  const awoken = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  const nextGroup = async (signal: AbortSignal): Promise<string | undefined> => {
    while (!signal.aborted) {
      const [group] = ready;
      if (group !== undefined) return group;
      await awoken(signal);
    }
    return undefined;
  };

  return {
    async send(change) {
      await database.write(() => insert(database, change, clock.now().getTime()));
      offer(change.name);
    },
    async receive({ max, signal }) {
      for (;;) {
        const group = await nextGroup(signal);
        if (group === undefined) return undefined;
        if (!ready.delete(group)) continue;
        const rows = database.all(
          "SELECT position, body, receives FROM changes WHERE name = ? AND acknowledged IS NULL ORDER BY position LIMIT ?",
          group, max,
        ); // prettier-ignore
        if (rows.length === 0) continue;
        inFlight.add(group);
        return { group, messages: rows.map(messageOf) };
      }
    },
    async acknowledge(batch) {
      const now = clock.now().getTime();
      await database.write(() => {
        for (const { receipt } of batch.messages)
          database.run("UPDATE changes SET acknowledged = ?, body = NULL WHERE position = ?", now, Number(receipt));
      });
      failures.delete(batch.group);
      settle(batch.group);
    },
    async release(batch, reason) {
      const at = clock.now().getTime();
      await database.write(() => {
        for (const message of batch.messages) giveBack(database, batch.group, message, reason, at);
      });
      const count = (failures.get(batch.group) ?? 0) + 1;
      failures.set(batch.group, count);
      inFlight.delete(batch.group);
      pausing.set(batch.group, count);
      void clock.sleep(Math.min(BACKOFF_MS.first * 2 ** (count - 1), BACKOFF_MS.most)).then(() => {
        pausing.delete(batch.group);
        settle(batch.group);
      });
    },
    async *list() {
      for (const row of database.all("SELECT * FROM dead_letters ORDER BY at, id")) yield deadLetterOf(row);
    },
    async redrive(id) {
      const change = await database.write(() => redrive(database, id, clock.now().getTime()));
      if (change) offer(change.name);
      return change !== undefined;
    },
    isWaiting: (id) => database.get("SELECT 1 FROM changes WHERE id = ? AND acknowledged IS NULL", id) !== undefined,
    isEmpty: () => ready.size === 0 && inFlight.size === 0 && pausing.size === 0,
  };
}

function insert(database: Database, change: Change, now: number): void {
  database.run("DELETE FROM changes WHERE acknowledged <= ?", now - DEDUPLICATION_MS);
  database.run(
    "INSERT INTO changes (id, name, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
    change.id, change.name, JSON.stringify(change),
  ); // prettier-ignore
}

function giveBack(database: Database, group: string, message: ChangeMessage, reason: string, at: number): void {
  const position = Number(message.receipt);
  if (message.receives < RECEIVES_MAX)
    return void database.run("UPDATE changes SET receives = ? WHERE position = ?", message.receives, position);
  database.run(
    "INSERT OR REPLACE INTO dead_letters (id, name, body, reason, receives, at) VALUES (?, ?, ?, ?, ?, ?)",
    message.change.id, group, JSON.stringify(message.change), reason, message.receives, at,
  ); // prettier-ignore
  database.run("DELETE FROM changes WHERE position = ?", position);
}

function redrive(database: Database, id: string, now: number): Change | undefined {
  const row = database.get("DELETE FROM dead_letters WHERE id = ? RETURNING body", id);
  if (!row) return undefined;
  const change = Change.parse(JSON.parse(String(row["body"])));
  insert(database, change, now);
  return change;
}

function hasWaiting(database: Database, group: string): boolean {
  return database.get("SELECT 1 FROM changes WHERE name = ? AND acknowledged IS NULL LIMIT 1", group) !== undefined;
}

function messageOf(row: Row): ChangeMessage {
  return {
    // Validated when it was accepted; what stands in the database is what was written.
    change: JSON.parse(String(row["body"])) as Change,
    receipt: String(row["position"]),
    receives: Number(row["receives"]) + 1,
  };
}

function deadLetterOf(row: Row): DeadLetter {
  return {
    id: String(row["id"]),
    group: String(row["name"]),
    body: JSON.parse(String(row["body"])),
    reason: String(row["reason"]),
    receives: Number(row["receives"]),
    at: new Date(Number(row["at"])).toISOString(),
  };
}
