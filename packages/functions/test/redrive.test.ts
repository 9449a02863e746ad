import type { DeadLetter, DeadLetters } from "@codebox/core";
import { manualClock } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { createRedriveHandler } from "../src/index.ts";

const SHOWN = 10;

/** Dead letters as SQS shows them: the oldest ten of each message group. */
function setup(
  options: { readonly comesBack?: boolean; readonly takes?: number; readonly hidden?: readonly string[] } = {},
) {
  const clock = manualClock();
  const letters: DeadLetter[] = [];
  const redriven: string[] = [];
  const put = (id: string, group: string) =>
    letters.push({ id, group, body: null, reason: "it was bad", receives: 8, at: clock.now().toISOString() });
  const deadLetters: DeadLetters = {
    async *list() {
      for (const group of Map.groupBy(letters, (letter) => letter.group).values()) yield* group.slice(0, SHOWN);
    },
    async redrive(id) {
      await clock.advance(options.takes ?? 1);
      const at = letters.findIndex((letter) => letter.id === id);
      if (at < 0 || options.hidden?.includes(id)) return false;
      const [letter] = letters.splice(at, 1);
      redriven.push(id);
      // Its body has no id, so that it goes by its message's, which is a new one.
      if (options.comesBack && letter) put(`${id}-again`, letter.group);
      return true;
    },
  };
  return { clock, letters, redriven, put, handler: createRedriveHandler(deadLetters, clock) };
}
const ids = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}-${index}`);
const ALL = { action: "redrive", ids: "all" };

describe("redrive", () => {
  test("of all puts back more than a listing shows", async () => {
    const { handler, put, letters, redriven } = setup();
    for (const id of ids(25, "wire")) put(id, "wire");
    put("other", "other");
    expect(await handler(ALL)).toEqual({ redriven, unknown: [], more: false });
    expect(redriven.toSorted()).toEqual([...ids(25, "wire"), "other"].toSorted());
    expect(letters).toEqual([]);
  });
  test("of all puts a letter back once, though it fails again and comes back", async () => {
    const { handler, put, letters } = setup({ comesBack: true });
    for (const id of ids(12, "wire")) put(id, "wire");
    expect(await handler(ALL)).toEqual({ redriven: ids(12, "wire"), unknown: [], more: false });
    expect(letters.map(({ id }) => id)).toEqual(ids(12, "wire").map((id) => `${id}-again`));
  });
  test("of all does not try again what another redrive has in hand", async () => {
    const { handler, put } = setup({ hidden: ["held"] });
    put("held", "wire");
    put("free", "other");
    expect(await handler(ALL)).toEqual({ redriven: ["free"], unknown: ["held"], more: false });
  });
  test("of all ends before the function's time does, and says that there is more", async () => {
    const { handler, put } = setup({ takes: 100_000 });
    for (const id of ids(5, "wire")) put(id, "wire");
    expect(await handler(ALL)).toEqual({ redriven: ids(3, "wire"), unknown: [], more: true });
    expect(await handler(ALL)).toEqual({ redriven: ids(5, "wire").slice(3), unknown: [], more: false });
  });
  test("of some puts back those, and names those that are not there", async () => {
    const { handler, put } = setup();
    for (const id of ids(3, "wire")) put(id, "wire");
    const answer = await handler({ action: "redrive", ids: ["wire-1", "gone"] });
    expect(answer).toEqual({ redriven: ["wire-1"], unknown: ["gone"] });
    expect(await handler({ action: "list" })).toMatchObject({ letters: [{ id: "wire-0" }, { id: "wire-2" }] });
  });
  test.each([undefined, {}, { action: "redrive" }, { action: "redrive", ids: [] }, { action: "list", all: true }])(
    "%j is answered with what may be asked",
    async (event) => {
      expect(await setup().handler(event)).toEqual({ error: expect.stringContaining('"action":"list"') as string });
    },
  );
});
