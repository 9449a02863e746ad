import semver from "semver";
import { behindOwn, packageOfKey } from "../layout.ts";
import { exists, own, type Packument, type Person } from "../domain/packument.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { pages } from "./pages.ts";
import type { PackumentReader } from "./reader.ts";

export type SearchQuery = { readonly text: string; readonly from: number; readonly size: number };
export type SearchHit = {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly keywords: readonly string[];
  readonly date: string;
  readonly publisher: string;
  readonly maintainers: readonly Person[];
  readonly score: number;
};
export type Search = (query: SearchQuery) => Promise<{ readonly hits: readonly SearchHit[]; readonly total: number }>;

type Entry = { readonly etag: string; readonly hit: Omit<SearchHit, "score"> | undefined };

/**
 * Search over our own packages: words in name, keywords and description, and npm's qualifiers `author:`, `maintainer:`,
 * `scope:` and `keywords:`.
 *
 * What is known of a package is kept by its ETag: a search lists the store and reads only what changed since the last one.
 * @param onDamaged called once for each document that can't be read; its package is left out until the document changes.
 */
export function createSearch(
  store: ObjectStore,
  reader: PackumentReader,
  onDamaged: (error: SyntaxError) => void,
): Search {
  const known = new Map<string, Entry>();
  const look = async (name: string, etag: string): Promise<Entry | undefined> => {
    try {
      const read = await reader.read(name);
      return read && { etag: read.etag, hit: summary(read.packument) };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      onDamaged(new SyntaxError(`${name}/index.json is damaged: ${error.message}`, { cause: error }));
      return { etag, hit: undefined };
    }
  };
  const refresh = async () => {
    const seen = new Set<string>();
    for await (const { objects } of pages(store, "", behindOwn)) {
      for (const { key, etag } of objects) {
        const name = packageOfKey(key);
        if (name === undefined) continue;
        seen.add(name);
        if (known.get(name)?.etag === etag) continue;
        const entry = await look(name, etag);
        if (entry) known.set(name, entry);
      }
    }
    for (const name of known.keys()) if (!seen.has(name)) known.delete(name);
  };
  return async ({ text, from, size }) => {
    await refresh();
    const terms = text
      .toLowerCase()
      .split(/\s+/)
      .filter((term) => term !== "");
    const hits = [...known.values()]
      .flatMap(({ hit }) => (hit ? [{ ...hit, score: scoreOf(hit, terms) }] : []))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
    return { hits: hits.slice(from, from + size), total: hits.length };
  };
}

function summary(packument: Packument): Omit<SearchHit, "score"> | undefined {
  const version = own(packument["dist-tags"], "latest");
  const manifest = version === undefined ? undefined : own(packument.versions, version);
  if (!exists(packument) || version === undefined || !manifest) return undefined;
  const keywords = Array.isArray(manifest["keywords"])
    ? manifest["keywords"].filter((word) => typeof word === "string")
    : [];
  const maintainers = packument.maintainers ?? [];
  const user = manifest["_npmUser"] as { readonly name?: unknown } | undefined;
  return {
    name: packument.name,
    version,
    ...(typeof manifest["description"] === "string" ? { description: manifest["description"] } : {}),
    keywords,
    date: own(packument.time, version) ?? own(packument.time, "modified") ?? "",
    publisher: typeof user?.name === "string" ? user.name : (maintainers[0]?.name ?? "unknown"),
    maintainers,
  };
}

/** 0 when a term is nowhere. A match in the name counts most. */
function scoreOf(hit: Omit<SearchHit, "score">, terms: readonly string[]): number {
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
