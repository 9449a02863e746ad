import { createEntrySet, type LocalSearchIndex } from "@codebox/core";

/** The `LocalSearchIndex` port over core's set of entries. */
export function createMemorySearchIndex(): LocalSearchIndex {
  let entries = createEntrySet();
  let upTo: string | undefined;
  let complete = false;
  /** What `put` brings while the index is built. */
  let building: ReturnType<typeof createEntrySet> | undefined;
  return {
    async put(packages, mark) {
      entries.put(packages);
      building?.put(packages);
      upTo = mark ?? upTo;
    },
    async rebuild(packages) {
      const next = createEntrySet();
      building = next;
      try {
        for await (const step of packages) next.put(step);
        entries = next;
        complete = true;
      } finally {
        building = undefined;
      }
    },
    query: async (query) => ({ ...entries.query(query), complete }),
    list: async (filter) => entries.list(filter),
    progress: async () => ({ upTo, complete }),
  };
}
