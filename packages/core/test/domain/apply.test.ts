import { describe, expect, test } from "vitest";
import { changeOf, publishOf, tagPut } from "@codebox/testing";
import { apply, distTagsEtag, stateOf, type Change, type Packument } from "../../src/index.ts";

/** Applies changes that must all be admitted. */
function given(...changes: Change[]): Packument {
  let packument: Packument | undefined;
  for (const change of changes) {
    const result = apply(packument, change);
    if (result.kind === "rejected") throw new Error(result.rejection.message);
    packument = result.packument;
  }
  if (!packument) throw new Error("no changes");
  return packument;
}
const wire = (...more: Change[]) => given(publishOf("wire", "1.0.0"), publishOf("wire", "2.0.0"), ...more);
const codeOf = (packument: Packument | undefined, change: Change) => {
  const result = apply(packument, change);
  return result.kind === "rejected" ? result.rejection.code : result.kind;
};

describe("publish", () => {
  test("the first version makes the package, its owner and latest", () => {
    expect(given(publishOf("wire", "1.0.0"))).toMatchObject({
      "dist-tags": { latest: "1.0.0" },
      maintainers: [{ name: "alice" }],
      description: "wire 1.0.0",
    });
  });
  test("a first version under another tag is latest too; a second one is not", () => {
    const beta = given(publishOf("wire", "1.0.0", { tags: ["beta"] }), publishOf("wire", "2.0.0", { tags: ["beta"] }));
    expect(beta["dist-tags"]).toEqual({ latest: "1.0.0", beta: "2.0.0" });
  });
  test("a version that exists is refused", () => {
    expect(codeOf(wire(), publishOf("wire", "1.0.0"))).toBe("version_exists");
  });
  test("a new package's name must be one that npm allows today; an old package may keep its own", () => {
    expect(codeOf(undefined, publishOf("Wire", "1.0.0"))).toBe("invalid");
    const old: Packument = { name: "Wire", "dist-tags": {}, versions: {} };
    expect(codeOf(old, publishOf("Wire", "1.0.0"))).toBe("applied");
  });
  test("a manifest of another name or version is refused", () => {
    expect(codeOf(undefined, { ...publishOf("wire", "1.0.0"), manifest: { name: "other", version: "1.0.0" } })).toBe(
      "invalid",
    );
  });
  test("a manifest over the limit is refused", () => {
    const change = publishOf("wire", "1.0.0");
    expect(codeOf(undefined, { ...change, manifest: { ...change.manifest, junk: "x".repeat(2 ** 20) } })).toBe(
      "too_large",
    );
  });
  test("what the publisher said of the tarball does not count; what was found does", () => {
    const change = publishOf("wire", "1.0.0");
    const stored = given({
      ...change,
      manifest: { ...change.manifest, dist: { tarball: "http://evil.example/x.tgz" } },
    });
    expect(stored.versions["1.0.0"]?.dist).toEqual({
      integrity: change.tarball.integrity,
      shasum: change.tarball.shasum,
    });
  });
  test("the readme stands once, at the top, when the version is latest", () => {
    const change = publishOf("wire", "1.0.0");
    const stored = given({ ...change, manifest: { ...change.manifest, readme: "# wire" } });
    expect(stored.readme).toBe("# wire");
    expect(stored.versions["1.0.0"]).not.toHaveProperty("readme");
  });
});

