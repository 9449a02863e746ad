import { documentText, hasManyVersions, rememberedFor, versionText } from "./texts.ts";
import { jsonIn } from "./json.ts";
import { createHash } from "node:crypto";
import semver from "semver";
import type { ChangeEvent } from "./event.ts";
import type { TagRule } from "./tag-rule.ts";
import type { Why } from "./why.ts";

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

/** Codebox's own state. It is stored in index.json, so that a change and its record are one conditional write. */
export type CodeboxState = {
  readonly schema: 1;
  /** Increases by one with every applied change; the number in `_rev`. Continues the `_rev` of an adopted document. */
  readonly revision: number;
  /** The last event's sequence number: 1, 2, 3 … without gaps. */
  readonly sequence: number;
  /** The last applied changes, oldest first: `APPLIED_RING`, and those before that are not in the store's history yet. */
  readonly applied: readonly AppliedRecord[];
  /** The sequence numbers of the records in the store's history: the first and the last one. Absent: there are none. */
  readonly archived?: { readonly from: number; readonly to: number };
  /** What must hold for changes of the tags. Absent: there are no rules. */
  readonly rules?: readonly TagRule[];
  /** The name of a package without versions was given back to the upstream. A publish takes it again. Absent: it is ours. */
  readonly givenBack?: true;
  /**
   * A change that is prepared for a release. It is not visible until the release's record says so: docs/decisions/0022. `change`
   * is a `Change`; `domain/release.ts` reads it.
   */
  readonly pending?: { readonly release: string; readonly prepared: string; readonly change: unknown };
  /** The document was made when a first publish was prepared for a release: there is no package yet. */
  readonly blank?: true;
  /** Approvals that no move has used yet, oldest first, at most `APPROVALS_MAX`. */
  readonly approvals?: readonly Approval[];
  /** Versions that wait for approval, oldest first, at most `STAGED_MAX`. Some may have expired: `stagedAt`. */
  readonly staged?: readonly StagedVersion[];
  /** Events not yet confirmed as emitted, oldest first. */
  readonly outbox: readonly ChangeEvent[];
};

/**
 * Somebody's approval of one move.
 *
 * @example { tag: "latest", version: "2.0.0", by: "bob", at: "2026-11-24T10:00:00.000Z" }
 */
export type Approval = { readonly tag: string; readonly version: string; readonly by: string; readonly at: string };

/**
 * A version that waits for approval. Its manifest and its tarball are in the store, under `_codebox/staged/`.
 *
 * @example { id: "0b3c…", version: "2.0.0", tags: ["latest"], at: "2026-11-24T10:00:00.000Z", by: "alice", sha256: "9f86…", … }
 */
export type StagedVersion = {
  /** A UUID: npm's commands take nothing else. */
  readonly id: string;
  readonly version: string;
  /** The tags that approval sets to it. None: as for a publish. */
  readonly tags: readonly string[];
  readonly at: string;
  /** Who staged it: the publisher of the version once it is approved. */
  readonly by: string;
  readonly kind?: "workload" | "service";
  /** Of all that approval publishes: `stageDigest`. */
  readonly sha256: string;
  readonly integrity: string;
  readonly shasum: string;
  readonly size: number;
};

/** One entry of a package's history. Revision and sequence increase together, so `revisionOfRecord` computes the revision. */
export type AppliedRecord = {
  readonly id: string;
  readonly sequence: number;
  /** The kind of the change. Any string: a newer version of codebox may have written the record. */
  readonly type: string;
  /** When the change was accepted, ISO 8601 in UTC. */
  readonly at: string;
  /** The name of the actor. */
  readonly by: string;
  /** What the actor is, if not a user. */
  readonly kind?: "workload" | "service";
  /** The versions that the change published, deprecated or unpublished, or pointed a tag at. */
  readonly versions?: readonly string[];
  readonly tag?: string;
  /** Why the sender made the change. */
  readonly why?: Why;
  /** The release that the change is part of. */
  readonly release?: string;
  /** What moved, from where to where. Absent: nothing whose history is kept, or see `detailIn`. */
  readonly detail?: ChangeDetail;
  /** Where the store has a detail that is too large for this document. */
  readonly detailIn?: DetailPlace;
};

/**
 * A value before and after a change.
 *
 * @example { from: "1.0.0", to: "1.1.0" }
 *
 * `from` is absent for something that was not there before, `to` for something that was removed.
 */
export type Moved<Value = string> = { readonly from?: Value; readonly to?: Value };

/**
 * What a change did to the parts of a package whose history is kept.
 *
 * @example { tags: { latest: { from: "1.0.0", to: "1.1.0" }, next: { to: "1.1.0" } } }
 *
 * - `tags`: every tag that was set, moved or removed, whatever kind of change did it.
 * - `deprecated`: versions whose deprecation message changed.
 * - `owners`: the names of the owners.
 * - `rules`: the rules for the tags.
 * - `staged`: versions that were staged (`to` is the id) or no longer are. Only for those who may stage versions of the package.
 */
export type ChangeDetail = {
  readonly tags?: Readonly<Record<string, Moved>>;
  readonly deprecated?: Readonly<Record<string, Moved>>;
  readonly owners?: Moved<readonly string[]>;
  readonly rules?: Moved<readonly TagRule[]>;
  readonly staged?: Readonly<Record<string, Moved>>;
};

/** A detail in the store: its SHA-256, by which it is named, and which parts it has. */
export type DetailPlace = { readonly sha256: string; readonly of: readonly (keyof ChangeDetail)[] };

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

/** The state of a package before its first change. */
export const emptyState: CodeboxState = { schema: 1, revision: 0, sequence: 0, applied: [], outbox: [] };

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
