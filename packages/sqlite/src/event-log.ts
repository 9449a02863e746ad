import { closeSync, fsyncSync, ftruncateSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { isRecord, type ChangeEvent, type EventLog, type EventReader, type LoggedEvent } from "@codebox/core";
import type { Database, Row } from "./database.ts";
import { storeFailure } from "./failures.ts";

export type SqliteEventLog = EventLog & EventReader & { close(): void };

const INSERT = "INSERT INTO events (id, name, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING";

/** Lines are written to the file in pieces of so many events. */
const PAGE = 500;

/**
 * The `EventLog` port over SQLite: an event's id is unique, so one that is emitted again is dropped.
 *
 * The events also go, one JSON line each and each once, to a file for people and their tools. The table is what counts: after
 * a crash the file is cut back to its last whole line and caught up; one whose last line is not ours is written again.
 * @param onFailure called when events could not be stored, or not be written to the file.
 * @param file absent: no file.
 */
export function createEventLog(database: Database, onFailure: (error: unknown) => void, file?: string): SqliteEventLog {
  const listeners = new Set<() => void>();
  const lines = file === undefined ? undefined : openLines(database, file);
  /** The file is for people: that it can't be written now, for example on a full disk, fails nothing else. */
  const catchUp = () => {
    try {
      lines?.catchUp();
    } catch (error) {
      onFailure(storeFailure(error));
    }
  };
  const read = (after: number, limit: number): LoggedEvent[] =>
    database
      .all("SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT ?", after, limit)
      .map(loggedOf);
  let last: Promise<void> = Promise.resolve();
  const announce = () => {
    catchUp();
    for (const listener of listeners) listener();
  };
  catchUp();
  return {
    async publish(events) {
      const bodies = events.map((event) => [event.id, event.name, JSON.stringify(event)] as const);
      const durable = database.writeLazily(() => {
        for (const [id, name, body] of bodies) database.run(INSERT, id, name, body);
      });
      // Taken: what the caller writes next can't become durable before it. The listeners are called once it is.
      last = durable.then(announce).catch(onFailure);
    },
    async read(after, limit) {
      // Without space on the disk, what was published waits, and what is stored can be read.
      await Promise.race([last, database.attempted()]);
      return read(after, limit);
    },
    position: () => Number(database.get("SELECT max(position) AS position FROM events")?.["position"] ?? 0),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => lines?.close(),
  };
}

function loggedOf(row: Row): LoggedEvent {
  return { position: Number(row["position"]), event: JSON.parse(String(row["body"])) as ChangeEvent };
}

/** The file behind the table, which exists: how far it got is read from its last line. */
function openLines(database: Database, file: string): { catchUp(): void; close(): void } {
  const descriptor = openSync(file, "r+");
  let end = wholeLines(descriptor);
  const known = end === 0 ? 0 : positionOf(database, lastLine(descriptor, end));
  if (known === undefined) {
    ftruncateSync(descriptor, 0);
    end = 0;
  }
  let position = known ?? 0;
  const catchUp = () => {
    for (;;) {
      const rows = database.all(
        "SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT ?",
        position,
        PAGE,
      );
      if (rows.length === 0) return;
      const bytes = Buffer.from(rows.map((row) => `${String(row["body"])}\n`).join(""));
      for (let written = 0; written < bytes.length;)
        written += writeSync(descriptor, bytes, written, bytes.length - written, end + written);
      end += bytes.length;
      position = Number(rows.at(-1)?.["position"]);
    }
  };
  return {
    catchUp,
    close() {
      fsyncSync(descriptor);
      closeSync(descriptor);
    },
  };
}

/** Cuts a torn last line off, and returns the file's length. */
function wholeLines(descriptor: number): number {
  const size = fstatSync(descriptor).size;
  const end = lastNewline(descriptor, size) + 1;
  if (end < size) ftruncateSync(descriptor, end);
  return end;
}

function lastLine(descriptor: number, end: number): string {
  const start = lastNewline(descriptor, end - 1) + 1;
  const bytes = Buffer.alloc(end - 1 - start);
  readSync(descriptor, bytes, 0, bytes.length, start);
  return bytes.toString("utf8");
}

/** Where the last newline before `end` is; -1 when there is none. */
function lastNewline(descriptor: number, end: number): number {
  const block = Buffer.alloc(64 * 1024);
  for (let upTo = end; upTo > 0;) {
    const start = Math.max(0, upTo - block.length);
    readSync(descriptor, block, 0, upTo - start, start);
    const at = block.subarray(0, upTo - start).lastIndexOf(0x0a);
    if (at >= 0) return start + at;
    upTo = start;
  }
  return -1;
}

/** The position of a line's event; `undefined` for a line that is not ours. */
function positionOf(database: Database, line: string): number | undefined {
  const id = idIn(line);
  const row = id === undefined ? undefined : database.get("SELECT position FROM events WHERE id = ?", id);
  return row && Number(row["position"]);
}

function idIn(line: string): string | undefined {
  try {
    const event: unknown = JSON.parse(line);
    return isRecord(event) && typeof event["id"] === "string" ? event["id"] : undefined;
  } catch {
    return undefined;
  }
}
