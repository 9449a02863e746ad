import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { isRecord } from "../domain/packument.ts";
import { abbreviatedManifests } from "../domain/views.ts";
import { upstreamKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { CopyStore } from "../ports/copy-store.ts";
import { StoreUnavailable } from "../ports/object-store.ts";
import { isUpstreamFailure, UpstreamMalformed, type PackumentForm, type Upstream } from "../ports/upstream.ts";

/** An upstream packument in one of its forms, as the upstream's own text has it: its tarball URLs are the upstream's. */
export type CachedPackument = {
  readonly document: Readonly<Record<string, unknown>>;
  /** Of the document that both forms come from; changes whenever it does. */
  readonly etag: string;
  /** The upstream did not answer, and this copy is older than it should be. */
  readonly stale: boolean;
  /** When the upstream was last asked, in milliseconds since 1970. */
  readonly fetched: number;
};

export type DocumentsPorts = {
  readonly copies: CopyStore;
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** Called when a document could not be kept: it is served all the same. */
  readonly onFailure: (error: unknown) => void;
};
export type DocumentsSettings = {
  /** Milliseconds for which a packument is served without asking. Default: 5 minutes, as npm's registry lets its own be kept. */
  readonly freshMs?: number;
  /** Milliseconds for which an absent package is not asked for again. Default: one minute. */
  readonly negativeMs?: number;
  /** Memory for parsed documents, in bytes of their JSON. Default: 32 MiB. A parsed document takes some three times that. */
  readonly memoryBytes?: number;
};
/** `revalidate`: ask the upstream even if the copy is fresh, as `cache-control: no-cache` wants it. */
export type ReadOptions = { readonly revalidate?: boolean };

const FRESH_MS = 5 * 60 * 1000;
const NEGATIVE_MS = 60 * 1000;
const MEMORY_BYTES = 32 * 1024 * 1024;

/** What is stored beside the bytes. `of` is their ETag: a record of other bytes does not count. */
type Meta = { readonly fetched: number; readonly form: PackumentForm; readonly of: string; readonly etag?: string };
type Kept = Meta & { readonly document: Readonly<Record<string, unknown>> };

/**
 * The upstream's packuments: fetched, kept in the store, parsed once, served stale when the upstream fails.
 *
 * One document is kept for each package, and both forms come from it, so that they agree at every moment. An installer's
 * request fetches the abbreviated packument; the first request for the full one replaces it, and from then on the full one is
 * kept and the abbreviated form is derived.
 */
export function createUpstreamDocuments(
  { copies, upstream, clock, onFailure }: DocumentsPorts,
  { freshMs = FRESH_MS, negativeMs = NEGATIVE_MS, memoryBytes = MEMORY_BYTES }: DocumentsSettings,
): (name: string, form: PackumentForm, options?: ReadOptions) => Promise<CachedPackument | undefined> {
  const memory = new LRUCache<string, Kept>({ maxSize: memoryBytes, maxEntrySize: memoryBytes / 2 });
  const absent = new LRUCache<string, number>({ max: 10_000 });
  const underWay = new Map<string, Promise<Kept | undefined>>();
  const derived = new WeakMap<object, Readonly<Record<string, unknown>>>();
  const now = () => clock.now().getTime();
  const isFresh = ({ fetched }: Meta) => now() - fetched < freshMs;

  /** The kept document, from memory where it is the one in the store. */
  const load = async (name: string): Promise<Kept | undefined> => {
    const known = memory.get(name);
    if (known && isFresh(known)) return known;
    const meta = await readMeta(copies, name);
    if (!meta) return undefined;
    if (known?.of === meta.of) return remember(name, { ...known, ...meta }, memory.info(name)?.size);
    const found = await copies.read(documentKey(name));
    if (found?.etag !== meta.of) return undefined;
    const document = parseDocument(name, found.bytes);
    return document && remember(name, { ...meta, document }, found.bytes.byteLength);
  };
  const remember = (name: string, kept: Kept, bytes: number | undefined): Kept => {
    memory.set(name, kept, { size: Math.max(1, bytes ?? 1) });
    return kept;
  };

  const fetch = async (name: string, form: PackumentForm, kept: Kept | undefined): Promise<Kept | undefined> => {
    const held = kept?.form === form ? kept.etag : undefined;
    const found = await upstream.packument({ name, form, ...(held === undefined ? {} : { ifNoneMatch: held }) });
    const document = found.kind === "found" ? parseDocument(name, found.bytes) : undefined;
    if (found.kind === "not_modified" && kept) {
      const meta = metaOf({ ...kept, fetched: now() });
      await keep(() => writeMeta(copies, name, meta));
      return remember(name, { ...kept, ...meta }, memory.info(name)?.size);
    }
    if (found.kind !== "found" || !document) {
      absent.set(name, now());
      memory.delete(name);
      return undefined;
    }
    const of = await keep(() => copies.write(documentKey(name), found.bytes, JSON_TYPE));
    const etag = found.etag === undefined ? {} : { etag: found.etag };
    const meta = { fetched: now(), form: found.form, of: of ?? hashOf(found.bytes), ...etag };
    if (of !== undefined) await keep(() => writeMeta(copies, name, meta));
    absent.delete(name);
    return remember(name, { ...meta, document }, found.bytes.byteLength);
  };
  const keep = <T>(write: () => Promise<T>) => keeping(write, onFailure);
  /** Requests for one document share one question to the upstream. */
  const ask = (name: string, form: PackumentForm, kept: Kept | undefined): Promise<Kept | undefined> => {
    const key = `${form} ${name}`;
    const pending = underWay.get(key) ?? fetch(name, form, kept).finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  };
  const shown = (kept: Kept, form: PackumentForm, stale: boolean): CachedPackument => {
    const { document, of: etag, fetched } = kept;
    if (kept.form === form || form === "full") return { document, etag, stale, fetched };
    const short = derived.get(document) ?? abbreviated(document);
    derived.set(document, short);
    return { document: short, etag, stale, fetched };
  };

  return async (name, form, { revalidate = false } = {}) => {
    if (!revalidate && now() - (absent.get(name) ?? Number.NEGATIVE_INFINITY) < negativeMs) return undefined;
    const kept = await load(name);
    const holds = kept && (kept.form === "full" || kept.form === form);
    if (holds && !revalidate && isFresh(kept)) return shown(kept, form, false);
    try {
      const found = await ask(name, kept?.form === "full" ? "full" : form, kept);
      return found && shown(found, form, false);
    } catch (error) {
      if (holds && isUpstreamFailure(error)) return shown(kept, form, true);
      throw error;
    }
  };
}

/**
 * What the upstream sent, before it is kept: a proxy's page with status 200 must not replace a good copy.
 *
 * @returns `undefined` when it says that the package was unpublished: then it has no versions.
 * @throws UpstreamMalformed when it is not the package's document.
 */
export function parseDocument(name: string, bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const document = parsed(bytes);
  if (!isRecord(document)) throw new UpstreamMalformed("it sent something that is not a package's document");
  if (document["name"] !== name) throw new UpstreamMalformed("it sent the document of another package");
  if (isRecord(document["versions"])) return document;
  if (isRecord(document["time"]) && document["time"]["unpublished"] !== undefined) return undefined;
  throw new UpstreamMalformed("it sent a package's document without versions");
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

function abbreviated(document: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const versions = isRecord(document["versions"]) ? document["versions"] : {};
  const time = isRecord(document["time"]) ? document["time"] : undefined;
  return {
    name: document["name"],
    "dist-tags": document["dist-tags"],
    versions: abbreviatedManifests(versions),
    modified: time?.["modified"],
    time,
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
  return kept && (JSON.parse(Buffer.from(kept.bytes).toString("utf8")) as Meta);
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
