import { createHash } from "node:crypto";
import {
  isRecord,
  own,
  stagingKey,
  stateOf,
  tagProblem,
  tarballFile,
  versionProblem,
  type ChangeOf,
  type ObjectStore,
  type Packument,
} from "@codebox/core";
import ssri from "ssri";
import * as z from "zod";
import { ApiError } from "../errors.ts";
import type { Inspected } from "./tarball.ts";

/** An attachment as found: its tarball stands staged. `upload`: where the client had put it. */
export type Attachment = Inspected & { readonly file: string; readonly staging: string; readonly upload?: string };
export type PublishDraft = Omit<ChangeOf<"publish">, "schema" | "id" | "at" | "actor">;

const strings = z.record(z.string(), z.string());
/** What must hold of a manifest so that clients can install it. Everything else is the publisher's own. */
const Manifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  description: z.string().optional(),
  dependencies: strings.optional(),
  devDependencies: strings.optional(),
  optionalDependencies: strings.optional(),
  peerDependencies: strings.optional(),
  engines: z.union([strings, z.array(z.string()), z.string()]).optional(),
  bin: z.union([z.string(), strings]).optional(),
  scripts: z.record(z.string(), z.unknown()).optional(),
  dist: z.looseObject({ integrity: z.string().optional(), shasum: z.string().optional() }).optional(),
});

const Document = z.looseObject({
  name: z.string(),
  versions: z.record(z.string(), Manifest),
  "dist-tags": z.record(z.string(), z.string()).optional(),
  readme: z.string().optional(),
});

export type PublishDocument = {
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
  const [version, ...others] = Object.keys(versions);
  if (version === undefined || others.length > 0)
    throw new ApiError(
      "invalid",
      `a publish has exactly one version; this one has ${others.length + (version === undefined ? 0 : 1)}`,
    );
  const manifest = versions[version];
  const problem = versionProblem(version);
  if (problem) throw new ApiError("invalid", problem);
  if (!manifest || document.name !== name || manifest.name !== name || manifest.version !== version)
    throw new ApiError(
      "invalid",
      `the URL is of ${name}, the document of ${document.name}, its manifest of ${manifest?.name}@${manifest?.version} under ${version}: they must agree`,
    );
  return {
    version,
    manifest,
    tags: tagsOf(document["dist-tags"] ?? {}, version),
    ...(readme === undefined ? {} : { readme }),
  };
}

function tagsOf(tags: Readonly<Record<string, string>>, version: string): readonly string[] {
  for (const [tag, tagged] of Object.entries(tags)) {
    const problem = tagProblem(tag);
    if (problem) throw new ApiError("invalid", problem);
    if (tagged !== version)
      throw new ApiError("invalid", `the tag "${tag}" names ${tagged.slice(0, 80)}, but the publish is of ${version}`);
  }
  return Object.keys(tags).length > 0 ? Object.keys(tags) : ["latest"];
}

/** The change that a publish asks for, once its tarball is staged and is what the document says. */
export function draftPublish(name: string, document: PublishDocument, attachment: Attachment): PublishDraft {
  const { version, manifest, tags, readme } = document;
  checkFile(name, version, attachment.file);
  checkDigests(manifest.dist ?? {}, attachment);
  const packed = attachment.manifest;
  if (packed["name"] !== name || !sameVersion(packed["version"], version))
    throw new ApiError(
      "invalid",
      `the tarball's package.json is of ${String(packed["name"])}@${String(packed["version"])}, the document of ${name}@${version}: they must agree`,
    );
  const { staging, integrity, shasum, size, fileCount, unpackedSize } = attachment;
  const shown = readme ?? (typeof manifest["readme"] === "string" ? manifest["readme"] : undefined);
  return {
    type: "publish",
    name,
    version,
    manifest,
    tags: [...tags],
    tarball: {
      staging,
      integrity,
      shasum,
      size,
      ...(fileCount === undefined ? {} : { fileCount }),
      ...(unpackedSize === undefined ? {} : { unpackedSize }),
    },
    ...(shown === undefined ? {} : { readme: shown }),
  };
}

/** npm cleans a version before it publishes ("v1.0.0", "=1.0.0"); the packed file keeps what the author wrote. */
function sameVersion(packed: unknown, version: string): boolean {
  return (
    typeof packed === "string" &&
    packed
      .trim()
      .replace(/^[v=\s]+/, "")
      .split("+")[0] === version
  );
}

function checkFile(name: string, version: string, file: string): void {
  const expected = [`${name}-${version}.tgz`, tarballFile(name, version)];
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
