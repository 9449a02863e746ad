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
import type { ApiPorts, AppContext, Routes } from "../context.ts";
import { ApiError } from "../errors.ts";
import { etagMatches } from "../etag.ts";
import { mayComeFromUpstream, packageName } from "../lookup.ts";
import { toStream } from "../stream.ts";

/** How long a signed URL holds, in seconds: a slow client must get through a large tarball's start. */
const SIGNED_SECONDS = 15 * 60;

/** `GET /:name/-/:file`: npm fetches it with a literal slash in the scope. */
export const tarballRoutes: Routes = (app, ports) => {
  app.get("/:name/-/:file", async (c) => {
    const name = packageName(c);
    const file = c.req.param("file");
    const read = await ports.reader.read(name);
    if (mayComeFromUpstream(ports, name, read)) return upstreamTarball(c, ports, name, file);
    const version = read && versionOfFile(read.packument, file);
    if (version === undefined) throw new ApiError("not_found", `"${name}" has no tarball "${file.slice(0, 300)}"`);
    const signed = await ports.store.signedUrl(tarballKey(name, version), SIGNED_SECONDS);
    return signed === undefined ? ownTarball(c, ports, tarballKey(name, version)) : c.redirect(signed, 307);
  });
};

async function ownTarball(c: AppContext, { store }: ApiPorts, key: string): Promise<Response> {
  const info = await store.head(key);
  if (!info) throw new ApiError("not_found", "the tarball is missing from the store; publish the version again");
  describe(c, info);
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
  return open ? c.body(toStream(open.body), range ? 206 : 200) : c.body(null, range ? 206 : 200);
}

/** A version's bytes never change, but an unpublished one may be published anew: kept for a day, and then asked about. */
function describe(c: AppContext, { etag, modified }: ObjectInfo): void {
  c.header("content-type", "application/octet-stream");
  c.header("etag", etag);
  c.header("last-modified", modified.toUTCString());
  c.header("accept-ranges", "bytes");
  c.header("cache-control", "private, max-age=86400");
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

async function upstreamTarball(c: AppContext, ports: ApiPorts, name: string, file: string): Promise<Response> {
  const tarball = ports.upstream && (await cachedTarball(ports.store, ports.upstream, name, file));
  if (!tarball) throw new ApiError("not_found", `"${name}" has no tarball "${file.slice(0, 300)}"`);
  if ("url" in tarball) return c.redirect(tarball.url, 307);
  c.header("content-type", "application/octet-stream");
  c.header("cache-control", "private, max-age=86400");
  if (tarball.size !== undefined) c.header("content-length", String(tarball.size));
  if (c.req.method !== "HEAD") return c.body(toStream(tarball.body));
  // Reading a piece and stopping there lets go of the stream; an unread one would hold the upstream's connection.
  for await (const _ of tarball.body) break;
  return c.body(null);
}

/** A store that signs URLs gets the tarball first, whole: what serves the request may not carry so many bytes. */
async function cachedTarball(store: ObjectStore, upstream: UpstreamCache, name: string, file: string) {
  const signs = (await store.signedUrl(LAYOUT.upstream.prefix, SIGNED_SECONDS)) !== undefined;
  if (!signs) return upstream.tarball(name, file);
  const key = await upstream.keptTarball(name, file);
  const url = key && (await store.signedUrl(key, SIGNED_SECONDS));
  return url === undefined ? undefined : { url };
}
