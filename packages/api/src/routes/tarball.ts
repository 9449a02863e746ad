import {
  LAYOUT,
  tarballKey,
  versionOfFile,
  type ByteRange,
  type ObjectInfo,
  type ObjectStore,
  type UpstreamCache,
} from "@codebox/core";
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

/** One range, as RFC 9110, 14.1.2 spells it. Several ranges, or another unit: the whole object, as the RFC allows. */
function requestedRange(
  c: AppContext,
  { size, etag }: ObjectInfo,
): (ByteRange & { readonly end: number }) | "unsatisfiable" | undefined {
  // RFC 9110, 14.2: a range is of a GET alone.
  const header = c.req.method === "GET" ? c.req.header("range") : undefined;
  const ifRange = c.req.header("if-range");
  const match =
    header === undefined || (ifRange !== undefined && ifRange !== etag)
      ? null
      : /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const last = Math.min(Number(match[2]), size);
    return last === 0 ? "unsatisfiable" : { start: size - last, end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start >= size) return "unsatisfiable";
  return start > end ? undefined : { start, end };
}

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
