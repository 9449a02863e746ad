import { createHash } from "node:crypto";
import type {
  ByteRange,
  Clock,
  DeleteResult,
  ObjectInfo,
  ObjectStore,
  OpenObject,
  PutOptions,
  StoredObject,
  StoreResult,
  WriteCondition,
} from "@codebox/core";
import type { Database, Row } from "./database.ts";

/** A streamed object's bytes are kept in pieces of this size, so that memory never holds a complete one. */
const CHUNK_BYTES = 1024 * 1024;
/** Up to this size an object is inline: one row to read. */
const INLINE_BYTES = 256 * 1024;
const PAGE = 1_000;

const INFO = "key, etag, size, content_type, modified";
const SELECT_INFO = `SELECT ${INFO} FROM objects WHERE key = ?`;

/** The `ObjectStore` port over SQLite. ETags are the quoted MD5 of the bytes, as S3's are. */
export function createObjectStore(database: Database, clock: Clock): ObjectStore {
  const info = (key: string): ObjectInfo | undefined => {
    const row = database.get(SELECT_INFO, key);
    return row && infoOf(row);
  };
  const store = (key: string, content: Content, options: PutOptions): StoreResult => {
    const refused = refusal(info(key)?.etag, options.condition);
    if (refused) {
      if (content.blob !== undefined) release(database, content.blob);
      return refused;
    }
    replace(database, key, { ...content, contentType: options.contentType, modified: clock.now().getTime() });
    return { ok: true, etag: content.etag };
  };
  return {
    async get(key, { ifNoneMatch } = {}) {
      const row = database.get(
        `SELECT ${INFO}, inline, blob FROM objects WHERE key = ? AND etag IS NOT ?`,
        key,
        ifNoneMatch ?? null,
      );
      if (row) return { ...infoOf(row), notModified: false, bytes: bytesOf(database, row) } satisfies StoredObject;
      const known = ifNoneMatch === undefined ? undefined : info(key);
      return known && { notModified: true, etag: known.etag };
    },
    async open(key, range) {
      const row = database.get(`SELECT ${INFO}, inline, blob FROM objects WHERE key = ?`, key);
      return row && ({ ...infoOf(row), body: streamOf(database, row, range) } satisfies OpenObject);
    },
    head: async (key) => info(key),
    async put(key, body, options = {}) {
      const content =
        body instanceof Uint8Array && body.byteLength <= INLINE_BYTES ? inlined(body) : await stage(database, body);
      return database.write(() => store(key, content, options));
    },
    copy: (from, to, condition) =>
      database.write(() => {
        const row = database.get(`SELECT ${INFO}, inline, blob FROM objects WHERE key = ?`, from);
        if (!row) return { ok: false, reason: "missing" };
        const refused = refusal(info(to)?.etag, condition);
        if (refused) return refused;
        const { etag, size, contentType } = infoOf(row);
        const inline = (row["inline"] as Uint8Array | null) ?? undefined;
        const blob = (row["blob"] as number | null) ?? undefined;
        if (blob !== undefined) database.run("UPDATE blobs SET uses = uses + 1 WHERE id = ?", blob);
        replace(database, to, { etag, size, inline, blob, contentType, modified: clock.now().getTime() });
        return { ok: true, etag };
      }),
    delete: (key, condition) =>
      database.write((): DeleteResult => {
        const known = info(key);
        if (condition && known?.etag !== condition.ifMatch) return { ok: false, reason: "mismatch" };
        if (known) remove(database, key);
        return { ok: true };
      }),
    async list(prefix, cursor) {
      const rows = database.all(
        `SELECT ${INFO} FROM objects WHERE key >= ? AND key > ? AND substr(key, 1, ?) = ? ORDER BY key LIMIT ${PAGE + 1}`,
        prefix,
        cursor ?? "",
        [...prefix].length,
        prefix,
      );
      const objects = rows.slice(0, PAGE).map(infoOf);
      const last = objects.at(-1);
      return rows.length > PAGE && last ? { objects, cursor: last.key } : { objects };
    },
    signedUrl: async () => undefined,
  };
}

/** Removes what uploads and downloads left that their process did not live to finish. Call it once, before the store is used. */
export function sweepBlobs(database: Database): Promise<number> {
  return database.write(() => {
    database.run("UPDATE blobs SET uses = (SELECT count(*) FROM objects WHERE objects.blob = blobs.id)");
    return database.run("DELETE FROM blobs WHERE uses = 0");
  });
}

type Content = {
  readonly etag: string;
  readonly size: number;
  readonly inline?: Uint8Array | undefined;
  readonly blob?: number | undefined;
};
type NewObject = Content & { readonly contentType: string | undefined; readonly modified: number };

function inlined(bytes: Uint8Array): Content {
  return { etag: `"${createHash("md5").update(bytes).digest("hex")}"`, size: bytes.byteLength, inline: bytes };
}

