import { documentText, hasManyVersions, rememberedFor, versionText } from "./texts.ts";
import { jsonIn } from "./json.ts";
import { createHash } from "node:crypto";
import semver from "semver";
import { emptyState, type CodeboxState } from "./state.ts";

/**
 * One version's package.json as published, with `dist`. Fields that codebox does not know are kept.
 *
 * @example { name: "wire", version: "1.0.0", dependencies: { tiny: "^2.0.0" }, dist: { integrity: "sha512-…" } }
 */
export type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly dist?: Dist;
  readonly deprecated?: string;
  readonly [field: string]: unknown;
};

/** What a client needs to download and check a tarball. `tarball`, its URL, is computed for every request and never stored. */
export type Dist = {
  readonly integrity?: string;
  readonly shasum?: string;
  readonly tarball?: string;
  readonly [field: string]: unknown;
};

/**
 * An owner of a package.
 *
 * @example { name: "alice", email: "alice@acme.example" }
 */
export type Person = { readonly name: string; readonly email?: string };

/**
 * Tag → version.
 *
 * @example { latest: "1.0.0", next: "2.0.0-rc.1" }
 */
export type DistTags = Readonly<Record<string, string>>;

/**
 * A package's document, `<name>/index.json`: all its versions and tags, and codebox's own state in `_codebox`.
 *
 * Only `apply` alters it, and only the consumer writes it. Fields that codebox does not know are kept.
 * Source: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
 *
 * @example
 * { "name": "wire", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": { … } },
 *   "time": { "created": "2026-11-24T10:00:00.000Z", "1.0.0": "2026-11-24T10:00:00.000Z" }, "_codebox": { … } }
 */
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

/**
 * Reads an own field; `undefined` for a field that the record only inherits (`constructor`, `toString`).
 *
 * @example own(packument.versions, "constructor") // undefined
 */
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
 * The predecessor's `_attachments` (a copy of the last tarball, in base64) and `_rev` are left out; unknown fields are kept.
 * @throws SyntaxError when the bytes are not a JSON object: the document is damaged and must not be overwritten.
 */
export function parsePackument(name: string, bytes: Uint8Array): Packument {
  const stored: unknown = jsonIn(bytes);
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

/** The bytes of index.json, as `parsePackument` reads them. Of many versions, only those that changed become text again. */
export function serializePackument(packument: Packument): Uint8Array {
  if (!hasManyVersions(packument)) return Buffer.from(JSON.stringify(packument));
  const { versions, ...head } = packument;
  return documentText(
    head,
    Object.entries(versions).map(([version, manifest]) => storedText(manifest, version, packument.name)),
  );
}

const storedText = rememberedFor((manifest: Manifest, version) => versionText(version, JSON.stringify(manifest)));

function adoptedState(rev: unknown): CodeboxState {
  const revision = typeof rev === "string" ? Number.parseInt(rev, 10) : Number.NaN;
  return Number.isSafeInteger(revision) && revision > 0 ? { ...emptyState, revision } : emptyState;
}

/** Codebox's own state in a packument; the empty state for a package that does not exist. */
export function stateOf(packument: Packument | undefined): CodeboxState {
  return packument?._codebox ?? emptyState;
}

/** Whether the package has a version. A package with all versions unpublished keeps its document, for its sequence and name. */
export function exists(packument: Packument | undefined): packument is Packument {
  if (packument === undefined) return false;
  // To list the names of thousands of versions takes milliseconds.
  const latest = own(packument["dist-tags"], "latest");
  if (latest !== undefined && own(packument.versions, latest)) return true;
  return Object.keys(packument.versions).length > 0;
}

/** Whether the name has no version here and was given back to the upstream. */
export function isGivenBack(packument: Packument | undefined): boolean {
  return packument !== undefined && !exists(packument) && stateOf(packument).givenBack === true;
}

/** The names of the owners. An adopted document may have them in another form. */
export function ownersOf(packument: Packument): readonly string[] {
  const people: unknown = packument.maintainers;
  if (!Array.isArray(people)) return [];
  return people.flatMap((person: unknown) =>
    isRecord(person) && typeof person["name"] === "string" ? [person["name"]] : [],
  );
}

/**
 * The version that `latest` gets when nobody sets it: the highest release, or the highest prerelease when there is no release.
 *
 * @example highestVersion(["1.0.0", "2.0.0-rc.1"]) // "1.0.0"
 */
export function highestVersion(versions: readonly string[]): string | undefined {
  const valid = versions.filter((version) => semver.valid(version) !== null);
  const releases = valid.filter((version) => semver.prerelease(version) === null);
  return (releases.length > 0 ? releases : valid).toSorted(semver.rcompare)[0] ?? versions[0];
}

/**
 * The packument with tags that point at existing versions only, and with `latest` when it has a version.
 *
 * A first publish under another tag sets `latest` too, as on npm's registry; an unpublish moves it to the highest version left;
 * and an adopted document may have no `latest`.
 */
export function repaired(packument: Packument): Packument {
  const living = Object.entries(packument["dist-tags"]).filter(([, version]) => own(packument.versions, version));
  const tags = Object.fromEntries(living);
  const latest = own(tags, "latest") ?? highestVersion(Object.keys(packument.versions));
  return { ...packument, "dist-tags": latest === undefined ? {} : { ...tags, latest } };
}

/** The ETag of a set of tags, quotes included: what `If-Match` on a tag change is compared with. */
export function distTagsEtag(tags: DistTags): string {
  const sorted = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `"${createHash("sha256").update(JSON.stringify(sorted)).digest("base64url").slice(0, 27)}"`;
}

/**
 * The file name of a tarball, without the scope.
 *
 * @example tarballFile("@acme/wire", "1.0.0") // "wire-1.0.0.tgz"
 */
export function tarballFile(name: string, version: string): string {
  return `${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
}

/**
 * The version whose tarball has this file name; `undefined` when the package has no such version.
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
