import pLimit from "p-limit";
import * as z from "zod";
import { isReadableName } from "../domain/names.ts";
import type { Clock } from "../ports/clock.ts";
import { isUpstreamFailure, type Upstream } from "../ports/upstream.ts";
import { scopesIn } from "../domain/search-text.ts";
import type { SearchHit } from "../ports/search-index.ts";
import type { Search } from "./search.ts";

/** How long a search waits for the upstream, in milliseconds. A person waits for it, and our own packages are found already. */
const SEARCH_MS = 3_000;
/** Names of hits that are looked up at a time. */
const LOOKUPS = 32;

type SearchPorts = {
  readonly upstream: Pick<Upstream, "search">;
  readonly clock: Pick<Clock, "sleep">;
  /** Scopes that are ours, each with a slash at its end, in lower case. */
  readonly scopes: readonly string[];
  /** Whether a name is ours by the settings. */
  readonly isConfigured: (name: string) => boolean;
  /** Whether a name is ours by the settings, or because it has a document. */
  readonly isOurs: (name: string) => Promise<boolean>;
};

/**
 * The upstream's part of a search. It fails without an error: the hits that are ours are worth showing without it.
 *
 * A text that has a configured name or scope of ours is not sent.
 */
export function createUpstreamSearch({ upstream, clock, scopes, isConfigured, isOurs }: SearchPorts): Search {
  return async (query) => {
    const namesScope = scopesIn(query.text).some((scope) => scopes.includes(`@${scope}/`));
    if (namesScope || query.text.split(/\s+/).some(isConfigured)) return { hits: [], total: 0 };
    const limit = new AbortController();
    try {
      const late = clock.sleep(SEARCH_MS, limit.signal).then(() => "late" as const);
      const found = await Promise.race([upstream.search(query, limit.signal), late]);
      if (found === "late") return { hits: [], total: 0, missing: "upstream" };
      const hits = (found?.objects ?? []).slice(0, query.size).flatMap((object) => hitOf(object) ?? []);
      const ours = await pLimit(LOOKUPS).map(hits, ({ name }) => isOurs(name));
      return { hits: hits.filter((_, at) => !ours[at]), total: found?.total ?? 0 };
    } catch (error) {
      if (!isUpstreamFailure(error)) throw error;
      return { hits: [], total: 0, missing: "upstream" };
    } finally {
      limit.abort();
    }
  };
}

/** What is malformed in a hit is left out; a hit without a name or a version is none. */
const Hit = z.object({
  package: z.object({
    name: z.string().refine(isReadableName),
    version: z.string(),
    description: z.string().optional().catch(undefined),
    license: z.string().optional().catch(undefined),
    keywords: z.array(z.string()).catch([]),
    date: z.iso.datetime({ offset: true }).optional().catch(undefined),
    links: z
      .object({
        homepage: z.httpUrl().optional().catch(undefined),
        repository: z.httpUrl().optional().catch(undefined),
        bugs: z.httpUrl().optional().catch(undefined),
      })
      .catch({}),
    publisher: z.object({ username: z.string() }).catch({ username: "unknown" }),
    maintainers: z.array(z.object({ username: z.string() })).catch([]),
  }),
  searchScore: z.number().catch(0),
});

function hitOf(object: unknown): SearchHit | undefined {
  const parsed = Hit.safeParse(object);
  if (!parsed.success) return undefined;
  const { name, version, description, license, keywords, date, links, publisher, maintainers } = parsed.data.package;
  return {
    name,
    version,
    ...(description === undefined ? {} : { description }),
    ...(license === undefined ? {} : { license }),
    keywords,
    ...(date === undefined ? {} : { date }),
    links: Object.fromEntries(Object.entries(links).filter(([, link]) => link !== undefined)),
    publisher: publisher.username,
    maintainers: maintainers.map(({ username }) => ({ name: username })),
    stars: [],
    score: parsed.data.searchScore,
  };
}
