import { randomUUID } from "node:crypto";
import ssri from "ssri";
import { jsonIn } from "../domain/json.ts";
import { isRecord, tarballFile } from "../domain/packument.ts";
import { abbreviatedManifests } from "../domain/views.ts";
import type { PackumentForm } from "../ports/upstream.ts";

/** Where the upstream has a version's tarball, and its strongest digest. */
export type VersionSource = { readonly url?: string; readonly integrity?: string };

/**
 * A document as it goes over the wire, but for the origin of its tarballs and attestations: `cuts` are the places where it comes, and `spans` where
 * each version's manifest begins and ends, in the order of the versions.
 */
type Text = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly cuts: Uint32Array<ArrayBuffer>;
  readonly spans: Uint32Array<ArrayBuffer>;
};

/** A packument of the upstream, parsed once. Plain data, so that another thread may make it. */
export type Prepared = {
  readonly tags: Readonly<Record<string, unknown>>;
  readonly versions: readonly (readonly [version: string, source: VersionSource])[];
  /** In the form that the upstream sent. */
  readonly sent: Text;
  /** Its abbreviated form, where the upstream sent the full one. */
  readonly short?: Text;
};

/** `unpublished`: the upstream says that the package has no versions any more. `malformed`: it is not the package's document. */
export type Preparation =
  | { readonly kind: "prepared"; readonly prepared: Prepared }
  | { readonly kind: "unpublished" }
  | { readonly kind: "malformed"; readonly problem: string };

/**
 * Parses what the upstream sent, and makes from it all that is served later. A proxy's page with status 200 is `malformed`.
 *
 * It takes some 30 ms for each MiB, and does nothing else meanwhile: a host with other clients runs it in a thread of its own.
 *
 * @example prepare("wire", bytes, "full") // { kind: "prepared", prepared: { tags: { latest: "1.0.0" }, … } }
 */
export function prepare(name: string, bytes: Uint8Array, form: PackumentForm): Preparation {
  const document = parsed(bytes);
  if (!isRecord(document)) return malformed("it sent something that is not a package's document");
  if (document["name"] !== name) return malformed("it sent the document of another package");
  if (!isRecord(document["versions"])) {
    if (isRecord(document["time"]) && document["time"]["unpublished"] !== undefined) return { kind: "unpublished" };
    return malformed("it sent a package's document without versions");
  }
  const { versions, ...rest } = document;
  const known = Object.fromEntries(Object.entries(versions).filter(([, manifest]) => isRecord(manifest)));
  const prepared = {
    tags: isRecord(document["dist-tags"]) ? document["dist-tags"] : {},
    versions: Object.entries(known).map(([version, manifest]) => [version, sourceOf(manifest)] as const),
    sent: textOf(name, rest, known),
  };
  if (form === "abbreviated") return { kind: "prepared", prepared };
  const time = isRecord(document["time"]) ? document["time"] : undefined;
  const head = { name, "dist-tags": document["dist-tags"], modified: time?.["modified"], time };
  return { kind: "prepared", prepared: { ...prepared, short: textOf(name, head, abbreviatedManifests(known)) } };
}

const malformed = (problem: string) => ({ kind: "malformed", problem }) as const;

/** The text of a form with its tarballs at an origin. @example textAt(prepared.sent, "https://npm.acme.example") */
export function textAt({ bytes, cuts }: Text, origin: string): Uint8Array<ArrayBuffer> {
  return spliced(bytes, cuts, origin);
}

/** One version's manifest with its tarball at an origin; `undefined`: there is no such version. */
export function manifestAt({ sent, versions }: Prepared, version: string, origin: string): unknown {
  const at = versions.findIndex(([known]) => known === version);
  if (at < 0) return undefined;
  const [start = 0, end = 0] = sent.spans.subarray(2 * at, 2 * at + 2);
  const cuts = sent.cuts.filter((cut) => cut > start && cut < end).map((cut) => cut - start);
  return jsonIn(spliced(sent.bytes.subarray(start, end), cuts, origin));
}

function spliced(bytes: Uint8Array, cuts: Uint32Array, origin: string): Uint8Array<ArrayBuffer> {
  // As it stands in a JSON string.
  const inserted = Buffer.from(JSON.stringify(origin).slice(1, -1));
  const text = new Uint8Array(bytes.byteLength + cuts.length * inserted.byteLength);
  let from = 0;
  let to = 0;
  for (const cut of [...cuts, bytes.byteLength]) {
    text.set(bytes.subarray(from, cut), to);
    to += cut - from;
    from = cut;
    if (to < text.byteLength && cut < bytes.byteLength) {
      text.set(inserted, to);
      to += inserted.byteLength;
    }
  }
  return text;
}

function textOf(
  name: string,
  head: Readonly<Record<string, unknown>>,
  versions: Readonly<Record<string, unknown>>,
): Text {
  // No document can hold it: it is made after the document came.
  const mark = randomUUID();
  const parts: Buffer[] = [];
  const cuts: number[] = [];
  const spans: number[] = [];
  let size = 0;
  const add = (text: string) => {
    const part = Buffer.from(text);
    parts.push(part);
    size += part.byteLength;
  };
  add(`${JSON.stringify(head).slice(0, -1)},"versions":{`);
  Object.entries(versions).forEach(([version, manifest], index) => {
    add(`${index === 0 ? "" : ","}${JSON.stringify(version)}:`);
    const tarball = `${mark}/${name}/-/${tarballFile(name, version)}`;
    spans.push(size);
    const dist = { ...distOf(manifest), tarball, ...attestationsAt(mark, `${name}@${version}`, manifest) };
    const [before = "", ...rest] = JSON.stringify({ ...(manifest as object), dist }).split(mark);
    add(before);
    for (const after of rest) {
      cuts.push(size);
      add(after);
    }
    spans.push(size);
  });
  add("}}");
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return { bytes, cuts: Uint32Array.from(cuts), spans: Uint32Array.from(spans) };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return jsonIn(bytes);
  } catch {
    return undefined;
  }
}

function distOf(manifest: unknown): Readonly<Record<string, unknown>> {
  return isRecord(manifest) && isRecord(manifest["dist"]) ? manifest["dist"] : {};
}

/** npm and pnpm fetch attestations at this URL's path, which may have a prefix that is the upstream's. */
function attestationsAt(origin: string, spec: string, manifest: unknown): Readonly<Record<string, unknown>> {
  const { attestations } = distOf(manifest);
  if (!isRecord(attestations)) return {};
  return { attestations: { ...attestations, url: `${origin}/-/npm/v1/attestations/${spec.replace("/", "%2f")}` } };
}

function sourceOf(manifest: unknown): VersionSource {
  const { tarball } = distOf(manifest);
  const integrity = integrityOf(manifest);
  return {
    ...(typeof tarball === "string" ? { url: tarball } : {}),
    ...(integrity === undefined ? {} : { integrity }),
  };
}

/** The strongest digest, none weaker than sha1. */
function integrityOf(manifest: unknown): string | undefined {
  const { integrity, shasum } = distOf(manifest);
  const hashes = typeof integrity === "string" ? ssri.parse(integrity) : null;
  for (const algorithm of ["sha512", "sha384", "sha256", "sha1"]) {
    const found = hashes?.[algorithm];
    if (found?.length) return found.map((hash) => hash.toString()).join(" ");
  }
  return typeof shasum === "string" && /^[0-9a-f]{40}$/i.test(shasum)
    ? `sha1-${Buffer.from(shasum, "hex").toString("base64")}`
    : undefined;
}
