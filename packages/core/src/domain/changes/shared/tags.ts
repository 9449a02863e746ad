import * as z from "zod";
import { TAGS_MAX } from "../../limits.ts";
import { Tag, Version } from "../../names.ts";
import { distTagsEtag, own, repaired, type DistTags, type Packument } from "../../packument.ts";
import { refuse, type Refusal } from "./definition.ts";

/** Tag → version. */
export const TagSet = z
  .record(Tag, Version)
  .refine((tags) => Object.keys(tags).length <= TAGS_MAX, `a package has at most ${TAGS_MAX} tags`)
  .meta({ id: "TagSet", description: "Tag → version.", maxProperties: TAGS_MAX });

/** The ETag of the tags that the sender read (`GET …/dist-tags`). The change is refused when the tags changed since. */
export const ifMatch = z
  .string()
  .max(200, "an ETag in If-Match has at most 200 characters")
  .describe("The ETag of the tags that the sender read. The change is refused when the tags changed since.")
  .optional();

/** `*`: the change only creates. It is refused when one of the tags that it sets is there already (RFC 9110, 13.1.2). */
export const ifNoneMatch = z
  .literal("*", 'If-None-Match takes only "*" for a change: the tag must not exist')
  .describe("The change only creates: it is refused when one of the tags exists.")
  .optional();

/** Refuses a change that must only create, when the package has one of its tags. */
export function existing(
  before: Packument,
  change: { readonly name: string; readonly ifNoneMatch?: "*" | undefined },
  tags: readonly string[],
): Refusal | undefined {
  if (change.ifNoneMatch === undefined) return undefined;
  const taken = tags.find((tag) => own(before["dist-tags"], tag) !== undefined);
  if (taken === undefined) return undefined;
  const version = own(before["dist-tags"], taken) ?? "";
  return refuse("precondition_failed", `${change.name} has the tag "${taken}" already, at ${version}`);
}

/**
 * The packument with these tags, for every kind that changes tags. Tags that do not change may name a version that is missing:
 * an adopted document can have such tags.
 *
 * Refuses with `precondition_failed` (If-Match), `forbidden` (`latest` removed), `too_large` and `not_found` (no such version).
 */
export function retagged(
  before: Packument,
  change: { readonly name: string; readonly ifMatch?: string | undefined },
  tags: DistTags,
): Packument | Refusal {
  if (change.ifMatch !== undefined && change.ifMatch !== distTagsEtag(before["dist-tags"]))
    return refuse("precondition_failed", `the tags of ${change.name} changed since you read them; read them again`);
  if (own(tags, "latest") === undefined && own(before["dist-tags"], "latest") !== undefined)
    return refuse("forbidden", 'the tag "latest" can\'t be removed; point it at another version instead');
  if (Object.keys(tags).length > TAGS_MAX) return tooManyTags();
  for (const [tag, version] of Object.entries(tags)) {
    const changed = own(before["dist-tags"], tag) !== version;
    if (changed && !own(before.versions, version))
      return refuse(
        "not_found",
        `${change.name} has no version ${version}, so "${tag}" can't point at it; publish it first`,
      );
  }
  return repaired({ ...before, "dist-tags": tags });
}

/** Refuses a set of more than `TAGS_MAX` tags. */
export function tooManyTags(): Refusal {
  return refuse("too_large", `a package has at most ${TAGS_MAX} tags; remove some that nobody uses`);
}
