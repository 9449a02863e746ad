import { createHash } from "node:crypto";
import { Parser, type ReadEntry } from "tar";
import {
  isRecord, stagingKey, TARBALL_ENTRIES_MAX, UNPACKED_BYTES_MAX, type Ids, type ObjectStore, type StagedTarball,
} from "@codebox/core"; // prettier-ignore
import { ApiError } from "../errors.ts";

/** The package.json inside a tarball may be so large, in bytes. */
const MANIFEST_BYTES_MAX = 2 * 1024 * 1024;

export type Inspected = Omit<StagedTarball, "staging"> & {
  /** What the tarball's own package.json says. */
  readonly manifest: Readonly<Record<string, unknown>>;
};

export type TarballLimits = { readonly tarballBytesMax: number; readonly unpackedBytesMax?: number };

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

/** Inspects a tarball that stands in the store already: one that was uploaded to a signed URL. */
export async function inspectStaged(
  store: ObjectStore,
  staging: string,
  limits: TarballLimits,
): Promise<Inspected & { readonly staging: string }> {
  const open = await store.open(staging);
  if (!open)
    throw new ApiError("tarball_missing", "no upload has this id, or it has expired; upload the tarball again");
  const inspector = createInspector(limits);
  for await (const _ of inspector.through(open.body));
  return { staging, ...inspector.result() };
}

/** Watches a tarball's bytes pass: their digests and size, and that they are a package. */
function createInspector({ tarballBytesMax, unpackedBytesMax = UNPACKED_BYTES_MAX }: TarballLimits) {
  const sha512 = createHash("sha512");
  const sha1 = createHash("sha1");
  const archive = createArchive(unpackedBytesMax);
  let size = 0;
  let digests: { readonly integrity: string; readonly shasum: string } | undefined;
  return {
    async *through(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
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
      await archive.end();
      digests = { integrity: `sha512-${sha512.digest("base64")}`, shasum: sha1.digest("hex") };
    },
    result(): Inspected {
      if (!digests) throw new Error("the tarball was not read to its end");
      return { ...digests, size, ...archive.result() };
    },
  };
}

/** The archive inside: tar's own parser, told to be strict. */
function createArchive(unpackedBytesMax: number) {
  let failure: Error | undefined;
  let fileCount = 0;
  let unpackedSize = 0;
  const manifests: Buffer[][] = [];
  let manifest: Readonly<Record<string, unknown>> = {};
  const fail = (error: Error) => {
    failure ??= error;
  };
  const parser = new Parser({ strict: true, onReadEntry: (entry) => onEntry(entry) });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  parser.on("error", (error: Error) => {
    fail(notATarball(error.message));
    resolve();
  });
  parser.on("end", resolve);

  const onEntry = (entry: ReadEntry) => {
    const path = entry.path;
    fileCount += entry.type === "Directory" ? 0 : 1;
    unpackedSize += entry.size;
    if (fileCount > TARBALL_ENTRIES_MAX)
      fail(new ApiError("too_large", `the tarball has more than ${TARBALL_ENTRIES_MAX} files`));
    if (unpackedSize > unpackedBytesMax)
      fail(new ApiError("too_large", `the tarball unpacks to more than ${unpackedBytesMax} bytes`));
    if (path.startsWith("/") || path.split("/").includes(".."))
      fail(notATarball(`its entry ${JSON.stringify(path.slice(0, 200))} leads out of the package`));
    if (/^[^/]+\/package\.json$/.test(path)) {
      const pieces: Buffer[] = [];
      manifests.push(pieces);
      if (entry.size > MANIFEST_BYTES_MAX) fail(notATarball("its package.json is too large"));
      else entry.on("data", (piece) => pieces.push(piece));
    }
    entry.resume();
  };
  return {
    async write(chunk: Uint8Array) {
      if (!failure && !parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) {
        const drained = Promise.withResolvers<void>();
        parser.once("drain", drained.resolve);
        parser.once("error", () => drained.resolve());
        await Promise.race([drained.promise, ended]);
      }
      if (failure) throw failure;
    },
    async end() {
      parser.end();
      await ended;
      if (failure) throw failure;
      const [found, ...others] = manifests;
      if (!found) throw notATarball("it has no package.json in its top folder");
      if (others.length > 0) throw notATarball("it has more than one package.json in a top folder");
      manifest = manifestOf(Buffer.concat(found));
    },
    result: () => ({ fileCount, unpackedSize, manifest }),
  };
}

function manifestOf(bytes: Buffer): Record<string, unknown> {
  try {
    const manifest: unknown = JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, ""));
    if (isRecord(manifest)) return manifest;
  } catch {
    throw notATarball("its package.json is not JSON");
  }
  throw notATarball("its package.json is not an object");
}

function notATarball(why: string): ApiError {
  return new ApiError("invalid", `the attachment is not a package's tarball: ${why}; pack it with "npm pack"`);
}
