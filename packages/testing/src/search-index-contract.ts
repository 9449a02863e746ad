import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { indexedOf, summaryNamed } from "./builders.ts";
import {
  packageWords,
  parseSearch,
  pointsOf,
  scoreOf,
  SEARCH_HITS_MAX,
  type IndexedPackage,
  type IndexQuery,
  type LocalSearchIndex,
  type SearchIndex,
} from "@codebox/core";

export type SearchIndexFixture<Index extends SearchIndex = SearchIndex> = AsyncDisposable & { readonly index: Index };

async function* steps(...packages: readonly (readonly IndexedPackage[])[]) {
  yield* packages;
}

const all = { from: 0, size: 250, mayRead: () => true };
const namesOf = async (index: SearchIndex, text: string, query: Partial<IndexQuery> = {}) =>
  (await index.query({ ...all, text, ...query })).hits.map(({ name }) => name);

/** What every `SearchIndex` must do. `open` gives an empty one. */
export function searchIndexContract(open: () => Promise<SearchIndexFixture>): void {
  const rule = (name: string, check: (index: SearchIndex) => Promise<void>, timeout?: number) =>
    test(
      name,
      async () => {
        await using fixture = await open();
        await check(fixture.index);
      },
      timeout,
    );

  describe("finding", () => {
    rule("a hit has everything that was put, and a score", async (index) => {
      const summary = summaryNamed("@acme/wire", {
        description: "carries a signal",
        license: "MIT",
        keywords: ["copper"],
        date: "2026-01-01T00:00:00.000Z",
        links: { homepage: "https://wire.example/" },
        stars: ["bob"],
      });
      await index.put([{ name: "@acme/wire", sequence: 1, summary }]);
      const { hits, total } = await index.query({ ...all, text: "signal" });
      expect(total).toBe(1);
      expect(hits).toEqual([{ ...summary, score: expect.any(Number) as number }]);
    });
    rule("words are found by their first letters, in any capitals and without accents", async (index) => {
      await index.put([indexedOf("wire", { description: "Trägt ein Signal", keywords: ["Copper Cable"] })]);
      for (const text of ["sig", "SIGNAL", "tragt", "trägt", "copper", "cab", "wire", "w"])
        expect([text, await namesOf(index, text)]).toEqual([text, ["wire"]]);
      for (const text of ["ignal", "wires", "copper-box", "+", "@"])
        expect([text, await namesOf(index, text)]).toEqual([text, []]);
    });
    rule("all words of a text must be found, wherever each is", async (index) => {
      await index.put([
        indexedOf("wire", { description: "carries a signal" }),
        indexedOf("cable", { keywords: ["signal"] }),
      ]);
      expect(await namesOf(index, "signal wire")).toEqual(["wire"]);
      expect(await namesOf(index, "signal")).toEqual(["cable", "wire"]);
      expect(await namesOf(index, "wire cable")).toEqual([]);
    });
    rule(
      "the exact name is first, then the beginning of a name, then names, keywords and descriptions",
      async (index) => {
        await index.put([
          indexedOf("z", { description: "a wire" }),
          indexedOf("y", { keywords: ["wire"] }),
          indexedOf("a-wire"),
          indexedOf("wire-tap"),
          indexedOf("@acme/wire"),
          indexedOf("wire"),
          indexedOf("barbed-wire", { version: "1.0.0-rc.1" }),
        ]);
        const expected = ["wire", "@acme/wire", "wire-tap", "a-wire", "barbed-wire", "y", "z"];
        expect(await namesOf(index, "wire")).toEqual(expected);
        expect(await namesOf(index, "acme")).toEqual(["@acme/wire"]);
        expect(await namesOf(index, "tap wire")).toEqual(["wire-tap"]);
      },
    );
    rule("author, maintainer, scope and keywords select packages, alone and with words", async (index) => {
      await index.put([
        indexedOf("@acme/wire", { publisher: "Bob", maintainers: [{ name: "alice" }], keywords: ["Copper"] }),
        indexedOf("@acme/cable", { publisher: "carol", maintainers: [{ name: "bob" }] }),
        indexedOf("wire", { publisher: "carol", maintainers: [{ name: "carol" }], keywords: ["glass", "copper"] }),
      ]);
      const found: Record<string, string[]> = {
        "author:bob": ["@acme/cable", "@acme/wire"],
        "maintainer:alice": ["@acme/wire"],
        "scope:acme": ["@acme/cable", "@acme/wire"],
        "scope:@ACME wire": ["@acme/wire"],
        "keywords:copper": ["@acme/wire", "wire"],
        "keywords:glass,tin": ["wire"],
        "keywords:copper keywords:glass": ["wire"],
        "keywords:coppe": [],
        "author:nobody wire": [],
      };
      for (const [text, names] of Object.entries(found))
        expect([text, await namesOf(index, text)]).toEqual([text, names]);
    });
    rule("characters of the query language are no query", async (index) => {
      await index.put([indexedOf("wire")]);
      for (const text of [
        '"',
        '"wire',
        "wire*",
        "wire OR other",
        "NOT wire",
        "name:wire",
        "(",
        "^wire",
        "wire'--",
        "a:b",
      ])
        expect(await index.query({ ...all, text })).toMatchObject({ complete: expect.any(Boolean) as boolean });
    });
    rule("pages follow each other, with the same total", async (index) => {
      await index.put(Array.from({ length: 25 }, (_, at) => indexedOf(`wire-${String(at).padStart(2, "0")}`)));
      const page = (from: number) => index.query({ ...all, text: "wire", from, size: 10 });
      const pages = [await page(0), await page(10), await page(20), await page(30)];
      expect(pages.map(({ total }) => total)).toEqual([25, 25, 25, 25]);
      expect(pages.map(({ hits }) => hits.length)).toEqual([10, 10, 5, 0]);
      expect(new Set(pages.flatMap(({ hits }) => hits.map(({ name }) => name))).size).toBe(25);
    });
    rule("at most SEARCH_HITS_MAX hits are counted, and the exact name is among them", async (index) => {
      const many = Array.from({ length: SEARCH_HITS_MAX + 200 }, (_, at) => indexedOf(`wire-${at}`));
      await index.put([...many, indexedOf("wire")]);
      const { hits, total } = await index.query({ ...all, text: "wire", size: 1 });
      expect([total, hits[0]?.name]).toEqual([SEARCH_HITS_MAX, "wire"]);
    });
    rule("what the caller may not read is neither found nor counted, however much it is", async (index) => {
      const secret = Array.from({ length: 1_500 }, (_, at) =>
        indexedOf(`wire-${at}`, { maintainers: [{ name: "bob" }] }),
      );
      await index.put([...secret, indexedOf("x-wire"), indexedOf("y", { description: "wire" })]);
      const mayRead: IndexQuery["mayRead"] = ({ maintainers }) => maintainers.some(({ name }) => name === "alice");
      const { hits, total } = await index.query({ ...all, text: "wire", mayRead });
      expect([total, hits.map(({ name }) => name)]).toEqual([2, ["x-wire", "y"]]);
    });
    rule("says whether the text names a scope that has packages, readable or not", async (index) => {
      await index.put([indexedOf("@acme/wire")]);
      for (const [text, names] of [
        ["@acme/new", true],
        ["left @ACME", true],
        ["scope:acme", true],
        ["scope:@acme", true],
        ["acme", false],
        ["@other/wire", false],
      ] as const)
        expect([text, (await index.query({ ...all, text, mayRead: () => false })).namesScope]).toEqual([text, names]);
    });
    rule("has the points of pointsOf for any packages and any text", async (index) => {
      const word = fc.constantFrom("wire", "tap", "wi", "copper", "é-box", "a");
      const text = fc.array(word, { maxLength: 3 }).map((words) => words.join(" "));
      const term = fc.oneof(
        word,
        fc.constantFrom("author:bob", "scope:acme", "keywords:wire,tap", "wire-tap", "@acme/wire"),
      );
      const summary = fc.record({
        description: text,
        keywords: fc.array(word, { maxLength: 2 }),
        publisher: fc.constantFrom("bob", "carol"),
      });
      const names = ["wire", "tap", "wire-tap", "@acme/wire", "@acme/tap.wire", "copper", "a"];
      let sequence = 0;
      const property = fc.asyncProperty(
        fc.tuple(...names.map(() => summary)),
        fc.array(term, { minLength: 1, maxLength: 3 }),
        async (summaries, terms) => {
          sequence++;
          const packages = names.map((name, at) => indexedOf(name, { sequence, ...summaries[at] }));
          await index.put(packages);
          const search = parseSearch(terms.join(" "));
          const expected = packages.flatMap(({ name, summary: one }) => {
            const points = one ? pointsOf(name, packageWords(one), search) : 0;
            return points === 0 ? [] : [[name, scoreOf(points, "1.0.0")] as const];
          });
          const { hits } = await index.query({ ...all, text: terms.join(" ") });
          expect(hits.map(({ name, score }) => [name, score]).toSorted()).toEqual(expected.toSorted());
        },
      );
      await fc.assert(property, { numRuns: 50 });
    });
  });

  describe("keeping up to date", () => {
    rule("a package is replaced, and found by its new words only", async (index) => {
      await index.put([indexedOf("wire", { description: "old", keywords: ["tin"], stars: ["bob"] })]);
      await index.put([indexedOf("wire", { sequence: 2, description: "new", keywords: ["copper"] })]);
      expect(await namesOf(index, "new")).toEqual(["wire"]);
      for (const text of ["old", "tin", "keywords:tin"]) expect(await namesOf(index, text)).toEqual([]);
      expect(await index.list({ starredBy: "bob" })).toEqual([]);
    });
    rule("putting the same twice changes nothing", async (index) => {
      for (let time = 0; time < 2; time++) await index.put([indexedOf("wire"), indexedOf("wire")]);
      expect(await index.query({ ...all, text: "wire" })).toMatchObject({ total: 1 });
    });
    rule("what comes from an older document is left out", async (index) => {
      await index.put([indexedOf("wire", { sequence: 5, description: "new" })]);
      await index.put([indexedOf("wire", { sequence: 4, description: "old" })]);
      expect([await namesOf(index, "old"), await namesOf(index, "new")]).toEqual([[], ["wire"]]);
    });
    rule("a package without a version disappears, and does not come back from an older document", async (index) => {
      await index.put([indexedOf("@acme/wire", { sequence: 5 })]);
      await index.put([{ name: "@acme/wire", sequence: 6 }]);
      await index.put([indexedOf("@acme/wire", { sequence: 5 })]);
      expect(await index.query({ ...all, text: "@acme/wire" })).toMatchObject({ total: 0, namesScope: false });
      expect(await index.list()).toEqual([]);
      await index.put([indexedOf("@acme/wire", { sequence: 7 })]);
      expect(await namesOf(index, "wire")).toEqual(["@acme/wire"]);
    });
    rule("a package without a document is forgotten", async (index) => {
      await index.put([indexedOf("wire", { sequence: 5 })]);
      await index.put([{ name: "wire" }, { name: "unknown" }]);
      expect(await namesOf(index, "wire")).toEqual([]);
      await index.put([indexedOf("wire", { sequence: 1 })]);
      expect(await namesOf(index, "wire")).toEqual(["wire"]);
    });
  });

  describe("building", () => {
    rule("is complete after a build, and not before", async (index) => {
      const complete = async () => (await index.query({ ...all, text: "wire" })).complete;
      await index.put([indexedOf("wire")]);
      expect(await complete()).toBe(false);
      await index.rebuild(steps([indexedOf("wire")], [indexedOf("cable")]));
      expect([await complete(), await namesOf(index, "cable")]).toEqual([true, ["cable"]]);
    });
    rule("replaces everything: what is gone is not found, and an older document counts", async (index) => {
      await index.rebuild(
        steps([indexedOf("gone"), indexedOf("wire", { sequence: 9, description: "from the future" })]),
      );
      await index.rebuild(steps([indexedOf("wire", { sequence: 3, description: "restored" })]));
      expect([await namesOf(index, "gone"), await namesOf(index, "future"), await namesOf(index, "restored")]).toEqual([
        [],
        [],
        ["wire"],
      ]);
    });
    rule("keeps what was put while it ran, and finds what was there until its end", async (index) => {
      await index.rebuild(steps([indexedOf("before"), indexedOf("wire")]));
      await index.rebuild(
        (async function* () {
          yield [indexedOf("wire", { sequence: 1, description: "old" })];
          await index.put([indexedOf("wire", { sequence: 2, description: "new" }), indexedOf("fresh")]);
          expect(await namesOf(index, "before")).toEqual(["before"]);
          yield [indexedOf("other")];
        })(),
      );
      expect((await index.list()).map(({ name }) => name)).toEqual(["fresh", "other", "wire"]);
      expect(await namesOf(index, "new")).toEqual(["wire"]);
    });
    rule("that fails leaves what was there, and its error surfaces", async (index) => {
      await index.rebuild(steps([indexedOf("wire")]));
      const failing = (async function* () {
        yield [indexedOf("cable")];
        throw new RangeError("broken off");
      })();
      await expect(index.rebuild(failing)).rejects.toThrow(RangeError);
      expect(await namesOf(index, "wire")).toEqual(["wire"]);
    });
  });

  rule("lists packages by name: all, or those of a scope, an owner or a star", async (index) => {
    await index.put([
      indexedOf("wire", { stars: ["bob", "Bob"] }),
      indexedOf("@acme/wire", { maintainers: [{ name: "bob", email: "bob@example.com" }] }),
      indexedOf("@acmes/wire", { maintainers: [{ name: "bob" }, { name: "carol" }] }),
      { name: "empty", sequence: 1 },
    ]);
    const listed = async (filter = {}) => (await index.list(filter)).map(({ name }) => name);
    expect(await listed()).toEqual(["@acme/wire", "@acmes/wire", "wire"]);
    expect(await listed({ scope: "@acme" })).toEqual(["@acme/wire"]);
    expect(await listed({ maintainer: "bob" })).toEqual(["@acme/wire", "@acmes/wire"]);
    expect(await listed({ maintainer: "BOB" })).toEqual([]);
    expect(await listed({ starredBy: "bob" })).toEqual(["wire"]);
    expect((await index.list({ scope: "@acme" }))[0]?.maintainers).toEqual([{ name: "bob", email: "bob@example.com" }]);
  });
}

/** What an index of one process must do beside. */
export function localSearchIndexContract(open: () => Promise<SearchIndexFixture<LocalSearchIndex>>): void {
  test("it remembers up to which event it is made, also when that changed no package", async () => {
    await using fixture = await open();
    const { index } = fixture;
    expect(await index.progress()).toEqual({ upTo: undefined, complete: false });
    await index.put([indexedOf("wire")], "7 a");
    await index.put([], "8 b");
    await index.put([indexedOf("cable")]);
    expect(await index.progress()).toEqual({ upTo: "8 b", complete: false });
    await index.rebuild(steps([indexedOf("wire")]));
    expect(await index.progress()).toEqual({ upTo: "8 b", complete: true });
  });
}
