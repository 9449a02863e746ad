import { baseRevision, changedSince } from "./shared/base-revision.ts";
import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";
import { tombstone } from "./shared/tombstone.ts";

/** Removes every version of a package. Refused when one was published since the sender read the package. */
export const unpublishAll = defineChange({
  action: "unpublish",
  schema: changeSchema("unpublish.all", { baseRevision }),
  decide: ofExisting(
    (before, change, effectsSince) =>
      changedSince(change, effectsSince, ({ added }) => added !== undefined) ?? tombstone(before),
  ),
  touches: (_, before) => ({ versions: Object.keys(before?.versions ?? {}) }),
  eventFields: {},
  eventData: () => ({ key: {} }),
  restore: ({ versions = [] }) => ({ removed: versions }),
});
