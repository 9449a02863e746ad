import {
  type ChangeOf,
  isRecord,
  manifestProblem,
  README_MAX,
  shownValue,
  stagingKey,
  tagProblem,
  versionProblem,
} from "@codebox/core";
import semver from "semver";
import ssri from "ssri";
import * as z from "zod";
import { ApiError } from "../errors.ts";
import { manifestToStore } from "./manifest.ts";
import { harmless, printable } from "./shown.ts";
import type { Attachment } from "./staging.ts";

/** The change of a publish, without what accepting it adds. */
export type PublishDraft = Omit<ChangeOf<"publish">, "schema" | "id" | "at" | "actor">;

/** What clients send for a field that the author left empty. */
const absent = z.union([z.null(), z.literal(""), z.literal(false), z.tuple([])]);
const strings = z.union([z.record(z.string(), z.string()), absent]).optional();
/** What must hold of a manifest so that clients can install it. Everything else is the publisher's own. */
const Manifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  description: z.union([z.string(), absent]).optional(),
  dependencies: strings,
  devDependencies: strings,
  optionalDependencies: strings,
  peerDependencies: strings,
  engines: z
    .union([z.record(z.string(), z.union([z.string(), z.number()])), z.array(z.string()), z.string(), absent])
    .optional(),
  bin: z.union([z.string(), z.record(z.string(), z.string()), z.array(z.string()), absent]).optional(),
  scripts: z.union([z.record(z.string(), z.unknown()), absent]).optional(),
  dist: z.looseObject({ integrity: z.string().optional(), shasum: z.string().optional() }).optional(),
});

const Document = z.looseObject({
  name: z.string(),
  versions: z.record(z.string(), Manifest),
  "dist-tags": z.record(z.string(), z.string()).optional(),
  readme: z.union([z.string(), absent]).optional(),
});

/** What a publish's document says about its one version. */
export type PublishDocument = {
  /** As semver cleans it: npm does so before it publishes, other clients send what the author wrote. */
  readonly version: string;
  readonly manifest: z.infer<typeof Manifest>;
  readonly tags: readonly string[];
  readonly readme?: string;
};

/** The one version that a publish's document is about. @throws ApiError `invalid` naming what is wrong. */
export function readPublish(name: string, body: unknown): PublishDocument {
  const parsed = Document.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ApiError(
      "invalid",
      `the document's ${issue?.path.join(".") || "body"} is wrong: ${issue?.message ?? "malformed"}`,
    );
  }
  const { versions, readme, ...document } = parsed.data;
  const [written, ...others] = Object.keys(versions);
  if (written === undefined || others.length > 0)
    throw new ApiError(
      "invalid",
      `a publish has exactly one version; this one has ${others.length + (written === undefined ? 0 : 1)}`,
    );
  const manifest = versions[written];
  const excess = manifest && manifestProblem(manifest);
  if (excess !== undefined) throw new ApiError("too_large", excess);
  const version = cleaned(written);
  const problem = versionProblem(version);
  if (problem) throw new ApiError("invalid", problem);
  if (!manifest || document.name !== name || manifest.name !== name || cleaned(manifest.version) !== version)
    throw new ApiError(
      "invalid",
      `the URL is of ${name}, the document of ${document.name}, its manifest of ${manifest?.name}@${manifest?.version} under ${version}: they must agree`,
    );
  return {
    version,
    manifest,
    tags: tagsOf(document["dist-tags"] ?? {}, version),
    ...(typeof readme === "string" && readme !== "" ? { readme } : {}),
  };
}

function tagsOf(tags: Readonly<Record<string, string>>, version: string): readonly string[] {
  for (const [tag, tagged] of Object.entries(tags)) {
    const problem = tagProblem(tag);
    if (problem) throw new ApiError("invalid", problem);
    if (cleaned(tagged) !== version)
      throw new ApiError("invalid", `the tag "${tag}" names ${tagged.slice(0, 80)}, but the publish is of ${version}`);
  }
  return Object.keys(tags);
}

