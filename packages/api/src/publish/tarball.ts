import { createHash } from "node:crypto";
import { stagingKey, type Ids, type ObjectStore, type StagedTarball } from "@codebox/core";
import { ApiError } from "../errors.ts";
import { createArchive, notATarball, type ArchiveContent, type ArchiveLimits } from "./archive.ts";

export type Inspected = Omit<StagedTarball, "staging"> & {
  /** What the tarball's own package.json says. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** The paths of its files, the top folder cut off. */
  readonly files: ReadonlySet<string>;
  readonly readme?: string;
};

export type TarballLimits = ArchiveLimits & { readonly tarballBytesMax: number };

/**
 * Stages a tarball under a new key while it streams in, and tells what it is.
 *
 * @throws ApiError `invalid` when it is not a package's tarball, `too_large`. Then nothing is staged.
 */
export async function stageTarball(
  { store, ids }: { readonly store: ObjectStore; readonly ids: Ids },
  bytes: AsyncIterable<Uint8Array>,
  limits: TarballLimits,
): Promise<Inspected & { readonly staging: string }> {
  const staging = stagingKey(ids.next());
  const inspector = createInspector(limits);
  await store.put(staging, inspector.through(bytes), { contentType: "application/octet-stream" });
  return { staging, ...inspector.result() };
}

/**
 * Takes over a tarball that was uploaded to a signed URL, under a new key, and tells what it is.
 *
 * The URL may still overwrite its own key: what is inspected and published is a copy that no URL reaches. The upload stays.
 * @throws ApiError `tarball_missing`, `invalid`, `too_large`. Then nothing is staged.
 */
export async function takeUpload(
  { store, ids }: { readonly store: ObjectStore; readonly ids: Ids },
  upload: string,
  limits: TarballLimits,
): Promise<Inspected & { readonly staging: string; readonly upload: string }> {
  const staging = stagingKey(ids.next());
  const copied = await store.copy(upload, staging);
  const open = copied.ok ? await store.open(staging) : undefined;
  if (!open)
    throw new ApiError("tarball_missing", "no upload has this id, or it has expired; upload the tarball again");
  const inspector = createInspector(limits);
  try {
    for await (const _ of inspector.through(open.body));
  } catch (error) {
    await store.delete(staging);
    throw error;
  }
  return { staging, upload, ...inspector.result() };
}

/** Watches a tarball's bytes pass: their digests and size, and that they are a package. */
function createInspector({ tarballBytesMax, ...limits }: TarballLimits) {
  const sha512 = createHash("sha512");
  const sha1 = createHash("sha1");
  const archive = createArchive(limits);
  let size = 0;
  let result: Omit<Inspected, "size"> | undefined;
  return {
    async *through(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of bytes) {
          if (size === 0 && chunk.byteLength > 0 && chunk[0] !== 0x1f) throw notATarball("it is not gzip-compressed");
          size += chunk.byteLength;
          if (size > tarballBytesMax)
            throw new ApiError(
              "too_large",
              `the tarball is over the limit of ${tarballBytesMax} bytes (${Math.round(tarballBytesMax / 1024 / 1024)} MiB); leave files out with "files" in package.json`,
            );
          sha512.update(chunk);
          sha1.update(chunk);
          await archive.write(chunk);
          yield chunk;
        }
        if (size === 0) throw notATarball("it is empty");
        const content: ArchiveContent = await archive.end();
        result = { integrity: `sha512-${sha512.digest("base64")}`, shasum: sha1.digest("hex"), ...content };
      } finally {
        archive.close();
      }
    },
    result(): Inspected {
      if (!result) throw new Error("the tarball was not read to its end");
      return { ...result, size };
    },
  };
}
