import { CONTRACT_DOCUMENTS, CONTRACT_PATH, CONTRACT_VERSION, contractDocument } from "@codebox/core";
import { ApiError } from "../errors.ts";
import { heldEtag } from "../etag.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { preferredEncoding } from "../negotiate.ts";
import { createRenderCache } from "../rendered.ts";

/**
 * The contract with other services: JSON Schemas of the messages, and an AsyncAPI document. `GET /-/contract` names them.
 *
 * They are the same for every caller and change only with a new version of the registry, so any cache may keep them.
 */
export const contractRoutes = (): RouteGroup => {
  const render = createRenderCache();
  return routeGroup("public", (on) => {
    on.get("/-/contract", (c) => {
      c.header("cache-control", "public, max-age=300");
      const url = (name: string) => `${c.get("origin")}${CONTRACT_PATH}/${name}`;
      const documents = Object.fromEntries(CONTRACT_DOCUMENTS.map((name) => [name, url(name)]));
      return c.json({ version: CONTRACT_VERSION, documents });
    });

    on.get(`${CONTRACT_PATH}/:document`, async (c) => {
      const name = CONTRACT_DOCUMENTS.find((one) => one === c.req.param("document"));
      if (name === undefined)
        throw new ApiError("not_found", `the contract has these documents: ${CONTRACT_DOCUMENTS.join(", ")}`);
      const { bytes, etag, encoding } = await render(name, preferredEncoding(c), () => contractDocument(name));
      const held = heldEtag(c.req.header("if-none-match"), etag);
      c.header("etag", held ?? etag);
      c.header("vary", "accept-encoding");
      c.header("cache-control", "public, max-age=300");
      if (held !== undefined) return c.body(null, 304);
      c.header("content-type", name === "asyncapi.json" ? "application/json" : "application/schema+json");
      if (encoding !== "identity") c.header("content-encoding", encoding);
      c.header("content-length", String(bytes.byteLength));
      return c.body(bytes);
    });
  });
};
