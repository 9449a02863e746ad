import {
  Change,
  changeProblem,
  type ChangeMessage,
  type ChangeQueue,
  type Clock,
  type DeadLetter,
  type DeadLetters,
  type LocalReceiver,
} from "@codebox/core";
import type { Database, Row } from "./database.ts";
import { createGroups } from "./groups.ts";

/** How long an acknowledged change's id is kept, in milliseconds: sent again meanwhile, it is not queued again. SQS keeps five minutes. */
const DEDUPLICATION_MS = 5 * 60 * 1000;
/** The pause before a released group is handed out again, in milliseconds: it doubles with each failure in a row. */
const BACKOFF_MS = { first: 50, most: 30_000 } as const;

export type SqliteChangeQueue = ChangeQueue &
  LocalReceiver &
  DeadLetters & {
    isEmpty(): boolean;
  };

/**
 * The FIFO queue over SQLite.
 *
 * A change is handed out as soon as it is sent, from memory, while its row is on its way to the disk: what its consumer writes
 * comes behind that row in the same group commit or a later one, so the change is never applied and yet lost, and one sync serves
 * both. Leases are in memory: the one process that could hold them is this one, so a crash returns every change in flight.
 *
 * @param onFailure called when a group could not be read; it is tried again after a pause.
 */
export function createChangeQueue(
  database: Database,
  clock: Clock,
  onFailure: (error: unknown) => void,
): SqliteChangeQueue {
  const groups = createGroups();
  const inFlight = createInFlight(database);
  const { waitingIn } = inFlight;
  const pauses = createPauses(clock);

  /** A group that can't be read now counts as waiting: it is looked at again when it is received. */
  const isWaiting = (group: string) => {
    try {
      return waitingIn(group, 1).length > 0;
    } catch (error) {
      onFailure(error);
      return true;
    }
  };
  const settle = (group: string) => {
    groups.free(group);
    if (isWaiting(group)) groups.offer(group);
  };
  /** The group stays leased while it pauses: nobody else takes it. */
  const settleLater = (group: string) => void pauses.wait(group).then(() => settle(group));
  const bury = (group: string, malformed: readonly Malformed[]) =>
    database
      .write(() => moveToDeadLetters(database, group, malformed, clock.now().getTime()))
      // When it fails, the rows are unchanged and the next receive tries again. The next `send` reports what is wrong with the disk.
      .then(
        () => settle(group),
        () => settleLater(group),
      );

  for (const row of database.all(GROUPS)) groups.offer(String(row["name"]));

  return {
    async send(change) {
      const known = inFlight.sent(change);
      if (known) return known;
      if (isKnown(database, change.id, clock.now().getTime())) return;
      const durable = database.write(() => insert(database, change, clock.now().getTime()));
      const sent = inFlight.send(change, durable);
      groups.offer(change.name);
      await sent;
    },
    async receive({ max, signal }) {
      for (;;) {
        const group = await groups.take(signal);
        if (group === undefined) return undefined;
        const waiting = attempt(
          () => waitingIn(group, max),
          () => settleLater(group),
        );
        const malformed = waiting.filter((each) => "problem" in each);
        if (malformed.length > 0) await bury(group, malformed);
        else if (waiting.length > 0) return { group, messages: waiting.filter((each) => "change" in each) };
        else groups.free(group);
      }
    },
    async acknowledge({ group, messages }) {
      const now = clock.now().getTime();
      // The group goes on at once. When this does not become durable, the changes come again, and the ring knows them.
      const durable = database.writeLazily(() => markAcknowledged(database, messages, now));
      inFlight.acknowledge(group, messages, durable).catch(() => groups.offer(group));
      pauses.reset(group);
      settle(group);
    },
    async release({ group, messages }) {
      try {
        await database.write(() => countReceives(database, messages));
      } finally {
        settleLater(group);
      }
    },
    ...deadLetters(database, clock, (group) => groups.offer(group)),
    isEmpty: groups.isEmpty,
    needs: (staging) => database.get(NEEDED, staging) !== undefined,
  };
}

/** What memory knows before the disk does. */
function createInFlight(database: Database) {
  /** Changes that are sent and not yet durable, by group and id. */
  const fresh = new Map<string, Map<string, { readonly change: Change; readonly durable: Promise<void> }>>();
  /** Ids that are acknowledged and not yet durably so, by group. */
  const done = new Map<string, Set<string>>();
  const waitingIn = (group: string, max: number): (ChangeMessage | Malformed)[] => {
    const handled = done.get(group);
    const unsent = fresh.get(group);
    const rows = database.all(WAITING, group, max + (handled?.size ?? 0));
    const durable = rows.filter(({ id }) => !handled?.has(String(id)) && !unsent?.has(String(id))).map(messageOf);
    const coming = [...(unsent?.values() ?? [])].filter(({ change }) => !handled?.has(change.id));
    return [...durable, ...coming.map(({ change }) => ({ change, receipt: change.id, receives: 1 }))].slice(0, max);
  };
  return {
    waitingIn,
    /** Resolves when a change with this id, which is being sent, is durable. `undefined`: none is being sent. */
    sent: ({ name, id }: Change) => fresh.get(name)?.get(id)?.durable,
    /** The change waits from now on. */
    async send(change: Change, durable: Promise<void>): Promise<void> {
      remember(fresh, change.name, () => new Map()).set(change.id, { change, durable });
      try {
        await durable;
      } finally {
        forget(fresh, change.name, change.id);
      }
    },
    /** The changes wait no longer; when this does not become durable, they wait again. */
    async acknowledge(group: string, messages: readonly ChangeMessage[], durable: Promise<void>): Promise<void> {
      const handled = remember(done, group, () => new Set<string>());
      for (const { receipt } of messages) handled.add(receipt);
      try {
        await durable;
      } finally {
        for (const { receipt } of messages) forget(done, group, receipt);
      }
    },
  };
}

