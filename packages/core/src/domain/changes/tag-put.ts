import { Tag, Version } from "../names.ts";
import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";
import { existing, ifMatch, ifNoneMatch, retagged } from "./shared/tags.ts";

/** Points a tag at a version. The tag may be new. */
export const tagPut = defineChange({
  action: "tag",
  schema: changeSchema("tag.put", { tag: Tag, version: Version, ifMatch, ifNoneMatch }),
  decide: ofExisting(
    (before, change) =>
      existing(before, change, [change.tag]) ??
      retagged(before, change, { ...before["dist-tags"], [change.tag]: change.version }),
  ),
  touches: ({ tag, version }) => ({ tag, versions: [version] }),
  eventFields: { tag: Tag, version: Version },
  eventData: ({ tag, version }) => ({ key: { tag, version } }),
  restore: ({ tag }) => ({ tag }),
});
