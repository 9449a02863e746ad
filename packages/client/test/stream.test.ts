import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createConsumer, followEvents, memoryPositions, type FollowOptions } from "../src/index.ts";
import { messagesOf } from "../src/stream.ts";

async function* pieces(...texts: readonly (string | Uint8Array)[]) {
  for (const text of texts) yield typeof text === "string" ? new TextEncoder().encode(text) : text;
}

describe("a stream of server-sent events", () => {
  const text =
    ': hello\n\nid: 7\nevent: star\ndata: {"a":\ndata: 1}\n\ndata:x\r\n\r\n:\n\nid: 8\rdata: ü\r\rdata: cut off';
  const messages = [
    { id: "7", data: '{"a":\n1}' },
    { id: undefined, data: "x" },
    { id: "8", data: "ü" },
  ];
  test("is read the same wherever its pieces are cut", async () => {
    const bytes = new TextEncoder().encode(text);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const ends = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
        const cut = ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
        expect(await Array.fromAsync(messagesOf(pieces(...cut)))).toEqual(messages);
      }),
    );
  });
  test.each(["data: ", "data: x\n"])("an event without an end is refused: %j again and again", async (piece) => {
    const endless = async function* () {
      for (;;) yield new TextEncoder().encode(piece.repeat(10_000));
    };
    await expect(Array.fromAsync(messagesOf(endless()))).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("followEvents", () => {
  const event = (sequence: number) => ({
    schema: 1,
    id: `id-${sequence}`,
    name: "wire",
    sequence,
    revision: sequence,
    type: "star",
    at: "2026-01-01T00:00:00.000Z",
    actor: { name: "alice" },
    data: { name: "wire" },
  });
  const sse = (...sequences: number[]) =>
    sequences.map((sequence) => `id: ${sequence + 100}\ndata: ${JSON.stringify(event(sequence))}\n\n`).join("");

  /** Follows a registry that answers with these, one after the other. Returns what was handled and asked. */
  async function follow(answers: readonly (() => Response)[], options: Partial<FollowOptions> = {}) {
    const done = new AbortController();
    const asked: (string | null)[] = [];
    const handled: string[] = [];
    const positions = memoryPositions();
    const consumer = createConsumer({ positions, handle: ({ id }) => void handled.push(id) });
    const fetch = async (url: unknown, init?: RequestInit) => {
      asked.push(`${String(url)} ${new Headers(init?.headers).get("last-event-id")}`);
      const answer = answers[asked.length - 1];
      if (answer) return answer();
      done.abort();
      throw new Error("nothing more");
    };
    const following = followEvents({
      registry: "http://registry.test",
      fetch: fetch as typeof globalThis.fetch,
      consumer,
      positions,
      from: "beginning",
      signal: done.signal,
      pause: async () => undefined,
      ...options,
    });
    await following;
    return { asked, handled };
  }

  test("connects again and continues after the last event that it handled", async () => {
    const { asked, handled } = await follow([() => new Response(sse(1, 2)), () => new Response(sse(2, 3))]);
    expect(handled).toEqual(["id-1", "id-2", "id-3"]);
    expect(asked).toEqual(["0", "102", "103"].map((id) => `http://registry.test/-/events ${id}`));
  });
  test("connects again after a failure of the registry or of the line", async () => {
    const broken = () => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(sse(1)));
        },
        pull(controller) {
          controller.error(new Error("reset"));
        },
      });
      return new Response(body);
    };
    const failing = () => new Response(null, { status: 503 });
    const { handled } = await follow([failing, broken, () => new Response(sse(2))]);
    expect(handled).toEqual(["id-1", "id-2"]);
  });
  test("ends with the registry's refusal", async () => {
    const refusing = () => Response.json({ error: "sign in" }, { status: 401 });
    await expect(follow([refusing])).rejects.toMatchObject({ code: "refused", message: "sign in" });
  });
  test("ends with what the handler throws", async () => {
    const positions = memoryPositions();
    const handle = () => {
      throw new Error("full");
    };
    const consumer = createConsumer({ positions, handle });
    await expect(follow([() => new Response(sse(1))], { consumer, positions })).rejects.toThrow("full");
  });
});