/** How long a group that failed waits: longer with each failure in a row. */
function createPauses(clock: Clock) {
  const failures = new Map<string, number>();
  return {
    wait(group: string): Promise<void> {
      const count = (failures.get(group) ?? 0) + 1;
      failures.set(group, count);
      return clock.sleep(Math.min(BACKOFF_MS.first * 2 ** (count - 1), BACKOFF_MS.most));
    },
    reset: (group: string) => failures.delete(group),
  };
}

function deadLetters(database: Database, clock: Clock, offer: (group: string) => void): DeadLetters {
  return {
    async *list() {
      for (const row of database.all("SELECT * FROM dead_letters ORDER BY at, id")) yield deadLetterOf(row);
    },
    async redrive(id) {
      const group = await database.write(() => redrive(database, id, clock.now().getTime()));
      if (group !== undefined) offer(group);
      return group !== undefined;
    },
  };
}

const NEEDED = `SELECT 1 FROM changes
    WHERE CASE WHEN json_valid(body) THEN json_extract(body, '$.tarball.staging') END = ?1
  UNION ALL SELECT 1 FROM dead_letters WHERE json_extract(body, '$.tarball.staging') = ?1 LIMIT 1`;
const GROUPS = "SELECT name FROM changes WHERE acknowledged IS NULL GROUP BY name ORDER BY min(position)";
const WAITING =
  "SELECT id, body, receives FROM changes WHERE name = ? AND acknowledged IS NULL ORDER BY position LIMIT ?";

/** Runs a step. When it throws, `recover` runs too, and the error surfaces. */
function attempt<T>(step: () => T, recover: () => void): T {
  try {
    return step();
  } catch (error) {
    recover();
    throw error;
  }
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
  forgetAcknowledged(database, now);
  // Its sender sent it again. The dead letter goes: redriven later, it could be applied a second time.
  database.run("DELETE FROM dead_letters WHERE id = ?", change.id);
  database.run(INSERT, change.id, change.name, JSON.stringify(change));
}

const INSERT = "INSERT INTO changes (id, name, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING";

function forgetAcknowledged(database: Database, now: number): void {
  database.run("DELETE FROM changes WHERE acknowledged <= ?", now - DEDUPLICATION_MS);
}

function markAcknowledged(database: Database, messages: readonly ChangeMessage[], now: number): void {
  for (const { receipt } of messages)
    database.run("UPDATE changes SET acknowledged = ?, body = NULL WHERE id = ?", now, receipt);
}

function countReceives(database: Database, messages: readonly ChangeMessage[]): void {
  for (const { receives, receipt } of messages)
    database.run("UPDATE changes SET receives = ? WHERE id = ?", receives, receipt);
}

function moveToDeadLetters(database: Database, group: string, malformed: readonly Malformed[], at: number): void {
  for (const { receipt, body, problem, receives } of malformed) {
    database.run(
      "INSERT OR REPLACE INTO dead_letters (id, name, body, reason, receives, at) VALUES (?, ?, ?, ?, ?, ?)",
      receipt,
      group,
      JSON.stringify(body),
      problem,
      receives,
      at,
    );
    database.run("DELETE FROM changes WHERE id = ?", receipt);
  }
}

/** Returns the group; `undefined` when there is no such letter. What is still no change comes back here when it is received. */
function redrive(database: Database, id: string, now: number): string | undefined {
  const row = database.get("DELETE FROM dead_letters WHERE id = ? RETURNING name, body", id);
  if (!row) return undefined;
  forgetAcknowledged(database, now);
  const group = String(row["name"]);
  database.run(INSERT, id, group, String(row["body"]));
  return group;
}

/** A row that can never be applied: an older version of codebox wrote it, or somebody changed it by hand. */
type Malformed = Pick<ChangeMessage, "receipt" | "receives"> & { readonly body: unknown; readonly problem: string };

function messageOf(row: Row): ChangeMessage | Malformed {
  const delivery = { receipt: String(row["id"]), receives: Number(row["receives"]) + 1 };
  const text = String(row["body"]);
  const body = parseJson(text);
  if (body === undefined) return { ...delivery, body: text, problem: "the body is not JSON" };
  const change = Change.safeParse(body);
  return change.success
    ? { ...delivery, change: change.data }
    : { ...delivery, body, problem: changeProblem(change.error) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
