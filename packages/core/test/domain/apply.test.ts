import { describe, expect, test } from "vitest";
import { applied, changeOf, given, packumentAfter, publishOf, rejected, tagPut } from "@codebox/testing";
import { Change, changeProblem, distTagsEtag, type ChangeOf, type Packument } from "../../src/index.ts";

/** A package with two versions, after two revisions. */
const wire = packumentAfter([publishOf("wire", "1.0.0"), publishOf("wire", "2.0.0")]);
const wireAfter = (...more: Change[]) => packumentAfter(more, wire);
const put = (tag: string, version: string, id?: string) => tagPut("wire", tag, version, id);
const publishing = (manifest: object): ChangeOf<"publish"> => {
  const change = publishOf("wire", "1.0.0");
  return { ...change, manifest: { ...change.manifest, ...manifest } };
};

test("any change but a publish needs a package that exists", () => {
  given([]).when(put("next", "1.0.0")).then(rejected("not_found"));
});

describe("publish", () => {
  test("the first version makes the package, its owner and latest", () => {
    given([])
      .when(publishOf("wire", "1.0.0"))
      .then(
        applied({
          "dist-tags": { latest: "1.0.0" },
          maintainers: [{ name: "alice" }],
          description: "wire 1.0.0",
        }),
      );
  });
  test("the document of a package has a limit, so that npm can send it back", () => {
    const large = (version: string): ChangeOf<"publish"> => {
      const change = publishOf("wire", version);
      return { ...change, manifest: { ...change.manifest, notes: "x".repeat(1_000_000) } };
    };
    const full = packumentAfter(Array.from({ length: 29 }, (_, index) => large(`1.${index}.0`))) ?? [];
    given(full).when(large("2.0.0")).then(rejected("too_large"));
    given(full)
      .when(publishOf("wire", "2.0.0"))
      .then(applied({ "dist-tags": { latest: "2.0.0" } }));
  });
  test("a first version under another tag is latest too; a second one is not", () => {
    given([publishOf("wire", "1.0.0", { tags: ["beta"] })])
      .when(publishOf("wire", "2.0.0", { tags: ["beta"] }))
      .then(applied({ "dist-tags": { latest: "1.0.0", beta: "2.0.0" } }));
  });
  test("a version that exists is refused", () => {
    given(wire).when(publishOf("wire", "1.0.0")).then(rejected("version_exists"));
  });
  test("a new package's name must be one that npm allows today; an old package may keep its own", () => {
    const old: Packument = { name: "Wire", "dist-tags": {}, versions: {} };
    given([]).when(publishOf("Wire", "1.0.0")).then(rejected("invalid"));
    given(old).when(publishOf("Wire", "1.0.0")).then(applied());
  });
  test("a manifest of another name or version is refused", () => {
    given([])
      .when(publishing({ name: "other" }))
      .then(rejected("invalid"));
    given([])
      .when(publishing({ version: "1.0.1" }))
      .then(rejected("invalid"));
    // It cannot become text; the message that names it must not fail.
    given([])
      .when(publishing({ name: { toString: 1, valueOf: 1 } }))
      .then(rejected("invalid"));
  });
  test("a manifest of too many values, or nested too deep, is no change", () => {
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [index, ""]));
    let deep: unknown = "";
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    for (const exports of [many, deep]) {
      const parsed = Change.safeParse(publishing({ exports }));
      expect(parsed.success || changeProblem(parsed.error)).toContain("manifest: a package.json has at most");
    }
  });
  test("a manifest over the limit is refused", () => {
    given([])
      .when(publishing({ junk: "x".repeat(2 ** 20) }))
      .then(rejected("too_large"));
  });
  test("dist describes the tarball that the registry read, whatever the publisher sent", () => {
    const change = publishing({ dist: { tarball: "http://evil.example/x.tgz" } });
    const { integrity, shasum } = change.tarball;
    const { packument } = given([]).when(change).then(applied());
    expect(packument.versions["1.0.0"]?.dist).toEqual({ integrity, shasum });
  });
  test("the readme is stored once, at the top, when the version is latest", () => {
    const { packument } = given([])
      .when(publishing({ readme: "# wire" }))
      .then(applied({ readme: "# wire" }));
    expect(packument.versions["1.0.0"]).not.toHaveProperty("readme");
  });
});

describe("tags", () => {
  const tagged = wireAfter(put("next", "1.0.0"));

  test("put points a tag at a version", () => {
    given(wire)
      .when(put("next", "1.0.0"))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0" } }));
  });
  test("put of a version that does not exist is refused", () => {
    given(wire).when(put("next", "9.0.0")).then(rejected("not_found"));
    given(wire).when(put("next", "constructor")).then(rejected("not_found"));
  });
  test("remove removes a tag", () => {
    given(tagged)
      .when(changeOf("tag.remove", "wire", { tag: "next" }))
      .then(applied({ "dist-tags": { latest: "2.0.0" } }));
  });
  test("latest cannot be removed, nor a tag that does not exist", () => {
    given(tagged)
      .when(changeOf("tag.remove", "wire", { tag: "latest" }))
      .then(rejected("forbidden"));
    given(tagged)
      .when(changeOf("tag.remove", "wire", { tag: "toString" }))
      .then(rejected("not_found"));
  });
  test("replace sets exactly these, and must keep latest", () => {
    given(tagged)
      .when(changeOf("tags.replace", "wire", { tags: { latest: "1.0.0", old: "1.0.0" } }))
      .then(applied({ "dist-tags": { latest: "1.0.0", old: "1.0.0" } }));
    given(tagged)
      .when(changeOf("tags.replace", "wire", { tags: { old: "1.0.0" } }))
      .then(rejected("forbidden"));
  });
  test("merge adds to the tags that exist", () => {
    given(tagged)
      .when(changeOf("tags.merge", "wire", { tags: { old: "1.0.0" } }))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "1.0.0", old: "1.0.0" } }));
  });
  test("If-Match with the ETag of the current tags is accepted, with another ETag it is refused", () => {
    const ifMatch = distTagsEtag(wire["dist-tags"]);
    given(wire)
      .when({ ...put("next", "1.0.0"), ifMatch })
      .then(applied());
    given(tagged)
      .when({ ...put("next", "1.0.0"), ifMatch })
      .then(rejected("precondition_failed"));
  });
  test("more tags than the limit are refused", () => {
    const tags = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`t-${index}`, "1.0.0"]));
    given(wire)
      .when(changeOf("tags.merge", "wire", { tags }))
      .then(rejected("too_large"));
  });
});

