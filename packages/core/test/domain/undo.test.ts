import { describe, expect, test } from "vitest";
import { applied, changeOf, given, packumentAfter, publishOf, rejected, tagPut } from "@codebox/testing";
import { stateOf, type Change, type Packument } from "../../src/index.ts";

/** 1: 1.0.0 is published, 2: 2.0.0 is published and latest, 3: next is made. */
const wire = packumentAfter([publishOf("wire", "1.0.0"), publishOf("wire", "2.0.0"), tagPut("wire", "next", "1.0.0")]);
const after = (...more: Change[]) => packumentAfter(more, wire);
const put = (tag: string, version: string) => tagPut("wire", tag, version);
const as = <C extends Change>(name: string, change: C): C => ({ ...change, actor: { kind: "user", name } });
const recordOf = (packument: Packument, sequence: number) =>
  stateOf(packument).applied.find((record) => record.sequence === sequence) ?? expect.fail("no record");
/** The undo of a change as the API makes it, from the history. */
const undo =
  (sequence: number, more: { force?: boolean } = {}) =>
  (packument: Packument) => {
    const { id, detail } = recordOf(packument, sequence);
    return changeOf("tags.undo", "wire", { undoes: id, sequence, tags: { ...detail?.tags }, ...more });
  };

describe("a record", () => {
  test("says from where to where each tag moved, whatever kind of change moved it", () => {
    const { packument } = given(wire)
      .when(changeOf("unpublish.versions", "wire", { versions: ["2.0.0"] }))
      .then(applied());
    expect(recordOf(packument, 2).detail?.tags).toEqual({ latest: { from: "1.0.0", to: "2.0.0" } });
    expect(recordOf(packument, 3).detail?.tags).toEqual({ next: { to: "1.0.0" } });
    expect(recordOf(packument, 4).detail?.tags).toEqual({ latest: { from: "2.0.0", to: "1.0.0" } });
  });
  test("says what a deprecation and a change of the owners replaced", () => {
    const messages = (text: string) => changeOf("deprecate", "wire", { messages: { "1.0.0": text } });
    const owners = changeOf("owners", "wire", { maintainers: [{ name: "bob" }] });
    const packument = after(messages("old"), messages("older"), messages(""), owners);
    expect([4, 5, 6].map((sequence) => recordOf(packument, sequence).detail)).toEqual([
      { deprecated: { "1.0.0": { to: "old" } } },
      { deprecated: { "1.0.0": { from: "old", to: "older" } } },
      { deprecated: { "1.0.0": { from: "older" } } },
    ]);
    expect(recordOf(packument, 7).detail).toEqual({ owners: { from: ["alice"], to: ["bob"] } });
  });
  test("says why, when the sender says it", () => {
    const why = { command: "dist-tag", message: "see incident 12" };
    expect(recordOf(after({ ...put("next", "2.0.0"), why }), 4).why).toEqual(why);
  });
});

