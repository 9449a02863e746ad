import { manualClock } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { redriveAll, redriveLetters, type DeadLetter, type DeadLetters } from "../../src/index.ts";

const SHOWN = 10;

/** Dead letters as SQS shows them: the oldest ten of each message group. */
function setup(
  options: {
    /** A redriven letter fails again at once: its body has no id, so that it comes back with a new one. */
    readonly comesBack?: boolean;
    /** Milliseconds of one redrive. */
    readonly takes?: number;
    readonly hidden?: readonly string[];
  } = {},
) {
  const clock = manualClock();
  const letters: DeadLetter[] = [];
  const redriven: string[] = [];
  const put = (id: string, group: string, body: unknown = `body of ${id}`) =>
    letters.push({ id, group, body, reason: "it was bad", receives: 8, at: clock.now().toISOString() });
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
      if (options.comesBack && letter) put(`${id}-again`, letter.group, letter.body);
      return true;
    },
  };
  return {
    clock,
    letters,
    redriven,
    put,
    all: (signal?: AbortSignal) =>
      redriveAll({ deadLetters, clock }, { maxMs: 240_000, ...(signal ? { signal } : {}) }),
    some: (names: readonly string[]) => redriveLetters({ deadLetters }, names),
  };
}
const ids = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe("a redrive", () => {
  test("of all puts back more than a listing shows", async () => {
    const { all, put, letters, redriven } = setup();
    for (const id of ids(25, "wire")) put(id, "wire");
    put("other", "other");
    expect(await all()).toEqual({ redriven, unknown: [], more: false });
    expect(redriven.toSorted()).toEqual([...ids(25, "wire"), "other"].toSorted());
    expect(letters).toEqual([]);
  });
  test("of all puts a letter back once, though it fails again and comes back", async () => {
    const { all, put, letters } = setup({ comesBack: true });
    for (const id of ids(12, "wire")) put(id, "wire");
    expect(await all()).toEqual({ redriven: ids(12, "wire"), unknown: [], more: false });
    expect(letters.map(({ id }) => id)).toEqual(ids(12, "wire").map((id) => `${id}-again`));
  });
  test("of all does not try again what another redrive has in hand", async () => {
    const { all, put } = setup({ hidden: ["held"] });
    put("held", "wire");
    put("free", "other");
    expect(await all()).toEqual({ redriven: ["free"], unknown: ["held"], more: false });
  });
  test("of all ends when its time is up, says that there is more, and continues when it is run again", async () => {
    const { all, put } = setup({ takes: 100_000 });
    for (const id of ids(5, "wire")) put(id, "wire");
    expect(await all()).toEqual({ redriven: ids(3, "wire"), unknown: [], more: true });
    expect(await all()).toEqual({ redriven: ids(5, "wire").slice(3), unknown: [], more: false });
  });
  test("of all redrives every letter of a listing, also those with the same body", async () => {
    const { all, put } = setup();
    for (const id of ids(3, "wire")) put(id, "wire", "the same");
    expect(await all()).toEqual({ redriven: ids(3, "wire"), unknown: [], more: false });
  });
  test("of all ends after the letter in hand when it is interrupted", async () => {
    const interrupt = new AbortController();
    const { all, put, letters } = setup();
    for (const id of ids(2, "wire")) put(id, "wire");
    interrupt.abort();
    expect(await all(interrupt.signal)).toEqual({ redriven: [], unknown: [], more: true });
    expect(letters).toHaveLength(2);
  });
  test("of some puts each back once, and names those that are not there", async () => {
    const { some, put, letters } = setup();
    for (const id of ids(3, "wire")) put(id, "wire");
    expect(await some(["wire-1", "gone", "wire-1"])).toEqual({ redriven: ["wire-1"], unknown: ["gone"] });
    expect(letters.map(({ id }) => id)).toEqual(["wire-0", "wire-2"]);
  });
});
