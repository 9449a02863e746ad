import type { Change } from "./change.ts";
import { EVENT_DATA_MAX } from "./limits.ts";
import type { DistTags, Manifest } from "./packument.ts";

/** The fields of a manifest that the predecessor's log events of a publish had. */
export const PUBLISH_FIELDS = [
  "description",
  "keywords",
  "license",
  "contributors",
  "dependencies",
  "homepage",
  "repository",
] as const;

/** The event's body, with the fields that the predecessor's log events had. Cut to its key fields when it would not fit a message. */
export function eventData(change: Change, tags: DistTags, published?: Manifest): Record<string, unknown> {
  const key = keyFields(change);
  const more: Record<string, unknown> = { "dist-tags": tags };
  if (published) for (const field of PUBLISH_FIELDS) if (published[field] !== undefined) more[field] = published[field];
  const data = { ...key, ...more };
  return JSON.stringify(data).length <= EVENT_DATA_MAX ? data : { ...key, truncated: true };
}

function keyFields(change: Change): Record<string, unknown> {
  const { name } = change;
  switch (change.type) {
    case "tag.put":
      return { name, tag: change.tag, version: change.version };
    case "tag.remove":
      return { name, tag: change.tag };
    case "tags.replace":
    case "tags.merge":
      return { name };
    case "publish":
      return { name, version: change.version };
    case "deprecate":
      return { name, versions: Object.keys(change.messages) };
    case "unpublish.versions":
      return { name, versions: change.versions };
    case "unpublish.all":
      return { name };
    case "owners":
      return { name, maintainers: change.maintainers };
    case "star":
      return { name, starred: change.starred };
  }
}
