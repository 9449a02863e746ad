import type { ByteRange, ObjectInfo, ObjectStore, OpenObject, StoredObject } from "@codebox/core";
import { bytesOf, CONTENT_COLUMNS, iterate, streamOf } from "./contents.ts";
import type { Database, Row } from "./database.ts";
import type { Files } from "./files.ts";
import type { Memory } from "./memory.ts";

/** The columns that `infoOf` reads. */
export const INFO = "key, etag, size, content_type, modified";
export const SELECT_INFO = `SELECT ${INFO} FROM objects WHERE key = ?`;
export const SELECT_OBJECT = `SELECT ${INFO}, ${CONTENT_COLUMNS} FROM objects WHERE key = ?`;

type ObjectReadsParts = {
  readonly database: Database;
  readonly memory: Memory;
  readonly files: Files | undefined;
  /** What the database says of an object. */
  readonly stored: (key: string) => ObjectInfo | undefined;
};

/** The reading half of the store: from memory where it is there, else from the row or the file. Nothing here writes. */
export function createObjectReads({
  database,
  memory,
  files,
  stored,
}: ObjectReadsParts): Pick<ObjectStore, "get" | "open" | "head"> {
  const info = (key: string): ObjectInfo | undefined => {
    const known = memory.get(key)?.info;
    if (known) return known;
    const found = stored(key);
    if (found) memory.set(key, { info: found });
    return found;
  };
  return {
    async get(key, { ifNoneMatch } = {}) {
      if (ifNoneMatch !== undefined && info(key)?.etag === ifNoneMatch) return { notModified: true, etag: ifNoneMatch };
      const known = memory.get(key);
      if (known?.bytes) return { ...known.info, notModified: false, bytes: known.bytes };
      const row = database.get(SELECT_OBJECT, key);
      return row && ({ ...infoOf(row), notModified: false, bytes: await bytesOf(row, files) } satisfies StoredObject);
    },
    async open(key, range) {
      const known = memory.get(key);
      if (known?.bytes) return opened(known.info, known.bytes, range);
      const row = database.get(SELECT_OBJECT, key);
      if (!row) return undefined;
      const found = infoOf(row);
      const loaded = memory.load(found, () => bytesOf(row, files));
      if (loaded) return opened(found, await loaded, range);
      return { ...found, body: await streamOf(row, files, range) } satisfies OpenObject;
    },
    head: async (key) => info(key),
  };
}

function opened(
  info: ObjectInfo,
  all: Uint8Array,
  { start, end = info.size - 1 }: ByteRange = { start: 0 },
): OpenObject {
  const bytes = all.subarray(start, end + 1);
  return { ...info, bytes, body: iterate([bytes]) };
}

export function infoOf(row: Row): ObjectInfo {
  const contentType = row["content_type"];
  return {
    key: String(row["key"]),
    etag: String(row["etag"]),
    size: Number(row["size"]),
    ...(typeof contentType === "string" ? { contentType } : {}),
    modified: new Date(Number(row["modified"])),
  };
}
