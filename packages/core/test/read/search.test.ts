import { indexedOf, summaryNamed } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { createEntrySet, createSearch, type SearchQuery, type SearchReader } from "../../src/index.ts";
import { upstreamFixture } from "./upstream-fixture.ts";

/** A hit as an upstream describes it. */
const theirs = (name: string, more: object = {}) => ({
  package: { name, version: "1.0.0", links: {}, ...more },
  searchScore: 3,
});
const indexOf = (names: readonly string[], complete = true): Pick<SearchReader, "query"> => {
  const entries = createEntrySet();
  entries.put(names.map((name) => indexedOf(name)));
  return { query: async (query) => ({ ...entries.query(query), complete }) };
};

describe("a search with an upstream", () => {
  const searchOf = async (
    names: string[],
    query: Partial<SearchQuery> & { readonly complete?: boolean },
    objects: unknown[],
    total = objects.length,
  ) => {
    const fixture = upstreamFixture();
    fixture.answers.found = { objects, total };
    const found = await createSearch(
      indexOf(names, query.complete),
      fixture.cache,
    )({ text: "wire", from: 0, size: 3, ...query });
    await fixture.backend.close();
    return {
      names: found.hits.map(({ name }) => name),
      total: found.total,
      missing: found.missing,
      asked: fixture.asked,
      hits: found.hits,
    };
  };

  test("has ours first, and the upstream's as far as there is room", async () => {
    const { names, total, asked } = await searchOf(["wire", "wire-b"], {}, [theirs("wire-x"), theirs("wire-y")], 40);
    expect(names).toEqual(["wire", "wire-b", "wire-x"]);
    expect([total, asked]).toEqual([42, ["search wire 0 1"]]);
  });
  test("goes on with the upstream's where ours end", async () => {
    const { asked } = await searchOf(["wire", "wire-b"], { from: 10, size: 5 }, []);
    expect(asked).toEqual(["search wire 8 5"]);
  });
  test("does not ask the upstream when ours fill the page", async () => {
    const { names, asked } = await searchOf(["wire", "wire-b"], { size: 2 }, [theirs("wire-x")]);
    expect([names, asked]).toEqual([["wire", "wire-b"], []]);
  });
  test.each([
    "@acme/wire",
    "@acme",
    "scope:acme",
    "scope:@ACME",
    "left @Acme/secret",
    "left OURS",
    "@own/wire",
    "scope:own",
  ])("does not send %j, which has a name or a scope of ours", async (text) => {
    const { asked } = await searchOf(["@own/wire"], { text }, [theirs("wire-x")]);
    expect(asked).toEqual([]);
  });
  test("sends no text that names a scope while the index is being built, and says that packages may be missing", async () => {
    const building = await searchOf(["wire"], { text: "@other/wire", complete: false }, [theirs("wire-x")]);
    expect([building.asked, building.missing]).toEqual([[], "ours"]);
    const plain = await searchOf(["wire"], { complete: false }, [theirs("wire-x")]);
    expect([plain.names, plain.missing]).toEqual([["wire", "wire-x"], "ours"]);
  });
  test("leaves out what is in a scope of ours, and what can't be read", async () => {
    const odd = [theirs("@acme/evil"), theirs("../etc"), { package: {} }, null, "wire-q", theirs("wire-x")];
    expect((await searchOf([], { size: 10 }, odd)).names).toEqual(["wire-x"]);
  });
  test("leaves out fields of a hit that are malformed, and links that are no web address", async () => {
    const { hits } = await searchOf([], {}, [
      theirs("wire-x", {
        description: 7,
        keywords: "no list",
        date: "last tuesday",
        links: { homepage: "javascript:alert(1)", repository: "https://git.example/wire" },
      }),
    ]);
    expect(hits).toEqual([
      {
        ...summaryNamed("wire-x"),
        publisher: "unknown",
        maintainers: [],
        links: { repository: "https://git.example/wire" },
        score: 3,
      },
    ]);
  });
  test("has at most the asked number of hits, however many the upstream sends", async () => {
    const many = Array.from({ length: 50 }, (_, index) => theirs(`wire-${index}`));
    expect((await searchOf([], { size: 3 }, many)).names).toHaveLength(3);
  });

  test("has ours only, and says so, when the upstream is down or takes longer than three seconds", async () => {
    const fixture = upstreamFixture();
    const search = createSearch(indexOf(["wire"]), fixture.cache);
    const query = { text: "wire", from: 0, size: 10 };
    fixture.answers.down = true;
    expect(await search(query)).toMatchObject({ hits: [{ name: "wire" }], total: 1, missing: "upstream" });
    fixture.answers.down = false;
    let answer = () => {};
    fixture.answers.pause = new Promise((resolve) => (answer = resolve));
    const slow = search(query);
    await expect.poll(() => fixture.asked).toHaveLength(2);
    await fixture.clock.advance(3_000);
    expect(await slow).toMatchObject({ hits: [{ name: "wire" }], total: 1, missing: "upstream" });
    answer();
    await fixture.backend.close();
  });
});
