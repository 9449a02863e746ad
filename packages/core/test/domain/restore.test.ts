import { changeOf, publishOf, tagPut } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  APPLIED_RING,
  apply,
  parsePackument,
  restored,
  serializePackument,
  stateOf,
  type Change,
  type Manifest,
  type Packument,
} from "../../src/index.ts";
import { NAME, history } from "../support/changes.ts";

const after = (start: Packument | undefined, ...sequence: Change[]): Packument => {
  let packument = start;
  for (const change of sequence) {
    const result = apply(packument, change);
    if (result.kind !== "applied") throw new Error(`${change.type} was ${result.kind}`);
    packument = result.packument;
  }
  return packument ?? expect.fail("no change");
};
/** What a foreign writer makes of the document he read: parsed, altered, written whole. */
const foreign = (read: Packument, edit: Partial<Packument> = {}): Packument =>
  parsePackument(NAME, serializePackument({ ...read, ...edit }));
const tagged = (read: Packument, tag: string, version: string) =>
  foreign(read, { "dist-tags": { ...read["dist-tags"], [tag]: version } });
const manifest = (version: string, fields: object = {}): Manifest => ({ name: NAME, version, ...fields });
const idsOf = (packument: Packument) => stateOf(packument).applied.map(({ id }) => id);

const base = after(undefined, publishOf(NAME, "1.0.0"), publishOf(NAME, "1.1.0"), tagPut(NAME, "next", "1.1.0"));

describe("a document that a foreign writer put back gets what our lost changes did", () => {
  test("a publish: version, time, tags and the description, as it is the latest", () => {
    const known = after(base, publishOf(NAME, "2.0.0", { tags: ["latest", "two"] }));
    const found = tagged(base, "foreign", "1.0.0");
    const { "dist-tags": tags, versions, time, ...fields } = restored(known, found);
    expect(versions["2.0.0"]).toEqual(known.versions["2.0.0"]);
    expect(time).toEqual(known.time);
    expect(tags).toEqual({ latest: "2.0.0", next: "1.1.0", two: "2.0.0", foreign: "1.0.0" });
    expect(fields["description"]).toBe("wire 2.0.0");
  });
  test("tags put, removed and merged, each by its name", () => {
    const known = after(
      base,
      tagPut(NAME, "beta", "1.0.0"),
      changeOf("tag.remove", NAME, { tag: "next" }),
      changeOf("tags.merge", NAME, { tags: { merged: "1.1.0" } }),
    );
    expect(restored(known, tagged(base, "foreign", "1.0.0"))["dist-tags"]).toEqual({
      latest: "1.1.0",
      beta: "1.0.0",
      merged: "1.1.0",
      foreign: "1.0.0",
    });
  });
  test("replaced tags are ours as a whole: the record does not tell which ones they took away", () => {
    const known = after(base, changeOf("tags.replace", NAME, { tags: { latest: "1.0.0" } }));
    expect(restored(known, tagged(base, "foreign", "1.0.0"))["dist-tags"]).toEqual({ latest: "1.0.0" });
  });
  test("a deprecation, and one that was taken back; the rest of the manifest stays as found", () => {
    const deprecated = after(base, changeOf("deprecate", NAME, { messages: { "1.0.0": "old" } }));
    const known = after(deprecated, changeOf("deprecate", NAME, { messages: { "1.0.0": "", "1.1.0": "older" } }));
    const edited = { ...deprecated.versions, "1.0.0": { ...deprecated.versions["1.0.0"], custom: 1 } as Manifest };
    const { versions } = restored(known, foreign(deprecated, { versions: edited }));
    expect(versions["1.0.0"]).toEqual({ ...base.versions["1.0.0"], custom: 1 });
    expect(versions["1.1.0"]).toMatchObject({ deprecated: "older" });
  });
  test("an unpublish: the versions are gone again, and with them their times and tags", () => {
    const known = after(base, changeOf("unpublish.versions", NAME, { versions: ["1.1.0"] }));
    const again = restored(known, foreign(base, { custom: 1 }));
    expect(again).toEqual({ ...known, custom: 1 });
    expect(again["dist-tags"]).toEqual({ latest: "1.0.0" });
  });
  test("the owners, and the actor's own star", () => {
    const starred = after(base, changeOf("owners", NAME, { maintainers: [{ name: "bob" }] }));
    const known = after(starred, changeOf("star", NAME, { starred: true }));
    const again = restored(known, foreign(base, { users: { carol: true } }));
    expect(again.maintainers).toEqual([{ name: "bob" }]);
    expect(again.users).toEqual({ alice: true, carol: true });
  });
  test("a version that the foreign writer put as well is ours: its integrity was answered, and is in lock files", () => {
    const known = after(base, publishOf(NAME, "2.0.0"));
    const theirs = manifest("2.0.0", { dist: { integrity: "sha512-theirs" } });
    const found = foreign(base, { versions: { ...base.versions, "2.0.0": theirs } });
    expect(restored(known, found).versions["2.0.0"]).toEqual(known.versions["2.0.0"]);
  });
  test("ring, revision, sequence and outbox", () => {
    const known = after(base, tagPut(NAME, "beta", "1.0.0"));
    expect(stateOf(restored(known, foreign(base)))).toEqual(stateOf(known));
  });
  test("when it has no record of ours left at all, also what the ring has forgotten", () => {
    const moves = Array.from({ length: APPLIED_RING + 9 }, (_, index) => tagPut(NAME, `t-${index % 300}`, "1.0.0"));
    const known = history(moves, base).at(-1) ?? base;
    const { _codebox: _, ...bare } = base;
    const found = foreign(bare, { versions: { "9.0.0": manifest("9.0.0") }, "dist-tags": { foreign: "9.0.0" } });
    const again = restored(known, found);
    expect(again["dist-tags"]).toEqual({ ...known["dist-tags"], foreign: "9.0.0" });
    expect(Object.keys(again.versions).toSorted()).toEqual(["1.0.0", "1.1.0", "9.0.0"]);
    expect(stateOf(again)).toEqual(stateOf(known));
  });
});

