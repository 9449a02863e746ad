import { exists, isRecord, own, type Packument, type Person } from "./packument.ts";
import { OWNERS_MAX, SUMMARY_MAX } from "./limits.ts";

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

/** Summarises a package; `undefined` when it has no version under `latest`. Long texts are cut at `SUMMARY_MAX`. */
export function summaryOf(packument: Packument): PackageSummary | undefined {
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
    ...(typeof description === "string" ? { description: description.slice(0, SUMMARY_MAX.text) } : {}),
    ...(typeof license === "string" ? { license: license.slice(0, SUMMARY_MAX.text) } : {}),
    keywords: keywordsOf(keywords),
    ...(date === undefined ? {} : { date }),
    links: links(manifest),
    publisher: isRecord(user) && typeof user["name"] === "string" ? user["name"] : (maintainers[0]?.name ?? "unknown"),
    maintainers: maintainers.slice(0, OWNERS_MAX),
    stars: Object.entries(packument.users ?? {})
      .flatMap(([name, starred]) => (starred ? [name] : []))
      .slice(0, SUMMARY_MAX.stars),
  };
}

function keywordsOf(keywords: unknown): readonly string[] {
  if (!Array.isArray(keywords)) return [];
  const words = keywords.slice(0, SUMMARY_MAX.keywords).filter((word) => typeof word === "string");
  return words.map((word) => word.slice(0, SUMMARY_MAX.keyword));
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
    return web !== undefined && web.length <= SUMMARY_MAX.text && /^https?:\/\/[^\s]+$/.test(web) ? web : undefined;
  };
  const found = {
    homepage: url(manifest["homepage"]),
    repository: url(manifest["repository"])?.replace(/\.git$/, ""),
    bugs: url(manifest["bugs"]),
  };
  return Object.fromEntries(Object.entries(found).filter(([, link]) => link !== undefined));
}
