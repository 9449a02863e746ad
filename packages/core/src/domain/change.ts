import * as z from "zod";
import { OWNERS_MAX, PUBLISH_TAGS_MAX, TAGS_MAX } from "./limits.ts";
import { ChangeId, DeprecationMessage, PackageName, Tag, UserName, Version } from "./names.ts";

/**
 * A change of one package: the only thing that can alter an index.json. Sent by the API, or by another service straight to the queue.
 *
 * Everything that `apply` needs rides in it, the time and the ids included, so that applying it anywhere gives the same result.
 *
 * @example
 * { "schema": 1, "id": "01J…", "name": "@acme/wire", "at": "2026-11-24T10:00:00.000Z", "actor": { "name": "alice" },
 *   "type": "tag.put", "tag": "next", "version": "1.1.0" }
 */
const base = {
  schema: z.literal(1),
  id: ChangeId,
  name: PackageName,
  /** When it was accepted, ISO 8601 in UTC. */
  at: z.iso.datetime({ message: '"at" must be an ISO 8601 time in UTC, such as "2026-11-24T10:00:00.000Z"' }),
  actor: z.strictObject({ name: UserName }),
};

/** The ETag of the tags that the sender saw (`GET …/dist-tags`); the change is refused when they differ by then. */
const ifMatch = z.string().max(200, "an ETag in If-Match has at most 200 characters").optional();

/** The `_rev` number that the sender saw; the change is refused when something it would undo came after. */
const baseRevision = z.int().nonnegative().optional();

/** Tag → version. A null-prototype-safe record: keys pass the tag rules. */
const TagSet = z
  .record(Tag, Version)
  .refine((tags) => Object.keys(tags).length <= TAGS_MAX, `a package has at most ${TAGS_MAX} tags`);

/** Where the publisher's tarball waits, and what it was found to be. */
export const StagedTarball = z.strictObject({
  /** The store's key of the staged object. */
  staging: z.string().regex(/^_codebox\/staging\/[A-Za-z0-9_-]{1,128}$/),
  /** sha512 of the bytes, in ssri's form. */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  /** sha1 of the bytes, in hex, for clients before npm 5. */
  shasum: z.string().regex(/^[0-9a-f]{40}$/),
  /** Bytes. */
  size: z.int().positive(),
  fileCount: z.int().nonnegative().optional(),
  /** Bytes. */
  unpackedSize: z.int().nonnegative().optional(),
});
export type StagedTarball = z.infer<typeof StagedTarball>;

const TagPut = z.strictObject({ ...base, type: z.literal("tag.put"), tag: Tag, version: Version, ifMatch });
const TagRemove = z.strictObject({ ...base, type: z.literal("tag.remove"), tag: Tag, ifMatch });
const TagsReplace = z.strictObject({ ...base, type: z.literal("tags.replace"), tags: TagSet, ifMatch });
const TagsMerge = z.strictObject({ ...base, type: z.literal("tags.merge"), tags: TagSet, ifMatch });
const Publish = z.strictObject({
  ...base,
  type: z.literal("publish"),
  version: Version,
  /** The version's package.json. Its `dist` is written by `apply`. */
  manifest: z.record(z.string(), z.unknown()),
  /** Tags that shall name the new version. */
  tags: z
    .array(Tag)
    .min(1, "a publish sets at least one tag")
    .max(PUBLISH_TAGS_MAX, `a publish sets at most ${PUBLISH_TAGS_MAX} tags; set the others with "npm dist-tag add"`),
  tarball: StagedTarball,
  readme: z.string().optional(),
});
const Deprecate = z.strictObject({
  ...base,
  type: z.literal("deprecate"),
  /** Version → message; an empty message takes the deprecation back. */
  messages: z.record(Version, DeprecationMessage),
  baseRevision,
});
const UnpublishVersions = z.strictObject({
  ...base,
  type: z.literal("unpublish.versions"),
  versions: z.array(Version).min(1),
  baseRevision,
});
const UnpublishAll = z.strictObject({ ...base, type: z.literal("unpublish.all"), baseRevision });
const Owners = z.strictObject({
  ...base,
  type: z.literal("owners"),
  maintainers: z
    .array(z.strictObject({ name: UserName, email: z.string().max(254).optional() }))
    .min(1, "a package needs at least one owner; add another before you remove the last")
    .max(OWNERS_MAX, `a package has at most ${OWNERS_MAX} owners`),
  baseRevision,
});
/** The actor's own star, set or taken back. */
const Star = z.strictObject({ ...base, type: z.literal("star"), starred: z.boolean() });

export const Change = z.discriminatedUnion("type", [
  TagPut,
  TagRemove,
  TagsReplace,
  TagsMerge,
  Publish,
  Deprecate,
  UnpublishVersions,
  UnpublishAll,
  Owners,
  Star,
]);
export type Change = z.infer<typeof Change>;
export type ChangeOf<Type extends Change["type"]> = Extract<Change, { type: Type }>;

/**
 * What is wrong with a change that `Change` refused, for whoever sent it.
 *
 * @example changeProblem(error) // 'tag: the tag "1.x" is a valid semver range; …'
 */
export function changeProblem({ issues: [issue] }: z.ZodError): string {
  if (!issue) return "malformed change";
  // Of a record's key zod says only that it is invalid; the rule that it breaks names the key.
  const cause = issue.code === "invalid_key" ? issue.issues[0] : undefined;
  if (cause) return cause.message;
  return issue.path.length > 0 ? `${issue.path.join(".")}: ${issue.message}` : issue.message;
}

/** A change without what accepting it adds. */
export type Draft = Change extends infer C
  ? C extends Change
    ? Omit<C, "schema" | "id" | "at" | "actor">
    : never
  : never;