test("the foreign writer's own versions, tags and fields stay", () => {
  const known = after(base, tagPut(NAME, "beta", "1.0.0"));
  const found = foreign(base, {
    versions: { ...base.versions, "9.0.0": manifest("9.0.0") },
    "dist-tags": { ...base["dist-tags"], latest: "9.0.0" },
    description: "theirs",
    custom: { deep: true },
  });
  expect(restored(known, found)).toEqual({
    ...found,
    "dist-tags": { latest: "9.0.0", next: "1.1.0", beta: "1.0.0" },
    time: known.time,
    _codebox: known._codebox,
  });
});

test("latest, where the foreign writer's document has none, is what we made of it", () => {
  const adopted = foreign({ name: NAME, "dist-tags": {}, versions: { "1.0.0": manifest("1.0.0") } });
  const known = after(adopted, tagPut(NAME, "beta", "1.0.0"));
  const found = foreign(adopted, { versions: { ...adopted.versions, "9.0.0": manifest("9.0.0") } });
  expect(restored(known, found)["dist-tags"]).toEqual({ beta: "1.0.0", latest: "1.0.0" });
});

describe("left alone is", () => {
  test("a document that lacks nothing", () => {
    const ahead = tagged(after(base, tagPut(NAME, "beta", "1.0.0")), "foreign", "1.0.0");
    expect(restored(base, ahead)).toBe(ahead);
  });
  test("one that is so far ahead that its ring has forgotten what we know", () => {
    const moves = Array.from({ length: APPLIED_RING + 9 }, () => tagPut(NAME, "beta", "1.0.0"));
    const ahead = history(moves, base).at(-1) ?? base;
    expect(restored(base, ahead)).toBe(ahead);
  });
  test("one with records of which none is known: a backup, or a package begun anew", () => {
    const anew = after(undefined, publishOf(NAME, "1.0.0"));
    expect(restored(after(base, tagPut(NAME, "beta", "1.0.0")), anew)).toBe(anew);
  });
});

describe("where another consumer went on from the document that was put back", () => {
  const known = after(base, tagPut(NAME, "a", "1.0.0", "a"), tagPut(NAME, "b", "1.0.0", "b"));
  const found = after(tagged(base, "foreign", "1.0.0"), tagPut(NAME, "b", "1.1.0", "b-later"));
  const again = restored(known, found);

  test("what it applied stays, and what it did not touch is taken over", () => {
    expect(again["dist-tags"]).toEqual({
      latest: "1.1.0",
      next: "1.1.0",
      foreign: "1.0.0",
      a: "1.0.0",
      b: "1.1.0",
    });
  });
  test("the lost changes are recorded behind its own, so that no number is given twice from here on", () => {
    const { applied, sequence, revision } = stateOf(again);
    expect(idsOf(again)).toEqual([...idsOf(base), "b-later", "a", "b"]);
    expect(applied.map((record) => record.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    expect([sequence, revision]).toEqual([6, 6]);
  });
  test("they are announced with their new numbers, cut to their key fields", () => {
    expect(stateOf(again).outbox.slice(-2)).toMatchObject([
      { id: "a", sequence: 5, revision: 5, data: { name: NAME, tag: "a", versions: ["1.0.0"], truncated: true } },
      { id: "b", sequence: 6, revision: 6 },
    ]);
  });
});
