import { EXPIRING } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectInfo, ObjectStore } from "../ports/object-store.ts";
import { pages } from "../read/pages.ts";

export type SweepPorts = {
  readonly store: ObjectStore;
  /** Whether a queued change still needs the object of this key. */
  readonly queue: { needs(key: string): boolean };
  readonly clock: Clock;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Objects deleted at a time: they share one commit, which stays short. */
const TOGETHER = 20;

/**
 * Deletes objects that are older than their area's lifetime (`LAYOUT`), as the bucket's lifecycle rules do on AWS. An object that
 * a queued change still needs is kept.
 */
export async function sweep({ store, queue, clock }: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const { prefix, days } of EXPIRING) {
    const oldest = clock.now().getTime() - days * DAY_MS;
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
  isExpired: (object: ObjectInfo) => boolean,
): Promise<void> {
  if (signal.aborted) return;
  for await (const { objects } of pages(store, prefix)) {
    const old = objects.filter(isExpired);
    for (let at = 0; at < old.length && !signal.aborted; at += TOGETHER)
      await Promise.all(old.slice(at, at + TOGETHER).map(({ key }) => store.delete(key)));
    if (signal.aborted) return;
  }
}
