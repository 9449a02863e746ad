import { isRecord, own, recordsSince, revisionOf, shownPerson, type ChangeOf, type Packument } from "@codebox/core";
import { ApiError } from "../errors.ts";

type DraftOf<Type extends "deprecate" | "unpublish.versions" | "owners" | "star"> = Omit<
  ChangeOf<Type>,
  "schema" | "id" | "at" | "actor"
>;

/*
 * What clients send here is a copy of the packument, as old as their read of it. Only what the command is about is taken from
 * it, as a precise change against the present document; docs/decisions/0003 says why.
 */

/** The number in a `_rev`. @throws ApiError `invalid` when it is none of ours. */
export function revisionIn(rev: string): number {
  const revision = revisionOf(rev);
  if (revision === undefined)
    throw new ApiError("invalid", `"${rev.slice(0, 80)}" is not a revision of this registry; read the package again`);
  return revision;
}

function base(rev: unknown): { baseRevision?: number } {
  const revision = typeof rev === "string" ? revisionOf(rev) : undefined;
  return revision === undefined ? {} : { baseRevision: revision };
}

/**
 * The deprecations that differ from the present ones. A version without the field says nothing; an empty message takes it back.
 *
 * What was unpublished after the client's read is left out. Any other version that is not there was to be published: its
 * tarball is missing.
 */
export function draftDeprecate(
  current: Packument,
  versions: Readonly<Record<string, unknown>>,
  rev: unknown,
): DraftOf<"deprecate"> | undefined {
  const messages: Record<string, string> = {};
  const names = Object.keys(versions);
  const unknown = names.filter((version) => own(current.versions, version) === undefined);
  const gone = unknown.length > 0 ? unpublishedSince(current, rev) : new Set<string>();
  for (const version of names) {
    if (gone.has(version)) continue;
    const manifest = versions[version];
    const known = own(current.versions, version);
    if (!isRecord(manifest) || manifest["deprecated"] === undefined) {
      if (!known) throw tarballMissing(current, version);
      continue;
    }
    const message = manifest["deprecated"] === false ? "" : manifest["deprecated"];
    if (typeof message !== "string")
      throw new ApiError("invalid", `the deprecation of ${version.slice(0, 80)} must be a string`);
    if (!known) throw new ApiError("not_found", `${current.name} has no version ${version.slice(0, 80)} to deprecate`);
    if (message !== (known.deprecated ?? "")) messages[version] = message;
  }
  if (Object.keys(messages).length === 0) return undefined;
  return { type: "deprecate", name: current.name, messages, ...base(rev) };
}

function tarballMissing({ name }: Packument, version: string): ApiError {
  const which = `${name}@${version.slice(0, 80)}`;
  return new ApiError(
    "tarball_missing",
    `the body has ${which}, which is not published, and no tarball of it; to publish it, send its tarball in _attachments`,
  );
}

/** The versions that left the package after the client's read, whose document still has them. */
function unpublishedSince(current: Packument, rev: unknown): ReadonlySet<string> {
  const revision = base(rev).baseRevision;
  if (revision === undefined) return new Set();
  const since = recordsSince(current, revision) ?? forgotten(current);
  return new Set(since.filter(({ type }) => type.startsWith("unpublish.")).flatMap(({ versions }) => versions ?? []));
}

function forgotten({ name }: Packument): never {
  throw new ApiError("conflict", `${name} changed too much since you read it; run the command again`);
}

/** The versions that the client left out, save those it could not know because they came after its read. */
export function draftUnpublish(
  current: Packument,
  kept: Readonly<Record<string, unknown>>,
  revision: number,
): DraftOf<"unpublish.versions"> | undefined {
  const since = recordsSince(current, revision) ?? forgotten(current);
  const unseen = new Set(since.filter(({ type }) => type === "publish").flatMap(({ versions }) => versions ?? []));
  const versions = Object.keys(current.versions).filter(
    (version) => own(kept, version) === undefined && !unseen.has(version),
  );
  return versions.length === 0
    ? undefined
    : { type: "unpublish.versions", name: current.name, versions, baseRevision: revision };
}

export function draftOwners(current: Packument, maintainers: unknown, rev: unknown): DraftOf<"owners"> {
  if (
    !Array.isArray(maintainers) ||
    !maintainers.every((person) => isRecord(person) && typeof person["name"] === "string")
  )
    throw new ApiError("invalid", 'maintainers must be a list of people: [{"name": "alice", "email": "…"}]');
  const people = (maintainers as { name: string; email?: unknown }[]).map(({ name, email }) => ({
    name,
    // What a reader was shown for want of an email is none.
    ...(typeof email === "string" && email !== shownPerson({ name }).email ? { email } : {}),
  }));
  return { type: "owners", name: current.name, maintainers: people, ...base(rev) };
}

/** The asker's own star; everybody else's stand as they are. */
export function draftStar(current: Packument, users: Readonly<Record<string, unknown>>, user: string): DraftOf<"star"> {
  return { type: "star", name: current.name, starred: own(users, user) === true };
}
