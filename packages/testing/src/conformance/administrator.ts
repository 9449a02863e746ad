import type { Registry } from "./registry.ts";
import { skip } from "./skip.ts";

/** Rights may be as old as the cache of a function. */
const OLDEST_MS = 15_000;

/** Repeats a check until it holds, or until rights can't be old any more. */
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

/** Skips the check unless the token is an administrator's. */
export async function requireAdministrator(registry: Registry): Promise<void> {
  const { status } = await registry.get("/-/access");
  if (status !== 200) skip("the registry's token is not an administrator's");
}
