import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";
import { TagSet, existing, ifMatch, ifNoneMatch, retagged } from "./shared/tags.ts";

/** Sets the tags that it lists, and keeps the others. */
export const tagsMerge = defineChange({
  action: "tag",
  schema: changeSchema("tags.merge", { tags: TagSet, ifMatch, ifNoneMatch }),
  decide: ofExisting(
    (before, change) =>
      existing(before, change, Object.keys(change.tags)) ??
      retagged(before, change, { ...before["dist-tags"], ...change.tags }),
  ),
  touches: () => ({}),
  eventFields: {},
  eventData: () => ({ key: {} }),
  restore: () => ({ tags: "merged" }),
});
