import { STAGING_PREFIX, UPSTREAM_PREFIX, type Clock, type ObjectStore } from "@codebox/core";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * How old objects may grow, in milliseconds, by their prefix: a staged tarball as old as a dead letter that needs it may lie,
 * a cached upstream package as old as the bucket's lifecycle lets it on AWS; it is fetched anew when it is asked for.
 */
const AGES = [
  [STAGING_PREFIX, 14 * DAY_MS],
  [UPSTREAM_PREFIX, 90 * DAY_MS],
] as const;

/** Objects deleted at a time: they share one commit, and nobody waits long for it. */
const TOGETHER = 20;

/** Deletes what nobody needs any more: tarballs whose publish never came to its end, and old copies of the upstream's packages. */
export async function sweep(store: ObjectStore, clock: Clock, signal: AbortSignal): Promise<void> {
  for (const [prefix, age] of AGES) await sweepPrefix(store, prefix, clock.now().getTime() - age, signal);
}

/** Sweeps now, and once a day until `signal` aborts. */
export async function keepSwept(
  store: ObjectStore,
  clock: Clock,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    await sweep(store, clock, signal).catch(onFailure);
    await clock.sleep(DAY_MS, signal);
  }
}

async function sweepPrefix(store: ObjectStore, prefix: string, oldest: number, signal: AbortSignal): Promise<void> {
  for (let cursor: string | undefined, more = true; more && !signal.aborted; more = cursor !== undefined) {
    const page = await store.list(prefix, cursor);
    const old = page.objects.filter(({ modified }) => modified.getTime() <= oldest);
    for (let at = 0; at < old.length && !signal.aborted; at += TOGETHER)
      await Promise.all(old.slice(at, at + TOGETHER).map(({ key }) => store.delete(key)));
    cursor = page.cursor;
  }
}
