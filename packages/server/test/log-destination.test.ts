import { expect, test } from "vitest";
import { createLogDestination } from "../src/log-destination.ts";

type Done = (error: NodeJS.ErrnoException | null, written: number) => void;
const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

/** A descriptor that is written to when the test says so. */
function descriptor() {
  const written: string[] = [];
  const pending: { readonly text: string; readonly done: Done }[] = [];
  const log = createLogDestination(1, {
    write: (_, bytes, done) => void pending.push({ text: Buffer.from(bytes).toString(), done }),
    writeSync(_, bytes) {
      if (fixture.broken) throw failure("EPIPE");
      written.push(Buffer.from(bytes).toString());
      return bytes.length;
    },
  });
  const fixture = {
    log,
    written,
    pending,
    broken: false,
    /** Ends the write that is under way. */
    settle(error: NodeJS.ErrnoException | null = null) {
      const { text, done } = pending.shift()!;
      if (!error) written.push(text);
      done(error, error ? 0 : Buffer.byteLength(text));
    },
  };
  return fixture;
}

test("lines are written in order, one write at a time", () => {
  const { log, written, pending, settle } = descriptor();
  for (const line of ["a\n", "b\n", "c\n"]) log.write(line);
  expect(pending).toHaveLength(1);
  settle();
  settle();
  expect(written.join("")).toBe("a\nb\nc\n");
});
test("once the reader is gone, lines are dropped, and the end of the process waits for nothing", () => {
  const fixture = descriptor();
  const { log, written, settle } = fixture;
  log.write("a\n");
  log.write("b\n");
  settle(failure("EPIPE"));
  log.write("c\n");
  log.flushSync();
  expect(written).toEqual([]);
});
test("at the end what waits is written at once; a reader who is gone by then is no error", () => {
  const alive = descriptor();
  for (const line of ["a\n", "b\n"]) alive.log.write(line);
  alive.log.flushSync();
  expect(alive.written).toEqual(["b\n"]);
  const dead = descriptor();
  dead.broken = true;
  for (const line of ["a\n", "b\n"]) dead.log.write(line);
  expect(() => dead.log.flushSync()).not.toThrow();
});
test("what waits for a reader who does not read is bounded; the log says how much was dropped", () => {
  const { log, written, settle, pending } = descriptor();
  const line = `${"x".repeat(1024 * 1024 - 1)}\n`;
  for (let count = 0; count < 10; count++) log.write(line);
  settle();
  settle();
  expect(written.join("")).toHaveLength(4 * line.length);
  log.write("after\n");
  expect(pending[0]?.text).toMatch(/"6 lines of the log were dropped[^\n]*\nafter\n$/);
});
