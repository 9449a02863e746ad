import type { PackageSummary } from "../domain/summary.ts";

/**
 * A package as the index holds it. Without `summary` it has no version, and is not found. Without `sequence` it has no document:
 * the index forgets it.
 */
export type IndexedPackage = {
  readonly name: string;
  /** The sequence of the document that was summarised. */
  readonly sequence?: number;
  readonly summary?: PackageSummary;
};

/** What decides whether a caller may read a package. */
export type ListedPackage = Pick<PackageSummary, "name" | "maintainers">;

export type IndexQuery = {
  readonly text: string;
  readonly from: number;
  readonly size: number;
  /** Packages for which it returns false are neither found nor counted. */
  readonly mayRead: (one: ListedPackage) => boolean;
};
export type SearchHit = PackageSummary & { readonly score: number };
export type IndexAnswer = {
  /** A page of the hits: the highest score first, then by name. */
  readonly hits: readonly SearchHit[];
  /** All hits, at most `SEARCH_HITS_MAX`. */
  readonly total: number;
  /** Whether the text names a scope in which there are packages, readable or not. */
  readonly namesScope: boolean;
  /** Whether every package was indexed once: false while the index is built for the first time. */
  readonly complete: boolean;
};

/** Which packages to list. All conditions must hold; none: all packages. */
export type ListFilter = {
  /** With `@`, in its own capitals. */
  readonly scope?: string;
  readonly maintainer?: string;
  readonly starredBy?: string;
};

/** The reading half of the index. */
export interface SearchReader {
  /**
   * Searches for the words and qualifiers of a text (`parseSearch`), with the points of `pointsOf`.
   *
   * @example await index.query({ text: "wire author:alice", from: 0, size: 20, mayRead: () => true })
   */
  query(query: IndexQuery): Promise<IndexAnswer>;
  /** The packages with a version, by name. */
  list(filter?: ListFilter): Promise<readonly ListedPackage[]>;
}

/**
 * An index over the packages of a registry, for searches and lists. It is made from the documents, so it can be lost.
 *
 * Error semantics: `StoreUnavailable` when the index can't be read or written now. A write may then have happened; every write can
 * be repeated.
 */
export interface SearchIndex extends SearchReader {
  /** Adds and replaces packages. What was summarised from an older document than the index has is left out. */
  put(packages: readonly IndexedPackage[]): Promise<void>;
  /**
   * Replaces everything by these packages; what `put` brought meanwhile stays. Until its end, searches find what was there before.
   *
   * @throws what the iterable throws; the index is then as useful as before.
   */
  rebuild(packages: AsyncIterable<readonly IndexedPackage[]>): Promise<void>;
}

/** An index that one process keeps up to date from its own events. */
export interface LocalSearchIndex extends SearchIndex {
  /** `upTo`: where in the events the index then is; durable together with the packages, or not at all. */
  put(packages: readonly IndexedPackage[], upTo?: string): Promise<void>;
  /** What `put` was last given, and whether the index is complete. */
  progress(): Promise<{ readonly upTo: string | undefined; readonly complete: boolean }>;
}
