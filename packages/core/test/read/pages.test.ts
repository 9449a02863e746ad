import { expect, test } from "vitest";
import { pages, pagesOf, type ObjectPage } from "../../src/index.ts";

type Page = { readonly letters: string; readonly cursor?: number };
const PAGES: readonly Page[] = [{ letters: "ab", cursor: 1 }, { letters: "cd", cursor: 2 }, { letters: "e" }];
const fetched: (number | undefined)[] = [];
const fetch = async (cursor: number | undefined): Promise<Page> => {
  fetched.push(cursor);
  return PAGES[cursor ?? 0] ?? { letters: "" };
};

test("every page comes with the cursor that fetched it", async () => {
  const seen = await Array.fromAsync(pagesOf(fetch));
  expect(seen.map(({ page, from }) => [from, page.letters])).toEqual([
    [undefined, "ab"],
    [1, "cd"],
    [2, "e"],
  ]);
});
test("a walk begins at a cursor", async () => {
  const seen = await Array.fromAsync(pagesOf(fetch, { from: 2 }));
  expect(seen.map(({ page }) => page.letters)).toEqual(["e"]);
});
test("the next cursor can skip pages", async () => {
  const seen = await Array.fromAsync(pagesOf(fetch, { next: (cursor) => cursor + 1 }));
  expect(seen.map(({ page }) => page.letters)).toEqual(["ab", "e"]);
});
test("a caller that stops fetches no further page", async () => {
  fetched.length = 0;
  for await (const { page } of pagesOf(fetch)) if (page.letters === "ab") break;
  expect(fetched).toEqual([undefined]);
});
test("the pages of a store are those under the prefix", async () => {
  const asked: unknown[] = [];
  const list = async (prefix: string, cursor?: string): Promise<ObjectPage> => {
    asked.push([prefix, cursor]);
    return cursor === undefined ? { objects: [], cursor: "p/5" } : { objects: [] };
  };
  expect(await Array.fromAsync(pages({ list }, "p/"))).toHaveLength(2);
  expect(asked).toEqual([
    ["p/", undefined],
    ["p/", "p/5"],
  ]);
});
