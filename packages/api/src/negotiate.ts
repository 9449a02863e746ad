import { accepts } from "hono/accepts";
import type { PackumentForm } from "@codebox/core";
import type { AppContext } from "./context.ts";

export const ABBREVIATED_TYPE = "application/vnd.npm.install-v1+json";

/** Which packument the client prefers. Source: npm/registry, docs/responses/package-metadata.md. */
export function preferredForm(c: AppContext): PackumentForm {
  if (!c.req.header("accept")?.includes(ABBREVIATED_TYPE)) return "full";
  const type = accepts(c, {
    header: "Accept",
    supports: [ABBREVIATED_TYPE, "application/json"],
    default: "application/json",
  });
  return type === ABBREVIATED_TYPE ? "abbreviated" : "full";
}

export type Encoding = "br" | "gzip" | "identity";

/** The encoding that the client likes best; of equals Brotli, then gzip. npm 11 takes gzip only; browsers and pnpm take both. */
export function preferredEncoding(c: AppContext): Encoding {
  return accepts(c, {
    header: "Accept-Encoding",
    supports: ["br", "gzip"],
    default: "identity",
    match: (taken, { supports, default: none }) => {
      const quality = (name: string) => taken.find(({ type }) => type.toLowerCase() === name)?.q ?? 0;
      const [best = none] = supports.toSorted((a, b) => quality(b) - quality(a));
      return quality(best) > 0 ? best : none;
    },
  }) as Encoding;
}
