import { createSearch, type SearchHit, type SearchResult } from "@codebox/core";
import type { AppContext, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";

const SIZE_DEFAULT = 20;
/** As npm's registry. Source: npm/registry, docs/REGISTRY-API.md, "GET /-/v1/search". */
const SIZE_MAX = 250;
/** Characters. Every word is searched in every package; this is far longer than a real search. */
const TEXT_MAX = 256;

const WARNINGS = {
  upstream: "the upstream did not answer; its packages are missing",
  ours: "the search index is being built; packages may be missing",
} as const satisfies Record<NonNullable<SearchResult["missing"]>, string>;

/** `GET /-/v1/search`: our own packages, then the upstream's. pnpm fails on a result without `publisher.username`. */
export const searchRoutes = (ports: ReadPorts): RouteGroup => {
  const search = createSearch(ports.searchIndex, ports.upstream);
  return routeGroup("read", (on) => {
    on.get("/-/v1/search", async (c) => {
      const text = (c.req.query("text") ?? "").trim();
      if (text === "") throw new ApiError("invalid", 'ERR_TEXT_MISSING: a search needs words in "text"');
      if (text.length > TEXT_MAX)
        throw new ApiError("invalid", `a search has at most ${TEXT_MAX} characters; use fewer words`);
      const size = Math.min(count(c, "size", SIZE_DEFAULT), SIZE_MAX);
      const { hits, total, missing } = await search({
        text,
        from: count(c, "from", 0),
        size,
        mayRead: ({ name, maintainers }) =>
          ports.policy.may(c.get("principal"), "read", { name, packument: { maintainers } }).allowed,
      });
      if (missing) c.header("warning", `199 - "${WARNINGS[missing]}"`);
      const origin = c.get("origin");
      return c.json({ objects: hits.map((hit) => shown(hit, origin)), total, time: ports.clock.now().toISOString() });
    });
  });
};

function count(c: AppContext, name: string, otherwise: number): number {
  const value = c.req.query(name);
  if (value === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(value)) throw new ApiError("invalid", `"${name}" must be a whole number`);
  return Number(value);
}

function shown(hit: SearchHit, origin: string) {
  const { name, version, description, license, keywords, date, links, publisher, maintainers, score } = hit;
  const scope = name.startsWith("@") ? name.slice(1, name.indexOf("/")) : "unscoped";
  return {
    package: {
      name,
      scope,
      version,
      description,
      license,
      keywords,
      date,
      links: { npm: `${origin}/${name}`, ...links },
      publisher: { username: publisher, email: `${publisher}@users.invalid` },
      maintainers: maintainers.map((person) => ({ username: person.name, email: person.email ?? "" })),
    },
    score: { final: score, detail: { quality: 1, popularity: 1, maintenance: 1 } },
    searchScore: score,
    flags: { unstable: version.startsWith("0.") || version.includes("-") },
  };
}
