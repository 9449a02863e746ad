import { createHash } from "node:crypto";
import {
  isRecord,
  own,
  README_MAX,
  stagingKey,
  stateOf,
  tagProblem,
  tarballFile,
  versionProblem,
  type ChangeOf,
  type ObjectStore,
  type Packument,
} from "@codebox/core";
import semver from "semver";
import ssri from "ssri";
import * as z from "zod";
import { ApiError } from "../errors.ts";
import { manifestToStore } from "./manifest.ts";
import type { PublishContent, Retries } from "./retries.ts";
import { harmless, printable } from "./shown.ts";
import type { Inspected } from "./tarball.ts";

/** An attachment as found: its tarball stands staged. `upload`: where the client had put it. */
export type Attachment = Inspected & { readonly file: string; readonly staging: string; readonly upload?: string };
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

export type PublishDocument = {
  /** As semver cleans it: npm does so before it publishes, other clients send what the author wrote. */
  readonly version: string;
  /** What the author wrote. */
  readonly writtenVersion: string;
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
    writtenVersion: written,
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
  const { version, writtenVersion, manifest, tags } = document;
  checkFile(name, [version, writtenVersion], attachment.file);
  checkDigests(manifest.dist ?? {}, attachment);
  const packed = attachment.manifest;
  if (packed["name"] !== name || cleaned(String(packed["version"])) !== version)
    throw new ApiError(
      "invalid",
      `the tarball's package.json is of ${String(packed["name"])}@${String(packed["version"])}, the document of ${name}@${version}: they must agree`,
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

function checkFile(name: string, versions: readonly string[], file: string): void {
  const expected = versions.flatMap((version) => [`${name}-${version}.tgz`, tarballFile(name, version)]);
  if (!expected.includes(file))
    throw new ApiError(
      "invalid",
      `the attachment is called ${JSON.stringify(file.slice(0, 300))}; it must be "${expected[0]}"`,
    );
}

function checkDigests(
  declared: { readonly integrity?: string | undefined; readonly shasum?: string | undefined },
  found: Attachment,
): void {
  if (declared.shasum !== undefined && declared.shasum.toLowerCase() !== found.shasum)
    throw mismatch("shasum", declared.shasum, found.shasum);
  if (declared.integrity === undefined) return;
  const hashes = ssri.parse(declared.integrity);
  const sha512 = hashes?.["sha512"]?.map((hash) => hash.toString()) ?? [];
  const sha1 = hashes?.["sha1"]?.map((hash) => hash.toString()) ?? [];
  if (sha512.length === 0 && sha1.length === 0)
    throw new ApiError(
      "invalid",
      `dist.integrity must hold a sha512 (or sha1), not ${JSON.stringify(declared.integrity.slice(0, 120))}`,
    );
  const matches =
    sha512.length > 0
      ? sha512.includes(found.integrity)
      : sha1.includes(`sha1-${Buffer.from(found.shasum, "hex").toString("base64")}`);
  if (!matches) throw mismatch("integrity", declared.integrity, found.integrity);
}

function mismatch(field: string, declared: string, found: string): ApiError {
  return new ApiError(
    "invalid",
    `dist.${field} says ${declared.slice(0, 120)}, but the tarball has ${found}: it was damaged on its way, or is another one; publish it again`,
  );
}

/**
 * The id that stays the same over a client's retries of one publish, and is another for any other publish; `undefined` when
 * the client says nothing by which to tell.
 *
 * npm repeats a PUT after a 5xx with the same `npm-session`. Source: npm-registry-fetch lib/default-opts.js, make-fetch-happen lib/remote.js.
 * @param integrity of the bytes that came: what the document says of them may be absent.
 */
export function publishId(
  { headers, user }: Asker,
  name: string,
  { version, tags, manifest }: PublishDocument,
  integrity: string,
): string | undefined {
  const key = keyOf(headers);
  if (key === undefined) return undefined;
  const source = JSON.stringify([key, user, name, version, tags, manifest, integrity]);
  return `pub-${createHash("sha256").update(source).digest("base64url")}`;
}

/** What makes two publishes the same one: whoever sends it, its bytes, its manifest and its tags. */
export function contentOf(
  { user }: Asker,
  name: string,
  { version, tags, manifest }: PublishDocument,
  integrity: string,
): PublishContent {
  const digest = createHash("sha256")
    .update(JSON.stringify([tags, manifest, integrity]))
    .digest("base64url");
  return { user, name, version, digest };
}

/** A publish whose answer did not arrive, as it was applied. Decided by the digest that the document states. */
export function foreseenRepeat(
  current: Packument | undefined,
  retries: Retries,
  asker: Asker,
  name: string,
  document: PublishDocument,
): string | undefined {
  const integrity = declaredIntegrity(document);
  const id = integrity === undefined ? undefined : retries.find(contentOf(asker, name, document, integrity));
  return stateOf(current).applied.some((record) => record.id === id) ? id : undefined;
}

export type Asker = { readonly headers: Headers; readonly user: string };

function keyOf(headers: Headers): string | undefined {
  return (headers.get("idempotency-key") ?? headers.get("npm-session")) || undefined;
}

/** The publish as it was applied before, told from what the document says of its tarball; `undefined` also when it says nothing. */
export function foreseenRetry(
  current: Packument | undefined,
  asker: Asker,
  name: string,
  document: PublishDocument,
): string | undefined {
  const integrity = declaredIntegrity(document);
  const id = integrity === undefined ? undefined : publishId(asker, name, document, integrity);
  return stateOf(current).applied.some((record) => record.id === id) ? id : undefined;
}

function declaredIntegrity({ manifest }: PublishDocument): string | undefined {
  const [hash, ...others] = ssri.parse(manifest.dist?.integrity ?? "")?.["sha512"] ?? [];
  return hash && others.length === 0 ? `sha512-${hash.digest}` : undefined;
}

/**
 * Refuses a version that exists before its tarball is uploaded. Let through is a retry of the publish that made it, and what
 * may be one: only the tarball's bytes tell.
 * @param complete whether all of the document but the tarball was read.
 */
export function refuseExisting(
  current: Packument | undefined,
  asker: Asker,
  document: PublishDocument,
  complete: boolean,
): void {
  if (current === undefined || !own(current.versions, document.version)) return;
  const untold = keyOf(asker.headers) !== undefined && (!complete || declaredIntegrity(document) === undefined);
  if (untold || foreseenRetry(current, asker, current.name, document) !== undefined) return;
  throw new ApiError(
    "version_exists",
    `${current.name}@${document.version} is published already; versions are immutable: raise the version and publish again`,
  );
}

/** An attachment that names an upload instead of carrying the bytes: `{"staged": "<id>"}`. */
export function stagedUpload(attachment: unknown): string | undefined {
  if (!isRecord(attachment) || typeof attachment["staged"] !== "string") return undefined;
  const id = attachment["staged"];
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw new ApiError("invalid", "the attachment's upload id is malformed");
  return stagingKey(id);
}

export async function discard(store: ObjectStore, staged: readonly Attachment[]): Promise<void> {
  await Promise.all(staged.map(({ staging }) => store.delete(staging)));
}
