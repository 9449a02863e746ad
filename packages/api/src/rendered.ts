import { webcrypto } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { LRUCache } from "lru-cache";
import type { Encoding } from "./negotiate.ts";

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Default of the bytes that rendered documents may take. */
const CACHE_BYTES = 64 * 1024 * 1024;
/** Below this, compressing saves no packet. */
const COMPRESS_FROM = 1_024;

export type Rendered = { readonly bytes: Uint8Array<ArrayBuffer>; readonly etag: string; readonly encoding: Encoding };

/**
 * Documents as they go over the wire, kept by what they were made from.
 *
 * `key` must name everything that the bytes depend on (package, its ETag, form, origin): a document is rendered once, also when
 * many ask at once, and an outdated one is never asked for again.
 */
export function createRenderCache(maxBytes: number = CACHE_BYTES) {
  const cache = new LRUCache<string, Rendered>({
    maxSize: maxBytes,
    sizeCalculation: ({ bytes }) => bytes.byteLength + 500,
  });
  const underWay = new Map<string, Promise<Rendered>>();
  const render = async (key: string, encoding: Encoding, make: () => unknown): Promise<Rendered> => {
    const rendered = await encode(make(), encoding);
    cache.set(key, rendered);
    return rendered;
  };
  // What `make` returns is JSON, or its text.
  return async (source: string, encoding: Encoding, make: () => unknown): Promise<Rendered> => {
    const key = `${encoding} ${source}`;
    const known = cache.get(key);
    if (known) return known;
    const pending = underWay.get(key) ?? render(key, encoding, make).finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  };
}

async function encode(document: unknown, wanted: Encoding): Promise<Rendered> {
  const plain =
    document instanceof Uint8Array
      ? Buffer.from(document.buffer as ArrayBuffer)
      : Buffer.from(JSON.stringify(document));
  const hash = Buffer.from(await webcrypto.subtle.digest("SHA-256", plain))
    .toString("base64url")
    .slice(0, 27);
  const encoding = plain.byteLength < COMPRESS_FROM ? "identity" : wanted;
  const etag = encoding === "identity" ? `"${hash}"` : `"${hash}-${encoding}"`;
  return { bytes: await compressed(plain, encoding), etag, encoding };
}

async function compressed(plain: Buffer<ArrayBuffer>, encoding: Encoding): Promise<Uint8Array<ArrayBuffer>> {
  switch (encoding) {
    case "identity":
      return plain;
    case "gzip":
      return zip(plain);
    case "br":
      return brotli(plain, {
        params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: plain.byteLength },
      });
  }
}
