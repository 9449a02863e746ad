import { describe, expect, test } from "vitest";
import { publishOf, tagPut } from "@codebox/testing";
import {
  abbreviatedView,
  apply,
  fullView,
  highestVersion,
  nameProblem,
  parsePackument,
  revOf,
  revisionOf,
  stateOf,
  tagProblem,
  versionProblem,
} from "../../src/index.ts";

/** As the predecessor wrote it: absolute URLs, a copy of the last tarball, and tags that may lack latest. */
const old = {
  _id: "@acme/wire",
  _rev: "17-abc",
  name: "@acme/wire",
  "dist-tags": { beta: "1.1.0", gone: "0.9.0" },
  custom: "kept",
  versions: {
    "1.0.0": {
      name: "@acme/wire",
      version: "1.0.0",
      scripts: { install: "node x" },
      dist: { shasum: "a".repeat(40), tarball: "https://old.example/registry/@acme/wire/-/wire-1.0.0.tgz" },
    },
    "1.1.0": {
      name: "@acme/wire",
      version: "1.1.0",
      dist: { shasum: "b".repeat(40), tarball: "https://old.example/registry/@acme/wire/-/wire-1.1.0.tgz" },
    },
  },
  _attachments: { "@acme/wire-1.1.0.tgz": { data: "AAAA", length: 3 } },
};
const read = () => parsePackument("@acme/wire", Buffer.from(JSON.stringify(old)));

describe("a document of the predecessor", () => {
  test("is read without its attachments, and its revision continues", () => {
    expect(read()).not.toHaveProperty("_attachments");
    expect(stateOf(read())).toMatchObject({ revision: 17, sequence: 0 });
  });
  test("is served with tarball URLs at the origin of the request", () => {
    const view = fullView(read(), '"etag"', "https://new.example") as unknown as {
      versions: Record<string, { dist: { tarball: string } }>;
    };
    expect(view.versions["1.0.0"]?.dist.tarball).toBe("https://new.example/@acme/wire/-/wire-1.0.0.tgz");
    expect(view).not.toHaveProperty("_codebox");
  });
  test("gets a latest tag, and loses tags without a version, with its first change", () => {
    const result = apply(read(), tagPut("@acme/wire", "next", "1.0.0"));
    expect(result).toMatchObject({ packument: { custom: "kept" } });
    expect(result.kind === "applied" && result.packument["dist-tags"]).toEqual({
      beta: "1.1.0",
      next: "1.0.0",
      latest: "1.1.0",
    });
    expect(result.kind === "applied" && stateOf(result.packument)).toMatchObject({ revision: 18, sequence: 1 });
  });
  test("that is not a JSON object is refused, so that nobody overwrites it", () => {
    expect(() => parsePackument("wire", Buffer.from("[]"))).toThrow(SyntaxError);
  });
});

describe("views", () => {
  test("the abbreviated packument has what an installer needs, and says whether there are install scripts", () => {
    const view = abbreviatedView(read(), "http://r.example") as { versions: Record<string, object> };
    expect(view.versions["1.0.0"]).toEqual({
      name: "@acme/wire",
      version: "1.0.0",
      hasInstallScript: true,
      dist: { shasum: "a".repeat(40), tarball: "http://r.example/@acme/wire/-/wire-1.0.0.tgz" },
    });
    expect(view).not.toHaveProperty("custom");
  });
  test.each(["bundleDependencies", "bundledDependencies"])(
    "the abbreviated packument has bundleDependencies for %s, in a document of before too",
    (spelling) => {
      const versions = { "1.0.0": { ...old.versions["1.0.0"], [spelling]: ["a"] } };
      const adopted = parsePackument("wire", Buffer.from(JSON.stringify({ ...old, versions })));
      const view = abbreviatedView(adopted, "http://r.example") as { versions: Record<string, object> };
      expect(view.versions["1.0.0"]).toMatchObject({ bundleDependencies: ["a"] });
      expect(view.versions["1.0.0"]).not.toHaveProperty("bundledDependencies");
    },
  );
  test("people in another form, in a predecessor's document, are shown unchanged", () => {
    const people = ["alice <a@acme.example>", { name: "bob", email: "b@acme.example" }];
    const adopted = parsePackument("wire", Buffer.from(JSON.stringify({ ...old, maintainers: people })));
    expect(fullView(adopted, '"etag"', "http://r.example")["maintainers"]).toEqual(people);
  });
  test("_rev is the revision and a hash, and its number can be read", () => {
    const result = apply(undefined, publishOf("wire", "1.0.0"));
    if (result.kind !== "applied") throw new Error("refused");
    expect(revOf(result.packument, '"x"')).toMatch(/^1-[0-9a-f]{16}$/);
    expect(revisionOf(revOf(result.packument, '"x"'))).toBe(1);
    expect(revisionOf("undefined")).toBeUndefined();
  });
});

describe("names", () => {
  test.each(["wire", "@acme/wire", "a".repeat(214)])("%s is a package name", (name) =>
    expect(nameProblem(name)).toBeUndefined(),
  );
  test.each(["", ".wire", "_wire", "Wire", "a b", "../x", "@acme", "node_modules", "a".repeat(215), "http"])(
    "%j is not",
    (name) => expect(nameProblem(name)).toEqual(expect.any(String)),
  );
  test.each(["latest", "next", "v1-lts", "2024q1", "constructor"])("%s is a tag", (tag) =>
    expect(tagProblem(tag)).toBeUndefined(),
  );
  test.each(["", "1", "1.x", "v1", "x", "*", "~1", "a b", "a/b", "..", "%2e", "__proto__", "ü"])("%j is not", (tag) =>
    expect(tagProblem(tag)).toEqual(expect.any(String)),
  );
  test.each(["1.0.0", "1.0.0-rc.1"])("%s is a version", (version) => expect(versionProblem(version)).toBeUndefined());
  test.each(["", "1", "v1.0.0", "1.0.0+build", "latest", "1.0.0 ", `1.0.${"0".repeat(300)}`])("%j is not", (version) =>
    expect(versionProblem(version)).toEqual(expect.any(String)),
  );
  test("the highest version is a release when there is one", () => {
    expect(highestVersion(["1.0.0", "10.0.0", "9.0.0", "11.0.0-rc.1"])).toBe("10.0.0");
    expect(highestVersion(["1.0.0-a", "1.0.0-b"])).toBe("1.0.0-b");
    expect(highestVersion([])).toBeUndefined();
  });
});
