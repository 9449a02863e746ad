import type { OpenCopy } from "../ports/copy-store.ts";
import { StoreUnavailable } from "../ports/object-store.ts";

/** Bytes that wait in memory for a client that reads more slowly than the download comes in. */
const LIVE_BYTES = 2 * 1024 * 1024;

/** The clients of one download. */
export type Readers = {
  /** A client that reads from the beginning. `onGone` is called when it goes away, or has read everything. */
  add(onGone: () => void): AsyncIterable<Uint8Array>;
  offer(piece: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
  /** From now on nothing is kept: a client that falls behind would get no more. */
  keepNothing(): void;
  /** Resolves when every client has room for more. */
  room(): Promise<void>;
};

type Reader = { queue: Uint8Array[]; queued: number; position: number; isBehind: boolean };
type State = "running" | "ended" | { readonly error: unknown };
type Progress = { state: State; changed: PromiseWithResolvers<void> };

/**
 * A client that keeps up gets each piece as it comes. One that falls behind, or comes later, reads the rest from the kept file once
 * it is complete: nobody waits for a slow client, and none takes more than `LIVE_BYTES` of memory.
 *
 * @param kept settles when the file is kept
 * @param open opens the kept file at a byte
 */
export function createReaders(kept: Promise<unknown>, open: (from: number) => Promise<OpenCopy | undefined>): Readers {
  const readers = new Set<Reader>();
  const progress: Progress = { state: "running", changed: Promise.withResolvers() };
  let offered = 0;
  let isKept = true;
  const change = (state = progress.state) => {
    const { changed } = progress;
    Object.assign(progress, { state, changed: Promise.withResolvers<void>() });
    changed.resolve();
  };
  async function* all(reader: Reader, leave: () => void): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of live(reader, progress)) {
        change();
        yield piece;
      }
      if (reader.isBehind) yield* rest(reader, kept, open);
    } finally {
      leave();
    }
  }
  return {
    add(onGone) {
      const reader = { queue: [], queued: 0, position: 0, isBehind: offered > 0 };
      readers.add(reader);
      const leave = () => {
        if (!readers.delete(reader)) return;
        change();
        onGone();
      };
      return endingAtOnce(all(reader, leave), leave);
    },
    offer(piece) {
      offered += piece.byteLength;
      for (const reader of readers) {
        if (reader.isBehind) continue;
        if (isKept && reader.queued + piece.byteLength > LIVE_BYTES) reader.isBehind = true;
        else {
          reader.queue.push(piece);
          reader.queued += piece.byteLength;
        }
      }
      change();
    },
    end: () => change("ended"),
    fail: (error) => change({ error }),
    keepNothing: () => void (isKept = false),
    async room() {
      const isFull = ({ isBehind, queued }: Reader) => !isBehind && queued > LIVE_BYTES;
      while ([...readers].some(isFull)) await progress.changed.promise;
    },
  };
}

/** What comes while the client keeps up. */
async function* live(reader: Reader, progress: Progress): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = reader.queue.shift();
    const { state, changed } = progress;
    if (piece) {
      reader.queued -= piece.byteLength;
      reader.position += piece.byteLength;
      yield piece;
    } else if (typeof state === "object") throw state.error;
    else if (reader.isBehind || state === "ended") return;
    else await changed.promise;
  }
}

/** What a client that fell behind still lacks. */
async function* rest(
  { position }: Reader,
  kept: Promise<unknown>,
  open: (from: number) => Promise<OpenCopy | undefined>,
): AsyncGenerator<Uint8Array> {
  await kept;
  const copy = await open(position);
  if (!copy) throw new StoreUnavailable("the download was not kept; ask for it again");
  if (copy.body instanceof Uint8Array) yield copy.body;
  else yield* copy.body;
}

/** A generator that was not begun, or that waits for a piece, would not run its `finally` at once when its reader goes away. */
function endingAtOnce(pieces: AsyncGenerator<Uint8Array>, leave: () => void): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => pieces.next(),
      return() {
        leave();
        return pieces.return(undefined);
      },
    }),
  };
}
