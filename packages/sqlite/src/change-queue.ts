import {
  Change,
  RECEIVES_MAX,
  type ChangeMessage,
  type ChangeQueue,
  type ChangeReceiver,
  type Clock,
  type DeadLetter,
  type DeadLetters,
} from "@codebox/core";
import type { Database, Row } from "./database.ts";

/** How long an acknowledged change's id is kept, in milliseconds: sent again meanwhile, it is not queued again. SQS keeps five minutes. */
const DEDUPLICATION_MS = 5 * 60 * 1000;
/** The pause before a released group is handed out again: doubles from the first to the second. */
const BACKOFF_MS = { first: 50, most: 5_000 } as const;

export type SqliteChangeQueue = ChangeQueue &
  ChangeReceiver &
  DeadLetters & {
    /** Whether nothing waits and nothing is in flight. */
    isEmpty(): boolean;
    /** Whether a change that waits, or that was put aside, is about the tarball staged under this key. */
    needs(staging: string): boolean;
  };

/**
 * The FIFO queue over SQLite.
 *
 * A change is handed out as soon as it is sent, from memory, while its row is on its way to the disk: what its consumer writes
 * comes behind that row in the same group commit or a later one, so the change is never applied and yet lost, and one sync serves
 * both. Leases are in memory: the one process that could hold them is this one, so a crash returns every change in flight.
 */
export function createChangeQueue(database: Database, clock: Clock): SqliteChangeQueue {
  const groups = createGroups();
  /** Changes that are sent and not yet durable, by group and id. */
  const fresh = new Map<string, Map<string, { readonly change: Change; readonly durable: Promise<void> }>>();
  /** Ids that are acknowledged and not yet durably so, by group. */
  const done = new Map<string, Set<string>>();
  const failures = new Map<string, number>();

  const waitingIn = (group: string, max: number): ChangeMessage[] => {
    const handled = done.get(group);
    const unsent = fresh.get(group);
    const rows = database.all(WAITING, group, max + (handled?.size ?? 0)).map(messageOf);
    const durable = rows.filter(({ receipt }) => !handled?.has(receipt) && !unsent?.has(receipt));
    const coming = [...(unsent?.values() ?? [])].filter(({ change }) => !handled?.has(change.id));
    return [...durable, ...coming.map(({ change }) => ({ change, receipt: change.id, receives: 1 }))].slice(0, max);
  };
  const settle = (group: string) => {
    groups.free(group);
    if (waitingIn(group, 1).length > 0) groups.offer(group);
  };

  for (const row of database.all(
    "SELECT name FROM changes WHERE acknowledged IS NULL GROUP BY name ORDER BY min(position)",
  ))
    groups.offer(String(row["name"]));

  return {
    async send(change) {
      const known = fresh.get(change.name)?.get(change.id);
      if (known) return known.durable;
      if (isKnown(database, change.id, clock.now().getTime())) return;
      const durable = database.write(() => insert(database, change, clock.now().getTime()));
      remember(fresh, change.name, () => new Map()).set(change.id, { change, durable });
      groups.offer(change.name);
      try {
        await durable;
      } finally {
        forget(fresh, change.name, change.id);
      }
    },
    async receive({ max, signal }) {
      for (;;) {
        const group = await groups.take(signal);
        if (group === undefined) return undefined;
        const messages = waitingIn(group, max);
        if (messages.length > 0) return { group, messages };
        groups.free(group);
      }
    },
    async acknowledge({ group, messages }) {
      const now = clock.now().getTime();
      const handled = remember(done, group, () => new Set<string>());
      for (const { receipt } of messages) handled.add(receipt);
      // The group goes on at once. When this does not become durable, the changes come again, and the ring knows them.
      const durable = database.writeLazily(() => {
        for (const { receipt } of messages)
          database.run("UPDATE changes SET acknowledged = ?, body = NULL WHERE id = ?", now, receipt);
      });
      const cleanUp = () => {
        for (const { receipt } of messages) forget(done, group, receipt);
      };
      durable.then(cleanUp, () => {
        cleanUp();
        groups.offer(group);
      });
      failures.delete(group);
      settle(group);
    },
    async release({ group, messages }, reason) {
      const at = clock.now().getTime();
      const count = (failures.get(group) ?? 0) + 1;
      failures.set(group, count);
      try {
        await database.write(() => {
          for (const message of messages) giveBack(database, group, message, reason, at);
        });
      } finally {
        // Still leased while it pauses: nobody else takes the group.
        void clock.sleep(Math.min(BACKOFF_MS.first * 2 ** (count - 1), BACKOFF_MS.most)).then(() => settle(group));
      }
    },
    ...deadLetters(database, clock, (group) => groups.offer(group)),
    isEmpty: groups.isEmpty,
    needs: (staging) => database.get(NEEDED, staging) !== undefined,
  };
}

