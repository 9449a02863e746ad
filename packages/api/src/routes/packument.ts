import {
  abbreviatedView,
  exists,
  fullView,
  isRecord,
  own,
  tarballUrl,
  type CachedPackument,
  type PackumentForm,
  type ReadPackument,
} from "@codebox/core";
import type { ApiPorts, AppContext, Routes } from "../context.ts";
import { ApiError } from "../errors.ts";
import { heldEtag } from "../etag.ts";
import { mayComeFromUpstream, notFound, packageName } from "../lookup.ts";
import { ABBREVIATED_TYPE, preferredEncoding, preferredForm } from "../negotiate.ts";
import { createRenderCache, type Rendered } from "../rendered.ts";

/** `GET /:name` and `GET /:name/:versionOrTag`: what npm install, view and every write command read first. */
export const packumentRoutes: Routes = (app, ports) => {
  const render = createRenderCache();

  const ours = (c: AppContext, { packument, etag }: ReadPackument, form: PackumentForm) => {
    const origin = c.get("origin");
    return render(`${packument.name} ${etag} ${form} ${origin}`, preferredEncoding(c), () =>
      form === "full" ? fullView(packument, etag, origin) : abbreviatedView(packument, origin),
    );
  };
  const theirs = async (c: AppContext, name: string, form: PackumentForm) => {
    const cached = await ports.upstream?.packument(name, form, { revalidate: asksAnew(c) });
    if (!cached) throw notFound(name);
    if (cached.stale) c.header("warning", '110 - "the upstream does not answer; this copy may be outdated"');
    const origin = c.get("origin");
    return render(`${name} upstream ${cached.etag} ${form} ${origin}`, preferredEncoding(c), () =>
      atOurOrigin(name, cached, origin),
    );
  };

  app.get("/:name", async (c) => {
    const name = packageName(c);
    const form = preferredForm(c);
    const read = await ports.reader.read(name);
    if (read && exists(read.packument)) return answer(c, await ours(c, read, form), form);
    if (!beforeWriting(c) && mayComeFromUpstream(ports, name, read))
      return answer(c, await theirs(c, name, form), form);
    throw notFound(name);
  });

  app.get("/:name/:version", async (c) => {
    const name = packageName(c);
    const wanted = c.req.param("version");
    const manifest = pick(await document(c, ports, name), wanted);
    if (!manifest) throw new ApiError("not_found", `"${name}" has no version or tag "${wanted.slice(0, 80)}"`);
    return c.json(manifest);
  });
};

/** Whether the client wants no copy without a question to the upstream: `npm install --prefer-online` sends it. */
function asksAnew(c: AppContext): boolean {
  return /\bno-cache\b/i.test(c.req.header("cache-control") ?? "");
}

/**
 * Whether the client asks because it is about to write. Then only what is published here counts: a package of the same name
 * upstream is not what it will change, and an upstream that is down must not hold it up (npm would ask again for 70 seconds).
 */
function beforeWriting(c: AppContext): boolean {
  return c.req.query("write") === "true" || c.req.header("npm-command") === "publish";
}

function answer(c: AppContext, { bytes, etag, encoding }: Rendered, form: PackumentForm): Response {
  const held = heldEtag(c.req.header("if-none-match"), etag);
  // A cache freshens the copy that a 304 names: the one it holds, which may be in another encoding.
  c.header("etag", held ?? etag);
  c.header("vary", "accept, accept-encoding, authorization");
  // Clients keep it, and ask every time whether it still holds: a stale read changes what npm does (npm/cli#7705).
  c.header("cache-control", "private, no-cache");
  if (held !== undefined) return c.body(null, 304);
  c.header("content-type", form === "full" ? "application/json; charset=utf-8" : `${ABBREVIATED_TYPE}; charset=utf-8`);
  if (encoding !== "identity") c.header("content-encoding", encoding);
  c.header("content-length", String(bytes.byteLength));
  return c.body(bytes);
}

async function document(c: AppContext, ports: ApiPorts, name: string): Promise<Record<string, unknown>> {
  const read = await ports.reader.read(name);
  if (read && exists(read.packument)) return fullView(read.packument, read.etag, c.get("origin"));
  const cached = mayComeFromUpstream(ports, name, read) ? await ports.upstream?.packument(name, "full") : undefined;
  if (!cached) throw notFound(name);
  return atOurOrigin(name, cached, c.get("origin"));
}

function pick(packument: Record<string, unknown>, wanted: string): unknown {
  const versions = isRecord(packument["versions"]) ? packument["versions"] : {};
  const tags = isRecord(packument["dist-tags"]) ? packument["dist-tags"] : {};
  const version = own(tags, wanted);
  return own(versions, typeof version === "string" ? version : wanted);
}

/** An upstream's packument with its tarballs at our origin, so that they come through our cache. */
function atOurOrigin(name: string, { document }: CachedPackument, origin: string): Record<string, unknown> {
  if (!isRecord(document["versions"])) throw notFound(name);
  const versions = Object.entries(document["versions"]).map(([version, manifest]) => {
    if (!isRecord(manifest)) return [version, manifest];
    const dist = isRecord(manifest["dist"]) ? manifest["dist"] : {};
    return [version, { ...manifest, dist: { ...dist, tarball: tarballUrl(origin, name, version) } }];
  });
  return { ...document, versions: Object.fromEntries(versions) };
}
