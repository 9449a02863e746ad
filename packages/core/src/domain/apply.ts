import type { Change, ChangeOf, StagedTarball } from "./change.ts";
import { eventData } from "./event-data.ts";
import type { ChangeEvent } from "./event.ts";
import { APPLIED_RING, MANIFEST_BYTES_MAX, README_MAX, TAGS_MAX, VERSIONS_MAX } from "./limits.ts";
import { nameProblem } from "./names.ts";
import type { Rejection, RejectionCode } from "./outcome.ts";
import {
  DESCRIBING,
  distTagsEtag,
  exists,
  own,
  repaired,
  stateOf,
  type AppliedRecord,
  type Dist,
  type DistTags,
  type Manifest,
  type Packument,
  type Person,
} from "./packument.ts";

export type Applied =
  | { readonly kind: "applied"; readonly packument: Packument; readonly event: ChangeEvent }
  /** The change's id is in the ring: it was applied before, and nothing is to be done. */
  | { readonly kind: "replayed"; readonly packument: Packument; readonly record: AppliedRecord }
  | { readonly kind: "rejected"; readonly rejection: Rejection };

/**
 * What a change makes of a package: the one place where a packument is altered.
 *
 * Pure: no clock, no randomness, no I/O. The API runs it to validate, the consumer to apply, and again after every lost
 * conditional write. The result records the change in the ring, raises revision and sequence, and puts the event in the outbox.
 *
 * @example apply(undefined, publish) // { kind: "applied", packument, event }
 */
export function apply(before: Packument | undefined, change: Change): Applied {
  const replay = stateOf(before).applied.find((record) => record.id === change.id);
  if (before && replay) return { kind: "replayed", packument: before, record: replay };
  const result = decide(before, change);
  return result instanceof Refusal
    ? { kind: "rejected", rejection: result.rejection }
    : recorded(before, change, result);
}

/** The packument without the outbox events of these ids: they are known to have been emitted. */
export function withoutEmitted(packument: Packument, ids: ReadonlySet<string>): Packument {
  const state = stateOf(packument);
  return { ...packument, _codebox: { ...state, outbox: state.outbox.filter((event) => !ids.has(event.id)) } };
}

/** The history since a revision; `undefined` when the ring no longer reaches back to it. */
export function recordsSince(packument: Packument, revision: number): readonly AppliedRecord[] | undefined {
  const state = stateOf(packument);
  const since = state.applied.filter((record) => revisionOfRecord(packument, record) > revision);
  return since.length === state.revision - revision ? since : undefined;
}

/** The revision that a record's change made: revision and sequence rise together. */
export function revisionOfRecord(packument: Packument, record: AppliedRecord): number {
  const state = stateOf(packument);
  return state.revision - state.sequence + record.sequence;
}

/** A packument in the making: what `decide` returns, before the record of the change is added. */
type Draft = Packument;

/** A refused change; a class, because a packument may have fields of any name. */
class Refusal {
  readonly rejection: Rejection;
  constructor(rejection: Rejection) {
    this.rejection = rejection;
  }
}

function decide(before: Packument | undefined, change: Change): Draft | Refusal {
  if (change.type === "publish") return publish(before, change);
  if (!exists(before)) return reject("not_found", `the package "${change.name}" does not exist; publish it first`);
  switch (change.type) {
    case "tag.put":
      return retagged(before, change, { ...before["dist-tags"], [change.tag]: change.version });
    case "tag.remove":
      return removeTag(before, change);
    case "tags.replace":
      return retagged(before, change, { ...change.tags });
    case "tags.merge":
      return retagged(before, change, { ...before["dist-tags"], ...change.tags });
    case "deprecate":
      return deprecate(before, change);
    case "unpublish.versions":
      return unpublishVersions(before, change);
    case "unpublish.all":
      return unpublishAll(before, change);
    case "owners":
      return (
        changedSince(before, change, ["owners"]) ?? { ...before, maintainers: change.maintainers as readonly Person[] }
      );
    case "star":
      return star(before, change);
  }
}

