import { changeOf, packumentAfter, publishOf, tagPut } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  APPLIED_RING,
  parsePackument,
  restored,
  serializePackument,
  stateOf,
  type Change,
  type Manifest,
  type Packument,
} from "../../src/index.ts";
import { NAME } from "./arbitraries.ts";
import { history } from "../support/changes.ts";

const after = (start: Packument, ...sequence: Change[]): Packument => packumentAfter(sequence, start);
/** What a foreign writer makes of the document that it read: it parses it, edits it and writes all of it. */
const foreign = (read: Packument, edit: Partial<Packument> = {}): Packument =>
  parsePackument(NAME, serializePackument({ ...read, ...edit }));
const tagged = (read: Packument, tag: string, version: string) =>
  foreign(read, { "dist-tags": { ...read["dist-tags"], [tag]: version } });
const manifest = (version: string, fields: object = {}): Manifest => ({ name: NAME, version, ...fields });
const idsOf = (packument: Packument) => stateOf(packument).applied.map(({ id }) => id);

const base = packumentAfter([publishOf(NAME, "1.0.0"), publishOf(NAME, "1.1.0"), tagPut(NAME, "next", "1.1.0")]);

describe("a document that a foreign writer put back gets the effects of our lost changes", () => {
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
  test("replaced tags are all ours: the record does not say which ones were removed", () => {
    const known = after(base, changeOf("tags.replace", NAME, { tags: { latest: "1.0.0" } }));
    expect(restored(known, tagged(base, "foreign", "1.0.0"))["dist-tags"]).toEqual({ latest: "1.0.0" });
  });
  test("a deprecation, and the removal of one; the rest of the manifest stays as found", () => {
    const deprecated = after(base, changeOf("deprecate", NAME, { messages: { "1.0.0": "old" } }));
    const known = after(deprecated, changeOf("deprecate", NAME, { messages: { "1.0.0": "", "1.1.0": "older" } }));
    const edited = { ...deprecated.versions, "1.0.0": { ...deprecated.versions["1.0.0"], custom: 1 } as Manifest };
    const { versions } = restored(known, foreign(deprecated, { versions: edited }));
    expect(versions["1.0.0"]).toEqual({ ...base.versions["1.0.0"], custom: 1 });
    expect(versions["1.1.0"]).toMatchObject({ deprecated: "older" });
  });
  test("an unpublish: the versions are removed again, with their times and tags", () => {
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
  test("a version that the foreign writer added too is ours: clients have its integrity in lock files", () => {
    const known = after(base, publishOf(NAME, "2.0.0"));
    const theirs = manifest("2.0.0", { dist: { integrity: "sha512-theirs" } });
    const found = foreign(base, { versions: { ...base.versions, "2.0.0": theirs } });
    expect(restored(known, found).versions["2.0.0"]).toEqual(known.versions["2.0.0"]);
  });
  test("ring, revision, sequence and outbox", () => {
    const known = after(base, tagPut(NAME, "beta", "1.0.0"));
    expect(stateOf(restored(known, foreign(base)))).toEqual(stateOf(known));
  });
  test("also the changes that the ring has forgotten, when the document has no record of ours", () => {
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

test("latest is ours where the foreign writer's document has none", () => {
  const adopted = foreign({ name: NAME, "dist-tags": {}, versions: { "1.0.0": manifest("1.0.0") } });
  const known = after(adopted, tagPut(NAME, "beta", "1.0.0"));
  const found = foreign(adopted, { versions: { ...adopted.versions, "9.0.0": manifest("9.0.0") } });
  expect(restored(known, found)["dist-tags"]).toEqual({ beta: "1.0.0", latest: "1.0.0" });
});

describe("not changed is", () => {
  test("a document in which nothing is missing", () => {
    const ahead = tagged(after(base, tagPut(NAME, "beta", "1.0.0")), "foreign", "1.0.0");
    expect(restored(base, ahead)).toBe(ahead);
  });
  test("one that is so far ahead that its ring has forgotten the changes that we know", () => {
    const moves = Array.from({ length: APPLIED_RING + 9 }, () => tagPut(NAME, "beta", "1.0.0"));
    const ahead = history(moves, base).at(-1) ?? base;
    expect(restored(base, ahead)).toBe(ahead);
  });
  test("one with records of which none is known: a backup, or a package that was started again", () => {
    const again = packumentAfter([publishOf(NAME, "1.0.0")]);
    expect(restored(after(base, tagPut(NAME, "beta", "1.0.0")), again)).toBe(again);
  });
});

describe("when another consumer continued from the document that was put back", () => {
  const known = after(base, tagPut(NAME, "a", "1.0.0", "a"), tagPut(NAME, "b", "1.0.0", "b"));
  const found = after(tagged(base, "foreign", "1.0.0"), tagPut(NAME, "b", "1.1.0", "b-later"));
  const again = restored(known, found);

  test("its changes stay, and what they did not touch is restored", () => {
    expect(again["dist-tags"]).toEqual({
      latest: "1.1.0",
      next: "1.1.0",
      foreign: "1.0.0",
      a: "1.0.0",
      b: "1.1.0",
    });
  });
  test("the lost changes get the numbers after its own, so that no number is used twice from then on", () => {
    const { applied, sequence, revision } = stateOf(again);
    expect(idsOf(again)).toEqual([...idsOf(base), "b-later", "a", "b"]);
    expect(applied.map((record) => record.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    expect([sequence, revision]).toEqual([6, 6]);
  });
  test("they get new events with their new numbers, cut to their key fields", () => {
    expect(stateOf(again).outbox.slice(-2)).toMatchObject([
      { id: "a", sequence: 5, revision: 5, data: { name: NAME, tag: "a", versions: ["1.0.0"], truncated: true } },
      { id: "b", sequence: 6, revision: 6 },
    ]);
  });
});

describe("a lost change of a kind that this version does not know, because a newer version applied it", () => {
  const FUTURE = { id: "future", type: "package.future", at: "2026-01-01T00:00:00.000Z", by: "bob" };
  /** The document as a newer version would write it: edited, with the record of the change. */
  const newer = (read: Packument, edit: Partial<Packument>): Packument => {
    const state = stateOf(read);
    const [sequence, revision] = [state.sequence + 1, state.revision + 1];
    const applied = [...state.applied, { ...FUTURE, sequence }];
    return { ...read, ...edit, _codebox: { ...state, sequence, revision, applied } };
  };
  const known = newer(base, {
    note: "newer",
    "dist-tags": { latest: "1.0.0" },
    users: { bob: true },
    maintainers: [{ name: "bob" }],
    versions: { ...base.versions, "1.0.0": manifest("1.0.0", { yanked: true }) },
  });

  test("may have touched anything: all that we know of the package is restored, and the record with it", () => {
    expect(restored(known, foreign(base, { note: "stale" }))).toEqual(known);
  });
  test("does not remove the foreign writer's new versions, but its new fields: the lost change may have removed these", () => {
    const found = foreign(base, { custom: 1, versions: { ...base.versions, "9.0.0": manifest("9.0.0") } });
    const again = restored(known, found);
    expect(Object.keys(again.versions).toSorted()).toEqual(["1.0.0", "1.1.0", "9.0.0"]);
    expect(again).not.toHaveProperty("custom");
  });
  test("counts less than what later changes of another consumer touched", () => {
    const found = after(
      foreign(base),
      changeOf("owners", NAME, { maintainers: [{ name: "carol" }] }),
      changeOf("deprecate", NAME, { messages: { "1.0.0": "old" } }),
      tagPut(NAME, "latest", "1.1.0"),
    );
    const again = restored(known, found);
    expect(again).toMatchObject({ note: "newer", maintainers: [{ name: "carol" }], users: { bob: true } });
    expect(again.versions["1.0.0"]?.deprecated).toBe("old");
    expect(again["dist-tags"]["latest"]).toBe("1.1.0");
    expect(idsOf(again).at(-1)).toBe("future");
  });
  test("of another consumer, applied later, keeps what its record names and the fields that only it can have set", () => {
    const lost = after(base, tagPut(NAME, "beta", "1.0.0"));
    const found = newer(foreign(base), { note: "later" });
    expect(restored(lost, found)).toMatchObject({ note: "later", "dist-tags": { beta: "1.0.0" } });
    expect(restored(newer(base, { note: "lost" }), { ...found, _codebox: renamed(found) })["note"]).toBe("later");
  });
  const renamed = (packument: Packument) => {
    const state = stateOf(packument);
    return {
      ...state,
      applied: state.applied.map((record) => ({ ...record, id: record.id.replace("future", "other") })),
    };
  };
});
