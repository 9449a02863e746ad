import { EXPIRING } from "../layout.ts";
import type { LocalReceiver } from "../ports/change-queue.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectInfo, ObjectStore } from "../ports/object-store.ts";
import { pages } from "../read/pages.ts";

export type SweepPorts = {
  readonly store: ObjectStore;
  /** Knows which objects a queued change still needs. */
  readonly receiver: Pick<LocalReceiver, "needs">;
  readonly clock: Clock;
  /** Lifetimes that differ from those of `LAYOUT`, in days, by prefix. Default: none does. */
  readonly days?: Readonly<Record<string, number>>;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Objects looked at and deleted at a time: they share one commit, which stays short. */
const TOGETHER = 20;

/**
 * Deletes objects that are older than their area's lifetime (`LAYOUT`), as the bucket's lifecycle rules do on AWS. An object that
 * a queued change still needs is kept.
 */
export async function sweep(
  { store, receiver, clock, days: other = {} }: SweepPorts,
  signal: AbortSignal,
): Promise<void> {
  for (const { prefix, days } of EXPIRING) {
    const oldest = clock.now().getTime() - (other[prefix] ?? days) * DAY_MS;
    const isExpired = async ({ key, modified }: ObjectInfo) =>
      modified.getTime() <= oldest && !(await receiver.needs(key));
    await sweepPrefix(store, prefix, signal, isExpired);
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
  isExpired: (object: ObjectInfo) => Promise<boolean>,
): Promise<void> {
  if (signal.aborted) return;
  for await (const { objects } of pages(store, prefix)) {
    for (let at = 0; at < objects.length && !signal.aborted; at += TOGETHER)
      await Promise.all(
        objects.slice(at, at + TOGETHER).map(async (object) => {
          if (await isExpired(object)) await store.delete(object.key);
        }),
      );
    if (signal.aborted) return;
  }
}