describe("tags", () => {
  test("put points a tag at a version", () => {
    expect(wire(tagPut("wire", "next", "1.0.0"))["dist-tags"]).toEqual({ latest: "2.0.0", next: "1.0.0" });
  });
  test("put of a version that does not exist is refused", () => {
    expect(codeOf(wire(), tagPut("wire", "next", "9.0.0"))).toBe("not_found");
    expect(codeOf(wire(), tagPut("wire", "next", "constructor"))).toBe("not_found");
  });
  test("any change but a publish of a package that does not exist is refused", () => {
    expect(codeOf(undefined, tagPut("wire", "next", "1.0.0"))).toBe("not_found");
  });
  test("remove takes a tag away; latest can't be, nor what is not there", () => {
    const tagged = wire(tagPut("wire", "next", "1.0.0"));
    expect(apply(tagged, changeOf("tag.remove", "wire", { tag: "next" }))).toMatchObject({
      packument: { "dist-tags": { latest: "2.0.0" } },
    });
    expect(codeOf(tagged, changeOf("tag.remove", "wire", { tag: "latest" }))).toBe("forbidden");
    expect(codeOf(tagged, changeOf("tag.remove", "wire", { tag: "toString" }))).toBe("not_found");
  });
  test("replace sets exactly these, and must keep latest", () => {
    const tagged = wire(tagPut("wire", "next", "1.0.0"));
    expect(apply(tagged, changeOf("tags.replace", "wire", { tags: { latest: "1.0.0", old: "1.0.0" } }))).toMatchObject({
      packument: { "dist-tags": { latest: "1.0.0", old: "1.0.0" } },
    });
    expect(codeOf(tagged, changeOf("tags.replace", "wire", { tags: { old: "1.0.0" } }))).toBe("forbidden");
  });
  test("merge adds to those that are there", () => {
    const merged = wire(tagPut("wire", "next", "1.0.0"), changeOf("tags.merge", "wire", { tags: { old: "1.0.0" } }));
    expect(merged["dist-tags"]).toEqual({ latest: "2.0.0", next: "1.0.0", old: "1.0.0" });
  });
  test("If-Match with the ETag of the present tags admits, with another one refuses", () => {
    const before = wire();
    const ifMatch = distTagsEtag(before["dist-tags"]);
    expect(codeOf(before, { ...tagPut("wire", "next", "1.0.0"), ifMatch })).toBe("applied");
    const after = wire(tagPut("wire", "other", "1.0.0"));
    expect(codeOf(after, { ...tagPut("wire", "next", "1.0.0"), ifMatch })).toBe("precondition_failed");
  });
  test("more tags than the limit are refused", () => {
    const tags = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`t-${index}`, "1.0.0"]));
    expect(codeOf(wire(), changeOf("tags.merge", "wire", { tags }))).toBe("too_large");
  });
});

describe("deprecate", () => {
  test("sets messages, and an empty one takes it back", () => {
    const deprecated = wire(changeOf("deprecate", "wire", { messages: { "1.0.0": "use 2" } }));
    expect(deprecated.versions["1.0.0"]?.deprecated).toBe("use 2");
    const result = apply(deprecated, changeOf("deprecate", "wire", { messages: { "1.0.0": "" } }));
    expect(result.kind === "applied" && result.packument.versions["1.0.0"]).not.toHaveProperty("deprecated");
  });
  test("of an unknown version is refused", () => {
    expect(codeOf(wire(), changeOf("deprecate", "wire", { messages: { "9.0.0": "x" } }))).toBe("not_found");
  });
  test("of a version that was deprecated since it was read is a conflict; of another version it is not", () => {
    const read = wire();
    const { revision: baseRevision } = stateOf(read);
    const since = apply(read, changeOf("deprecate", "wire", { messages: { "1.0.0": "a" } }));
    const now = since.kind === "applied" ? since.packument : read;
    expect(codeOf(now, changeOf("deprecate", "wire", { messages: { "1.0.0": "b" }, baseRevision }))).toBe("conflict");
    expect(codeOf(now, changeOf("deprecate", "wire", { messages: { "2.0.0": "b" }, baseRevision }))).toBe("applied");
  });
});

