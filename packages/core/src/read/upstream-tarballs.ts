import { PassThrough } from "node:stream";
import ssri from "ssri";
import { upstreamKey } from "../layout.ts";
import { isRecord } from "../domain/packument.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { createHasher } from "./integrity.ts";
import { UpstreamMalformed, type PackumentForm, type UpstreamTarball } from "../ports/upstream.ts";

export type CachedTarball = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };

export type UpstreamTarballsPorts = {
  readonly store: ObjectStore;
  /** The upstream's packument, cached. */
  readonly packument: (name: string, form: PackumentForm) => Promise<{ readonly bytes: Uint8Array } | undefined>;
  readonly fetch: (url: string) => Promise<UpstreamTarball | undefined>;
};

/** The upstream's tarballs, each fetched once, checked, and kept in the store. */
export function createUpstreamTarballs({ store, packument, fetch }: UpstreamTarballsPorts) {
  /** A tarball as the upstream sends it, and what its bytes must be. */
  const find = async (name: string, file: string) => {
    const source = distOf(await packument(name, "abbreviated"), file) ?? distOf(await packument(name, "full"), file);
    const found = source && (await fetch(source.url));
    return found && { ...found, integrity: source.integrity };
  };
  return {
    async tarball(name: string, file: string): Promise<CachedTarball | undefined> {
      const key = upstreamKey(name, file);
      const kept = await store.open(key);
      if (kept) return { size: kept.size, body: kept.body };
      const found = await find(name, file);
      if (!found) return undefined;
      const body = keeping(store, key, found.body, found.integrity);
      return found.size === undefined ? { body } : { size: found.size, body };
    },
    async keptTarball(name: string, file: string): Promise<string | undefined> {
      const key = upstreamKey(name, file);
      if (await store.head(key)) return key;
      const found = await find(name, file);
      if (!found) return undefined;
      await store.put(key, checked(found.body, found.integrity), TARBALL_TYPE);
      return key;
    },
  };
}

/**
 * Passes a tarball on while it goes into the cache.
 *
 * The client gets every piece one later than the cache: when the integrity is wrong, its download breaks off before the end
 * and nothing is kept. A client that goes away does not stop the cache from being filled.
 */
function keeping(
  store: ObjectStore,
  key: string,
  body: AsyncIterable<Uint8Array>,
  integrity: string,
): AsyncIterable<Uint8Array> {
  const client = new PassThrough();
  // A client that is gone is told nothing; without a listener its absence would be an uncaught error.
  client.on("error", () => {});
  const stored = store.put(key, passing(checked(body, integrity), client), TARBALL_TYPE);
  stored.then(
    () => client.end(),
    (error: Error) => client.destroy(error),
  );
  return client;
}

async function* passing(body: AsyncIterable<Uint8Array>, client: PassThrough): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  for await (const piece of body) {
    yield piece;
    if (held) await handOver(client, held);
    held = piece;
  }
  if (held) await handOver(client, held);
}

/** The same bytes; throws at their end when they do not match the integrity. */
async function* checked(body: AsyncIterable<Uint8Array>, integrity: string): AsyncGenerator<Uint8Array> {
  const stated = ssri.parse(integrity);
  const algorithm = stated?.pickAlgorithm() ?? "sha512";
  const hasher = createHasher([algorithm]);
  for await (const piece of body) {
    hasher.update(piece);
    yield piece;
  }
  const found = hasher.digest();
  if (!stated || !found.match(stated))
    throw new UpstreamMalformed(`the upstream sent a damaged tarball: ${found.toString()} instead of ${integrity}`);
}

async function handOver(client: PassThrough, piece: Uint8Array): Promise<void> {
  if (client.destroyed || client.write(piece)) return;
  await new Promise<void>((resolve) => {
    client.once("drain", resolve);
    client.once("close", resolve);
  });
}

const TARBALL_TYPE = { contentType: "application/octet-stream" };

/** Where the upstream has a tarball, and what its bytes must be. */
function distOf(
  cached: { readonly bytes: Uint8Array } | undefined,
  file: string,
): { readonly url: string; readonly integrity: string } | undefined {
  if (!cached) return undefined;
  const packument: unknown = JSON.parse(Buffer.from(cached.bytes).toString("utf8"));
  const versions = isRecord(packument) && isRecord(packument["versions"]) ? Object.values(packument["versions"]) : [];
  for (const manifest of versions) {
    const dist = isRecord(manifest) && isRecord(manifest["dist"]) ? manifest["dist"] : {};
    const { tarball, integrity, shasum } = dist;
    if (typeof tarball !== "string" || tarball.split("/").at(-1)?.split(/[?#]/)[0] !== file) continue;
    if (typeof integrity === "string") return { url: tarball, integrity };
    if (typeof shasum === "string") return { url: tarball, integrity: ssri.fromHex(shasum, "sha1").toString() };
  }
  return undefined;
}
