import { ageOf, UpstreamUnavailable, type Clock } from "@codebox/core";

/** An origin that is down is left alone for so long, in milliseconds. */
const REST_MS = 5_000;
/** So many server errors in a row mean that an origin is down. */
const FAILURES_IN_A_ROW = 3;

/** Runs a request to an origin, or refuses it at once while that origin is left alone. */
export type Breaker = <T>(origin: string, request: () => Promise<T>) => Promise<T>;

/**
 * A circuit breaker for each origin: one that is down is not hammered, its callers do not wait for it, and no other origin is
 * touched. A server error at one package does not open it; no answer at all does, and so do several server errors in a row.
 *
 * @example const breaker = createBreaker(clock); await breaker(url.origin, () => send(url));
 * @throws UpstreamUnavailable while the origin is left alone.
 */
export function createBreaker(clock: Pick<Clock, "now">): Breaker {
  const origins = new Map<string, { failures: number; downSince?: number }>();
  return async (origin, request) => {
    const state = origins.get(origin);
    if (state?.downSince !== undefined && ageOf(state.downSince, clock.now()) < REST_MS)
      throw new UpstreamUnavailable("it failed a moment ago, and is asked again in a few seconds");
    try {
      const answer = await request();
      origins.delete(origin);
      return answer;
    } catch (error) {
      if (!(error instanceof UpstreamUnavailable)) {
        origins.delete(origin);
        throw error;
      }
      const failures = (state?.failures ?? 0) + 1;
      const isDown = !error.answered || failures >= FAILURES_IN_A_ROW;
      origins.set(origin, { failures, ...(isDown ? { downSince: clock.now().getTime() } : {}) });
      throw error;
    }
  };
}
