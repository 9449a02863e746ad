import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { LRUCache } from "lru-cache";
import ssri from "ssri";
import { indexKey, UPSTREAM_PREFIX } from "./keys.ts";
import { isRecord } from "./packument.ts";
import type { Clock } from "./ports/ambient.ts";
import { StoreUnavailable, type ObjectStore } from "./ports/object-store.ts";
import {
  isUpstreamFailure,
  UpstreamMalformed,
  UpstreamUnavailable,
  type PackumentForm,
  type Upstream,
} from "./ports/upstream.ts";

/** An upstream packument as cached: the bytes as the upstream sent them, tarball URLs and all. */
export type CachedPackument = {
  readonly bytes: Uint8Array;
  /** Of the bytes; changes whenever they do. */
  readonly etag: string;
  /** The upstream did not answer, and this copy is older than it should be. */
  readonly stale: boolean;
};

export type CachedTarball = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };

/**
 * Packages that are not ours: fetched from the upstream, kept in the store, served stale when the upstream fails.
 *
 * A name of ours never comes from here: the caller asks for it only when `isOurs(name)` is false and the store has no document.
 */
export type UpstreamCache = {
  /** Whether the name's scope is configured as ours, however it is capitalised, so that it must never come from upstream. */
  isOurs(name: string): boolean;
  /** `undefined`: the upstream has no such package. Throws the port's errors when it gives none and nothing is cached. */
  packument(name: string, form: PackumentForm): Promise<CachedPackument | undefined>;
  /** A tarball by its file name (`wire-1.0.0.tgz`), streamed through the cache, its integrity checked before it is kept. */
  tarball(name: string, file: string): Promise<CachedTarball | undefined>;
  /** Forwards an audit, with our own packages left out. */
  advisories(packages: Readonly<Record<string, readonly string[]>>): Promise<unknown>;
};

export type UpstreamCachePorts = {
  readonly store: ObjectStore;
  readonly upstream: Upstream;
  readonly clock: Clock;
};
export type UpstreamCacheSettings = {
  /** Scopes that are ours: `@acme`. */
  readonly scopes: readonly string[];
  /** Milliseconds for which a packument is served without asking. Default: 5 minutes, as npm's registry lets its own be kept. */
  readonly freshMs?: number;
  /** Milliseconds for which an absent package is not asked for again. Default: one minute. */
  readonly negativeMs?: number;
};

const FRESH_MS = 5 * 60 * 1000;
const NEGATIVE_MS = 60 * 1000;
/** After a failure the upstream is left alone for so long, in milliseconds. */
const REST_MS = 5_000;

/** What is kept beside a cached packument. */
type Meta = { readonly fetched: number; readonly etag?: string };

/** Opens the cache over the store; every instance of the registry shares it. */
export function createUpstreamCache(ports: UpstreamCachePorts, settings: UpstreamCacheSettings): UpstreamCache {
  const { store, upstream, clock } = ports;
  const { scopes, freshMs = FRESH_MS, negativeMs = NEGATIVE_MS } = settings;
  const underWay = new Map<string, Promise<CachedPackument | undefined>>();
  const absent = new LRUCache<string, number>({ max: 10_000 });
  const now = () => clock.now().getTime();

  const ourScopes = scopes.map((scope) => `${scope.toLowerCase()}/`);
  const isOurs = (name: string) => ourScopes.some((scope) => name.toLowerCase().startsWith(scope));
  /** A name with capitals is ours when the one without is: new packages have none, so one look tells. */
  const isVariantOfOurs = async (name: string) => {
    const plain = name.toLowerCase();
    return plain !== name && (await store.head(indexKey(plain))) !== undefined;
  };
  const asking = createRest(clock);

  const refresh = async (name: string, form: PackumentForm): Promise<CachedPackument | undefined> => {
    const key = packumentKey(name, form);
    const [kept, meta] = await Promise.all([store.get(key), readMeta(store, key)]);
    const copy = kept?.modifiedSince ? { bytes: kept.bytes, etag: kept.etag } : undefined;
    if (copy && meta && now() - meta.fetched < freshMs) return { ...copy, stale: false };
    try {
      const etag = copy && meta?.etag;
      const found = await asking(() =>
        upstream.packument({ name, form, ...(etag === undefined ? {} : { ifNoneMatch: etag }) }),
      );
      const missing = found.kind === "absent" || (found.kind === "found" && wasUnpublished(name, found.bytes));
      if (missing) {
        absent.set(name, now());
        return undefined;
      }
      if (found.kind === "not_modified") {
        await writeMeta(store, key, { ...meta, fetched: now() });
        return copy && { ...copy, stale: false };
      }
      const result = await store.put(key, found.bytes, { contentType: "application/json" });
      if (!result.ok) throw new StoreUnavailable("an unconditional write was refused");
      await writeMeta(store, key, { fetched: now(), ...(found.etag === undefined ? {} : { etag: found.etag }) });
      return { bytes: found.bytes, etag: result.etag, stale: false };
    } catch (error) {
      if (isUpstreamFailure(error) && copy) return { ...copy, stale: true };
      throw error;
    }
  };

  const packument: UpstreamCache["packument"] = async (name, form) => {
    if (isOurs(name) || (await isVariantOfOurs(name))) return undefined;
    if (now() - (absent.get(name) ?? Number.NEGATIVE_INFINITY) < negativeMs) return undefined;
    const key = `${form} ${name}`;
    const pending = underWay.get(key) ?? refresh(name, form).finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  };

  return {
    isOurs,
    packument,
    async tarball(name, file) {
      if (isOurs(name) || (await isVariantOfOurs(name))) return undefined;
      const key = cacheKey(name, file);
      const kept = await store.open(key);
      if (kept) return { size: kept.size, body: kept.body };
      const source = distOf(await packument(name, "abbreviated"), file) ?? distOf(await packument(name, "full"), file);
      if (!source) return undefined;
      const found = await asking(() => upstream.tarball(source.url));
      return found && { ...found, body: keeping(store, key, found.body, source.integrity) };
    },
    async advisories(packages) {
      const theirs: Record<string, readonly string[]> = {};
      for (const [name, versions] of Object.entries(packages)) {
        const ours = isOurs(name) || (await store.head(indexKey(name))) !== undefined || (await isVariantOfOurs(name));
        if (!ours) theirs[name] = versions;
      }
      return Object.keys(theirs).length === 0 ? {} : asking(() => upstream.advisories(theirs));
    },
  };
}