describe("unpublish", () => {
  test("of the version that latest names moves latest to the highest left, a release before a prerelease", () => {
    const packument = given(
      publishOf("wire", "1.0.0"),
      publishOf("wire", "3.0.0-rc.1", { tags: ["rc"] }),
      publishOf("wire", "2.0.0"),
      tagPut("wire", "stable", "2.0.0"),
      changeOf("unpublish.versions", "wire", { versions: ["2.0.0"] }),
    );
    expect(packument["dist-tags"]).toEqual({ latest: "1.0.0", rc: "3.0.0-rc.1" });
    expect(packument.description).toBe("wire 1.0.0");
  });
  test("of the last version leaves a document without versions, that refuses all but a publish and goes on counting", () => {
    const gone = given(publishOf("wire", "1.0.0"), changeOf("unpublish.versions", "wire", { versions: ["1.0.0"] }));
    expect(gone).toMatchObject({ versions: {}, "dist-tags": {} });
    expect(codeOf(gone, tagPut("wire", "next", "1.0.0"))).toBe("not_found");
    const again = apply(gone, publishOf("wire", "1.0.0"));
    expect(again.kind === "applied" && again.event.sequence).toBe(3);
  });
  test("of all versions is the same, and is refused when one was published since it was read", () => {
    const read = given(publishOf("wire", "1.0.0"));
    const { revision: baseRevision } = stateOf(read);
    const tagged = wire();
    expect(codeOf(tagged, changeOf("unpublish.all", "wire", { baseRevision }))).toBe("conflict");
    expect(codeOf(read, changeOf("unpublish.all", "wire", { baseRevision }))).toBe("applied");
  });
  test("is not refused for a tag that moved since it was read", () => {
    const read = wire();
    const { revision: baseRevision } = stateOf(read);
    const moved = apply(read, tagPut("wire", "next", "1.0.0"));
    const now = moved.kind === "applied" ? moved.packument : read;
    expect(codeOf(now, changeOf("unpublish.versions", "wire", { versions: ["1.0.0"], baseRevision }))).toBe("applied");
  });
  test("of an unknown version is refused", () => {
    expect(codeOf(wire(), changeOf("unpublish.versions", "wire", { versions: ["9.0.0"] }))).toBe("not_found");
  });
});

describe("owners and stars", () => {
  test("owners are replaced, unless they changed since they were read", () => {
    const read = wire();
    const { revision: baseRevision } = stateOf(read);
    const owners = changeOf("owners", "wire", { maintainers: [{ name: "bob" }], baseRevision });
    const result = apply(read, owners);
    expect(result).toMatchObject({ packument: { maintainers: [{ name: "bob" }] } });
    const now = result.kind === "applied" ? result.packument : read;
    expect(codeOf(now, changeOf("owners", "wire", { maintainers: [{ name: "carol" }], baseRevision }))).toBe(
      "conflict",
    );
  });
  test("a star is the actor's own", () => {
    const starred: Packument = { ...wire(), users: { bob: true } };
    expect(apply(starred, changeOf("star", "wire", { starred: true }))).toMatchObject({
      packument: { users: { bob: true, alice: true } },
    });
    expect(apply(starred, changeOf("star", "wire", { starred: false }))).toMatchObject({
      packument: { users: { bob: true } },
    });
  });
});

describe("the record of a change", () => {
  test("a change that was applied before does nothing, and is told by its id alone", () => {
    const change = tagPut("wire", "next", "1.0.0", "same");
    const once = wire(change);
    const again = apply(once, { ...change, version: "2.0.0" });
    expect(again.kind).toBe("replayed");
    expect(again.kind === "replayed" && again.packument).toBe(once);
  });
  test("the event carries what the predecessor's log did", () => {
    const result = apply(wire(), tagPut("wire", "next", "1.0.0", "x"));
    expect(result).toMatchObject({
      event: {
        id: "x",
        name: "wire",
        sequence: 3,
        revision: 3,
        type: "tag.put",
        actor: { name: "alice" },
        data: { name: "wire", tag: "next", version: "1.0.0", "dist-tags": { latest: "2.0.0", next: "1.0.0" } },
      },
    });
  });
  test("an event that would not fit a message is cut to its key fields", () => {
    const change = publishOf("wire", "3.0.0");
    const result = apply(wire(), { ...change, manifest: { ...change.manifest, keywords: ["x".repeat(30_000)] } });
    expect(result.kind === "applied" && result.event.data).toEqual({ name: "wire", version: "3.0.0", truncated: true });
  });
});