function deadLetters(database: Database, clock: Clock, offer: (group: string) => void): DeadLetters {
  return {
    async *list() {
      for (const row of database.all("SELECT * FROM dead_letters ORDER BY at, id")) yield deadLetterOf(row);
    },
    async redrive(id) {
      const change = await database.write(() => redrive(database, id, clock.now().getTime()));
      if (change) offer(change.name);
      return change !== undefined;
    },
  };
}

const NEEDED = `SELECT 1 FROM changes WHERE body IS NOT NULL AND json_extract(body, '$.tarball.staging') = ?1
  UNION ALL SELECT 1 FROM dead_letters WHERE json_extract(body, '$.tarball.staging') = ?1 LIMIT 1`;
const WAITING =
  "SELECT id, body, receives FROM changes WHERE name = ? AND acknowledged IS NULL ORDER BY position LIMIT ?";

/** Which groups wait and which are handed out. */
function createGroups() {
  const ready = new Set<string>();
  const taken = new Set<string>();
  const takers = new Set<() => void>();
  const offered = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        takers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      takers.add(wake);
      signal.addEventListener("abort", wake);
    });
  return {
    /** Says that a group has changes. One that is handed out is looked at again when it is freed. */
    offer(group: string) {
      if (taken.has(group)) return;
      ready.add(group);
      const [wake] = takers;
      wake?.();
    },
    /** The group that has waited longest; `undefined` once `signal` aborts. */
    async take(signal: AbortSignal): Promise<string | undefined> {
      while (!signal.aborted) {
        const [group] = ready;
        if (group !== undefined) {
          ready.delete(group);
          taken.add(group);
          return group;
        }
        await offered(signal);
      }
      return undefined;
    },
    free: (group: string) => taken.delete(group),
    isEmpty: () => ready.size === 0 && taken.size === 0,
  };
}

function remember<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

function forget(map: Map<string, Map<string, unknown> | Set<string>>, group: string, id: string): void {
  const entries = map.get(group);
  entries?.delete(id);
  if (entries?.size === 0) map.delete(group);
}

/** Whether the id is queued, or was acknowledged a short time ago. */
function isKnown(database: Database, id: string, now: number): boolean {
  const sql = "SELECT 1 FROM changes WHERE id = ? AND (acknowledged IS NULL OR acknowledged > ?)";
  return database.get(sql, id, now - DEDUPLICATION_MS) !== undefined;
}

function insert(database: Database, change: Change, now: number): void {
  database.run("DELETE FROM changes WHERE acknowledged <= ?", now - DEDUPLICATION_MS);
  // Sent again by its sender, it is put aside no more: redriven later, it could be applied a second time.
  database.run("DELETE FROM dead_letters WHERE id = ?", change.id);
  const body = JSON.stringify(change);
  database.run(
    "INSERT INTO changes (id, name, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
    change.id,
    change.name,
    body,
  );
}

function giveBack(database: Database, group: string, message: ChangeMessage, reason: string, at: number): void {
  if (message.receives < RECEIVES_MAX)
    return void database.run("UPDATE changes SET receives = ? WHERE id = ?", message.receives, message.receipt);
  database.run(
    "INSERT OR REPLACE INTO dead_letters (id, name, body, reason, receives, at) VALUES (?, ?, ?, ?, ?, ?)",
    message.change.id,
    group,
    JSON.stringify(message.change),
    reason,
    message.receives,
    at,
  );
  database.run("DELETE FROM changes WHERE id = ?", message.receipt);
}

function redrive(database: Database, id: string, now: number): Change | undefined {
  const row = database.get("DELETE FROM dead_letters WHERE id = ? RETURNING body", id);
  if (!row) return undefined;
  const change = Change.parse(JSON.parse(String(row["body"])));
  insert(database, change, now);
  return change;
}

function messageOf(row: Row): ChangeMessage {
  return {
    // Validated when it was accepted; what stands in the database is what was written.
    change: JSON.parse(String(row["body"])) as Change,
    receipt: String(row["id"]),
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