/** @example cleaned("v2024.01.05+build") // "2024.1.5" */
function cleaned(version: string): string {
  return semver.clean(version, { loose: true }) ?? version;
}

/** The change that a publish asks for, once its tarball is staged and is what the document says. */
export function draftPublish(name: string, document: PublishDocument, attachment: Attachment): PublishDraft {
  const { version, manifest, tags } = document;
  checkFile(name, version, attachment.file);
  checkDigests(manifest.dist ?? {}, attachment);
  const packed = attachment.manifest;
  if (packed["name"] !== name || typeof packed["version"] !== "string" || cleaned(packed["version"]) !== version)
    throw new ApiError(
      "invalid",
      `the tarball's package.json is of ${shownValue(packed["name"])}@${shownValue(packed["version"])}, the document of ${name}@${version}: they must agree`,
    );
  const { staging, integrity, shasum, size, fileCount, unpackedSize } = attachment;
  const readme = [document.readme, manifest["readme"], attachment.readme].find(isReadme);
  return {
    type: "publish",
    name,
    version,
    manifest: { ...harmless(manifestToStore(manifest, packed, attachment.files)), name, version },
    tags: [...tags],
    tarball: {
      staging,
      integrity,
      shasum,
      size,
      ...(fileCount === undefined ? {} : { fileCount }),
      ...(unpackedSize === undefined ? {} : { unpackedSize }),
    },
    ...(readme === undefined ? {} : { readme: printable(readme).slice(0, README_MAX) }),
  };
}

/** npm writes the last one where there is no readme. Source: @npmcli/package-json, lib/normalize.js. */
function isReadme(text: unknown): text is string {
  return typeof text === "string" && text !== "" && text !== "ERROR: No README data found!";
}

/** bun cleans the version in the document and not in the file's name: any spelling of it will do there. */
function checkFile(name: string, version: string, file: string): void {
  const prefix = [`${name}-`, `${name.slice(name.indexOf("/") + 1)}-`].find((start) => file.startsWith(start));
  if (prefix === undefined || !file.endsWith(".tgz") || cleaned(file.slice(prefix.length, -".tgz".length)) !== version)
    throw new ApiError(
      "invalid",
      `the attachment is called ${JSON.stringify(file.slice(0, 300))}; it must be "${name}-${version}.tgz"`,
    );
}

function checkDigests(
  declared: { readonly integrity?: string | undefined; readonly shasum?: string | undefined },
  found: Attachment,
): void {
  if (declared.shasum !== undefined && declared.shasum.toLowerCase() !== found.shasum)
    throw mismatch("shasum", declared.shasum, found.shasum);
  if (declared.integrity === undefined) return;
  const stated = ssri.parse(declared.integrity);
  if (!stated?.["sha512"] && !stated?.["sha1"])
    throw new ApiError(
      "invalid",
      `dist.integrity must hold a sha512 (or sha1), not ${JSON.stringify(declared.integrity.slice(0, 120))}`,
    );
  // Only the strongest of the two counts when both are stated.
  const actual = ssri.parse(found.integrity).concat(ssri.fromHex(found.shasum, "sha1"));
  if (!actual.match(stated)) throw mismatch("integrity", declared.integrity, found.integrity);
}

function mismatch(field: string, declared: string, found: string): ApiError {
  return new ApiError(
    "invalid",
    `dist.${field} says ${declared.slice(0, 120)}, but the tarball has ${found}: it was damaged on its way, or is another one; publish it again`,
  );
}

/** An attachment that names an upload instead of carrying the bytes: `{"staged": "<id>"}`. */
export function stagedUpload(attachment: unknown): string | undefined {
  if (!isRecord(attachment) || typeof attachment["staged"] !== "string") return undefined;
  const id = attachment["staged"];
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw new ApiError("invalid", "the attachment's upload id is malformed");
  return stagingKey(id);
}
