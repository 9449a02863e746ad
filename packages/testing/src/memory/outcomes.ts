import { createStoredOutcomes, type Outcome, type Outcomes, type OutcomesPorts } from "@codebox/core";

/** The `Outcomes` port: core's own over the store, and those who wait in this process get the outcome at once. */
export function createMemoryOutcomes(ports: OutcomesPorts): Outcomes {
  const stored = createStoredOutcomes(ports);
  const waiters = new Map<string, Set<(outcome: Outcome) => void>>();
  return {
    ...stored,
    async record(outcomes) {
      await stored.record(outcomes);
      for (const outcome of outcomes) for (const resolve of waiters.get(outcome.id) ?? []) resolve(outcome);
    },
    async wait({ id, name }, timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const listeners = waiters.get(id) ?? new Set();
      // Before the store is read: an outcome that is recorded meanwhile is not missed.
      waiters.set(id, listeners.add(resolve));
      const cancel = new AbortController();
      try {
        const known = await stored.find(id, name);
        if (known?.state === "applied" || known?.state === "rejected") return known;
        return await Promise.race([promise, ports.clock.sleep(timeoutMs, cancel.signal).then(() => undefined)]);
      } finally {
        cancel.abort();
        listeners.delete(resolve);
        if (listeners.size === 0) waiters.delete(id);
      }
    },
  };
}
