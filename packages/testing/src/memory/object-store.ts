import { createHash } from "node:crypto";
import type { Clock, ObjectInfo, ObjectStore, StoredObject, StoreResult, WriteCondition } from "@codebox/core";

/** Objects in a page of a listing, as S3 has them. */
const PAGE = 1_000;

/** The `ObjectStore` port over a map. ETags are the quoted MD5 of the bytes, as S3's are. */
export function createMemoryObjectStore(clock: Clock): ObjectStore {
  const objects = new Map<string, StoredObject>();
  /** All keys in listing order, or `undefined` after a key was added or removed. */
  let sorted: readonly string[] | undefined;
  const set = (key: string, object: Pick<StoredObject, "bytes" | "etag"> & { contentType?: string | undefined }) => {
    const { bytes, etag, contentType } = object;
    const size = bytes.byteLength;
    const typed = contentType === undefined ? {} : { contentType };
    if (!objects.has(key)) sorted = undefined;
    objects.set(key, { key, etag, size, ...typed, modified: clock.now(), notModified: false, bytes });
    return { ok: true, etag } as const;
  };
  return {
    async get(key, { ifNoneMatch } = {}) {
      const found = objects.get(key);
      return found && found.etag === ifNoneMatch ? { notModified: true, etag: found.etag } : found;
    },
    async open(key, range) {
      const found = objects.get(key);
      if (!found) return undefined;
      const { start, end = found.size - 1 } = range ?? { start: 0 };
      const bytes = found.bytes.subarray(start, end + 1);
      return { ...infoOf(found), bytes, body: bodyOf(bytes) };
    },
    async head(key) {
      const found = objects.get(key);
      return found && infoOf(found);
    },
    async put(key, body, { condition, contentType } = {}) {
      const bytes = body instanceof Uint8Array ? Buffer.from(body) : await collect(body);
      return refusal(objects.get(key), condition) ?? set(key, { bytes, etag: etagOf(bytes), contentType });
    },
    async copy(from, to, condition) {
      const source = objects.get(from);
      if (!source) return { ok: false, reason: "missing" };
      return refusal(objects.get(to), condition) ?? set(to, source);
    },
    async delete(key, condition) {
      if (condition && objects.get(key)?.etag !== condition.ifMatch) return { ok: false, reason: "mismatch" };
      if (objects.delete(key)) sorted = undefined;
      return { ok: true };
    },
    async list(prefix, cursor = "") {
      sorted ??= [...objects.keys()].toSorted(byBytes);
      const keys = sorted.filter((key) => key.startsWith(prefix) && byBytes(key, cursor) > 0);
      const page = keys.slice(0, PAGE).flatMap((key) => objects.get(key) ?? []);
      const last = page.at(-1);
      return { objects: page.map(infoOf), ...(keys.length > PAGE && last ? { cursor: last.key } : {}) };
    },
    signedUrl: async () => undefined,
  };
}

/** The order of the UTF-8 bytes. JavaScript compares UTF-16 units, which order characters above U+FFFF differently. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function infoOf({ bytes: _bytes, notModified: _notModified, ...info }: StoredObject): ObjectInfo {
  return info;
}

async function* bodyOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  // Copied: a sender may use its buffer again.
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

function refusal(present: ObjectInfo | undefined, condition: WriteCondition | undefined): StoreResult | undefined {
  if (condition === undefined) return undefined;
  if ("ifNoneMatch" in condition) return present ? { ok: false, reason: "mismatch" } : undefined;
  if (!present) return { ok: false, reason: "missing" };
  return present.etag === condition.ifMatch ? undefined : { ok: false, reason: "mismatch" };
}
