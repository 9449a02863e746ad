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

/** Brotli where it is taken, else gzip. npm 11 takes gzip only; browsers and pnpm take both. */
export function preferredEncoding(c: AppContext): Encoding {
  const header = c.req.header("accept-encoding");
  if (header === undefined) return "identity";
  const taken = (name: string) => header.split(",").some((part) => {
    const [coding, ...parameters] = part.trim().toLowerCase().split(/\s*;\s*/);
    return coding === name && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  }); // prettier-ignore
  if (taken("br")) return "br";
  return taken("gzip") ? "gzip" : "identity";
}
