import { scopesIn } from "../domain/search-text.ts";
import type { ListedPackage, SearchHit, SearchReader } from "../ports/search-index.ts";

export type SearchQuery = {
  readonly text: string;
  readonly from: number;
  readonly size: number;
  /** Which of our packages the caller may read; the others are not found. Default: all. */
  readonly mayRead?: (one: ListedPackage) => boolean;
};
export type SearchResult = {
  /** Ours first, then the upstream's. */
  readonly hits: readonly SearchHit[];
  readonly total: number;
  /** Whose packages are missing: the upstream did not answer in time, or our index is being built. */
  readonly missing?: "upstream" | "ours";
};
export type Search = (query: SearchQuery) => Promise<SearchResult>;

/**
 * Search over our own packages, and behind them the upstream's: words in name, keywords and description, and npm's qualifiers
 * `author:`, `maintainer:`, `scope:` and `keywords:`.
 *
 * A text that names a scope of ours is not sent to the upstream. Before the index is complete, no text that names a scope is.
 *
 * @example const search = createSearch(index, upstream); await search({ text: "wire", from: 0, size: 20 });
 */
export function createSearch(index: Pick<SearchReader, "query">, upstream?: { readonly search: Search }): Search {
  return async ({ text, from, size, mayRead = () => true }) => {
    const { hits, total, namesScope, complete } = await index.query({ text, from, size, mayRead });
    const ours = { hits, total, ...(complete ? {} : { missing: "ours" as const }) };
    const left = size - hits.length;
    if (!upstream || left === 0 || namesScope || (!complete && scopesIn(text).length > 0)) return ours;
    const theirs = await upstream.search({ text, from: Math.max(0, from - total), size: left });
    return {
      ...(theirs.missing ? { missing: theirs.missing } : {}),
      ...ours,
      hits: [...hits, ...theirs.hits],
      total: total + theirs.total,
    };
  };
}
