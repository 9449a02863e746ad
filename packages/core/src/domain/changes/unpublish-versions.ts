import * as z from "zod";
import { Version } from "../names.ts";
import { DESCRIBING, described, own, repaired, without } from "../packument.ts";
import { baseRevision, changedSince, overlap } from "./shared/base-revision.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";
import { tombstone } from "./shared/tombstone.ts";

/** Removes versions, and the tags that point at them. `latest` moves to the highest version left. */
export const unpublishVersions = defineChange({
  action: "unpublish",
  schema: changeSchema("unpublish.versions", { versions: z.array(Version).min(1), baseRevision }),
  decide: ofExisting((before, change, effectsSince) => {
    const missing = change.versions.find((version) => !own(before.versions, version));
    if (missing !== undefined) return refuse("not_found", `${change.name} has no version ${missing} to unpublish`);
    const clashes = changedSince(
      change,
      effectsSince,
      ({ added, removed }) => overlap(added, change.versions) || overlap(removed, change.versions),
    );
    if (clashes) return clashes;
    const versions = without(before.versions, change.versions);
    if (Object.keys(versions).length === 0) return tombstone(before);
    const after = repaired({ ...before, versions, time: without(before.time ?? {}, change.versions) });
    const latest = after["dist-tags"]["latest"];
    const moved = latest !== before["dist-tags"]["latest"] ? own(versions, latest ?? "") : undefined;
    return moved ? described(without(after, [...DESCRIBING, "readme"]), moved, moved["readme"]) : after;
  }),
  touches: ({ versions }) => ({ versions }),
  eventFields: { versions: z.array(Version) },
  eventData: ({ versions }) => ({ key: { versions } }),
  restore: ({ versions = [] }) => ({ removed: versions }),
});