describe("undo", () => {
  test("moves a tag back to where it was", () => {
    given(after(put("latest", "1.0.0")))
      .when(undo(4))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("removes a tag that the change made, and brings back one that it removed", () => {
    given(wire)
      .when(undo(3))
      .then(applied({ "dist-tags": { latest: "2.0.0" } }));
    given(after(changeOf("tag.remove", "wire", { tag: "next" })))
      .when(undo(4))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("of a change of many tags takes all of them back", () => {
    given(after(changeOf("tags.merge", "wire", { tags: { latest: "1.0.0", next: "2.0.0", beta: "1.0.0" } })))
      .when(undo(4))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("of an undo does the change again", () => {
    const undone = given(after(put("latest", "1.0.0")))
      .when(undo(4))
      .then(applied()).packument;
    given(undone)
      .when(undo(5))
      .then(applied({ "dist-tags": { latest: "1.0.0", next: "1.0.0" } }));
  });
  test("is refused when somebody else moved the tag later, also back to the same version; forced, it is done", () => {
    const packument = after(
      put("latest", "1.0.0"),
      as("bob", put("latest", "2.0.0")),
      as("bob", put("latest", "1.0.0")),
    );
    const { rejection } = given(packument).when(undo(4)).then(rejected("conflict"));
    expect(rejection.message).toContain("moved by bob at");
    given(packument)
      .when(undo(4, { force: true }))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("is done when only the sender moved the tag later, or somebody else another tag", () => {
    given(after(put("latest", "1.0.0"), put("latest", "2.0.0"), as("bob", put("beta", "1.0.0"))))
      .when(undo(4))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0", beta: "1.0.0" } }));
  });
  test("is refused when the tag is elsewhere and the history does not say why", () => {
    const moved = after(put("latest", "1.0.0"));
    const foreign = { ...moved, "dist-tags": { ...moved["dist-tags"], latest: "2.0.0" } };
    given(foreign).when(undo(4)).then(rejected("conflict"));
  });
  test("is refused when the change did not move the tags so", () => {
    const { id } = recordOf(wire, 3);
    const wrong = { undoes: id, sequence: 3, tags: { latest: { from: "1.0.0", to: "2.0.0" } } };
    given(wire)
      .when(changeOf("tags.undo", "wire", wrong))
      .then(rejected("conflict"));
  });
  test("is refused when the ring does not reach back to the change, unless forced", () => {
    const state = stateOf(wire);
    const cut = { ...wire, _codebox: { ...state, applied: state.applied.slice(-1) } };
    const old = { undoes: "gone", sequence: 1, tags: { next: { to: "1.0.0" } } };
    given(cut)
      .when(changeOf("tags.undo", "wire", old))
      .then(rejected("conflict"));
    given(cut)
      .when(changeOf("tags.undo", "wire", { ...old, force: true }))
      .then(applied({ "dist-tags": { latest: "2.0.0" } }));
  });
  test("does not remove latest, and does not bring back a version that was unpublished", () => {
    given([publishOf("wire", "1.0.0")])
      .when(undo(1))
      .then(rejected("forbidden"));
    const gone = after(put("next", "2.0.0"), changeOf("unpublish.versions", "wire", { versions: ["1.0.0"] }));
    given(gone).when(undo(4)).then(rejected("not_found"));
  });
});

describe("restore", () => {
  const moved = after(put("latest", "1.0.0"), as("bob", put("beta", "1.0.0")));
  const restoring = (more: object) =>
    changeOf("tags.restore", "wire", { tags: { latest: "2.0.0", next: "1.0.0" }, since: 3, seen: 5, ...more });

  test("sets exactly the tags of that time", () => {
    given(after(put("latest", "1.0.0"), put("beta", "1.0.0")))
      .when(restoring({}))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("is refused when it would undo somebody else's change, unless forced", () => {
    const { rejection } = given(moved).when(restoring({})).then(rejected("conflict"));
    expect(rejection.message).toContain('"beta" of wire was moved by bob');
    given(moved)
      .when(restoring({ force: true }))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("is a conflict when the tags moved after the sender read the history, also when forced", () => {
    given(moved)
      .when(restoring({ seen: 4, force: true }))
      .then(rejected("conflict"));
    const deprecated = packumentAfter([changeOf("deprecate", "wire", { messages: { "1.0.0": "old" } })], moved);
    given(deprecated)
      .when(restoring({ force: true }))
      .then(applied());
  });
  test("of a tag whose version was unpublished is refused; forced, it leaves the tag out", () => {
    const gone = after(changeOf("unpublish.versions", "wire", { versions: ["1.0.0"] }));
    given(gone)
      .when(restoring({ seen: 4 }))
      .then(rejected("not_found"));
    given(gone)
      .when(restoring({ seen: 4, force: true }))
      .then(applied({ "dist-tags": { latest: "2.0.0" } }));
  });
});

describe("If-None-Match: *", () => {
  test("makes a tag, and refuses one that is there", () => {
    given(wire)
      .when({ ...put("beta", "1.0.0"), ifNoneMatch: "*" })
      .then(applied());
    given(wire)
      .when({ ...put("next", "2.0.0"), ifNoneMatch: "*" })
      .then(rejected("precondition_failed"));
    const tags = { beta: "1.0.0", next: "2.0.0" };
    given(wire)
      .when(changeOf("tags.merge", "wire", { tags, ifNoneMatch: "*" }))
      .then(rejected("precondition_failed"));
  });
});
