import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";
import { TagSet, ifMatch, retagged } from "./shared/tags.ts";

/** Sets the tags that it lists, and keeps the others. */
export const tagsMerge = defineChange({
  action: "tag",
  schema: changeSchema("tags.merge", { tags: TagSet, ifMatch }),
  decide: ofExisting((before, change) => retagged(before, change, { ...before["dist-tags"], ...change.tags })),
  touches: () => ({}),
  eventData: () => ({ key: {} }),
  restore: () => ({ tags: "merged" }),
});
