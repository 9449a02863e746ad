import { LRUCache } from "lru-cache";
import type { Clock } from "../ports/clock.ts";
import { UpstreamUnavailable, type Upstream } from "../ports/upstream.ts";

/** How long keys and attestations are used without asking again, in milliseconds. They change when a key is rotated, announced long before. */
const FRESH_MS = 60 * 60 * 1000;
/** Memory for them, in bytes of their JSON. The attestations of a version have some 20 KB. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/** What `npm audit signatures` asks for, of the upstream's packages. */
export type UpstreamSignatures = {
  /** `undefined`: the upstream signs nothing. @throws the port's errors when nothing is kept */
  keys(): Promise<unknown>;
  /** `undefined`: the version has none. @throws the port's errors when nothing is kept */
  attestations(name: string, version: string): Promise<unknown>;
};

/** Keeps the upstream's keys and attestations in memory, and answers with an old copy while the upstream is down. */
export function createUpstreamSignatures({
  upstream,
  clock,
}: {
  readonly upstream: Pick<Upstream, "keys" | "attestations">;
  readonly clock: Pick<Clock, "now">;
}): UpstreamSignatures {
  const kept = new LRUCache<string, { readonly answer: unknown; readonly fetched: number }>({
    maxSize: MEMORY_BYTES,
    maxEntrySize: MEMORY_BYTES / 4,
    sizeCalculation: ({ answer }, key) => key.length + (JSON.stringify(answer) ?? "").length + 100,
  });
  const through = async (key: string, fetch: () => Promise<unknown>): Promise<unknown> => {
    const known = kept.get(key);
    if (known && clock.now().getTime() - known.fetched < FRESH_MS) return known.answer;
    try {
      const answer = await fetch();
      // What is absent may come: an attestation is published after its version.
      if (answer !== undefined) kept.set(key, { answer, fetched: clock.now().getTime() });
      return answer;
    } catch (error) {
      if (known && error instanceof UpstreamUnavailable) return known.answer;
      throw error;
    }
  };
  return {
    keys: () => through("keys", () => upstream.keys()),
    attestations: (name, version) =>
      through(`attestations ${name}@${version}`, () => upstream.attestations(name, version)),
  };
}
