import { createHash } from "node:crypto";
import semver from "semver";
import type { ChangeEvent } from "./event.ts";
import { README_MAX } from "./limits.ts";

/** One version's package.json as published, with `dist`. Fields that codebox does not know survive. */
export type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly dist?: Dist;
  readonly deprecated?: string;
  readonly [field: string]: unknown;
};

/** What a client needs to fetch and check a tarball. `tarball` is computed for every request, never stored by codebox. */
export type Dist = {
  readonly integrity?: string;
  readonly shasum?: string;
  readonly tarball?: string;
  readonly [field: string]: unknown;
};

export type Person = { readonly name: string; readonly email?: string };
export type DistTags = Readonly<Record<string, string>>;

/** A package's document, `<name>/index.json`. Source: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md */
export type Packument = {
  readonly name: string;
  readonly "dist-tags": DistTags;
  readonly versions: Readonly<Record<string, Manifest>>;
  readonly time?: Readonly<Record<string, string>>;
  readonly maintainers?: readonly Person[];
  readonly users?: Readonly<Record<string, boolean>>;
  readonly readme?: string;
  readonly _codebox?: CodeboxState;
  readonly [field: string]: unknown;
};

/** What codebox keeps of its own in index.json, so that a change and its record are one conditional write. */
export type CodeboxState = {
  readonly schema: 1;
  /** Rises by one with every applied change; the number in `_rev`. Continues the `_rev` of an adopted document. */
  readonly revision: number;
  /** The last event's sequence number: 1, 2, 3 … without gaps. */
  readonly sequence: number;
  /** The last applied changes, oldest first, at most `APPLIED_RING`. */
  readonly applied: readonly AppliedRecord[];
  /** Events not yet confirmed as emitted, oldest first. */
  readonly outbox: readonly ChangeEvent[];
};

/** One line of a package's history. Revision and sequence rise together, so a record's revision follows from its sequence. */
export type AppliedRecord = {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
  readonly by: string;
  /** The versions that the change published, deprecated or unpublished, or pointed a tag at. */
  readonly versions?: readonly string[];
  readonly tag?: string;
};

/** Reads an own field; `undefined` for what a record merely inherits (`constructor`, `toString`). */
export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

/**
 * The record without these keys.
 *
 * @example without({ "1.0.0": a, "2.0.0": b }, ["1.0.0"]) // { "2.0.0": b }
 */
export function without<T extends object>(record: T, keys: readonly string[]): T {
  const gone = new Set(keys);
  return Object.fromEntries(Object.entries(record).filter(([key]) => !gone.has(key))) as T;
}

/**
 * Reads a stored index.json, of codebox or of its predecessor.
 *
 * Predecessors' `_attachments` (the last tarball once more, in base64) and `_rev` are left out; unknown fields stay.
 * @throws SyntaxError when the bytes are not a JSON object: the document is damaged and must not be overwritten.
 */
export function parsePackument(name: string, bytes: Uint8Array): Packument {
  const stored: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  if (!isRecord(stored)) throw new SyntaxError(`${name}/index.json is not a JSON object`);
  const { _attachments, _rev, ...rest } = stored;
  const state = isRecord(rest["_codebox"]) ? {} : { _codebox: adoptedState(_rev) };
  return {
    ...rest,
    ...state,
    name,
    "dist-tags": isRecord(rest["dist-tags"]) ? (rest["dist-tags"] as DistTags) : {},
    versions: isRecord(rest["versions"]) ? (rest["versions"] as Record<string, Manifest>) : {},
  };
}

export function serializePackument(packument: Packument): Uint8Array {
  return Buffer.from(JSON.stringify(packument));
}

export const emptyState: CodeboxState = { schema: 1, revision: 0, sequence: 0, applied: [], outbox: [] };

function adoptedState(rev: unknown): CodeboxState {
  const revision = typeof rev === "string" ? Number.parseInt(rev, 10) : Number.NaN;
  return Number.isSafeInteger(revision) && revision > 0 ? { ...emptyState, revision } : emptyState;
}

export function stateOf(packument: Packument | undefined): CodeboxState {
  return packument?._codebox ?? emptyState;
}

/** Whether the package has anything to install. One that was wholly unpublished keeps its document, for its sequence and its name. */
export function exists(packument: Packument | undefined): packument is Packument {
  return packument !== undefined && Object.keys(packument.versions).length > 0;
}

/**
 * The version `latest` falls to when nothing better is said: the highest release, or the highest prerelease where there is no release.
 *
 * @example highestVersion(["1.0.0", "2.0.0-rc.1"]) // "1.0.0"
 */
export function highestVersion(versions: readonly string[]): string | undefined {
  const valid = versions.filter((version) => semver.valid(version) !== null);
  const releases = valid.filter((version) => semver.prerelease(version) === null);
  return (releases.length > 0 ? releases : valid).toSorted(semver.rcompare)[0] ?? versions[0];
}

/**
 * Tags that name existing versions only, `latest` among them.
 *
 * A first publish under another tag sets `latest` too, as on npm's registry; unpublishing moves it to the highest version left;
 * and an adopted document may lack it.
 */
export function repaired(draft: Packument): Packument {
  const living = Object.entries(draft["dist-tags"]).filter(([, version]) => own(draft.versions, version));
  const tags = Object.fromEntries(living);
  const latest = own(tags, "latest") ?? highestVersion(Object.keys(draft.versions));
  return { ...draft, "dist-tags": latest === undefined ? {} : { ...tags, latest } };
}

/** The fields of the packument that repeat the latest version's, as npm's registry keeps them. */
export const DESCRIBING = [
  "description",
  "keywords",
  "homepage",
  "repository",
  "author",
  "bugs",
  "license",
  "contributors",
  "readmeFilename",
] as const;

/**
 * The packument with the fields that describe its latest version: `DESCRIBING` and the readme.
 *
 * Fields that this version lacks keep their old value. A readme is cut at `README_MAX`.
 */
export function described(packument: Packument, latest: Manifest, readme: unknown): Packument {
  const fields: Record<string, unknown> = {};
  for (const field of DESCRIBING) if (latest[field] !== undefined) fields[field] = latest[field];
  if (typeof readme === "string" && readme !== "") fields["readme"] = readme.slice(0, README_MAX);
  return { ...packument, ...fields };
}

/** The ETag of a set of tags, quotes included: what `If-Match` on a tag change is compared with. */
export function distTagsEtag(tags: DistTags): string {
  const sorted = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `"${createHash("sha256").update(JSON.stringify(sorted)).digest("base64url").slice(0, 27)}"`;
}

/** A tarball's file name without its scope: `wire-1.0.0.tgz` for `@acme/wire`. */
export function tarballFile(name: string, version: string): string {
  return `${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
}

/**
 * The version whose tarball is called so, if the package has it.
 *
 * @example versionOfFile(wire, "wire-1.0.0.tgz") // "1.0.0"
 */
export function versionOfFile(packument: Packument, file: string): string | undefined {
  const prefix = tarballFile(packument.name, "").slice(0, -".tgz".length);
  if (!file.startsWith(prefix) || !file.endsWith(".tgz")) return undefined;
  const version = file.slice(prefix.length, -".tgz".length);
  return own(packument.versions, version) && version;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
