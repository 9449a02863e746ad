import pLimit from "p-limit";
import { isReadableName } from "../domain/names.ts";
import { isGivenBack } from "../domain/packument.ts";
import { indexKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { CopyStore } from "../ports/copy-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { UpstreamUnavailable, type PackumentForm, type Upstream } from "../ports/upstream.ts";
import {
  createUpstreamDocuments,
  preparedOf,
  type CachedPackument,
  type DocumentsSettings,
  type Prepare,
  type ReadOptions,
} from "./upstream-documents.ts";
import type { PackumentReader } from "./reader.ts";
import type { Search } from "./search.ts";
import { createUpstreamSearch } from "./upstream-search.ts";
import { createUpstreamSignatures, type UpstreamSignatures } from "./upstream-signatures.ts";
import { prepare } from "./prepared.ts";
import { createUpstreamTarballs, type CachedTarball } from "./upstream-tarballs.ts";

/**
 * Packages that are not ours: fetched from the upstream, kept in the store, served stale when the upstream fails.
 *
 * One of our names never comes from here: the caller asks for it only when `isOurs(name)` is false and the store has no document.
 */
export type UpstreamCache = {
  /** Whether the name or its scope is configured as ours, in any capitals, so that it must never come from upstream. */
  isOurs(name: string): boolean;
  /**
   * Whether the upstream has a package of this name. It is asked now: no copy is read or kept.
   *
   * @throws UpstreamUnavailable also when there is no answer after `ASK_MS`; `UpstreamRefused`, `UpstreamMalformed`: it is not known.
   */
  has(name: string): Promise<boolean>;
  /** `undefined`: the upstream has no such package. Throws the port's errors when it gives none and nothing is cached. */
  packument(name: string, form: PackumentForm, options?: ReadOptions): Promise<CachedPackument | undefined>;
  /** A tarball by its file name (`wire-1.0.0.tgz`), streamed through the cache, its integrity checked before it is kept. */
  tarball(name: string, file: string): Promise<CachedTarball | undefined>;
  /** The store's key of a tarball, once all of it is kept there: for stores whose objects are fetched by a signed URL. */
  keptTarball(name: string, file: string): Promise<string | undefined>;
  /** Forwards an audit, without our own packages. `{}` when only ours were asked for. */
  advisories(packages: Readonly<Record<string, readonly string[]>>): Promise<unknown>;
  /** Searches the upstream for a short time. Without our own packages, and without a text that names one of our scopes. */
  search: Search;
  /** What `npm audit signatures` asks for. The caller asks for attestations as for a packument, when the name is not ours. */
  signatures: UpstreamSignatures;
};

export type UpstreamCachePorts = {
  /** Has our own packages, whose names never come from the upstream. */
  readonly store: Pick<ObjectStore, "head">;
  readonly reader: Pick<PackumentReader, "read">;
  /** Where the upstream's documents and tarballs are kept. */
  readonly copies: CopyStore;
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** Default: documents are parsed in the caller's own turn. */
  readonly prepare?: Prepare;
  /** Called when something could not be kept, though it was served. */
  readonly onFailure: (error: unknown) => void;
  /** Called with each upstream tarball that has no digest to check it by. */
  readonly onUnchecked?: (name: string, file: string) => void;
};
export type UpstreamCacheSettings = DocumentsSettings & {
  /** Scopes that are ours: `@acme`. */
  readonly scopes: readonly string[];
  /** Names that are ours, besides those in our scopes: `wire`. Default: none. */
  readonly names?: readonly string[];
};

/** How long the upstream may take to say whether it has a package, in milliseconds: a publish waits for it. */
const ASK_MS = 5_000;
/** Names of an audit that are looked up at a time. */
const LOOKUPS = 32;
/** A larger document has versions: 256 records and an outbox are less. So the look-ups of an audit hold at most `LOOKUPS` of these. */
const TOMBSTONE_BYTES_MAX = 1024 * 1024;

/** Opens the cache over the store; every instance of the registry shares it. */
export function createUpstreamCache(ports: UpstreamCachePorts, settings: UpstreamCacheSettings): UpstreamCache {
  const { store, reader, copies, upstream, clock, onFailure, onUnchecked } = ports;
  const documents = createUpstreamDocuments(ports, settings);
  const ourScopes = settings.scopes.map((scope) => `${scope.toLowerCase()}/`);
  const ourNames = new Set(settings.names?.map((name) => name.toLowerCase()));
  const isOurs = (name: string) => {
    const plain = name.toLowerCase();
    return ourNames.has(plain) || ourScopes.some((scope) => plain.startsWith(scope));
  };
  const hasDocument = async (name: string) => {
    const found = await store.head(indexKey(name));
    if (found === undefined) return false;
    return found.size > TOMBSTONE_BYTES_MAX || !isGivenBack((await reader.read(name))?.packument);
  };
  /** A name with capitals is ours when the one without is: new packages have none, so one look is enough. */
  const isOursInAnyCase = async (name: string) => {
    const plain = name.toLowerCase();
    return isOurs(name) || (plain !== name && (await hasDocument(plain)));
  };
  const isOursAtAll = async (name: string) => (await isOursInAnyCase(name)) || (await hasDocument(name));
  const tarballs = createUpstreamTarballs({
    copies,
    onFailure,
    packument: (name, options) => documents(name, "abbreviated", options),
    fetch: (url, signal) => upstream.tarball(url, signal),
    now: () => clock.now(),
    ...(onUnchecked ? { onUnchecked } : {}),
  });
  const signatures = createUpstreamSignatures({ upstream, clock });
  return {
    isOurs,
    search: createUpstreamSearch({ upstream, clock, scopes: ourScopes, isConfigured: isOurs, isOurs: isOursAtAll }),
    signatures: {
      keys: () => signatures.keys(),
      attestations: async (name, version) =>
        (await isOursAtAll(name)) ? undefined : signatures.attestations(name, version),
    },
    async has(name) {
      const answered = new AbortController();
      const late = clock.sleep(ASK_MS, answered.signal).then(() => undefined);
      const asked = upstream.packument({ name, form: "abbreviated" });
      const found = await Promise.race([asked, late]).finally(() => answered.abort());
      if (!found) throw new UpstreamUnavailable(`there was no answer in ${ASK_MS / 1000} seconds`);
      return found.kind === "found" && preparedOf(prepare(name, found.bytes, found.form)) !== undefined;
    },
    packument: async (name, form, options) =>
      (await isOursInAnyCase(name)) ? undefined : documents(name, form, options),
    tarball: async (name, file) => ((await isOursInAnyCase(name)) ? undefined : tarballs.tarball(name, file)),
    keptTarball: async (name, file) => ((await isOursInAnyCase(name)) ? undefined : tarballs.keptTarball(name, file)),
    async advisories(packages) {
      const limit = pLimit(LOOKUPS);
      const asked = await Promise.all(
        Object.entries(packages).map(([name, versions]) =>
          limit(async () => {
            // Nothing is known of what is no package name, and no store has such a key.
            if (!isReadableName(name)) return [];
            return (await isOursAtAll(name)) ? [] : ([[name, versions]] as const);
          }),
        ),
      );
      const foreign = asked.flat();
      return foreign.length === 0 ? {} : upstream.advisories(Object.fromEntries(foreign));
    },
  };
}
