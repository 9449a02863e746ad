import { STAGING_PREFIX, UPSTREAM_PREFIX } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectInfo, ObjectStore } from "../ports/object-store.ts";

export type SweepPorts = {
  readonly store: ObjectStore;
  /** Whether a queued change still needs the object of this key. */
  readonly queue: { needs(key: string): boolean };
  readonly clock: Clock;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * How old objects may grow, in milliseconds, by their prefix: a staged tarball two weeks, unless a change still needs it; a cached
 * upstream package as old as the bucket's lifecycle lets it on AWS, since it is fetched anew when it is asked for.
 */
const AGES = [
  [STAGING_PREFIX, 14 * DAY_MS],
  [UPSTREAM_PREFIX, 90 * DAY_MS],
] as const;

/** Objects deleted at a time: they share one commit, and nobody waits long for it. */
const TOGETHER = 20;

/** Deletes what nobody needs any more: tarballs whose publish never came to its end, and old copies of the upstream's packages. */
export async function sweep({ store, queue, clock }: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const [prefix, age] of AGES) {
    const oldest = clock.now().getTime() - age;
    await sweepPrefix(store, prefix, signal, ({ key, modified }) => modified.getTime() <= oldest && !queue.needs(key));
  }
}

/** Sweeps now, and once a day until `signal` aborts. */
export async function keepSwept(
  ports: SweepPorts,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    await sweep(ports, signal).catch(onFailure);
    await ports.clock.sleep(DAY_MS, signal);
  }
}

async function sweepPrefix(
  store: ObjectStore,
  prefix: string,
  signal: AbortSignal,
  isOver: (object: ObjectInfo) => boolean,
): Promise<void> {
  for (let cursor: string | undefined, more = true; more && !signal.aborted; more = cursor !== undefined) {
    const page = await store.list(prefix, cursor);
    const old = page.objects.filter(isOver);
    for (let at = 0; at < old.length && !signal.aborted; at += TOGETHER)
      await Promise.all(old.slice(at, at + TOGETHER).map(({ key }) => store.delete(key)));
    cursor = page.cursor;
  }
}
