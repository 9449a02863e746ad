import type { ObjectStore } from "@codebox/core";

/** The emulator answers one request at a time: more than this at once wait for a connection until they time out. */
const AT_ONCE = 64;

/** The store, with at most `AT_ONCE` writes under way. */
export function limited(store: ObjectStore): ObjectStore {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    ...store,
    async put(key, body, options) {
      if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        return await store.put(key, body, options);
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