describe("deprecate", () => {
  const deprecate = (messages: Record<string, string>, baseRevision?: number) =>
    changeOf("deprecate", "wire", { messages, ...(baseRevision === undefined ? {} : { baseRevision }) });
  const deprecated = wireAfter(deprecate({ "1.0.0": "use 2" }));

  test("sets a message, and an empty one removes it", () => {
    expect(deprecated.versions["1.0.0"]?.deprecated).toBe("use 2");
    given(deprecated)
      .when(deprecate({ "1.0.0": "" }))
      .then(applied({ versions: wire.versions }));
  });
  test("of an unknown version is refused", () => {
    given(wire)
      .when(deprecate({ "9.0.0": "x" }))
      .then(rejected("not_found"));
  });
  test("of a version that was deprecated since it was read is a conflict; of another version it is not", () => {
    given(deprecated)
      .when(deprecate({ "1.0.0": "b" }, 2))
      .then(rejected("conflict"));
    given(deprecated)
      .when(deprecate({ "2.0.0": "b" }, 2))
      .then(applied());
  });
});

describe("unpublish", () => {
  const unpublish = (versions: string[], baseRevision?: number) =>
    changeOf("unpublish.versions", "wire", { versions, ...(baseRevision === undefined ? {} : { baseRevision }) });

  test("of the version that latest names moves latest to the highest left, a release before a prerelease", () => {
    given([
      publishOf("wire", "1.0.0"),
      publishOf("wire", "3.0.0-rc.1", { tags: ["rc"] }),
      publishOf("wire", "2.0.0"),
      put("stable", "2.0.0"),
    ])
      .when(unpublish(["2.0.0"]))
      .then(applied({ "dist-tags": { latest: "1.0.0", rc: "3.0.0-rc.1" }, description: "wire 1.0.0" }));
  });
  test("of the last version leaves a document without versions, which refuses all but a publish and continues to count", () => {
    const { packument: gone } = given([publishOf("wire", "1.0.0")])
      .when(unpublish(["1.0.0"]))
      .then(applied({ versions: {}, "dist-tags": {} }));
    given(gone).when(put("next", "1.0.0")).then(rejected("not_found"));
    const { event } = given(gone).when(publishOf("wire", "1.0.0")).then(applied());
    expect(event.sequence).toBe(3);
  });
  test("of all versions does the same, and is refused when one was published since it was read", () => {
    given(wire)
      .when(changeOf("unpublish.all", "wire", { baseRevision: 2 }))
      .then(applied({ versions: {}, "dist-tags": {} }));
    given(wire)
      .when(changeOf("unpublish.all", "wire", { baseRevision: 1 }))
      .then(rejected("conflict"));
  });
  test("is refused when the same version was published since it was read", () => {
    given(wire)
      .when(unpublish(["2.0.0"], 1))
      .then(rejected("conflict"));
  });
  test("is not refused for a tag that moved since it was read", () => {
    given(wireAfter(put("next", "1.0.0")))
      .when(unpublish(["1.0.0"], 2))
      .then(applied());
  });
  test("of an unknown version is refused", () => {
    given(wire)
      .when(unpublish(["9.0.0"]))
      .then(rejected("not_found"));
  });
});

describe("owners and stars", () => {
  const owners = (name: string) => changeOf("owners", "wire", { maintainers: [{ name }], baseRevision: 2 });

  test("owners are replaced, unless they changed since they were read", () => {
    given(wire)
      .when(owners("bob"))
      .then(applied({ maintainers: [{ name: "bob" }] }));
    given(wireAfter(owners("bob")))
      .when(owners("carol"))
      .then(rejected("conflict"));
  });
  test("a star is the actor's own", () => {
    const starred: Packument = { ...wire, users: { bob: true } };
    given(starred)
      .when(changeOf("star", "wire", { starred: true }))
      .then(applied({ users: { bob: true, alice: true } }));
    given(starred)
      .when(changeOf("star", "wire", { starred: false }))
      .then(applied({ users: { bob: true } }));
  });
});

describe("a base revision", () => {
  const owners = changeOf("owners", "wire", { maintainers: [{ name: "bob" }], baseRevision: 2 });

  test("that the ring does not reach back to is a conflict: what came after it is not known", () => {
    given({ ...wire, _codebox: { ...wire._codebox!, revision: 9, sequence: 9 } })
      .when(owners)
      .then(rejected("conflict"));
  });
  test("before a change of an unknown kind is a conflict: what that touched is not known", () => {
    const state = wire._codebox!;
    const record = { id: "newer", sequence: 3, type: "package.future", at: "2026-01-01T00:00:00.000Z", by: "bob" };
    given({ ...wire, _codebox: { ...state, revision: 3, sequence: 3, applied: [...state.applied, record] } })
      .when(owners)
      .then(rejected("conflict"));
  });
});
