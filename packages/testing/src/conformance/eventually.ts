/** What is read may be as old as a cache of a function, or behind by what an index needs. */
const OLDEST_MS = 15_000;

/** Repeats a check until it holds, or until nothing can be behind any more. */
export async function eventually(holds: () => Promise<void>): Promise<void> {
  const end = performance.now() + OLDEST_MS;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
