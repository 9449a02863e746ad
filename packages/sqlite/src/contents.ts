import { createHash } from "node:crypto";
import type { ByteRange } from "@codebox/core";
import type { Row } from "./database.ts";
import type { Files } from "./files.ts";

/** Up to here an object's bytes are in its row: reading it opens no file, and writing it shares the commit of others. */
const INLINE_BYTES = 256 * 1024;

/** The bytes of an object: in its row, or in a file. */
export type Content = {
  readonly etag: string;
  readonly size: number;
  readonly inline?: Uint8Array | undefined;
  readonly file?: string | undefined;
};

/** The columns that `streamOf` and `bytesOf` read. */
export const CONTENT_COLUMNS = "size, inline, file";

/** Prepares a body to be stored. A large one is in a file afterwards. @param files absent: every body is kept in its row. */
export async function contentOf(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  files: Files | undefined,
): Promise<Content> {
  if (!files) return inlined(body instanceof Uint8Array ? body : Buffer.concat(await Array.fromAsync(body)));
  if (body instanceof Uint8Array) return body.byteLength <= INLINE_BYTES ? inlined(body) : files.write(iterate([body]));
  const rest = body[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let size = 0; size <= INLINE_BYTES;) {
    const { done, value } = await rest.next();
    if (done) return inlined(Buffer.concat(first));
    first.push(value);
    size += value.byteLength;
  }
  try {
    return await files.write(joined(first, rest));
  } catch (error) {
    // Nothing may have been read of it, and its sender must not wait.
    await rest.return?.();
    throw error;
  }
}

export async function streamOf(
  row: Row,
  files: Files | undefined,
  range?: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const size = Number(row["size"]);
  if (typeof row["file"] === "string" && files) return files.stream(row["file"], size, range);
  const { start, end = size - 1 } = range ?? { start: 0 };
  return iterate([(row["inline"] as Uint8Array).subarray(start, end + 1)]);
}

export async function bytesOf(row: Row, files: Files | undefined): Promise<Uint8Array> {
  if (typeof row["file"] === "string" && files) return files.read(row["file"], Number(row["size"]));
  return row["inline"] as Uint8Array;
}

function inlined(bytes: Uint8Array): Content {
  return { etag: `"${createHash("md5").update(bytes).digest("hex")}"`, size: bytes.byteLength, inline: bytes };
}

async function* iterate(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

/** What was read of a body, and the rest of it. */
async function* joined(first: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* { [Symbol.asyncIterator]: () => rest };
}
