import { isExpired, type Clock, type TokenStore } from "@codebox/core";

/** A token is looked up again so often while something waits for its end, in milliseconds: it may expire, or end on another way. */
const LOOK_MS = 10_000;

/** Knows when a token ends. */
export type Revocations = {
  /** The store, which reports each removal here. */
  readonly tokens: TokenStore;
  /**
   * Calls `onEnd` once the token is revoked or has expired, until `signal` aborts. A revocation through `tokens` is reported at
   * once.
   */
  watch(hash: string, onEnd: () => void, signal: AbortSignal): void;
};

/** @example const { tokens, watch } = watchRevocations(backend.tokens, clock); watch(hash, () => stream.close(), signal); */
export function watchRevocations(tokens: TokenStore, clock: Clock): Revocations {
  const watchers = new Map<string, Set<() => void>>();
  return {
    tokens: {
      ...tokens,
      async remove(hash) {
        const removed = await tokens.remove(hash);
        for (const end of watchers.get(hash) ?? []) end();
        return removed;
      },
    },
    watch(hash, onEnd, signal) {
      const ended = new AbortController();
      const over = AbortSignal.any([signal, ended.signal]);
      const end = () => {
        if (over.aborted) return;
        ended.abort();
        onEnd();
      };
      const known = watchers.get(hash) ?? new Set();
      watchers.set(hash, known.add(end));
      over.addEventListener("abort", () => {
        known.delete(end);
        if (known.size === 0 && watchers.get(hash) === known) watchers.delete(hash);
      });
      // A store that does not answer is asked again: what it does not know does not end a stream.
      const look = async () => {
        while (!over.aborted) {
          await clock.sleep(LOOK_MS, over);
          if (!over.aborted && (await hasEnded(tokens, hash, clock.now()).catch(() => false))) end();
        }
      };
      void look();
    },
  };
}

async function hasEnded(tokens: TokenStore, hash: string, now: Date): Promise<boolean> {
  const record = await tokens.find(hash);
  return record === undefined || isExpired(record, now);
}
