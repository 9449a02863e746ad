import { STAGING_PREFIX, type Clock, type ObjectStore } from "@codebox/core";

/** How long a staged tarball may wait for its publish, in milliseconds: as long as a dead letter that needs it may lie. */
const STAGED_MS = 14 * 24 * 60 * 60 * 1000;

/** Deletes tarballs whose publish never came to its end: a client that went away, a process that was killed. Returns how many. */
export async function sweepStaging(store: ObjectStore, clock: Clock): Promise<number> {
  const oldest = clock.now().getTime() - STAGED_MS;
  let swept = 0;
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await store.list(STAGING_PREFIX, cursor);
    for (const { key, modified } of page.objects) {
      if (modified.getTime() > oldest) continue;
      await store.delete(key);
      swept++;
    }
    cursor = page.cursor;
  }
  return swept;
}
