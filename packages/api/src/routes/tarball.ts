import {
  LAYOUT,
  tarballKey,
  versionOfFile,
  type ByteRange,
  type ObjectInfo,
  type ObjectStore,
  type UpstreamCache,
} from "@codebox/core";
import { parse } from "range-parser";
import type { AppContext, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { etagMatches } from "../etag.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { findPackage, packageName } from "../lookup.ts";
import { bodyOf } from "../stream.ts";

/** How long a signed URL holds, in seconds: a slow client must be able to start a large download. */
const SIGNED_SECONDS = 15 * 60;

/** `GET /:name/-/:file`: npm fetches it with a literal slash in the scope. */
export const tarballRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.get("/:name/-/:file", async (c) => {
      const name = packageName(c);
      const file = c.req.param("file");
      if (!file.endsWith(".tgz")) throw new ApiError("not_found", `"${name}" has no tarball "${file.slice(0, 300)}"`);
      const found = await findPackage(c, ports, name);
      if (found.kind === "upstream") return upstreamTarball(c, ports.store, found.upstream, { name, file });
      const version = found.kind === "ours" ? versionOfFile(found.read.packument, file) : undefined;
      if (version === undefined) throw noTarball(name, file);
      return answerTarball(c, ports.store, tarballKey(name, version));
    });
  });

function noTarball(name: string, file: string): ApiError {
  return new ApiError("not_found", `"${name}" has no tarball "${file.slice(0, 300)}"`);
}

/** A tarball of ours: its bytes, or a redirect to a signed URL where the store has them. */
export async function answerTarball(c: AppContext, store: ObjectStore, key: string): Promise<Response> {
  const signed = await store.signedUrl(key, SIGNED_SECONDS);
  return signed === undefined ? ownTarball(c, store, key) : c.redirect(signed, 307);
}

async function ownTarball(c: AppContext, store: ObjectStore, key: string): Promise<Response> {
  const info = await store.head(key);
  if (!info) throw new ApiError("not_found", "the tarball is missing from the store; publish the version again");
  for (const [header, value] of Object.entries(tarballHeaders(info))) c.header(header, value);
  if (etagMatches(c.req.header("if-none-match"), info.etag)) return c.body(null, 304);
  const range = requestedRange(c, info);
  if (range === "unsatisfiable") {
    c.header("content-range", `bytes */${info.size}`);
    return c.body(null, 416);
  }
  const open = c.req.method === "HEAD" ? undefined : await store.open(key, range);
  const start = range?.start ?? 0;
  const end = range?.end ?? info.size - 1;
  c.header("content-length", String(end - start + 1));
  if (range) c.header("content-range", `bytes ${start}-${end}/${info.size}`);
  return open ? c.body(bodyOf(open), range ? 206 : 200) : c.body(null, range ? 206 : 200);
}

/** The bytes of a version never change, but an unpublished version may be published again: clients revalidate after a day. */
export function tarballHeaders({ etag, modified }: ObjectInfo): Readonly<Record<string, string>> {
  return {
    "content-type": "application/octet-stream",
    etag,
    "last-modified": modified.toUTCString(),
    "accept-ranges": "bytes",
    "cache-control": "private, max-age=86400",
  };
}

/** One range, as RFC 9110, 14.1.2 has it. For several ranges, another unit or a malformed header: the complete object, as the RFC allows. */
function requestedRange(c: AppContext, { size, etag }: ObjectInfo): Required<ByteRange> | "unsatisfiable" | undefined {
  // RFC 9110, 14.2: a range is defined for GET only.
  const header = c.req.method === "GET" ? c.req.header("range") : undefined;
  const ifRange = c.req.header("if-range");
  if (header === undefined || (ifRange !== undefined && ifRange !== etag)) return undefined;
  const { type, code, ranges } = parse(size, header.trim());
  if (type !== "bytes" || (code & MALFORMED) !== 0) return undefined;
  if (ranges.length === 0) return "unsatisfiable";
  return ranges.length === 1 && code === 0 ? ranges[0] : undefined;
}

/** range-parser sets this bit of its code for a header that is not a range. */
const MALFORMED = 1;

async function upstreamTarball(
  c: AppContext,
  store: ObjectStore,
  upstream: UpstreamCache,
  { name, file }: { readonly name: string; readonly file: string },
): Promise<Response> {
  const tarball = await cachedTarball(store, upstream, name, file);
  if (!tarball) throw noTarball(name, file);
  if ("url" in tarball) return c.redirect(tarball.url, 307);
  c.header("content-type", "application/octet-stream");
  c.header("cache-control", "private, max-age=86400");
  if (tarball.size !== undefined) c.header("content-length", String(tarball.size));
  const { body } = tarball;
  const bytes = body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : undefined;
  if (c.req.method !== "HEAD") return c.body(bytes ?? bodyOf({ body: body as AsyncIterable<Uint8Array> }));
  if (bytes) return c.body(null);
  // Reading one chunk and stopping releases the stream; an unread stream would hold the upstream's connection.
  for await (const _ of body) break;
  return c.body(null);
}

/** A store that signs URLs gets the complete tarball first: the function that serves the request may not send so many bytes. */
async function cachedTarball(store: ObjectStore, upstream: UpstreamCache, name: string, file: string) {
  const signs = (await store.signedUrl(LAYOUT.upstream.prefix, SIGNED_SECONDS)) !== undefined;
  if (!signs) return upstream.tarball(name, file);
  const key = await upstream.keptTarball(name, file);
  const url = key && (await store.signedUrl(key, SIGNED_SECONDS));
  return url === undefined ? undefined : { url };
}