function publish(before: Packument | undefined, change: ChangeOf<"publish">): Draft | Refusal {
  const { name, version, manifest, tarball, at, actor } = change;
  const problem = before === undefined ? nameProblem(name) : undefined;
  if (problem) return reject("invalid", `a new package can't be named "${name}": ${problem}`);
  if (manifest["name"] !== name || manifest["version"] !== version)
    return reject(
      "invalid",
      `the manifest is of ${String(manifest["name"])}@${String(manifest["version"])}, not of ${name}@${version}`,
    );
  if (own(before?.versions, version))
    return reject(
      "version_exists",
      `${name}@${version} is published already; versions are immutable: raise the version and publish again`,
    );
  if (before && Object.keys(before.versions).length >= VERSIONS_MAX)
    return reject("too_large", `a package has at most ${VERSIONS_MAX} versions; unpublish some that nobody uses`);
  const { readme: inManifest, dist: _sent, ...fields } = manifest;
  const stored: Manifest = {
    ...fields,
    name,
    version,
    _id: `${name}@${version}`,
    _npmUser: { name: actor.name },
    dist: distOf(tarball),
  };
  if (JSON.stringify(stored).length > MANIFEST_BYTES_MAX)
    return reject("too_large", `the package.json of ${name}@${version} is over ${MANIFEST_BYTES_MAX} bytes`);
  const named = Object.fromEntries(change.tags.map((tag) => [tag, version]));
  const tags: DistTags = { ...before?.["dist-tags"], ...named };
  if (Object.keys(tags).length > TAGS_MAX) return tooManyTags();
  const created = own(before?.time, "created") ?? at;
  const draft = repaired({
    ...before,
    _id: name,
    name,
    "dist-tags": tags,
    versions: { ...before?.versions, [version]: stored },
    time: { ...before?.time, created, modified: at, [version]: at },
    maintainers: before?.maintainers?.length ? before.maintainers : [{ name: actor.name }],
  });
  return draft["dist-tags"]["latest"] === version ? described(draft, stored, change.readme ?? inManifest) : draft;
}

function distOf({ integrity, shasum, fileCount, unpackedSize }: StagedTarball): Dist {
  return {
    integrity,
    shasum,
    ...(fileCount === undefined ? {} : { fileCount }),
    ...(unpackedSize === undefined ? {} : { unpackedSize }),
  };
}

function described(draft: Packument, latest: Manifest, readme: unknown): Packument {
  const fields: Record<string, unknown> = {};
  for (const field of DESCRIBING) if (latest[field] !== undefined) fields[field] = latest[field];
  if (typeof readme === "string" && readme !== "") fields["readme"] = readme.slice(0, README_MAX);
  return { ...draft, ...fields };
}

function removeTag(before: Packument, change: ChangeOf<"tag.remove">): Draft | Refusal {
  const tags = before["dist-tags"];
  if (change.tag === "latest")
    return reject("forbidden", 'the tag "latest" can\'t be removed; point it at another version instead');
  if (own(tags, change.tag) === undefined) return reject("not_found", `${change.name} has no tag "${change.tag}"`);
  const { [change.tag]: _, ...rest } = tags;
  return retagged(before, change, rest);
}

type TagChange = ChangeOf<"tag.put" | "tag.remove" | "tags.replace" | "tags.merge">;

function retagged(before: Packument, change: TagChange, tags: DistTags): Draft | Refusal {
  if (change.ifMatch !== undefined && change.ifMatch !== distTagsEtag(before["dist-tags"]))
    return reject("precondition_failed", `the tags of ${change.name} changed since you read them; read them again`);
  if (own(tags, "latest") === undefined && own(before["dist-tags"], "latest") !== undefined)
    return reject("forbidden", 'the tag "latest" can\'t be removed: include it in the tags');
  if (Object.keys(tags).length > TAGS_MAX) return tooManyTags();
  for (const [tag, version] of Object.entries(tags)) {
    const changed = own(before["dist-tags"], tag) !== version;
    if (changed && !own(before.versions, version))
      return reject(
        "not_found",
        `${change.name} has no version ${version}, so "${tag}" can't point at it; publish it first`,
      );
  }
  return repaired({ ...before, "dist-tags": tags });
}

function deprecate(before: Packument, change: ChangeOf<"deprecate">): Draft | Refusal {
  const versions = { ...before.versions };
  for (const [version, message] of Object.entries(change.messages)) {
    const manifest = own(before.versions, version);
    if (!manifest) return reject("not_found", `${change.name} has no version ${version} to deprecate`);
    const { deprecated: _, ...fields } = manifest;
    versions[version] = message === "" ? (fields as Manifest) : { ...manifest, deprecated: message };
  }
  return changedSince(before, change, ["deprecate"], Object.keys(change.messages)) ?? { ...before, versions };
}

