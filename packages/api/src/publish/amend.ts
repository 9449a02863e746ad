import { isRecord, own, recordsSince, revisionOf, type ChangeOf, type Packument } from "@codebox/core";
import { ApiError } from "../errors.ts";

type DraftOf<Type extends "deprecate" | "unpublish.versions" | "owners" | "star"> = Omit<
  ChangeOf<Type>,
  "schema" | "id" | "at" | "actor"
>;

/*
 * What clients send here is a copy of the packument, as old as their read of it. Only what the command is about is taken from
 * it, as a precise change against the present document; docs/decisions/0003 tells why.
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

/** The deprecations that differ from the present ones. A version without the field says nothing; an empty message takes it back. */
export function draftDeprecate(
  current: Packument,
  versions: Readonly<Record<string, unknown>>,
  rev: unknown,
): DraftOf<"deprecate"> | undefined {
  const messages: Record<string, string> = {};
  for (const [version, manifest] of Object.entries(versions)) {
    if (!isRecord(manifest) || manifest["deprecated"] === undefined) continue;
    const message = manifest["deprecated"] === false ? "" : manifest["deprecated"];
    if (typeof message !== "string")
      throw new ApiError("invalid", `the deprecation of ${version.slice(0, 80)} must be a string`);
    const known = own(current.versions, version);
    if (!known) throw new ApiError("not_found", `${current.name} has no version ${version.slice(0, 80)} to deprecate`);
    if (message !== (known.deprecated ?? "")) messages[version] = message;
  }
  if (Object.keys(messages).length === 0) return undefined;
  return { type: "deprecate", name: current.name, messages, ...base(rev) };
}

/** The versions that the client left out, save those it could not know because they came after its read. */
export function draftUnpublish(
  current: Packument,
  kept: Readonly<Record<string, unknown>>,
  revision: number,
): DraftOf<"unpublish.versions"> | undefined {
  const since = recordsSince(current, revision);
  if (!since)
    throw new ApiError("conflict", `${current.name} changed too much since you read it; run the command again`);
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
    ...(typeof email === "string" ? { email } : {}),
  }));
  return { type: "owners", name: current.name, maintainers: people, ...base(rev) };
}

/** The asker's own star; everybody else's stand as they are. */
export function draftStar(current: Packument, users: Readonly<Record<string, unknown>>, user: string): DraftOf<"star"> {
  return { type: "star", name: current.name, starred: own(users, user) === true };
}
