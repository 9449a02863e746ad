import { changeOf, manualClock, publishOf, tagPut } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  apply,
  redriveAll,
  redriveLetters,
  type Change,
  type DeadLetter,
  type DeadLetters,
  type Packument,
} from "../../src/index.ts";

const SHOWN = 10;

/** Dead letters as SQS shows them: the oldest ten of each message group. */
function setup(
  options: {
    /** A redriven letter fails again at once: its body has no id, so that it comes back with a new one. */
    readonly comesBack?: boolean;
    /** Milliseconds of one redrive. */
    readonly takes?: number;
    readonly hidden?: readonly string[];
    /** The package "wire" as stored. */
    readonly packument?: Packument | undefined;
    readonly force?: boolean;
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
  const read = async () => options.packument && { packument: options.packument, etag: '"1"' };
  const reader = options.force ? undefined : { read };
  return {
    clock,
    letters,
    redriven,
    put,
    all: (signal?: AbortSignal) =>
      redriveAll({ deadLetters, reader, clock }, { maxMs: 240_000, ...(signal ? { signal } : {}) }),
    some: (names: readonly string[]) => redriveLetters({ deadLetters, reader }, names),
  };
}
const ids = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe("a redrive", () => {
  test("of all puts back more than a listing shows", async () => {
    const { all, put, letters, redriven } = setup();
    for (const id of ids(25, "wire")) put(id, "wire");
    put("other", "other");
    expect(await all()).toEqual({ redriven, unknown: [], refused: [], more: false });
    expect(redriven.toSorted()).toEqual([...ids(25, "wire"), "other"].toSorted());
    expect(letters).toEqual([]);
  });
  test("of all puts a letter back once, though it fails again and comes back", async () => {
    const { all, put, letters } = setup({ comesBack: true });
    for (const id of ids(12, "wire")) put(id, "wire");
    expect(await all()).toEqual({ redriven: ids(12, "wire"), unknown: [], refused: [], more: false });
    expect(letters.map(({ id }) => id)).toEqual(ids(12, "wire").map((id) => `${id}-again`));
  });
  test("of all does not try again what another redrive has in hand", async () => {
    const { all, put } = setup({ hidden: ["held"] });
    put("held", "wire");
    put("free", "other");
    expect(await all()).toEqual({ redriven: ["free"], unknown: ["held"], refused: [], more: false });
  });
  test("of all ends when its time is up, says that there is more, and continues when it is run again", async () => {
    const { all, put } = setup({ takes: 100_000 });
    for (const id of ids(5, "wire")) put(id, "wire");
    expect(await all()).toEqual({ redriven: ids(3, "wire"), unknown: [], refused: [], more: true });
    expect(await all()).toEqual({ redriven: ids(5, "wire").slice(3), unknown: [], refused: [], more: false });
  });
  test("of all redrives every letter of a listing, also those with the same body", async () => {
    const { all, put } = setup();
    for (const id of ids(3, "wire")) put(id, "wire", "the same");
    expect(await all()).toEqual({ redriven: ids(3, "wire"), unknown: [], refused: [], more: false });
  });
  test("of all ends after the letter in hand when it is interrupted", async () => {
    const interrupt = new AbortController();
    const { all, put, letters } = setup();
    for (const id of ids(2, "wire")) put(id, "wire");
    interrupt.abort();
    expect(await all(interrupt.signal)).toEqual({ redriven: [], unknown: [], refused: [], more: true });
    expect(letters).toHaveLength(2);
  });
  test("of some puts each back once, and names those that are not there", async () => {
    const { some, put, letters } = setup();
    for (const id of ids(3, "wire")) put(id, "wire");
    expect(await some(["wire-1", "gone", "wire-1"])).toEqual({ redriven: ["wire-1"], unknown: ["gone"], refused: [] });
    expect(letters.map(({ id }) => id)).toEqual(["wire-0", "wire-2"]);
  });
});

describe("a redrive of a change of a tag", () => {
  const publish = { ...publishOf("wire", "1.1.0"), at: "2026-01-01T10:00:00.000Z" };
  const retag = { ...tagPut("wire", "next", "1.1.0"), at: "2026-01-01T12:00:00.000Z" };
  const older = { ...tagPut("wire", "old", "1.1.0"), at: "2026-01-01T08:00:00Z" };
  const packument = [publish, older, retag].reduce<Packument | undefined>((before, change) => {
    const applied = apply(before, change);
    return applied.kind === "applied" ? applied.packument : before;
  }, undefined);
  const earlier = { at: "2026-01-01T09:00:00.000Z" };
  const between = { at: "2026-01-01T11:00:00.000Z" };
  const stale: readonly (readonly [string, Change])[] = [
    ["a move of a tag that was moved since", { ...tagPut("wire", "next", "1.0.0", "letter"), ...between }],
    ["a removal of it", { ...changeOf("tag.remove", "wire", { tag: "next" }, "letter"), ...between }],
    ["a merge that names it", { ...changeOf("tags.merge", "wire", { tags: { next: "1.0.0" } }, "letter"), ...between }],
    [
      "a replacement of all tags",
      { ...changeOf("tags.replace", "wire", { tags: { latest: "1.1.0" } }, "letter"), ...between },
    ],
    ["a move of latest before a publish set it", { ...tagPut("wire", "latest", "1.0.0", "letter"), ...earlier }],
    [
      "a publish that sets latest, after a later publish did",
      { ...publishOf("wire", "1.0.0", { id: "letter" }), ...earlier },
    ],
  ];
  test.each(stale)("refuses %s, and leaves it", async (_, body) => {
    const { all, some, put, letters } = setup({ packument });
    put("letter", "wire", body);
    const refused = [
      { id: "letter", reason: expect.stringMatching(/the tag "(next|latest)" of wire was changed at/) as string },
    ];
    expect(await some(["letter"])).toEqual({ redriven: [], unknown: [], refused });
    expect(await all()).toEqual({ redriven: [], unknown: [], refused, more: false });
    expect(letters).toHaveLength(1);
  });
  test.each(stale)("puts back %s when it is forced", async (_, body) => {
    const { some, put } = setup({ packument, force: true });
    put("letter", "wire", body);
    expect(await some(["letter"])).toEqual({ redriven: ["letter"], unknown: [], refused: [] });
  });
  test.each<readonly [string, Change]>([
    ["another tag's move", { ...tagPut("wire", "beta", "1.1.0", "letter"), ...between }],
    ["a move that is newer than the tag's last change", { ...tagPut("wire", "latest", "1.1.0", "letter"), ...between }],
    ["a publish without tags", { ...publishOf("wire", "1.0.0", { id: "letter", tags: [] }), ...earlier }],
    ["a move that was applied already", retag],
    [
      "a move of a tag whose last record is older, to a version published later",
      { ...tagPut("wire", "old", "1.1.0", "letter"), ...earlier },
    ],
    ["a change of another kind", { ...changeOf("star", "wire", { starred: true }, "letter"), ...earlier }],
  ])("puts back %s", async (_, body) => {
    const { some, put } = setup({ packument });
    put(body.id, "wire", body);
    expect(await some([body.id])).toEqual({ redriven: [body.id], unknown: [], refused: [] });
  });
});
