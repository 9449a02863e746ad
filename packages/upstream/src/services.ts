import { isRecord, UpstreamMalformed, type Upstream } from "@codebox/core";
import { readWhole } from "./bodies.ts";
import type { Answer, ClientRequest } from "./http-client.ts";

/** Largest answer to an audit, in bytes. The advisories of 20,000 packages are far less. */
const ADVISORIES_BYTES_MAX = 64 * 1024 * 1024;
/** Largest answer to a search, in bytes. 250 hits, the most that are asked for, are some 500 KB. */
const SEARCH_BYTES_MAX = 4 * 1024 * 1024;
/** Largest list of keys, or of the attestations of a version, in bytes. Real ones have 1 KB and 20 KB. */
const SIGNATURES_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Sends a request to the upstream at `root`, and follows its redirects.
 *
 * `lane`: requests of a lane have a breaker of their own. An audit or a search that fails says nothing about packages.
 */
export type Send = (root: URL, start: URL, request: ClientRequest, lane?: string) => Promise<Answer>;

type Connection = {
  /** `undefined`: there is no upstream. */
  readonly base: () => Promise<URL | undefined>;
  readonly send: Send;
  /** Whether the upstream says that there is no such thing. @throws UpstreamRefused */
  readonly isAbsent: (answer: Answer) => Promise<boolean>;
};

/** What a registry serves besides packages: audits, search, keys and attestations. It need not have any of them. */
export function createServices({
  base,
  send,
  isAbsent,
}: Connection): Pick<Upstream, "advisories" | "search" | "keys" | "attestations"> {
  /** A JSON document; `undefined` when the upstream does not have it. */
  const document = async (path: string, what: string): Promise<unknown> => {
    const root = await base();
    if (!root) return undefined;
    const answer = await send(root, new URL(path, root), { headers: { accept: "application/json" } }, " signatures");
    return (await isAbsent(answer)) ? undefined : parseJson(await readWhole(answer, SIGNATURES_BYTES_MAX, what));
  };
  return {
    async advisories(packages) {
      const root = await base();
      if (!root) throw new UpstreamMalformed("there is no upstream to ask for advisories");
      const url = new URL("-/npm/v1/security/advisories/bulk", root);
      const headers = { "content-type": "application/json" };
      const answer = await send(root, url, { method: "POST", body: JSON.stringify(packages), headers }, " audit");
      // Not an empty answer: that would say that nothing is known to be vulnerable.
      if (await isAbsent(answer)) throw new UpstreamMalformed(`it does not serve audits: it answered ${answer.status}`);
      return parseJson(await readWhole(answer, ADVISORIES_BYTES_MAX, "answer to an audit"));
    },
    async search({ text, from, size }, signal) {
      const root = await base();
      if (!root) return undefined;
      const url = new URL("-/v1/search", root);
      url.search = new URLSearchParams({ text, from: String(from), size: String(size) }).toString();
      const answer = await send(root, url, { headers: { accept: "application/json" }, signal }, " search");
      if (await isAbsent(answer)) return undefined;
      const found = parseJson(await readWhole(answer, SEARCH_BYTES_MAX, "answer to a search"));
      if (!isFound(found)) throw new UpstreamMalformed("its answer to a search has no list of objects");
      return { objects: found.objects, total: found.total ?? found.objects.length };
    },
    keys: () => document("-/npm/v1/keys", "list of keys"),
    attestations: (name, version) =>
      document(`-/npm/v1/attestations/${escapeName(name)}@${encodeURIComponent(version)}`, "list of attestations"),
  };
}

/** npm's own spelling: the slash of a scope is escaped. Source: npm-package-arg, `escapedName`. */
export function escapeName(name: string): string {
  return name.startsWith("@") ? `@${encodeURIComponent(name.slice(1))}` : encodeURIComponent(name);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new UpstreamMalformed("its answer is not JSON");
  }
}

function isFound(value: unknown): value is { readonly objects: readonly unknown[]; readonly total?: number } {
  if (!isRecord(value) || !Array.isArray(value["objects"])) return false;
  return value["total"] === undefined || typeof value["total"] === "number";
}
