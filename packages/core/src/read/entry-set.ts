import { SEARCH_HITS_MAX } from "../domain/limits.ts";
import { packageWords, parseSearch, pointsOf, scopesIn, scoreOf, type PackageWords } from "../domain/search-text.ts";
import type {
  IndexAnswer,
  IndexedPackage,
  IndexQuery,
  ListedPackage,
  ListFilter,
  SearchHit,
} from "../ports/search-index.ts";

type Entry = IndexedPackage & { readonly words?: PackageWords };

/** Indexed packages in memory, searched by looking at each. For the adapters that hold an index completely. */
export type EntrySet = {
  /** Takes what is not older than what it has. Returns whether anything changed. */
  put(packages: readonly IndexedPackage[]): boolean;
  query(query: IndexQuery): Omit<IndexAnswer, "complete">;
  list(filter?: ListFilter): readonly ListedPackage[];
  /** All packages, those without a summary too. */
  all(): Iterable<IndexedPackage>;
};

/** @example const entries = createEntrySet(); entries.put([{ name: "wire", sequence: 1, summary }]); */
export function createEntrySet(): EntrySet {
  const entries = new Map<string, Entry>();
  const take = ({ name, sequence, summary }: IndexedPackage): boolean => {
    if (sequence === undefined) return entries.delete(name);
    if (sequence < (entries.get(name)?.sequence ?? 0)) return false;
    entries.set(name, { name, sequence, ...(summary ? { summary, words: packageWords(summary) } : {}) });
    return true;
  };
  return {
    put: (packages) => packages.map(take).includes(true),
    query: ({ text, from, size, mayRead }) => {
      const search = parseSearch(text);
      const named = new Set(scopesIn(text));
      const hits: SearchHit[] = [];
      let namesScope = false;
      for (const { name, summary, words } of entries.values()) {
        if (!summary || !words) continue;
        namesScope ||= words.scope.some((scope) => named.has(scope));
        const points = pointsOf(name, words, search);
        if (points > 0 && mayRead(summary)) hits.push({ ...summary, score: scoreOf(points, summary.version) });
      }
      const sorted = hits.toSorted(byScore).slice(0, SEARCH_HITS_MAX);
      return { hits: sorted.slice(from, from + size), total: sorted.length, namesScope };
    },
    list: ({ scope, maintainer, starredBy } = {}) =>
      [...entries.values()]
        .flatMap(({ summary }) => summary ?? [])
        .filter(
          ({ name, maintainers, stars }) =>
            (scope === undefined || name.startsWith(`${scope}/`)) &&
            (maintainer === undefined || maintainers.some((person) => person.name === maintainer)) &&
            (starredBy === undefined || stars.includes(starredBy)),
        )
        .map(({ name, maintainers }) => ({ name, maintainers }))
        .toSorted((a, b) => compareNames(a.name, b.name)),
    all: () => entries.values().map(({ name, sequence, summary }) => ({ name, sequence, summary }) as IndexedPackage),
  };
}

type Scored = { readonly name: string; readonly score: number };
/** The order of hits: the highest score first, then by name. */
export const byScore = (a: Scored, b: Scored): number => b.score - a.score || compareNames(a.name, b.name);

/** By code units, as SQLite and S3 have names in order: they are ASCII. */
const compareNames = (a: string, b: string): number => (a < b ? -1 : 1);
