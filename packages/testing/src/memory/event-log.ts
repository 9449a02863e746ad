import type { ChangeEvent, EventLog, EventReader } from "@codebox/core";

/** The `EventLog` and `EventReader` ports over an array. An event that is published again is dropped: its id is known. */
export function createMemoryEventLog(): EventLog & EventReader {
  const events = new Map<string, ChangeEvent>();
  const listeners = new Set<() => void>();
  return {
    async publish(published) {
      for (const event of published) if (!events.has(event.id)) events.set(event.id, structuredClone(event));
      for (const listener of listeners) listener();
    },
    async read(after, limit) {
      const page = [...events.values()].slice(after, after + limit);
      return page.map((event, index) => ({ position: after + index + 1, event }));
    },
    position: () => events.size,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
