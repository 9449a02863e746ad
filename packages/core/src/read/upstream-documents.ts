import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { ageOf } from "../domain/age.ts";
import { jsonIn } from "../domain/json.ts";
import { upstreamKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { CopyStore } from "../ports/copy-store.ts";
import { StoreUnavailable } from "../ports/object-store.ts";
import { isUpstreamFailure, UpstreamMalformed, type PackumentForm, type Upstream } from "../ports/upstream.ts";
import { manifestAt, prepare, textAt, type Preparation, type Prepared } from "./prepared.ts";

/** An upstream packument in one of its forms. */
export type CachedPackument = {
  readonly tags: Readonly<Record<string, unknown>>;
  readonly versions: Prepared["versions"];
  /** The document as it goes over the wire, its tarballs at `origin`. */
  text(origin: string): Uint8Array<ArrayBuffer>;
  /** One version's manifest, its tarball at `origin`; `undefined`: there is no such version. */
  manifest(version: string, origin: string): unknown;
  /** Of the document that both forms come from; changes whenever it does. */
  readonly etag: string;
  /** The upstream did not answer, and this copy is older than it should be. */
  readonly stale: boolean;
  /** When the upstream was last asked, in milliseconds since 1970. */
  readonly fetched: number;
};

/** `prepare`, where the host lets it run: it may run elsewhere. */
export type Prepare = (name: string, bytes: Uint8Array, form: PackumentForm) => Preparation | Promise<Preparation>;

export type DocumentsPorts = {
  readonly copies: CopyStore;
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** Called when a document could not be kept: it is served all the same. */
  readonly onFailure: (error: unknown) => void;
  /** Default: `prepare` in the caller's own turn. */
  readonly prepare?: Prepare;
};
export type DocumentsSettings = {
  /** Milliseconds for which a packument is served without asking. Default: 5 minutes, as npm's registry lets its own be kept. */
  readonly freshMs?: number;
  /** Milliseconds for which an absent package is not asked for again. Default: one minute. */
  readonly negativeMs?: number;
  /** Memory for documents as they go over the wire, in bytes. Default: 64 MiB. */
  readonly memoryBytes?: number;
};
/** `revalidate`: ask the upstream even if the copy is fresh, as `cache-control: no-cache` wants it. */
export type ReadOptions = { readonly revalidate?: boolean };

const FRESH_MS = 5 * 60 * 1000;
const NEGATIVE_MS = 60 * 1000;
const MEMORY_BYTES = 64 * 1024 * 1024;

/** What is stored beside the bytes. `of` is their ETag: a record of other bytes does not count. */
type Meta = { readonly fetched: number; readonly form: PackumentForm; readonly of: string; readonly etag?: string };
type Kept = Meta & { readonly prepared: Prepared };

/**
 * The upstream's packuments: fetched, kept in the store, parsed once, served stale when the upstream fails.
 *
 * One document is kept for each package, and both forms come from it, so that they agree at every moment. An installer's
 * request fetches the abbreviated packument; the first request for the full one replaces it, and from then on the full one is
 * kept and the abbreviated form is derived.
 */
export function createUpstreamDocuments(
  { copies, upstream, clock, onFailure, prepare = prepareHere }: DocumentsPorts,
  { freshMs = FRESH_MS, negativeMs = NEGATIVE_MS, memoryBytes = MEMORY_BYTES }: DocumentsSettings,
): (name: string, form: PackumentForm, options?: ReadOptions) => Promise<CachedPackument | undefined> {
  const memory = new LRUCache<string, Kept>({ maxSize: memoryBytes, maxEntrySize: memoryBytes / 2 });
  const absent = new LRUCache<string, number>({ max: 10_000 });
  const underWay = new Map<string, Promise<Kept | undefined>>();
  const now = () => clock.now().getTime();
  const isFresh = ({ fetched }: Meta) => ageOf(fetched, clock.now()) < freshMs;

  /** The kept document, from memory where it is the one in the store. */
  const load = async (name: string): Promise<Kept | undefined> => {
    const known = memory.get(name);
    if (known && isFresh(known)) return known;
    const meta = await readMeta(copies, name);
    if (!meta) return undefined;
    if (known?.of === meta.of) return remember(name, { ...known, ...meta });
    const found = await copies.read(documentKey(name));
    if (found?.etag !== meta.of) return undefined;
    const prepared = preparedOf(await prepare(name, found.bytes, meta.form));
    return prepared && remember(name, { ...meta, prepared });
  };
  const remember = (name: string, kept: Kept): Kept => {
    const { sent, short } = kept.prepared;
    memory.set(name, kept, { size: sent.bytes.byteLength + (short?.bytes.byteLength ?? 0) });
    return kept;
  };

  const fetch = async (name: string, form: PackumentForm, kept: Kept | undefined): Promise<Kept | undefined> => {
    const held = kept?.form === form ? kept.etag : undefined;
    const found = await upstream.packument({ name, form, ...(held === undefined ? {} : { ifNoneMatch: held }) });
    const prepared = found.kind === "found" ? preparedOf(await prepare(name, found.bytes, found.form)) : undefined;
    if (found.kind === "not_modified" && kept) {
      const meta = metaOf({ ...kept, fetched: now() });
      await keep(() => writeMeta(copies, name, meta));
      return remember(name, { ...kept, ...meta });
    }
    if (found.kind !== "found" || !prepared) {
      absent.set(name, now());
      memory.delete(name);
      return undefined;
    }
    const of = await keep(() => copies.write(documentKey(name), found.bytes, JSON_TYPE));
    const etag = found.etag === undefined ? {} : { etag: found.etag };
    const meta = { fetched: now(), form: found.form, of: of ?? hashOf(found.bytes), ...etag };
    if (of !== undefined) await keep(() => writeMeta(copies, name, meta));
    absent.delete(name);
    return remember(name, { ...meta, prepared });
  };
  const keep = <T>(write: () => Promise<T>) => keeping(write, onFailure);
  /** Requests for one document share one question to the upstream. */
  const ask = (name: string, form: PackumentForm, kept: Kept | undefined): Promise<Kept | undefined> => {
    const key = `${form} ${name}`;
    const pending = underWay.get(key) ?? fetch(name, form, kept).finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  };
  return async (name, form, { revalidate = false } = {}) => {
    const missing = absent.get(name);
    if (!revalidate && missing !== undefined && ageOf(missing, clock.now()) < negativeMs) return undefined;
    const kept = await load(name);
    const holds = kept && (kept.form === "full" || kept.form === form);
    if (holds && !revalidate && isFresh(kept)) return shownAs(kept, form, false);
    try {
      const found = await ask(name, kept?.form === "full" ? "full" : form, kept);
      return found && shownAs(found, form, false);
    } catch (error) {
      if (holds && isUpstreamFailure(error)) return shownAs(kept, form, true);
      throw error;
    }
  };
}

const prepareHere: Prepare = prepare;

/** @throws UpstreamMalformed when it is not the package's document; `undefined` when the package was unpublished. */
export function preparedOf(preparation: Preparation): Prepared | undefined {
  if (preparation.kind === "malformed") throw new UpstreamMalformed(preparation.problem);
  return preparation.kind === "prepared" ? preparation.prepared : undefined;
}

/** @example shownAs({ prepared, of: '"1"', fetched: 0 }, "full", false).text("https://npm.acme.example") */
export function shownAs(
  { prepared, of: etag, fetched }: Pick<Kept, "prepared" | "of" | "fetched">,
  form: PackumentForm,
  stale: boolean,
): CachedPackument {
  const { tags, versions, sent, short = sent } = prepared;
  return {
    tags,
    versions,
    text: (origin) => textAt(form === "full" ? sent : short, origin),
    manifest: (version, origin) => manifestAt(prepared, version, origin),
    etag,
    stale,
    fetched,
  };
}

const JSON_TYPE = "application/json";
const documentKey = (name: string) => upstreamKey(name, "packument.json");
const metaKey = (name: string) => upstreamKey(name, "packument.json.meta");

function metaOf({ fetched, form, of, etag }: Meta): Meta {
  return { fetched, form, of, ...(etag === undefined ? {} : { etag }) };
}

async function readMeta(copies: CopyStore, name: string): Promise<Meta | undefined> {
  const kept = await copies.read(metaKey(name));
  return kept && (jsonIn(kept.bytes) as Meta);
}

async function writeMeta(copies: CopyStore, name: string, meta: Meta): Promise<void> {
  await copies.write(metaKey(name), Buffer.from(JSON.stringify(meta)), JSON_TYPE);
}

/** A store that does not work takes nothing away from a client: the document is at hand. */
async function keeping<T>(write: () => Promise<T>, onFailure: (error: unknown) => void): Promise<T | undefined> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    onFailure(error);
    return undefined;
  }
}

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
