import type { Change } from "./change.ts";
import { definitionOf, effectOf } from "./changes/index.ts";
import { own, stateOf, type Packument } from "./packument.ts";
import type { AppliedRecord } from "./state.ts";

/**
 * The last recorded change of a tag that `change` also changes, if it was accepted after `change`. To apply `change` now would
 * move the tag back.
 *
 * @example tagChangedSince(packument, tagPutOfMonday)?.record.at // "2026-11-24T10:00:00.000Z", a Tuesday
 *
 * `undefined`: no later one is in the ring, or `change` itself was applied already and changes nothing.
 */
export function tagChangedSince(
  packument: Packument,
  change: Change,
): { readonly tag: string; readonly record: AppliedRecord } | undefined {
  const { applied } = stateOf(packument);
  if (applied.some(({ id }) => id === change.id)) return undefined;
  for (const tag of tagsOf(change, packument)) {
    const record = applied.findLast((one) => changesTag(packument, one, tag));
    if (record && instant(record.at) > instant(change.at)) return { tag, record };
  }
  return undefined;
}

/** Comparable as text: two times in UTC may differ in their precision, and "Z" sorts behind a fraction. */
function instant(at: string): string {
  return at.replace(/Z$/, "");
}

/** The tags that a change sets or removes. */
function tagsOf(change: Change, packument: Packument): readonly string[] {
  switch (change.type) {
    case "publish":
    case "tags.merge":
    case "tags.undo":
      return Array.isArray(change.tags) ? change.tags : Object.keys(change.tags);
    case "tags.replace":
    case "tags.restore":
      return [...new Set([...Object.keys(change.tags), ...Object.keys(packument["dist-tags"])])];
    default: {
      const { tag } = definitionOf(change).touches(change, packument);
      return tag === undefined ? [] : [tag];
    }
  }
}

/** Whether a recorded change set or removed the tag, as far as its record says. The record of a publish does not name its tags. */
function changesTag(packument: Packument, record: AppliedRecord, tag: string): boolean {
  const { anything, added, tag: one, tags } = effectOf(record);
  const version = own(packument["dist-tags"], tag);
  return (
    anything === true || tags !== undefined || one === tag || (version !== undefined && (added ?? []).includes(version))
  );
}
