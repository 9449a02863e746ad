import { exists, isRecord, own, stateOf, type Packument, type Person } from "../domain/packument.ts";
import { behindOwn, packageOfKey } from "../layout.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { pages } from "./pages.ts";
import type { PackumentReader } from "./reader.ts";

/** What lists of packages show of one of ours: its latest version, its owners, and who starred it. */
export type PackageSummary = {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly keywords: readonly string[];
  /** When the latest version was published, in ISO 8601; absent when nobody recorded it. */
  readonly date?: string;
  /** http URLs only. */
  readonly links: { readonly homepage?: string; readonly repository?: string; readonly bugs?: string };
  readonly publisher: string;
  readonly maintainers: readonly Person[];
  readonly stars: readonly string[];
};

/** Our own packages, summarised. */
export type PackageIndex = {
  /** All packages that have a version, up to date. @throws StoreUnavailable */
  all(): Promise<readonly PackageSummary[]>;
  /** The names of all packages with staged versions, up to date; some may have expired. @throws StoreUnavailable */
  staged(): Promise<readonly string[]>;
};

type Entry = { readonly etag: string; readonly summary: PackageSummary | undefined; readonly hasStaged: boolean };

/**
 * Opens the index. One for all routes of a process, since it keeps what it read.
 *
 * What is known of a package is kept by its ETag: a call lists the store and reads only what changed since the last one.
 * @param onDamaged called once for each document that can't be read; its package is left out until the document changes.
 */
export function createPackageIndex(
  store: ObjectStore,
  reader: PackumentReader,
  onDamaged: (error: SyntaxError) => void,
): PackageIndex {
  const known = new Map<string, Entry>();
  const look = async (name: string, etag: string): Promise<Entry | undefined> => {
    try {
      const read = await reader.read(name);
      if (!read) return undefined;
      const hasStaged = stateOf(read.packument).staged !== undefined;
      return { etag: read.etag, summary: summary(read.packument), hasStaged };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      onDamaged(new SyntaxError(`${name}/index.json is damaged: ${error.message}`, { cause: error }));
      return { etag, summary: undefined, hasStaged: false };
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
  return {
    async all() {
      await refresh();
      return [...known.values()].flatMap((entry) => entry.summary ?? []);
    },
    async staged() {
      await refresh();
      return [...known].flatMap(([name, { hasStaged }]) => (hasStaged ? [name] : []));
    },
  };
}

function summary(packument: Packument): PackageSummary | undefined {
  const version = own(packument["dist-tags"], "latest");
  const manifest = version === undefined ? undefined : own(packument.versions, version);
  if (!exists(packument) || version === undefined || !manifest) return undefined;
  const { description, license, keywords } = manifest;
  const maintainers = packument.maintainers ?? [];
  const user = manifest["_npmUser"];
  const date = isoDate(own(packument.time, version) ?? own(packument.time, "modified"));
  return {
    name: packument.name,
    version,
    ...(typeof description === "string" ? { description } : {}),
    ...(typeof license === "string" ? { license } : {}),
    keywords: Array.isArray(keywords) ? keywords.filter((word) => typeof word === "string") : [],
    ...(date === undefined ? {} : { date }),
    links: links(manifest),
    publisher: isRecord(user) && typeof user["name"] === "string" ? user["name"] : (maintainers[0]?.name ?? "unknown"),
    maintainers,
    stars: Object.entries(packument.users ?? {}).flatMap(([name, starred]) => (starred ? [name] : [])),
  };
}

/** An adopted document may have a date in another form. */
function isoDate(recorded: unknown): string | undefined {
  if (typeof recorded !== "string") return undefined;
  // oxlint-disable-next-line no-restricted-globals -- parses a recorded time; no clock is read
  const date = new Date(recorded);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function links(manifest: Readonly<Record<string, unknown>>): PackageSummary["links"] {
  const url = (value: unknown) => {
    const text = isRecord(value) ? value["url"] : value;
    const web = typeof text === "string" ? text.replace(/^git\+/, "").replace(/^git:\/\//, "https://") : undefined;
    return web !== undefined && /^https?:\/\/[^\s]+$/.test(web) ? web : undefined;
  };
  const found = {
    homepage: url(manifest["homepage"]),
    repository: url(manifest["repository"])?.replace(/\.git$/, ""),
    bugs: url(manifest["bugs"]),
  };
  return Object.fromEntries(Object.entries(found).filter(([, link]) => link !== undefined));
}
