import { LRUCache } from "lru-cache";
import type { Clock } from "../ports/clock.ts";
import type { TokenStore } from "../ports/tokens.ts";

/** Most tokens whose last day a process remembers. Forgetting one costs a second write on that day. */
const REMEMBERED_MAX = 10_000;

/** Records that a token was used. Never rejects. */
export type TokenUses = (hash: string) => Promise<void>;

/**
 * Records the last use of tokens, to the day: one write a day for each token and process.
 *
 * It is not called for reads of packages, which never write. A failure is reported and forgotten: the next use tries again.
 *
 * @example const used = createTokenUses({ tokens, clock, onFailure }); await used(identity.tokenHash);
 */
export function createTokenUses({
  tokens,
  clock,
  onFailure,
}: {
  readonly tokens: Pick<TokenStore, "used">;
  readonly clock: Pick<Clock, "now">;
  readonly onFailure: (error: unknown) => void;
}): TokenUses {
  const recorded = new LRUCache<string, string>({ max: REMEMBERED_MAX });
  return async (hash) => {
    const day = clock.now().toISOString().slice(0, "2026-11-25".length);
    if (recorded.get(hash) === day) return;
    recorded.set(hash, day);
    try {
      await tokens.used(hash, day);
    } catch (error) {
      recorded.delete(hash);
      onFailure(error);
    }
  };
}
