import { write, writeSync } from "node:fs";

/** Bytes of lines that wait for a reader who does not read. More are dropped, and counted: a log must not fill the memory. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** Milliseconds before a full pipe is tried again. */
const FULL_PIPE_MS = 100;

/** The two calls of `node:fs` that are needed. A test has its own. */
type Writing = {
  readonly write: (
    fd: number,
    bytes: Uint8Array,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ) => void;
  readonly writeSync: (fd: number, bytes: Uint8Array) => number;
};

/** Where pino writes its lines. */
export type LogDestination = {
  write(line: string): void;
  /** Writes what waits, when the process ends. Gives up at the first error, and never throws. */
  flushSync(): void;
};

/**
 * Writes lines to a file descriptor, in order and without blocking the event loop. Once its reader is gone, it drops them.
 *
 * @example const log = pino(options, createLogDestination(1));
 *
 * Not sonic-boom, pino's own: when a process ends, version 4.2 writes what is left again and again until it succeeds, so a server
 * whose reader has died never ends.
 */
export function createLogDestination(fd: number, fs: Writing = { write, writeSync }): LogDestination {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let dropped = 0;
  let busy = false;
  let gone = false;

  const next = () => {
    if (busy || gone || waiting.length === 0) return;
    busy = true;
    const piece = Buffer.concat(waiting);
    waiting = [];
    fs.write(fd, piece, (error, written) => {
      busy = false;
      if (error && error.code !== "EAGAIN") {
        gone = true;
        return;
      }
      const rest = piece.subarray(error ? 0 : written);
      bytes -= piece.length - rest.length;
      if (rest.length > 0) waiting.unshift(rest);
      if (error) setTimeout(next, FULL_PIPE_MS).unref();
      else next();
    });
  };

  return {
    write(line) {
      if (gone) return;
      const size = Buffer.byteLength(line);
      if (bytes + size > WAITING_BYTES_MAX) {
        dropped++;
        return;
      }
      const noted = dropped === 0 ? line : `${noteOf(dropped)}${line}`;
      dropped = 0;
      waiting.push(Buffer.from(noted));
      bytes += Buffer.byteLength(noted);
      next();
    },
    flushSync() {
      try {
        for (let rest = Buffer.concat(waiting); !gone && rest.length > 0;) rest = rest.subarray(fs.writeSync(fd, rest));
      } catch {
        // Nobody reads any more, or not now. There is no other place to say so.
        gone = true;
      }
      waiting = [];
    },
  };
}

function noteOf(dropped: number): string {
  const msg = `${dropped} lines of the log were dropped: nobody read it`;
  return `${JSON.stringify({ level: 40, time: new Date().toISOString(), msg })}\n`;
}
