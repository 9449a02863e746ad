import {
  changeOf,
  createMemoryBackend,
  manualClock,
  openPolicy,
  publishOf,
  stage,
  type ManualClock,
  type MemoryBackend,
} from "@codebox/testing";
import { createConsumer, createPackumentReader, type Change, type Consumer, type Policy } from "../../src/index.ts";
import { idOfStep } from "../../src/domain/release.ts";
import { createReleases, type Releases } from "../../src/stored/releases.ts";

export const NAMES = ["cable", "wire"] as const;
export const alice = { kind: "user", name: "alice" } as const;

export type ReleaseWorld = Awaited<ReturnType<typeof releaseWorld>>;

/**
 * A registry in memory that has version 1.0.0 of each of `NAMES`, and its consumer.
 *
 * @example const world = await releaseWorld(); await world.each((await world.opened()).prepare);
 */
export async function releaseWorld() {
  const clock = manualClock();
  const backend = createMemoryBackend({ clock });
  const releases = createReleases({ store: backend.store, clock });
  let consumer = consumerOf(backend, clock);
  const consume: Consumer = (...call) => consumer(...call);
  /** Moves the clock until a promise is settled. */
  const advancing = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = promise.finally(() => (isOver = true));
    over.catch(() => undefined);
    while (!isOver) await clock.advance(25);
    return promise;
  };
  const seen = async (name: string) => (await backend.reader.read(name))?.packument;
  const published = async (name: string, version: string) => {
    const change = publishOf(name, version);
    await stage(backend.store, change);
    await consume(name, [change]);
  };
  for (const name of NAMES) await published(name, "1.0.0");
  return {
    clock,
    backend,
    releases,
    consume,
    advancing,
    published,
    seen,
    stored: async (name: string) => (await backend.reader.stored(name))?.packument,
    /** What the tag "stable" is in each package. */
    stable: () => Promise.all(NAMES.map(async (name) => (await seen(name))?.["dist-tags"]["stable"])),
    opened: (id?: string, make?: (name: string) => Change) => opened(releases, id, make),
    /** Consumes the changes one by one: the states of their outcomes. */
    async each(changes: readonly Change[]) {
      const outcomes = [];
      for (const change of changes) outcomes.push(...(await advancing(consume(change.name, [change]))));
      return outcomes.map(({ state }) => state);
    },
    /** A new consumer, which remembers nothing. */
    restart(options: ConsumerOptions = {}) {
      consumer = consumerOf(backend, clock, options);
    },
  };
}

type ConsumerOptions = { readonly policy?: Policy; readonly host?: string };

function consumerOf(backend: MemoryBackend, clock: ManualClock, options: ConsumerOptions = {}): Consumer {
  return createConsumer({
    ...backend,
    reader: createPackumentReader(backend.store),
    policy: openPolicy,
    clock,
    ...options,
  });
}

/** The two messages of each package, whose changes set "stable" to 1.0.0. */
async function opened(
  releases: Releases,
  id = "rel-1",
  make: (name: string) => Change = (name) => changeOf("tags.merge", name, { tags: { stable: "1.0.0" } }),
) {
  const changes = NAMES.map((name, index) => ({ ...make(name), id: `${id}.${index}` }));
  const [{ actor } = { actor: alice }] = changes;
  await releases.open({ id, actor, changes: Object.fromEntries(changes.map((one) => [one.name, one.id])) });
  const stepOf = (step: "prepare" | "finish") => (change: Change) => ({
    ...change,
    id: idOfStep(change.id, step),
    release: { id, step },
  });
  return { prepare: changes.map(stepOf("prepare")), finish: changes.map(stepOf("finish")) };
}
