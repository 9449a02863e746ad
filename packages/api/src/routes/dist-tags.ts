import { BODY_BYTES_MAX, distTagsEtag, isRecord, movesTags, own, type DistTags, type Draft } from "@codebox/core";
import { readJson } from "../body.ts";
import type { ApiSettings, AppContext, ReadPorts, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { ifMatch, ifNoneMatch, refuseIfNoneMatch, withTags } from "../conditions.ts";
import { etagMatches } from "../etag.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { answerHistory } from "../history.ts";
import { absentError, findPackage, notFound, packageName } from "../lookup.ts";
import { submitChange } from "../submission.ts";

const LIST = "/-/package/:name/dist-tags";
const ONE = "/-/package/:name/dist-tags/:tag";
const HISTORY = "/-/package/:name/dist-tags/history";

/** Bytes. A version and a set of tags are small: this is more than a thousand tags. */
const TAGS_BYTES_MAX = Math.min(BODY_BYTES_MAX, 1024 * 1024);

/** `npm dist-tag` and its older relatives. Source: npm's lib/commands/dist-tag.js; libnpmaccess; yarn's npm-cli plugin. */
export const distTagReadRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.get(LIST, async (c) => {
      const tags = await tagsOf(c, ports);
      const etag = distTagsEtag(tags);
      c.header("etag", etag);
      c.header("cache-control", "private, no-cache");
      return etagMatches(c.req.header("if-none-match"), etag) ? c.body(null, 304) : c.json(tags);
    });

    // In front of the route for one tag: a tag of this name is in the answer for all tags.
    on.get(HISTORY, (c) => answerHistory(c, ports, (record) => movesTags(record)));

    on.get(ONE, async (c) => {
      const version = own(await tagsOf(c, ports), c.req.param("tag"));
      if (version === undefined)
        throw new ApiError("not_found", `"${packageName(c)}" has no tag "${c.req.param("tag").slice(0, 80)}"`);
      return c.json(version);
    });
  });

/** Changing tags: the ETag of the tags in If-Match makes it compare-and-set. */
export const distTagWriteRoutes = (ports: WritePorts, settings: Pick<ApiSettings, "waitMs">): RouteGroup =>
  routeGroup("write", (on) => {
    const change = async (c: AppContext, draft: Draft) => {
      try {
        return await submit(c, draft);
      } catch (error) {
        if (error instanceof ApiError && error.code === "not_found") await requireOurs(c, ports, draft.name);
        throw await withTags(c, ports, draft.name, error);
      }
    };
    const submit = (c: AppContext, draft: Draft) =>
      submitChange(c, ports, settings, draft, ({ distTags }) => ({
        status: 200,
        body: { ok: true, id: draft.name, "dist-tags": distTags },
      }));
    const replaceOne = async (c: AppContext) => {
      const name = packageName(c);
      const version = await readJson(c, TAGS_BYTES_MAX);
      if (typeof version !== "string")
        throw new ApiError("invalid", 'the body must be the version as a JSON string, with its quotes: "1.1.0"');
      const tag = c.req.param("tag") ?? "";
      return change(c, { type: "tag.put", name, tag, version, ...ifMatch(c), ...ifNoneMatch(c) });
    };
    on.put(ONE, replaceOne);
    on.post(ONE, replaceOne);
    on.delete(ONE, (c) => {
      refuseIfNoneMatch(c);
      return change(c, { type: "tag.remove", name: packageName(c), tag: c.req.param("tag"), ...ifMatch(c) });
    });
    on.put(LIST, async (c) => {
      refuseIfNoneMatch(c);
      return change(c, { type: "tags.replace", name: packageName(c), tags: await tagSet(c), ...ifMatch(c) });
    });
    on.post(LIST, async (c) =>
      change(c, { type: "tags.merge", name: packageName(c), tags: await tagSet(c), ...ifMatch(c), ...ifNoneMatch(c) }),
    );
  });

async function tagsOf(c: AppContext, ports: ReadPorts): Promise<DistTags> {
  const name = packageName(c);
  const found = await findPackage(c, ports, name);
  if (found.kind === "ours") return found.read.packument["dist-tags"];
  if (found.kind === "absent") throw absentError(ports, name, found);
  const cached = await found.upstream.packument(name, "abbreviated");
  if (!cached) throw notFound(name);
  return cached.tags as DistTags;
}

/** A clear message for a caller who would tag a package that only comes from the upstream. */
async function requireOurs(c: AppContext, ports: WritePorts, name: string): Promise<void> {
  const { kind } = await findPackage(c, ports, name);
  if (kind === "ours") return;
  if (kind === "absent") throw notFound(name);
  throw new ApiError(
    "not_found",
    `"${name}" is not a package of this registry, so its tags can't be changed here; publish it first`,
  );
}

async function tagSet(c: AppContext): Promise<Record<string, string>> {
  const body = await readJson(c, TAGS_BYTES_MAX);
  if (!isRecord(body) || !Object.values(body).every((version) => typeof version === "string"))
    throw new ApiError("invalid", 'the body must be an object of tags and versions: {"latest": "1.0.0"}');
  return body as Record<string, string>;
}
