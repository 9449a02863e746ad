import * as z from "zod";
import { movesTags } from "../detail.ts";
import { own, stateOf } from "../packument.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";
import { TagSet, ifMatch, retagged } from "./shared/tags.ts";
import { othersMovedSince } from "./shared/undo.ts";

/** Sets all tags to what they were after an earlier change. */
export const tagsRestore = defineChange({
  action: "tag",
  schema: changeSchema("tags.restore", {
    /** The tags after that change, from the history. */
    tags: TagSet,
    /** The sequence of that change; 0: before the first one. */
    since: z.int().nonnegative(),
    /** The sequence that the package had when the sender read the history. Tags that moved later are a conflict, also when forced. */
    seen: z.int().nonnegative(),
    /** Also undoes what others moved, and leaves out tags whose version was unpublished. */
    force: z.boolean().optional(),
    ifMatch,
  }),
  decide: ofExisting((before, change) => {
    const { name, since, seen, force } = change;
    const { applied, sequence } = stateOf(before);
    const unseen = applied.filter((record) => record.sequence > seen);
    const names = Object.keys({ ...before["dist-tags"], ...change.tags });
    if (unseen.length !== sequence - seen || unseen.some((record) => names.some((tag) => movesTags(record, tag))))
      return refuse("conflict", `the tags of ${name} changed since the history was read; run the command again`);
    const differing = names.filter((tag) => own(before["dist-tags"], tag) !== own(change.tags, tag));
    const refused = othersMovedSince(before, change, { sequence: since, tags: differing });
    if (refused) return refused;
    const living = Object.entries(change.tags).filter(([, version]) => own(before.versions, version));
    return retagged(before, change, force === true ? Object.fromEntries(living) : { ...change.tags });
  }),
  touches: () => ({}),
  eventFields: { since: z.int().nonnegative() },
  eventData: ({ since }) => ({ key: { since } }),
  restore: () => ({ tags: "replaced" }),
});
