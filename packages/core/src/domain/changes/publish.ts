import type { Rejection } from "../outcome.ts";
import * as z from "zod";
import { MANIFEST_BYTES_MAX, PACKUMENT_BYTES_MAX, PUBLISH_TAGS_MAX, TAGS_MAX, VERSIONS_MAX } from "../limits.ts";
import { Tag, Version, nameProblem } from "../names.ts";
import {
  described,
  manifestProblem,
  own,
  repaired,
  shownValue,
  type Dist,
  type DistTags,
  type Manifest,
  type Packument,
} from "../packument.ts";
import { changeSchema, defineChange, refuse, Refusal } from "./shared/definition.ts";
import { tooManyTags } from "./shared/tags.ts";

/** Where the publisher's tarball is staged, and what the registry found when it read it. */
export const StagedTarball = z.strictObject({
  /** The store's key of the staged object. */
  staging: z.string().regex(/^_codebox\/staging\/[A-Za-z0-9_-]{1,128}$/),
  /** sha512 of the bytes, in ssri's form. */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  /** sha1 of the bytes, in hex, for clients before npm 5. */
  shasum: z.string().regex(/^[0-9a-f]{40}$/),
  /** Bytes. */
  size: z.int().positive(),
  fileCount: z.int().nonnegative().optional(),
  /** Bytes. */
  unpackedSize: z.int().nonnegative().optional(),
});
/** Where the publisher's tarball is staged, and what the registry found when it read it. */
export type StagedTarball = z.infer<typeof StagedTarball>;

const schema = changeSchema("publish", {
  version: Version,
  /** The version's package.json. `decide` writes its `dist`. */
  manifest: z.record(z.string(), z.unknown()).check(({ value, issues }) => {
    const message = manifestProblem(value);
    if (message !== undefined) issues.push({ code: "custom", message, input: value });
  }),
  /** Tags that are set to the new version. None: `latest` stays where it is, and a new package gets it. */
  tags: z
    .array(Tag)
    .max(PUBLISH_TAGS_MAX, `a publish sets at most ${PUBLISH_TAGS_MAX} tags; set the others with "npm dist-tag add"`),
  tarball: StagedTarball,
  readme: z.string().optional(),
});
type Publish = z.infer<typeof schema>;

/** The fields of the manifest that the event of a publish carries. The predecessor's log events had the same. */
export const PUBLISH_FIELDS = [
  "description",
  "keywords",
  "license",
  "contributors",
  "dependencies",
  "homepage",
  "repository",
] as const;

/** Why a version that exists is refused. The API says it before the tarball is uploaded. */
export function versionExists(name: string, version: string): Rejection {
  return {
    code: "version_exists",
    message: `${name}@${version} is published already; versions are immutable: raise the version and publish again`,
  };
}

/** Adds a version, and with the first one the package. A version is immutable. */
export const publish = defineChange({
  action: "publish",
  schema,
  decide: (before, change) => {
    const { name, version, manifest, tags: names, at, actor } = change;
    const problem = before === undefined ? nameProblem(name) : undefined;
    if (problem) return refuse("invalid", `a new package can't be named "${name}": ${problem}`);
    if (manifest["name"] !== name || manifest["version"] !== version)
      return refuse(
        "invalid",
        `the manifest is of ${shownValue(manifest["name"])}@${shownValue(manifest["version"])}, not of ${name}@${version}`,
      );
    if (own(before?.versions, version)) return new Refusal(versionExists(name, version));
    if (before && Object.keys(before.versions).length >= VERSIONS_MAX)
      return refuse("too_large", `a package has at most ${VERSIONS_MAX} versions; unpublish some that nobody uses`);
    const stored = storedManifest(change);
    const size = JSON.stringify(stored).length;
    if (size > MANIFEST_BYTES_MAX)
      return refuse("too_large", `the package.json of ${name}@${version} is over ${MANIFEST_BYTES_MAX} bytes`);
    const tags: DistTags = { ...before?.["dist-tags"], ...Object.fromEntries(names.map((tag) => [tag, version])) };
    if (Object.keys(tags).length > TAGS_MAX) return tooManyTags();
    const created = own(before?.time, "created") ?? at;
    const after: Packument = repaired({
      ...before,
      _id: name,
      name,
      "dist-tags": tags,
      versions: { ...before?.versions, [version]: stored },
      time: { ...before?.time, created, modified: at, [version]: at },
      maintainers: before?.maintainers?.length ? before.maintainers : [{ name: actor.name }],
    });
    // Only manifests above the average can exceed the limit; for the others the whole is not written out.
    if (size > PACKUMENT_BYTES_MAX / VERSIONS_MAX && JSON.stringify(after).length > PACKUMENT_BYTES_MAX)
      return refuse(
        "too_large",
        `the document of ${name} is over ${PACKUMENT_BYTES_MAX} bytes; unpublish some versions`,
      );
    const isLatest = after["dist-tags"]["latest"] === version;
    return isLatest ? described(after, stored, change.readme ?? manifest["readme"]) : after;
  },
  touches: ({ version }) => ({ versions: [version] }),
  eventFields: {
    version: Version,
    ...Object.fromEntries(PUBLISH_FIELDS.map((field) => [field, z.unknown().optional()])),
  },
  eventData: ({ version }, after) => {
    const manifest = own(after.versions, version);
    const present = PUBLISH_FIELDS.filter((field) => manifest?.[field] !== undefined);
    return { key: { version }, more: Object.fromEntries(present.map((field) => [field, manifest?.[field]])) };
  },
  restore: ({ versions }) => ({ added: versions }),
});

/** The publisher's package.json, with the `dist` of the tarball that the registry read and without the readme. */
function storedManifest({ name, version, manifest, tarball, actor }: Publish): Manifest {
  const { readme: _readme, dist: _sent, ...fields } = manifest;
  const { integrity, shasum, fileCount, unpackedSize } = tarball;
  const dist: Dist = {
    integrity,
    shasum,
    ...(fileCount === undefined ? {} : { fileCount }),
    ...(unpackedSize === undefined ? {} : { unpackedSize }),
  };
  return { ...fields, name, version, _id: `${name}@${version}`, _npmUser: publisherOf(actor), dist };
}

/** Who published, as npm shows it. A CI job with its own identity is a trusted publisher: rules for tags ask for it. */
function publisherOf({ kind, name }: Publish["actor"]): Readonly<Record<string, unknown>> {
  return kind === "workload" ? { name, trustedPublisher: { id: name.split(":", 1)[0] } } : { name };
}
