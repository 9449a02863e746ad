import * as z from "zod";
import { DeprecationMessage, Version } from "../names.ts";
import { own, type Manifest } from "../packument.ts";
import { baseRevision, changedSince, overlap } from "./shared/base-revision.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";

/** Sets or removes the deprecation messages of versions. */
export const deprecate = defineChange({
  action: "deprecate",
  schema: changeSchema("deprecate", {
    /** Version → message; an empty message removes the deprecation. */
    messages: z.record(Version, DeprecationMessage),
    baseRevision,
  }),
  decide: ofExisting((before, change, effectsSince) => {
    const versions = { ...before.versions };
    for (const [version, message] of Object.entries(change.messages)) {
      const manifest = own(before.versions, version);
      if (!manifest) return refuse("not_found", `${change.name} has no version ${version} to deprecate`);
      const { deprecated: _, ...fields } = manifest;
      versions[version] = message === "" ? (fields as Manifest) : { ...manifest, deprecated: message };
    }
    const clashes = changedSince(change, effectsSince, ({ deprecated }) =>
      overlap(deprecated, Object.keys(change.messages)),
    );
    return clashes ?? { ...before, versions };
  }),
  touches: ({ messages }) => ({ versions: Object.keys(messages) }),
  eventFields: { versions: z.array(Version) },
  eventData: ({ messages }) => ({ key: { versions: Object.keys(messages) } }),
  restore: ({ versions }) => ({ deprecated: versions }),
});
