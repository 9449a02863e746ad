import { createHasher, type ObjectStore, type StagedTarball } from "@codebox/core";
import { ApiError } from "../errors.ts";
import { createArchive, notATarball, type ArchiveContent, type ArchiveLimits } from "./archive.ts";

/** A tarball as it was found when its bytes were read. */
export type Inspected = Omit<StagedTarball, "staging"> & {
  /** What the tarball's own package.json says. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** The paths of its files, the top folder cut off. */
  readonly files: ReadonlySet<string>;
  readonly readme?: string;
};

/** What a tarball may have at most, in bytes. */
export type TarballLimits = ArchiveLimits & { readonly tarballBytesMax: number };

/**
 * Stores a tarball under a key of the staging area while it streams in, and returns what it is.
 *
 * @example await stageTarball(store, stagingKey(ids.next()), bytes, { tarballBytesMax }) // { integrity: "sha512-…", size: 4711, … }
 * @throws ApiError `invalid` when it is not a package's tarball, `too_large`. Then nothing is stored.
 */
export async function stageTarball(
  store: ObjectStore,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
  limits: TarballLimits,
): Promise<Inspected> {
  const inspector = createInspector(limits);
  await store.put(key, inspector.through(bytes), { contentType: "application/octet-stream" });
  return inspector.result();
}

/**
 * Reads a tarball that is in the store, and returns what it is; `undefined`: no object has this key.
 *
 * @throws ApiError `invalid`, `too_large`
 */
export async function inspectStored(
  store: ObjectStore,
  key: string,
  limits: TarballLimits,
): Promise<Inspected | undefined> {
  const open = await store.open(key);
  if (!open) return undefined;
  const inspector = createInspector(limits);
  for await (const _ of inspector.through(open.body));
  return inspector.result();
}

/** Computes the digests and the size of a tarball while its bytes pass, and checks that they are a package. */
function createInspector({ tarballBytesMax, ...limits }: TarballLimits) {
  const sha512 = createHasher(["sha512"]);
  const sha1 = createHasher(["sha1"]);
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
        result = { integrity: sha512.digest().toString(), shasum: sha1.digest().hexDigest(), ...content };
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
