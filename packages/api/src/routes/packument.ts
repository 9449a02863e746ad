import semver from "semver";
import {
  abbreviatedView,
  fullView,
  own,
  type PackumentForm,
  type ReadPackument,
  type UpstreamCache,
} from "@codebox/core";
import type { ApiSettings, AppContext, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { heldEtag } from "../etag.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { absentError, findPackage, notFound, packageName } from "../lookup.ts";
import { ABBREVIATED_TYPE, preferredEncoding, preferredForm } from "../negotiate.ts";
import { createRenderCache, type Rendered } from "../rendered.ts";

/** `GET /:name` and `GET /:name/:versionOrTag`: what npm install, view and every write command read first. */
/** Longest range, in characters: semver parses it with regular expressions. Real ones are shorter. */
const RANGE_MAX = 200;

export const packumentRoutes = (ports: ReadPorts, { viewBytes }: Pick<ApiSettings, "viewBytes"> = {}): RouteGroup => {
  const render = createRenderCache(viewBytes);

  const ours = (c: AppContext, { packument, etag }: ReadPackument, form: PackumentForm) => {
    const origin = c.get("origin");
    return render(`${packument.name} ${etag} ${form} ${origin}`, preferredEncoding(c), () =>
      form === "full" ? fullView(packument, etag, origin) : abbreviatedView(packument, origin),
    );
  };
  const theirs = async (c: AppContext, upstream: UpstreamCache, name: string, form: PackumentForm) => {
    const cached = await upstream.packument(name, form, { revalidate: asksAnew(c) });
    if (!cached) throw notFound(name);
    if (cached.stale) c.header("warning", '110 - "the upstream does not answer; this copy may be outdated"');
    const origin = c.get("origin");
    return render(`${name} upstream ${cached.etag} ${form} ${origin}`, preferredEncoding(c), () => cached.text(origin));
  };

  return routeGroup("read", (on) => {
    on.get("/:name", async (c) => {
      const name = packageName(c);
      const form = preferredForm(c);
      const found = await findPackage(c, ports, name, { toWrite: beforeWriting(c) });
      if (found.kind === "absent") throw absentError(ports, name, found);
      const rendered = found.kind === "ours" ? ours(c, found.read, form) : theirs(c, found.upstream, name, form);
      return answer(c, await rendered, form);
    });

    on.get("/:name/:version", async (c) => {
      const name = packageName(c);
      const wanted = c.req.param("version");
      const manifest =
        pick(await versionsOf(c, ports, name), wanted) ??
        // The cached copy may be older than the version.
        pick(await versionsOf(c, ports, name, { revalidate: true }), wanted);
      if (!manifest) throw new ApiError("not_found", `"${name}" has no version or tag "${wanted.slice(0, 80)}"`);
      return c.json(manifest);
    });
  });
};

/** Whether the client wants no copy without a question to the upstream: `npm install --prefer-online` sends it. */
function asksAnew(c: AppContext): boolean {
  return /\bno-cache\b/i.test(c.req.header("cache-control") ?? "");
}

/**
 * Whether the client reads because it is about to write. Then the upstream is not asked: while it is down, npm would retry for
 * 70 seconds.
 */
function beforeWriting(c: AppContext): boolean {
  return c.req.query("write") === "true" || c.req.header("npm-command") === "publish";
}

function answer(c: AppContext, { bytes, etag, encoding }: Rendered, form: PackumentForm): Response {
  const held = heldEtag(c.req.header("if-none-match"), etag);
  // A cache renews the copy that a 304 names. That must be the copy it holds, which may have another encoding.
  c.header("etag", held ?? etag);
  c.header("vary", "accept, accept-encoding, authorization");
  // Clients keep it and revalidate it every time: a stale read changes what npm does (npm/cli#7705).
  c.header("cache-control", "private, no-cache");
  if (held !== undefined) return c.body(null, 304);
  c.header("content-type", form === "full" ? "application/json; charset=utf-8" : `${ABBREVIATED_TYPE}; charset=utf-8`);
  if (encoding !== "identity") c.header("content-encoding", encoding);
  c.header("content-length", String(bytes.byteLength));
  return c.body(bytes);
}

/** What a tag, a version or a range is looked up in. */
type Versions = {
  readonly tags: Readonly<Record<string, unknown>>;
  readonly versions: readonly string[];
  manifest(version: string): unknown;
};

async function versionsOf(
  c: AppContext,
  ports: ReadPorts,
  name: string,
  options: { readonly revalidate: boolean } = { revalidate: asksAnew(c) },
): Promise<Versions> {
  const origin = c.get("origin");
  const found = await findPackage(c, ports, name);
  if (found.kind === "absent") throw absentError(ports, name, found);
  if (found.kind === "ours") {
    const { packument, etag } = found.read;
    const shown = fullView(packument, etag, origin)["versions"] as Readonly<Record<string, unknown>>;
    return { tags: packument["dist-tags"], versions: Object.keys(shown), manifest: (version) => own(shown, version) };
  }
  const cached = await found.upstream.packument(name, "full", options);
  if (!cached) throw notFound(name);
  const { tags, versions, manifest } = cached;
  return { tags, versions: versions.map(([version]) => version), manifest: (version) => manifest(version, origin) };
}

/** The manifest of a tag, a version or a range (`^1.0.0`: the highest version in it). */
function pick({ tags, versions, manifest }: Versions, wanted: string): unknown {
  const tagged = own(tags, wanted);
  const exact = manifest(typeof tagged === "string" ? tagged : wanted);
  if (exact !== undefined || wanted.length > RANGE_MAX) return exact;
  const highest = semver.maxSatisfying([...versions], wanted);
  return highest === null ? undefined : manifest(highest);
}