/** Asks the upstream, unless it failed a moment ago: one that is down is not hammered, and its callers do not wait for it. */
function createRest(clock: Clock): <T>(ask: () => Promise<T>) => Promise<T> {
  let until = 0;
  const now = () => clock.now().getTime();
  return async (ask) => {
    if (now() < until) throw new UpstreamUnavailable("it failed a moment ago");
    try {
      return await ask();
    } catch (error) {
      if (error instanceof UpstreamUnavailable) until = now() + REST_MS;
      throw error;
    }
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
  const stored = store.put(key, passing(body, client, integrity), { contentType: "application/octet-stream" });
  stored.then(
    () => client.end(),
    (error: Error) => client.destroy(error),
  );
  return client;
}

async function* passing(
  body: AsyncIterable<Uint8Array>,
  client: PassThrough,
  integrity: string,
): AsyncGenerator<Uint8Array> {
  const [algorithm = "sha512"] = Object.keys(ssri.parse(integrity) ?? {});
  const digest = createHash(algorithm);
  let held: Uint8Array | undefined;
  for await (const piece of body) {
    digest.update(piece);
    yield piece;
    if (held) await handOver(client, held);
    held = piece;
  }
  const found = `${algorithm}-${digest.digest("base64")}`;
  if (!ssri.parse(integrity)?.[algorithm]?.some((hash) => hash.toString() === found))
    throw new UpstreamMalformed(`the upstream sent a damaged tarball: ${found} instead of ${integrity}`);
  if (held) await handOver(client, held);
}

async function handOver(client: PassThrough, piece: Uint8Array): Promise<void> {
  if (client.destroyed || client.write(piece)) return;
  await new Promise<void>((resolve) => {
    client.once("drain", resolve);
    client.once("close", resolve);
  });
}

/**
 * Looks at what the upstream sent before it is kept: a proxy's page with status 200 must not take a good copy's place.
 *
 * @returns whether it says that the package was unpublished: then it has no versions.
 * @throws UpstreamMalformed when it is not the package's document.
 */
function wasUnpublished(name: string, bytes: Uint8Array): boolean {
  const document = parsed(bytes);
  if (!isRecord(document)) throw new UpstreamMalformed("it sent something that is not a package's document");
  if (document["name"] !== name) throw new UpstreamMalformed("it sent the document of another package");
  if (isRecord(document["versions"])) return false;
  if (isRecord(document["time"]) && document["time"]["unpublished"] !== undefined) return true;
  throw new UpstreamMalformed("it sent a package's document without versions");
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Where the upstream has a tarball, and what its bytes must be. */
function distOf(
  cached: CachedPackument | undefined,
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
    if (typeof shasum === "string")
      return { url: tarball, integrity: `sha1-${Buffer.from(shasum, "hex").toString("base64")}` };
  }
  return undefined;
}

/** Escaped, so that a name's slash makes no other key: `@acme/wire` and a package `@acme` with a file `wire` can't meet. */
const cacheKey = (name: string, file: string) =>
  `${UPSTREAM_PREFIX}${encodeURIComponent(name)}/${encodeURIComponent(file)}`;
const packumentKey = (name: string, form: PackumentForm) => cacheKey(name, `${form}.json`);

async function readMeta(store: ObjectStore, key: string): Promise<Meta | undefined> {
  const kept = await store.get(`${key}.meta`);
  return kept?.modifiedSince ? (JSON.parse(Buffer.from(kept.bytes).toString("utf8")) as Meta) : undefined;
}

async function writeMeta(store: ObjectStore, key: string, meta: Meta): Promise<void> {
  await store.put(`${key}.meta`, Buffer.from(JSON.stringify(meta)), { contentType: "application/json" });
}
