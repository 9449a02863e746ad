import { describe, expect, test } from "vitest";
import { parseStream } from "../src/json.ts";

const MiB = 1024 * 1024;

/** Reads a body in pieces of 64 KiB, and counts the bytes that were asked for. */
async function read(head: string, repeated = "", times = 0, tail: string | Buffer = "") {
  let taken = 0;
  const bytes = async function* () {
    yield Buffer.from(head);
    for (let index = 0; index < times; index++) {
      taken += repeated.length;
      yield Buffer.from(repeated);
    }
    yield Buffer.from(tail);
  };
  const data: string[] = [];
  const onData = async (_: string, base64: AsyncIterable<string>) => {
    for await (const piece of base64) data.push(piece);
  };
  const outcome = await parseStream(bytes(), { maxBytes: 8 * MiB, onData }).then(
    (value) => ({ value }),
    (error: { code: string; message: string }) => ({ error }),
  );
  return { ...outcome, taken, data: data.join("") };
}

describe("a publish's document", () => {
  test("is what JSON.parse makes of it, the attachments' data apart", async () => {
    const document = { a: [1, -2.5e-3, 0, true, null, 'x\u00e9\n"\\'], "k\u00e9\n": {}, "": "" };
    const text = JSON.stringify({ ...document, _attachments: { "a.tgz": { data: "AAAA" } } });
    const { value, data } = (await read(text)) as { value: object; data: string };
    expect(value).toEqual({ ...document, _attachments: { "a.tgz": { data: "" } } });
    expect(data).toBe("AAAA");
  });
  test("is the same whatever the pieces in which it comes", async () => {
    const text = JSON.stringify({ "a key": { number: 12345.678, text: "some\u00e9 \u{1f600} text" } });
    for (let at = 1; at < Buffer.byteLength(text); at++) {
      const bytes = Buffer.from(text);
      const pieces = async function* () {
        yield bytes.subarray(0, at);
        yield bytes.subarray(at);
      };
      expect(await parseStream(pieces(), { maxBytes: MiB, onData: async () => {} })).toEqual(JSON.parse(text));
    }
  });
  test.each([
    ["a number", '{"a":1', "1".repeat(64 * 1024), "a number of more than 100 characters"],
    ["a fraction", '{"a":1.', "1".repeat(64 * 1024), "a number of more than 100 characters"],
    ["a key", '{"a', "k".repeat(64 * 1024), "a key of more than 4096 characters"],
    ["a key of escapes", '{"a', "\\u0041".repeat(10_000), "a key of more than 4096 characters"],
    ["a string", '{"a":"', "s".repeat(64 * 1024), "a string of more than 2097152 characters"],
    ["a string of escapes", '{"a":"', "\\n".repeat(64 * 1024), "a string of more than 2097152 characters"],
  ])("ends at %s without end, which is not read to its end", async (_, head, repeated, words) => {
    const { error, taken } = (await read(head, repeated, 1_000)) as unknown as { error: Error; taken: number };
    expect(error).toMatchObject({ code: "too_large", message: expect.stringContaining(words) });
    expect(taken).toBeLessThan(20 * MiB);
  });
  test("keys count against its size", async () => {
    const keys = Array.from({ length: 3_000 }, (_, index) => `"${index}${"k".repeat(4_000)}":0`).join(",");
    expect(await read(`{${keys}}`)).toMatchObject({ error: { code: "too_large" } });
  });
  test("is read in pieces, between which other work gets its turn", async () => {
    let turns = 0;
    const count = () => {
      turns++;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    await read("[1", ",1".repeat(32 * 1024), 20, "]");
    clearImmediate(turning);
    expect(turns).toBeGreaterThan(20);
  });
  test("that is refused lets go of the body", async () => {
    let released = false;
    const bytes = async function* () {
      try {
        for (;;) yield Buffer.from("[");
      } finally {
        released = true;
      }
    };
    await expect(parseStream(bytes(), { maxBytes: MiB, onData: async () => {} })).rejects.toThrow("nests deeper");
    expect(released).toBe(true);
  });
  test("must be UTF-8", async () => {
    for (const tail of [Buffer.from([0xff, 0x22, 0x7d]), Buffer.from([0xc3])])
      expect(await read('{"a":"', "", 0, tail)).toMatchObject({
        error: { code: "invalid", message: "the body is not UTF-8" },
      });
  });
});