/** Writes a body as chunks, each in a transaction of its own; nobody sees them before an object names their blob. */
async function stage(database: Database, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Content> {
  const hash = createHash("md5");
  const blob = await database.write(() =>
    Number(database.get("INSERT INTO blobs DEFAULT VALUES RETURNING id")?.["id"]),
  );
  let size = 0;
  let number = 0;
  try {
    for await (const chunk of chunked(body)) {
      hash.update(chunk);
      size += chunk.byteLength;
      const at = number++;
      await database.write(() =>
        database.run("INSERT INTO chunks (blob, number, bytes) VALUES (?, ?, ?)", blob, at, chunk),
      );
    }
    await database.write(() => database.run("UPDATE blobs SET uses = 1 WHERE id = ?", blob));
  } catch (error) {
    await database.write(() => database.run("DELETE FROM blobs WHERE id = ?", blob));
    throw error;
  }
  return { etag: `"${hash.digest("hex")}"`, size, blob };
}

/** The same bytes in pieces of exactly `CHUNK_BYTES`, the last one apart: a range finds its pieces by division. */
async function* chunked(body: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of body instanceof Uint8Array ? [body] : body) {
    for (let offset = 0; offset < piece.byteLength;) {
      const taken = Math.min(CHUNK_BYTES - filled, piece.byteLength - offset);
      buffer.set(piece.subarray(offset, offset + taken), filled);
      filled += taken;
      offset += taken;
      if (filled === CHUNK_BYTES) {
        yield buffer;
        buffer = Buffer.allocUnsafe(CHUNK_BYTES);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

function refusal(etag: string | undefined, condition: WriteCondition | undefined): StoreResult | undefined {
  if (condition === undefined) return undefined;
  if ("ifNoneMatch" in condition) return etag === undefined ? undefined : { ok: false, reason: "mismatch" };
  if (etag === undefined) return { ok: false, reason: "missing" };
  return etag === condition.ifMatch ? undefined : { ok: false, reason: "mismatch" };
}

function replace(database: Database, key: string, object: NewObject): void {
  remove(database, key);
  database.run(
    "INSERT INTO objects (key, etag, size, content_type, modified, inline, blob) VALUES (?, ?, ?, ?, ?, ?, ?)",
    key,
    object.etag,
    object.size,
    object.contentType ?? null,
    object.modified,
    object.inline ?? null,
    object.blob ?? null,
  );
}

function remove(database: Database, key: string): void {
  const row = database.get("DELETE FROM objects WHERE key = ? RETURNING blob", key);
  if (typeof row?.["blob"] === "number") release(database, row["blob"]);
}

function release(database: Database, blob: number): void {
  database.run("UPDATE blobs SET uses = uses - 1 WHERE id = ?", blob);
  database.run("DELETE FROM blobs WHERE id = ? AND uses = 0", blob);
}

function infoOf(row: Row): ObjectInfo {
  const contentType = row["content_type"];
  return {
    key: String(row["key"]),
    etag: String(row["etag"]),
    size: Number(row["size"]),
    ...(typeof contentType === "string" ? { contentType } : {}),
    modified: new Date(Number(row["modified"])),
  };
}

const CHUNK = "SELECT bytes FROM chunks WHERE blob = ? AND number = ?";

function bytesOf(database: Database, row: Row): Uint8Array {
  if (row["inline"] instanceof Uint8Array) return row["inline"];
  const rows = database.all("SELECT bytes FROM chunks WHERE blob = ? ORDER BY number", Number(row["blob"]));
  return Buffer.concat(rows.map((chunk) => chunk["bytes"] as Uint8Array));
}

/**
 * Streams an object's bytes. The blob is held while it is read: an object that is replaced or deleted meanwhile is still read whole.
 */
async function* streamOf(database: Database, row: Row, range: ByteRange = { start: 0 }): AsyncGenerator<Uint8Array> {
  const end = Math.min(range.end ?? Number.POSITIVE_INFINITY, Number(row["size"]) - 1);
  if (row["inline"] instanceof Uint8Array) return void (yield row["inline"].subarray(range.start, end + 1));
  const blob = Number(row["blob"]);
  const held = await database.write(() => database.run("UPDATE blobs SET uses = uses + 1 WHERE id = ?", blob));
  if (held === 0) throw new Error("the object was deleted before it was read");
  try {
    for (let number = Math.floor(range.start / CHUNK_BYTES); number * CHUNK_BYTES <= end; number++) {
      const bytes = database.get(CHUNK, blob, number)?.["bytes"] as Uint8Array;
      const base = number * CHUNK_BYTES;
      yield bytes.subarray(Math.max(0, range.start - base), Math.min(bytes.byteLength, end - base + 1));
    }
  } finally {
    await database.write(() => release(database, blob));
  }
}
