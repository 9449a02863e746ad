import { createHash } from "node:crypto";
import semver from "semver";
import { ageOf } from "../domain/age.ts";
import { tarballFile } from "../domain/packument.ts";
import { upstreamKey } from "../layout.ts";
import type { CopyStore } from "../ports/copy-store.ts";
import { UpstreamMalformed, type UpstreamTarball } from "../ports/upstream.ts";
import { createDownloads, type Share } from "./download.ts";
import type { VersionSource } from "./prepared.ts";
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
  readonly now: () => Date;
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
    const found = sourceOf(name, file, cached);
    if (found || cached.stale || ageOf(cached.fetched, now()) < RECHECK_MS) return found;
    const again = await packument(name, { revalidate: true });
    return again && sourceOf(name, file, again);
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
function sourceOf(name: string, file: string, { versions }: CachedPackument): Source | undefined {
  const exact = versions.find(([version]) => file === tarballFile(name, version));
  if (exact) return sourceIn(name, ...exact);
  const named = versions.filter(([, { url }]) => lastPart(url) === file);
  const [only] = named;
  return named.length === 1 && only ? sourceIn(name, ...only) : undefined;
}

function sourceIn(name: string, version: string, { url, integrity }: VersionSource): Source | undefined {
  // The version becomes part of a key; a document may have any text in its place.
  if (url === undefined || semver.valid(version, { loose: true }) === null) return undefined;
  // Another digest is another tarball: bytes that were kept under a replaced one are not served.
  const digest = createHash("sha256")
    .update(integrity ?? url)
    .digest("hex")
    .slice(0, 16);
  const key = upstreamKey(name, `${version}-${digest}.tgz`);
  return { key, url, ...(integrity === undefined ? {} : { integrity }) };
}

const lastPart = (url: string | undefined) => url?.split(/[?#]/)[0]?.split("/").at(-1);

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
