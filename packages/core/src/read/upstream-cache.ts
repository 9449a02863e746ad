import { LRUCache } from "lru-cache";
import { indexKey, upstreamKey } from "../layout.ts";
import { isRecord } from "../domain/packument.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import {
  isUpstreamFailure,
  UpstreamMalformed,
  UpstreamUnavailable,
  type PackumentForm,
  type Upstream,
} from "../ports/upstream.ts";
import { createUpstreamTarballs, type CachedTarball } from "./upstream-tarballs.ts";

/** An upstream packument as cached: the bytes as the upstream sent them, tarball URLs and all. */
export type CachedPackument = {
  readonly bytes: Uint8Array;
  /** Of the bytes; changes whenever they do. */
  readonly etag: string;
  /** The upstream did not answer, and this copy is older than it should be. */
  readonly stale: boolean;
};

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
  /** The store's key of a tarball, once it is kept there whole: for stores whose objects are fetched by a signed URL. */
  keptTarball(name: string, file: string): Promise<string | undefined>;
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
/** When the upstream is down it is left alone for so long, in milliseconds. */
const REST_MS = 5_000;
/** So many answers in a row that are server errors mean that it is down. */
const FAILURES_IN_A_ROW = 3;

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
  const isOursInAnyCase = async (name: string) => {
    const plain = name.toLowerCase();
    return isOurs(name) || (plain !== name && (await store.head(indexKey(plain))) !== undefined);
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
    if (await isOursInAnyCase(name)) return undefined;
    if (now() - (absent.get(name) ?? Number.NEGATIVE_INFINITY) < negativeMs) return undefined;
    const key = `${form} ${name}`;
    const pending = underWay.get(key) ?? refresh(name, form).finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  };

  const tarballs = createUpstreamTarballs({ store, packument, fetch: (url) => asking(() => upstream.tarball(url)) });

  return {
    isOurs,
    packument,
    tarball: async (name, file) => ((await isOursInAnyCase(name)) ? undefined : tarballs.tarball(name, file)),
    keptTarball: async (name, file) => ((await isOursInAnyCase(name)) ? undefined : tarballs.keptTarball(name, file)),
    async advisories(packages) {
      const theirs: Record<string, readonly string[]> = {};
      for (const [name, versions] of Object.entries(packages)) {
        const ours = (await isOursInAnyCase(name)) || (await store.head(indexKey(name))) !== undefined;
        if (!ours) theirs[name] = versions;
      }
      return Object.keys(theirs).length === 0 ? {} : asking(() => upstream.advisories(theirs));
    },
  };
}

/** Asks the upstream, unless it failed a moment ago: one that is down is not hammered, and its callers do not wait for it. */
function createRest(clock: Clock): <T>(ask: () => Promise<T>) => Promise<T> {
  let until = 0;
  let failures = 0;
  const now = () => clock.now().getTime();
  return async (ask) => {
    if (now() < until) throw new UpstreamUnavailable("it failed a moment ago");
    try {
      const answer = await ask();
      failures = 0;
      return answer;
    } catch (error) {
      failures = error instanceof UpstreamUnavailable ? failures + 1 : 0;
      // One package that it fails at does not stop the others.
      if (error instanceof UpstreamUnavailable && (!error.answered || failures >= FAILURES_IN_A_ROW))
        until = now() + REST_MS;
      throw error;
    }
  };
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

const packumentKey = (name: string, form: PackumentForm) => upstreamKey(name, `${form}.json`);

async function readMeta(store: ObjectStore, key: string): Promise<Meta | undefined> {
  const kept = await store.get(`${key}.meta`);
  return kept?.modifiedSince ? (JSON.parse(Buffer.from(kept.bytes).toString("utf8")) as Meta) : undefined;
}

async function writeMeta(store: ObjectStore, key: string, meta: Meta): Promise<void> {
  await store.put(`${key}.meta`, Buffer.from(JSON.stringify(meta)), { contentType: "application/json" });
}
