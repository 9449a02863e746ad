/** Which groups wait and which are handed out. */
export function createGroups() {
  const ready = new Set<string>();
  const taken = new Set<string>();
  const takers = new Set<() => void>();
  const offered = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        takers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      takers.add(wake);
      signal.addEventListener("abort", wake);
    });
  return {
    /** Says that a group has changes. One that is handed out is looked at again when it is freed. */
    offer(group: string) {
      if (taken.has(group)) return;
      ready.add(group);
      const [wake] = takers;
      wake?.();
    },
    /** The group that has waited longest; `undefined` once `signal` aborts. */
    async take(signal: AbortSignal): Promise<string | undefined> {
      while (!signal.aborted) {
        const [group] = ready;
        if (group !== undefined) {
          ready.delete(group);
          taken.add(group);
          return group;
        }
        await offered(signal);
      }
      return undefined;
    },
    free: (group: string) => taken.delete(group),
    isEmpty: () => ready.size === 0 && taken.size === 0,
  };
}
