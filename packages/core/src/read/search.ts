import semver from "semver";
import type { PackageIndex, PackageSummary } from "./package-index.ts";

export type SearchQuery = {
  readonly text: string;
  readonly from: number;
  readonly size: number;
  /** Which of our packages the caller may read; the others are not found. Default: all. */
  readonly mayRead?: (one: PackageSummary) => boolean;
};
export type SearchHit = PackageSummary & { readonly score: number };
export type SearchResult = {
  /** Ours first, then the upstream's. */
  readonly hits: readonly SearchHit[];
  readonly total: number;
  /** The upstream did not answer in time: its packages are missing. */
  readonly incomplete: boolean;
};
export type Search = (query: SearchQuery) => Promise<SearchResult>;

/**
 * Search over our own packages, and behind them the upstream's: words in name, keywords and description, and npm's qualifiers
 * `author:`, `maintainer:`, `scope:` and `keywords:`.
 *
 * A text that names a scope of ours is not sent to the upstream.
 *
 * @example const search = createSearch(index, upstream); await search({ text: "wire", from: 0, size: 20 });
 */
export function createSearch(index: Pick<PackageIndex, "all">, upstream?: { readonly search: Search }): Search {
  return async ({ text, from, size, mayRead = () => true }) => {
    const packages = await index.all();
    const terms = text
      .toLowerCase()
      .split(/\s+/)
      .filter((term) => term !== "");
    const hits = packages
      .filter(mayRead)
      .map((one) => ({ ...one, score: scoreOf(one, terms) }))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
    const ours = { hits: hits.slice(from, from + size), total: hits.length, incomplete: false };
    const left = size - ours.hits.length;
    if (!upstream || left === 0 || namesScope(text, scopesOf(packages))) return ours;
    const theirs = await upstream.search({ text, from: Math.max(0, from - hits.length), size: left });
    return {
      hits: [...ours.hits, ...theirs.hits],
      total: ours.total + theirs.total,
      incomplete: theirs.incomplete,
    };
  };
}

function scopesOf(packages: readonly PackageSummary[]): readonly string[] {
  const scopes = packages.map(({ name }) => name.slice(0, name.indexOf("/") + 1).toLowerCase());
  return [...new Set(scopes)].filter((scope) => scope !== "");
}

/**
 * Whether a search's text has a name in one of these scopes, or asks for the scope.
 *
 * @example namesScope("scope:acme", ["@acme/"]) // true
 */
export function namesScope(text: string, scopes: readonly string[]): boolean {
  const words = text.toLowerCase().split(/\s+/);
  return words.some((word) => {
    const name = word.startsWith("scope:") ? `@${word.slice("scope:".length).replace(/^@/, "")}` : word;
    return scopes.some((scope) => `${name}/`.startsWith(scope));
  });
}

/** 0 when a term is nowhere. A match in the name counts most. */
function scoreOf(hit: PackageSummary, terms: readonly string[]): number {
  const name = hit.name.toLowerCase();
  const keywords = hit.keywords.map((word) => word.toLowerCase());
  const people = [hit.publisher, ...hit.maintainers.map((person) => person.name)].map((person) => person.toLowerCase());
  const stable = semver.prerelease(hit.version) === null ? 1 : 0.5;
  let score = stable;
  for (const term of terms) {
    const [, qualifier, value = ""] = /^(author|maintainer|scope|keywords):(.+)$/.exec(term) ?? [];
    const points =
      qualifier === undefined
        ? wordPoints(name, keywords, hit.description?.toLowerCase() ?? "", term)
        : qualified(qualifier, value, { name, keywords, people });
    if (points === 0) return 0;
    score += points;
  }
  return score;
}

function wordPoints(name: string, keywords: readonly string[], description: string, term: string): number {
  if (name === term) return 100;
  if (name.includes(term)) return 20;
  if (keywords.includes(term)) return 10;
  return description.includes(term) ? 2 : 0;
}

function qualified(
  qualifier: string,
  value: string,
  hit: { name: string; keywords: readonly string[]; people: readonly string[] },
): number {
  switch (qualifier) {
    case "scope":
      return hit.name.startsWith(`@${value.replace(/^@/, "")}/`) ? 1 : 0;
    case "keywords":
      return value.split(",").some((word) => hit.keywords.includes(word)) ? 1 : 0;
    default:
      return hit.people.includes(value) ? 1 : 0;
  }
}
