import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";
import { TagSet, ifMatch, retagged } from "./shared/tags.ts";

/** Sets all tags at once. Tags that it does not list are removed; `latest` must be listed. */
export const tagsReplace = defineChange({
  action: "tag",
  schema: changeSchema("tags.replace", { tags: TagSet, ifMatch }),
  decide: ofExisting((before, change) => retagged(before, change, { ...change.tags })),
  touches: () => ({}),
  eventFields: {},
  eventData: () => ({ key: {} }),
  restore: () => ({ tags: "replaced" }),
});
