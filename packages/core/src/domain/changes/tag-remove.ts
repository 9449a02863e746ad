import { Tag } from "../names.ts";
import { own } from "../packument.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";
import { ifMatch, retagged } from "./shared/tags.ts";

/** Removes a tag. `retagged` refuses to remove `latest`. */
export const tagRemove = defineChange({
  action: "tag",
  schema: changeSchema("tag.remove", { tag: Tag, ifMatch }),
  decide: ofExisting((before, change) => {
    const tags = before["dist-tags"];
    if (own(tags, change.tag) === undefined) return refuse("not_found", `${change.name} has no tag "${change.tag}"`);
    const { [change.tag]: _, ...rest } = tags;
    return retagged(before, change, rest);
  }),
  touches: ({ tag }) => ({ tag }),
  eventFields: { tag: Tag },
  eventData: ({ tag }) => ({ key: { tag } }),
  restore: ({ tag }) => ({ tag }),
});
