import type { DeadLetter, DeadLetters } from "@codebox/core";
import { manualClock } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { createRedriveHandler } from "../src/index.ts";

function setup(ids: readonly string[], takesMs = 1) {
  const clock = manualClock();
  const at = clock.now().toISOString();
  let letters: readonly DeadLetter[] = ids.map((id) => ({
    id,
    group: "wire",
    body: id,
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
  return createRedriveHandler(deadLetters, clock);
}

describe("the redrive function", () => {
  test("redrives all, and ends before its own time is up", async () => {
    const handler = setup(["a", "b", "c", "d"], 100_000);
    const all = { action: "redrive", ids: "all" };
    expect(await handler(all)).toEqual({ redriven: ["a", "b", "c"], unknown: [], more: true });
    expect(await handler(all)).toEqual({ redriven: ["d"], unknown: [], more: false });
  });
  test("redrives those that are named", async () => {
    const handler = setup(["a", "b"]);
    const answer = await handler({ action: "redrive", ids: ["a", "gone"] });
    expect(answer).toEqual({ redriven: ["a"], unknown: ["gone"] });
    expect(await handler({ action: "list" })).toMatchObject({ letters: [{ id: "b" }] });
  });
  test.each([undefined, {}, { action: "redrive" }, { action: "redrive", ids: [] }, { action: "list", all: true }])(
    "%j is answered with what may be asked",
    async (event) => {
      expect(await setup([])(event)).toEqual({ error: expect.stringContaining('"action":"list"') as string });
    },
  );
});
