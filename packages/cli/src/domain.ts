import { isRecord, tarballFile } from "@codebox/core";

/** A document with its tarball URLs on another host, or why it was left alone. */
export type Rewritten =
  | { readonly kind: "rewritten"; readonly bytes: Uint8Array; readonly versions: number }
  | { readonly kind: "unchanged" }
  | { readonly kind: "damaged"; readonly problem: string };

/**
 * Puts every stored tarball URL of an index.json under another registry's URL: `<url>/<name>/-/<file>`.
 *
 * @example rewriteTarballs("wire", bytes, "https://npm.acme.example") // { kind: "rewritten", bytes, versions: 3 }
 *
 * Versions that store no URL get none: codebox computes it from the request. Everything else stays unchanged, `_attachments`, `_rev`,
 * `_codebox` and fields that nobody knows included, and numbers keep their digits.
 */
export function rewriteTarballs(name: string, bytes: Uint8Array, url: string): Rewritten {
  const document = parse(bytes);
  if (typeof document === "string") return { kind: "damaged", problem: document };
  let versions = 0;
  for (const [version, manifest] of Object.entries(isRecord(document["versions"]) ? document["versions"] : {})) {
    const dist = isRecord(manifest) ? manifest["dist"] : undefined;
    if (!isRecord(dist) || typeof dist["tarball"] !== "string") continue;
    const moved = `${url}/${name}/-/${fileOf(dist["tarball"]) ?? tarballFile(name, version)}`;
    if (moved === dist["tarball"]) continue;
    dist["tarball"] = moved;
    versions++;
  }
  if (versions === 0) return { kind: "unchanged" };
  return { kind: "rewritten", bytes: Buffer.from(JSON.stringify(document)), versions };
}

/** What follows the `/-/`, as clients wrote it: `wire-1.0.0.tgz`, or `@acme/wire-1.0.0.tgz`. */
function fileOf(tarball: string): string | undefined {
  const mark = tarball.indexOf("/-/");
  return mark < 0 || tarball.endsWith("/-/") ? undefined : tarball.slice(mark + "/-/".length);
}

function parse(bytes: Uint8Array): Record<string, unknown> | string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const document: unknown = JSON.parse(text, keepDigits);
    return isRecord(document) ? document : "it is JSON, but not an object";
  } catch (error) {
    if (error instanceof SyntaxError) return `it is not JSON: ${error.message.slice(0, 200)}`;
    if (error instanceof TypeError) return "it is not UTF-8";
    throw error;
  }
}

/** ECMAScript's "JSON.parse source text access", which TypeScript's libraries do not describe yet. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** Numbers that JavaScript would write in another form (`1.0`, 20 digits) stay text. */
function keepDigits(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === "number" && source !== undefined && String(value) !== source ? rawJSON(source) : value;
}
