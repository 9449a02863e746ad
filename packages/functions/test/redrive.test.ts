import { apply, type Change, type DeadLetter, type DeadLetters, type Packument } from "@codebox/core";
import { manualClock, publishOf, tagPut } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { createRedriveHandler } from "../src/index.ts";

type Options = {
  readonly takesMs?: number;
  readonly packument?: Packument;
  readonly bodies?: Readonly<Record<string, Change>>;
};

function setup(ids: readonly string[], { takesMs = 1, packument, bodies = {} }: Options = {}) {
  const clock = manualClock();
  const at = clock.now().toISOString();
  let letters: readonly DeadLetter[] = ids.map((id) => ({
    id,
    group: "wire",
    body: bodies[id] ?? id,
    reason: "it was bad",
    receives: 8,
    at,
  }));
  const deadLetters: DeadLetters = {
    async *list() {
      yield* letters;
    },
    async redrive(id) {
      await clock.advance(takesMs);
      const before = letters.length;
      letters = letters.filter((letter) => letter.id !== id);
      return letters.length < before;
    },
  };
  return createRedriveHandler(deadLetters, { read: async () => packument && { packument, etag: '"1"' } }, clock);
}

describe("the redrive function", () => {
  test("redrives all, and ends before its own time is up", async () => {
    const handler = setup(["a", "b", "c", "d"], { takesMs: 100_000 });
    const all = { action: "redrive", ids: "all" };
    expect(await handler(all)).toEqual({ redriven: ["a", "b", "c"], unknown: [], refused: [], more: true });
    expect(await handler(all)).toEqual({ redriven: ["d"], unknown: [], refused: [], more: false });
  });
  test("redrives those that are named", async () => {
    const handler = setup(["a", "b"]);
    const answer = await handler({ action: "redrive", ids: ["a", "gone"] });
    expect(answer).toEqual({ redriven: ["a"], unknown: ["gone"], refused: [] });
    expect(await handler({ action: "list" })).toMatchObject({ letters: [{ id: "b" }] });
  });
  test("redrives a change of a tag that was changed since by force only", async () => {
    const late = tagPut("wire", "latest", "1.0.0", "late");
    const published = apply(undefined, publishOf("wire", "1.1.0"));
    const packument = published.kind === "applied" ? published.packument : undefined;
    const handler = setup(["late"], { bodies: { late }, ...(packument ? { packument } : {}) });
    const ask = { action: "redrive", ids: ["late"] };
    expect(await handler(ask)).toMatchObject({ redriven: [], refused: [{ id: "late" }] });
    expect(await handler({ ...ask, force: true })).toMatchObject({ redriven: ["late"], refused: [] });
  });
  test.each([undefined, {}, { action: "redrive" }, { action: "redrive", ids: [] }, { action: "list", all: true }])(
    "%j is answered with what may be asked",
    async (event) => {
      expect(await setup([])(event)).toEqual({ error: expect.stringContaining('"action":"list"') as string });
    },
  );
});