function unpublishVersions(before: Packument, change: ChangeOf<"unpublish.versions">): Draft | Refusal {
  const missing = change.versions.find((version) => !own(before.versions, version));
  if (missing !== undefined) return reject("not_found", `${change.name} has no version ${missing} to unpublish`);
  const stale = changedSince(before, change, ["publish", "unpublish.versions"], change.versions);
  if (stale) return stale;
  const gone = new Set(change.versions);
  const keep = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !gone.has(key)));
  const versions = keep(before.versions);
  if (Object.keys(versions).length === 0) return tombstone(before);
  const draft = repaired({ ...before, versions, time: keep(before.time ?? {}) });
  const latest = draft["dist-tags"]["latest"];
  const moved = latest !== before["dist-tags"]["latest"] ? own(versions, latest ?? "") : undefined;
  return moved ? described(without(draft, [...DESCRIBING, "readme"]), moved, moved["readme"]) : draft;
}

function unpublishAll(before: Packument, change: ChangeOf<"unpublish.all">): Draft | Refusal {
  return changedSince(before, change, ["publish"]) ?? tombstone(before);
}

/** A package without versions. Its document stays: sequence, ring and outbox must outlive it, and its name remains ours. */
function tombstone(before: Packument): Packument {
  const created = own(before.time, "created");
  return {
    ...without(before, [...DESCRIBING, "readme", "users"]),
    "dist-tags": {},
    versions: {},
    time: created === undefined ? {} : { created },
  };
}

function without(packument: Packument, fields: readonly string[]): Packument {
  const kept = Object.entries(packument).filter(([field]) => !fields.includes(field));
  return Object.fromEntries(kept) as Packument;
}

function star(before: Packument, change: ChangeOf<"star">): Draft {
  const others = Object.entries(before.users ?? {}).filter(([user]) => user !== change.actor.name);
  return { ...before, users: Object.fromEntries(change.starred ? [...others, [change.actor.name, true]] : others) };
}

/** A rejection when, since the revision the sender read, a change of these types touched the same versions (or anything, without versions). */
function changedSince(
  before: Packument,
  change: ChangeOf<"deprecate" | "unpublish.versions" | "unpublish.all" | "owners">,
  types: readonly Change["type"][],
  versions?: readonly string[],
): Refusal | undefined {
  if (change.baseRevision === undefined) return undefined;
  const since = recordsSince(before, change.baseRevision);
  const touches = (record: AppliedRecord) =>
    (types as readonly string[]).includes(record.type) &&
    (versions === undefined || versions.some((version) => record.versions?.includes(version)));
  if (since && !since.some(touches)) return undefined;
  return reject("conflict", `${change.name} changed since you read it; run the command again`);
}

function recorded(before: Packument | undefined, change: Change, draft: Draft): Applied {
  const state = stateOf(before);
  const { id, name, type, at, actor } = change;
  const sequence = state.sequence + 1;
  const revision = state.revision + 1;
  const published = change.type === "publish" ? draft.versions[change.version] : undefined;
  const event: ChangeEvent = {
    schema: 1,
    id,
    name,
    sequence,
    revision,
    type,
    at,
    actor,
    data: eventData(change, draft["dist-tags"], published),
  };
  const record: AppliedRecord = { id, sequence, type, at, by: actor.name, ...touched(before, change) };
  const packument: Packument = {
    ...draft,
    time: { ...draft.time, modified: at },
    _codebox: {
      ...state,
      revision,
      sequence,
      applied: [...state.applied, record].slice(-APPLIED_RING),
      outbox: [...state.outbox, event],
    },
  };
  return { kind: "applied", packument, event };
}

function touched(before: Packument | undefined, change: Change): { versions?: readonly string[]; tag?: string } {
  switch (change.type) {
    case "publish":
      return { versions: [change.version] };
    case "deprecate":
      return { versions: Object.keys(change.messages) };
    case "unpublish.versions":
      return { versions: change.versions };
    case "unpublish.all":
      return { versions: Object.keys(before?.versions ?? {}) };
    case "tag.put":
      return { tag: change.tag, versions: [change.version] };
    case "tag.remove":
      return { tag: change.tag };
    default:
      return {};
  }
}

function tooManyTags(): Refusal {
  return reject("too_large", `a package has at most ${TAGS_MAX} tags; remove some that nobody uses`);
}

function reject(code: RejectionCode, message: string): Refusal {
  return new Refusal({ code, message });
}
