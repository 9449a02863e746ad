import { createHash } from "node:crypto";
import ssri from "ssri";
import { isRecord, own, tarballFile } from "../domain/packument.ts";
import { upstreamKey } from "../layout.ts";
import type { CopyStore } from "../ports/copy-store.ts";
import { UpstreamMalformed, type UpstreamTarball } from "../ports/upstream.ts";
import { createDownloads, type Share } from "./download.ts";
import type { CachedPackument } from "./upstream-documents.ts";

/** `body` is the whole tarball where it is at hand. */
export type CachedTarball = Share;

export type UpstreamTarballsPorts = {
  readonly copies: CopyStore;
  /** The upstream's packument, cached; `revalidate` asks the upstream. */
  readonly packument: (
    name: string,
    options?: { readonly revalidate: boolean },
  ) => Promise<CachedPackument | undefined>;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<UpstreamTarball | undefined>;
  /** Called with each version that has no digest, so that its tarball can't be checked. */
  readonly onUnchecked?: (name: string, version: string) => void;
  /** Called when a tarball could not be kept, though its clients got it. */
  readonly onFailure: (error: unknown) => void;
  readonly now: () => number;
};

/** A package is not asked for again within so many milliseconds because a version is missing. */
const RECHECK_MS = 1_000;

/** Where the upstream has a version's tarball, and what its bytes must be. */
type Source = { readonly key: string; readonly url: string; readonly integrity?: string };

/**
 * The upstream's tarballs: each is downloaded once, checked, and kept.
 *
 * A tarball is served only while the packument lists its version. When it does not, the upstream is asked again before the
 * answer is "absent": the version may be newer than the copy.
 */
export function createUpstreamTarballs(ports: UpstreamTarballsPorts) {
  const { copies, packument, fetch, onUnchecked, now } = ports;
  const downloads = createDownloads(copies, ports.onFailure);

  const find = async (name: string, file: string): Promise<Source | undefined> => {
    const cached = await packument(name);
    if (!cached) return undefined;
    const found = sourceOf(name, file, cached.document);
    if (found || cached.stale || now() - cached.fetched < RECHECK_MS) return found;
    const again = await packument(name, { revalidate: true });
    return again && sourceOf(name, file, again.document);
  };
  const download = (source: Source, name: string, file: string) =>
    downloads.begin(source.key, async (signal) => {
      const found = await fetch(source.url, signal);
      if (found && source.integrity === undefined) onUnchecked?.(name, file);
      return found && { ...found, body: checked(found.body, source.integrity) };
    });

  return {
    async tarball(name: string, file: string): Promise<CachedTarball | undefined> {
      const source = await find(name, file);
      if (!source) return undefined;
      const known = downloads.running(source.key) ? undefined : await copies.open(source.key);
      return known ?? download(source, name, file).share();
    },
    /** The store's key of a tarball, once all of it is kept there. */
    async keptTarball(name: string, file: string): Promise<string | undefined> {
      const source = await find(name, file);
      if (!source) return undefined;
      if (!downloads.running(source.key) && (await copies.has(source.key))) return source.key;
      return (await download(source, name, file).kept()) ? source.key : undefined;
    },
  };
}

/**
 * The version's tarball by its file name: ours (`wire-1.0.0.tgz`), or the last part of the upstream's own URL, which lock files
 * may hold. Ours comes first: an upstream may give two versions' tarballs the same last part.
 */
function sourceOf(name: string, file: string, document: Readonly<Record<string, unknown>>): Source | undefined {
  const versions = isRecord(document["versions"]) ? document["versions"] : {};
  const prefix = tarballFile(name, "").slice(0, -".tgz".length);
  const version = file.startsWith(prefix) && file.endsWith(".tgz") ? file.slice(prefix.length, -".tgz".length) : "";
  const exact = own(versions, version);
  if (exact !== undefined) return sourceIn(name, version, exact);
  const named = Object.entries(versions).filter(([, manifest]) => lastPart(tarballOf(manifest)) === file);
  const [only] = named;
  return named.length === 1 && only ? sourceIn(name, only[0], only[1]) : undefined;
}

function sourceIn(name: string, version: string, manifest: unknown): Source | undefined {
  const url = tarballOf(manifest);
  if (url === undefined) return undefined;
  const integrity = integrityOf(manifest);
  // Another digest is another tarball: bytes that were kept under a replaced one are not served.
  const digest = createHash("sha256")
    .update(integrity ?? url)
    .digest("hex")
    .slice(0, 16);
  const key = upstreamKey(name, `${version}-${digest}.tgz`);
  return { key, url, ...(integrity === undefined ? {} : { integrity }) };
}

function distOf(manifest: unknown): Record<string, unknown> {
  return isRecord(manifest) && isRecord(manifest["dist"]) ? manifest["dist"] : {};
}

function tarballOf(manifest: unknown): string | undefined {
  const { tarball } = distOf(manifest);
  return typeof tarball === "string" ? tarball : undefined;
}

const lastPart = (url: string | undefined) => url?.split(/[?#]/)[0]?.split("/").at(-1);

/** The strongest digest, none weaker than sha1. */
function integrityOf(manifest: unknown): string | undefined {
  const { integrity, shasum } = distOf(manifest);
  const hashes = typeof integrity === "string" ? ssri.parse(integrity) : null;
  for (const algorithm of ["sha512", "sha384", "sha256", "sha1"]) {
    const found = hashes?.[algorithm];
    if (found?.length) return found.map((hash) => hash.toString()).join(" ");
  }
  return typeof shasum === "string" && /^[0-9a-f]{40}$/i.test(shasum)
    ? `sha1-${Buffer.from(shasum, "hex").toString("base64")}`
    : undefined;
}

/** The same bytes; throws at their end when they are not those of the integrity. Without one they are not checked. */
async function* checked(body: AsyncIterable<Uint8Array>, integrity: string | undefined): AsyncGenerator<Uint8Array> {
  if (integrity === undefined) return yield* body;
  const algorithm = integrity.slice(0, integrity.indexOf("-"));
  const digest = createHash(algorithm);
  for await (const piece of body) {
    digest.update(piece);
    yield piece;
  }
  const found = `${algorithm}-${digest.digest("base64")}`;
  if (!integrity.split(" ").includes(found))
    throw new UpstreamMalformed(`the upstream sent a damaged tarball: ${found} instead of ${integrity}`);
}
