import {
  StoreUnavailable,
  type Clock,
  type DeleteResult,
  type ObjectInfo,
  type ObjectStore,
  type OpenObject,
  type PutOptions,
  type StoredObject,
  type StoreResult,
  type WriteCondition,
} from "@codebox/core";
import { bytesOf, contentOf, CONTENT_COLUMNS, streamOf, type Content } from "./contents.ts";
import type { Database, Row } from "./database.ts";
import type { Files } from "./files.ts";

const PAGE = 1_000;

const INFO = "key, etag, size, content_type, modified";
const SELECT_INFO = `SELECT ${INFO} FROM objects WHERE key = ?`;
const SELECT_OBJECT = `SELECT ${INFO}, ${CONTENT_COLUMNS} FROM objects WHERE key = ?`;

export type ObjectStoreParts = {
  readonly database: Database;
  readonly clock: Clock;
  /** Where large objects are. Absent: all bytes are in the database. */
  readonly files: Files | undefined;
};

/**
 * The `ObjectStore` port over SQLite and files. ETags are the quoted MD5 of the bytes, as S3's are.
 *
 * Copies share a file. It is removed after the commit that removes the last row which names it; a reader that has it open
 * reads on. Reading writes nothing.
 */
export function createObjectStore({ database, clock, files }: ObjectStoreParts): ObjectStore {
  const info = (key: string): ObjectInfo | undefined => {
    const row = database.get(SELECT_INFO, key);
    return row && infoOf(row);
  };
  /** Runs a job that may leave files behind that no row names, and removes them once that is durable. */
  const writing = async <T>(job: (unused: Set<string>) => T): Promise<T> => {
    const unused = new Set<string>();
    const result = await database.write(() => {
      unused.clear();
      return job(unused);
    });
    await Promise.all([...unused].map((file) => files?.remove(file)));
    return result;
  };
  const store = (key: string, content: Content, options: PutOptions) => (unused: Set<string>) => {
    const refused = refusal(info(key)?.etag, options.condition);
    if (refused) {
      if (content.file !== undefined) unused.add(content.file);
      return refused;
    }
    replace(database, key, { ...content, contentType: options.contentType, modified: clock.now().getTime() }, unused);
    return { ok: true, etag: content.etag } as const;
  };
  return {
    async get(key, { ifNoneMatch } = {}) {
      const row = database.get(`${SELECT_OBJECT} AND etag IS NOT ?`, key, ifNoneMatch ?? null);
      if (row) return { ...infoOf(row), notModified: false, bytes: await bytesOf(row, files) } satisfies StoredObject;
      const known = ifNoneMatch === undefined ? undefined : info(key);
      return known && { notModified: true, etag: known.etag };
    },
    async open(key, range) {
      const row = database.get(SELECT_OBJECT, key);
      return row && ({ ...infoOf(row), body: await streamOf(row, files, range) } satisfies OpenObject);
    },
    head: async (key) => info(key),
    async put(key, body, options = {}) {
      const content = await contentOf(body, files);
      try {
        return await writing(store(key, content, options));
      } catch (error) {
        if (content.file !== undefined && !isUnknown(error)) await files?.remove(content.file);
        throw error;
      }
    },
    copy: (from, to, condition) =>
      writing((unused): StoreResult => {
        const row = database.get(SELECT_OBJECT, from);
        if (!row) return { ok: false, reason: "missing" };
        const refused = refusal(info(to)?.etag, condition);
        if (refused) return refused;
        const { etag, size, contentType } = infoOf(row);
        const inline = (row["inline"] as Uint8Array | null) ?? undefined;
        const file = (row["file"] as string | null) ?? undefined;
        replace(database, to, { etag, size, inline, file, contentType, modified: clock.now().getTime() }, unused);
        return { ok: true, etag };
      }),
    delete: (key, condition) =>
      writing((unused): DeleteResult => {
        const known = info(key);
        if (condition && known?.etag !== condition.ifMatch) return { ok: false, reason: "mismatch" };
        const file = known && remove(database, key);
        if (file !== undefined && !isNamed(database, file)) unused.add(file);
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

/** Removes the files that no object names: what a process left that did not end by itself. Call it before the store is used. */
export async function sweepFiles(database: Database, files: Files): Promise<void> {
  const rows = database.all("SELECT DISTINCT file FROM objects WHERE file IS NOT NULL");
  await files.sweep(new Set(rows.map(({ file }) => String(file))));
}

/** After a sync that failed, the row may be on the disk: its file stays, and the next start looks whether a row names it. */
function isUnknown(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.problem === "stopped";
}

type NewObject = Content & { readonly contentType: string | undefined; readonly modified: number };

function refusal(etag: string | undefined, condition: WriteCondition | undefined): StoreResult | undefined {
  if (condition === undefined) return undefined;
  if ("ifNoneMatch" in condition) return etag === undefined ? undefined : { ok: false, reason: "mismatch" };
  if (etag === undefined) return { ok: false, reason: "missing" };
  return etag === condition.ifMatch ? undefined : { ok: false, reason: "mismatch" };
}

function replace(database: Database, key: string, object: NewObject, unused: Set<string>): void {
  const old = remove(database, key);
  database.run(
    "INSERT INTO objects (key, etag, size, content_type, modified, inline, file) VALUES (?, ?, ?, ?, ?, ?, ?)",
    key,
    object.etag,
    object.size,
    object.contentType ?? null,
    object.modified,
    object.inline ?? null,
    object.file ?? null,
  );
  if (old !== undefined && !isNamed(database, old)) unused.add(old);
}

/** Returns the file that the object's row named. */
function remove(database: Database, key: string): string | undefined {
  const row = database.get("DELETE FROM objects WHERE key = ? RETURNING file", key);
  return typeof row?.["file"] === "string" ? row["file"] : undefined;
}

function isNamed(database: Database, file: string): boolean {
  return database.get("SELECT 1 FROM objects WHERE file = ? LIMIT 1", file) !== undefined;
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
