import type { PackageSummary } from "./summary.ts";

/** A search's text, taken apart. Words are compared in the form that `wordsOf` gives them. */
export type SearchText = {
  /** The plain words as they were typed, in lower case. */
  readonly typed: string;
  /** Each plain word once, in the form of `wordsOf`. A word such as `wire-tap` is a phrase of several. */
  readonly words: readonly SearchWord[];
  /** All plain words in their order, in the form of `wordsOf`. */
  readonly phrase: string;
  /** A package must satisfy all of them. */
  readonly qualifiers: readonly Qualifier[];
};
/**
 * `word` is in the form of `wordsOf`. `isWhole`: it is a word as it is, not the beginning of one. Short words are,
 * outside of names: too many begin with them.
 */
export type SearchWord = { readonly word: string; readonly isWhole: boolean };
/** `values`: in lower case; one of them is enough. */
export type Qualifier = { readonly kind: "people" | "scope" | "keywords"; readonly values: readonly string[] };

/** Letters of a word that finds longer ones in keywords and descriptions. */
const BEGINNING_MIN = 3;

const KINDS = { author: "people", maintainer: "people", scope: "scope", keywords: "keywords" } as const;

/**
 * Takes a text apart into words and npm's qualifiers `author:`, `maintainer:`, `scope:` and `keywords:`.
 *
 * @example parseSearch("Wire-Tap author:alice").words // [{ word: " wire tap", isWhole: false }]
 */
export function parseSearch(text: string): SearchText {
  const plain: string[] = [];
  const qualifiers: Qualifier[] = [];
  for (const term of text.toLowerCase().split(/\s+/)) {
    const [, kind, value = ""] = /^(author|maintainer|scope|keywords):(.+)$/.exec(term) ?? [];
    if (kind === undefined) plain.push(term);
    else if (kind === "keywords") qualifiers.push({ kind, values: value.split(",") });
    else qualifiers.push({ kind: KINDS[kind as keyof typeof KINDS], values: [value.replace(/^@/, "")] });
  }
  const words = [...new Set(plain.map(wordsOf))].filter((word) => word !== "");
  return {
    typed: plain.join(" ").trim(),
    words: words.map((word) => ({ word, isWhole: (word.split(" ").at(-1)?.length ?? 0) < BEGINNING_MIN })),
    phrase: wordsOf(plain.join(" ")),
    qualifiers,
  };
}

/**
 * The words of a text: in lower case, without accents, each behind a space. A text has a phrase, whose last word may be the
 * beginning of one, when its words contain the phrase's.
 *
 * @example wordsOf("@acme/Wire-Tap") // " acme wire tap"
 */
export function wordsOf(text: string): string {
  const found = text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu);
  return found ? ` ${found.join(" ")}` : "";
}

/** A package's words by where they are, and what qualifiers are compared with, in lower case. */
export type PackageWords = {
  readonly name: string;
  /** Of the name without its scope. */
  readonly base: string;
  readonly keywords: string;
  readonly description: string;
} & Readonly<Record<Exclude<Qualifier["kind"], "keywords">, readonly string[]>> & { readonly tags: readonly string[] };

export function packageWords({ name, keywords, description, publisher, maintainers }: PackageSummary): PackageWords {
  const people = [publisher, ...maintainers.map((person) => person.name)];
  const lower = (values: readonly string[]) => [...new Set(values.map((value) => value.toLowerCase()))];
  return {
    name: wordsOf(name),
    base: wordsOf(name.slice(name.indexOf("/") + 1)),
    keywords: wordsOf(keywords.join(" ")),
    description: wordsOf(description ?? ""),
    people: lower(people),
    scope: scopeOf(name),
    tags: lower(keywords),
  };
}

/** What a hit is worth: the exact name first, then names that begin with the text, then where all words were found. */
export const POINTS = { exact: 100, words: 80, start: 50, name: 20, keywords: 10, text: 2, qualifiers: 1 } as const;

/**
 * What a package is worth for a search; 0 when it is no hit.
 *
 * Every adapter of `SearchIndex` gives the same points, so that a search has the same order everywhere.
 */
export function pointsOf(name: string, words: PackageWords, search: SearchText): number {
  const isQualified = search.qualifiers.every(({ kind, values }) => {
    const held = kind === "keywords" ? words.tags : words[kind];
    return values.some((value) => held.includes(value));
  });
  if (!isQualified) return 0;
  const { phrase } = search;
  if (search.words.length === 0) return search.qualifiers.length > 0 ? POINTS.qualifiers : 0;
  if (name.toLowerCase() === search.typed) return POINTS.exact;
  if (words.name === phrase || words.base === phrase) return POINTS.words;
  if (words.name.startsWith(phrase) || words.base.startsWith(phrase)) return POINTS.start;
  if (search.words.every(({ word }) => words.name.includes(word))) return POINTS.name;
  const all = (...places: readonly string[]) =>
    search.words.every(({ word, isWhole }) =>
      places.some((place) => (isWhole ? `${place} `.includes(`${word} `) : place.includes(word))),
    );
  if (all(words.name, words.keywords)) return POINTS.keywords;
  return all(words.name, words.keywords, words.description) ? POINTS.text : 0;
}

/** A hit's points with what a stable version adds. @example scoreOf(20, "1.0.0-rc.1") // 20.5 */
export const scoreOf = (points: number, version: string): number => points + (version.includes("-") ? 0.5 : 1);

function scopeOf(name: string): readonly string[] {
  const [, scope] = /^@([^/]+)\//.exec(name) ?? [];
  return scope === undefined ? [] : [scope.toLowerCase()];
}

/** The scopes that a text names or asks for, in lower case, without `@`. @example scopesIn("scope:acme @b/x") // ["acme", "b"] */
export function scopesIn(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .flatMap((word) => /^(?:scope:@?|@)([^/]+)/.exec(word)?.[1] ?? []);
}
