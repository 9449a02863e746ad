import { routeGroup, type RouteGroup } from "@codebox/api";
import type { Indexer } from "@codebox/core";

/**
 * `POST /-/search-index` builds the search index again from the packages' documents, beside everything else, and `GET` says how far
 * that is: `{ "running": true, "packages": 1200, "complete": true }`. Searches find what was there before until it is done.
 */
export function searchIndexRoutes(indexer: Pick<Indexer, "rebuild" | "status">): RouteGroup {
  return routeGroup("admin", (on) => {
    on.get("/-/search-index", async (c) => c.json(await indexer.status()));
    on.post("/-/search-index", async (c) => {
      indexer.rebuild();
      return c.json(await indexer.status(), 202);
    });
  });
}
