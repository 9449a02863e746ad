import { close, read, readFile } from "node:fs";
import { promisify } from "node:util";
import type { ByteRange } from "@codebox/core";
import { readFailure, unavailable } from "./failures.ts";

const readAt = promisify(read);
const readAll = promisify(readFile);
const closeFile = promisify(close);

/** A file is read in pieces of this size: larger ones are hardly faster, and each reader holds one. */
const PIECE_BYTES = 256 * 1024;

/** Streams a file, or a range of it, at the pace of its reader. The descriptor is closed at the end, or when the reader returns. */
export async function readPieces(
  descriptor: number,
  size: number,
  range?: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const pieces = piecesOf(descriptor, size, range);
  // Up to the empty piece: a generator that was never begun would not close the descriptor when its reader returns.
  await pieces.next();
  return pieces;
}

/** Reads a complete file, and closes it. */
export async function readWhole(descriptor: number, size: number): Promise<Uint8Array> {
  try {
    const bytes = await readAll(descriptor);
    if (bytes.byteLength !== size) throw damaged();
    return bytes;
  } finally {
    await closeFile(descriptor);
  }
}

async function* piecesOf(
  descriptor: number,
  size: number,
  { start, end = size - 1 }: ByteRange = { start: 0 },
): AsyncGenerator<Uint8Array> {
  try {
    yield new Uint8Array();
    const stop = Math.min(end + 1, size);
    for (let at = start; at < stop;) {
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, stop - at));
      const { bytesRead } = await readAt(descriptor, piece, 0, piece.length, at);
      if (bytesRead === 0) throw damaged();
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } catch (error) {
    throw readFailure(error);
  } finally {
    await closeFile(descriptor);
  }
}

function damaged(): unknown {
  return unavailable("damaged", new Error("a file under blobs/ is shorter than it was"));
}
