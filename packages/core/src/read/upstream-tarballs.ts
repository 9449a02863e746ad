import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import ssri from "ssri";
import { isRecord, own, tarballFile } from "../domain/packument.ts";
import { upstreamKey } from "../layout.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { UpstreamMalformed, type UpstreamTarball } from "../ports/upstream.ts";
import type { CachedPackument } from "./upstream-documents.ts";

export type CachedTarball = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };

export type UpstreamTarballsPorts = {
  readonly store: ObjectStore;
  /** The upstream's packument, cached; `revalidate` asks the upstream. */
  readonly packument: (
    name: string,
    options?: { readonly revalidate: boolean },
  ) => Promise<CachedPackument | undefined>;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<UpstreamTarball | undefined>;
  /** Called with each version that has no digest, so that its tarball can't be checked. */
  readonly onUnchecked?: (name: string, version: string) => void;
  readonly now: () => number;
};

/** A tarball of at most so many bytes is checked as a whole before its first byte is passed on. */
const WHOLE_BYTES = 1024 * 1024;
/** A package is not asked for again within so many milliseconds because a version is missing. */
const RECHECK_MS = 1_000;

/** Where the upstream has a version's tarball, and what its bytes must be. */
type Source = { readonly key: string; readonly url: string; readonly integrity?: string };

/**
 * The upstream's tarballs: each is downloaded once, checked, and kept in the store.
 *
 * A tarball is served only while the packument lists its version. When it does not, the upstream is asked again before the
 * answer is "absent": the version may be newer than the copy.
 */
export function createUpstreamTarballs(ports: UpstreamTarballsPorts) {
  const { store, packument, fetch, onUnchecked, now } = ports;
  const downloads = createDownloads();

  const find = async (name: string, file: string): Promise<Source | undefined> => {
    const cached = await packument(name);
    if (!cached) return undefined;
    const found = sourceOf(name, file, cached.document);
    if (found || cached.stale || now() - cached.fetched < RECHECK_MS) return found;
    const again = await packument(name, { revalidate: true });
    return again && sourceOf(name, file, again.document);
  };
  const check = (source: Source, name: string, file: string) => {
    if (source.integrity === undefined) onUnchecked?.(name, file);
  };

  const download = async (source: Source, name: string, file: string): Promise<CachedTarball | undefined> => {
    const started = Promise.withResolvers<CachedTarball | undefined>();
    const { abandon } = downloads.begin(source.key, async (signal) => {
      try {
        const found = await fetch(source.url, signal);
        if (!found) return started.resolve(undefined);
        check(source, name, file);
        if (found.size !== undefined && found.size <= WHOLE_BYTES) {
          const pieces = await Array.fromAsync(checked(found.body, source.integrity));
          started.resolve({ size: found.size, body: iterate(pieces) });
          await store.put(source.key, Buffer.concat(pieces), TARBALL_TYPE);
          return;
        }
        const client = clientStream(abandon);
        started.resolve({ ...(found.size === undefined ? {} : { size: found.size }), body: client });
        await fill(client, (pass) => store.put(source.key, pass(checked(found.body, source.integrity)), TARBALL_TYPE));
      } catch (error) {
        started.reject(error);
        throw error;
      }
    });
    return started.promise;
  };
  const kept = async (key: string): Promise<CachedTarball | undefined> => {
    const open = await store.open(key);
    return open && { size: open.size, body: open.body };
  };

  return {
    async tarball(name: string, file: string): Promise<CachedTarball | undefined> {
      const source = await find(name, file);
      if (!source) return undefined;
      for (;;) {
        // A second client of the same download gets it from the store, once it is there.
        await downloads.follow(source.key);
        const found = await kept(source.key);
        if (found) return found;
        if (!downloads.isRunning(source.key)) return download(source, name, file);
      }
    },
    /** The store's key of a tarball, once all of it is kept there. */
    async keptTarball(name: string, file: string): Promise<string | undefined> {
      const source = await find(name, file);
      if (!source) return undefined;
      do {
        await downloads.follow(source.key);
        if (await store.head(source.key)) return source.key;
      } while (downloads.isRunning(source.key));
      const { settled } = downloads.begin(source.key, async (signal) => {
        const found = await fetch(source.url, signal);
        if (!found) return;
        check(source, name, file);
        await store.put(source.key, checked(found.body, source.integrity), TARBALL_TYPE);
      });
      await settled;
      return (await store.head(source.key)) ? source.key : undefined;
    },
  };
}

/** A download under way. `settled` resolves when the tarball is kept, or is absent; it rejects when it is not kept. */
type Download = { readonly settled: Promise<void>; followers: number };

/** The downloads under way, each by the key where its tarball will be kept. */
function createDownloads() {
  const running = new Map<string, Download>();
  return {
    isRunning: (key: string) => running.has(key),
    /** Begins a download. `abandon` ends it, unless another client waits for it. */
    begin(key: string, run: (signal: AbortSignal) => Promise<void>) {
      const abandoned = new AbortController();
      const download = { settled: run(abandoned.signal).finally(() => running.delete(key)), followers: 0 };
      // A caller that waits for it gets the failure; perhaps nobody waits.
      download.settled.catch(() => undefined);
      running.set(key, download);
      const abandon = () => {
        if (download.followers === 0) abandoned.abort(new Error("nobody waits for this download any more"));
      };
      return { settled: download.settled, abandon };
    },
    /** Waits for the download of another client, if there is one. */
    async follow(key: string): Promise<void> {
      const download = running.get(key);
      if (!download) return;
      download.followers++;
      await download.settled;
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

/** What a client reads. `onGone` is called when it goes away before the end. */
function clientStream(onGone: () => void): PassThrough {
  const client = new PassThrough();
  // A client that is gone gets no error; without a listener its absence would be an uncaught one.
  client.on("error", () => {});
  client.once("close", () => {
    if (!client.writableFinished) onGone();
  });
  return client;
}

/** Stores bytes, and passes them on to the client while they are stored. */
async function fill(
  client: PassThrough,
  store: (pass: (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>) => Promise<unknown>,
): Promise<void> {
  try {
    await store((body) => passing(body, client));
    client.end();
  } catch (error) {
    client.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function* passing(body: AsyncIterable<Uint8Array>, client: PassThrough): AsyncGenerator<Uint8Array> {
  // The client gets each piece one later than the store: when the digest is wrong, its download ends before the last piece.
  let held: Uint8Array | undefined;
  for await (const piece of body) {
    yield piece;
    if (held) await handOver(client, held);
    held = piece;
  }
  if (held) await handOver(client, held);
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

async function* iterate(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function handOver(client: PassThrough, piece: Uint8Array): Promise<void> {
  if (client.destroyed || client.write(piece)) return;
  await new Promise<void>((resolve) => {
    client.once("drain", resolve);
    client.once("close", resolve);
  });
}

const TARBALL_TYPE = { contentType: "application/octet-stream" };
