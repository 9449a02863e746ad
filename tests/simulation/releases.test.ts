import {
  createPackumentReader,
  createRelease,
  createSubmit,
  RELEASE_OPEN_MS,
  stateOf,
  tarballKey,
  type Change,
  type Ids,
  type ObjectStore,
  type Packument,
  type ReleaseDraft,
} from "@codebox/core";
import { systemIds } from "@codebox/system";
import {
  createFaults,
  fail,
  manualClock,
  openPolicy,
  publishOf,
  stage,
  tagPut,
  type ManualClock,
} from "@codebox/testing";
import { expect, test } from "vitest";
import { audit, shows, watchReads, type MadeRelease } from "../support/release-auditor.ts";
import { WORLDS, type OpenWorld, type World } from "../support/release-worlds.ts";
import { seeds } from "../support/seeds.ts";

const PACKAGES = ["cable", "clip", "fuse", "plug", "socket", "wire"] as const;
const RELEASES = 14;
const TAGS = 14;
const RATE = 0.05;
/** Of the API's operations on store and queue: after so many at most it is gone, in every third release. */
const CRASH_WITHIN = 30;

/** The API's process is killed at one of its operations: from then on none of them ends. */
function dying<Port extends object>(port: Port, spend: () => boolean): Port {
  const never = new Promise<never>(() => {});
  return Object.fromEntries(
    Object.entries(port).map(([name, call]) => [
      name,
      async (...rest: unknown[]) => {
        if (!spend()) return never;
        const result: unknown = await (call as (...all: unknown[]) => Promise<unknown>)(...rest);
        // The operation happened, and nobody was left to see it.
        return spend() ? result : never;
      },
    ]),
  ) as Port;
}

async function simulate(open: OpenWorld, seed: number) {
  const clock = manualClock();
  const faults = createFaults({ seed, rate: RATE });
  const { random } = faults;
  const world = await open(clock, faults);
  const clean = createPackumentReader(world.clean);
  for (const name of PACKAGES) {
    const first = publishOf(name, "1.0.0");
    await stage(world.clean, first);
    await firstly(world, clock)(first);
  }
  let count = 0;
  const ids: Ids = { ...systemIds, next: () => `id-${seed}-${++count}` };
  const parts = { ...world, policy: openPolicy, reader: createPackumentReader(world.store), clock, ids };
  const principal = { kind: "user", name: "alice" } as const;

  const made = new Map<string, MadeRelease>();
  const answers = new Map<string, string>();
  const releaseOnce = async (number: number) => {
    await clock.sleep(random() * 8_000);
    const names = PACKAGES.filter(() => random() < 0.5);
    const isPublish = number % 2 === 0;
    const mark = isPublish ? `2.0.${number}` : `r-${number}`;
    const id = `release-${number}`;
    made.set(id, { id, names, mark });
    const drafts = await Promise.all(names.map((name) => draftOf(world.clean, name, mark, isPublish)));
    let left = number % 3 === 0 ? Math.floor(random() * CRASH_WITHIN) : Number.POSITIVE_INFINITY;
    const spend = () => left-- > 0;
    const ports = { ...parts, store: dying(world.store, spend), queue: dying(world.queue, spend) };
    const crash = (async () => {
      while (left > 0) await clock.sleep(50);
      return { kind: "crashed" };
    })();
    const result = createRelease(ports)(drafts, { principal, id }).catch(() => ({ kind: "unknown" }));
    answers.set(id, (await Promise.race([result, crash])).kind);
    left = Math.min(left, 0);
  };
  const put: string[] = [];
  const submit = createSubmit(parts);
  const tagOnce = async (number: number) => {
    await clock.sleep(random() * 8_000);
    const name = PACKAGES[Math.floor(random() * PACKAGES.length)] ?? "wire";
    const draft = { type: "tag.put" as const, name, tag: `t-${number}`, version: "1.0.0" };
    const submission = await submit(draft, { principal, waitMs: 100_000 }).catch(() => undefined);
    if (submission?.kind === "settled" && submission.outcome.state === "applied") put.push(`${name} ${draft.tag}`);
  };
  const watch = watchReads(clean, made);
  let isOver = false;
  let isStill = false;
  let isCatchingUp = false;
  const reading = (async () => {
    while (!isOver) {
      await watch.read(PACKAGES[Math.floor(random() * PACKAGES.length)] ?? "wire");
      await clock.sleep(20);
    }
  })();
  const passing = (async () => {
    while (!isStill) {
      await world.turn();
      await clock.advance(isCatchingUp ? 1_000 : 40);
    }
  })();
  await Promise.all([
    ...Array.from({ length: RELEASES }, (_, number) => releaseOnce(number)),
    ...Array.from({ length: TAGS }, (_, number) => tagOnce(number)),
  ]);
  isCatchingUp = true;
  // What a dead API left open is decided by the next change of its packages.
  await clock.sleep(RELEASE_OPEN_MS + 1_000);
  const last = PACKAGES.map((name) => ({ ...tagPut(name, "last", "1.0.0"), id: `last-${name}` }));
  for (const change of last) await persistently(() => world.queue.send(change));
  const lastIn = async (name: string) =>
    stateOf((await clean.stored(name))?.packument).applied.some(({ id }) => id === `last-${name}`);
  while (!world.isIdle() || !(await Promise.all(PACKAGES.map(lastIn))).every(Boolean)) await clock.sleep(500);
  isOver = true;
  await reading;
  isStill = true;
  await passing;

  const packuments = new Map<string, Packument>();
  for (const name of PACKAGES) packuments.set(name, (await clean.read(name))?.packument ?? fail(new Error("gone")));
  const stored = await Promise.all(PACKAGES.map(async (name) => (await clean.stored(name))?.packument));
  return { world, made, answers, put, watch, packuments, stored, events: await world.events() };
}

async function draftOf(store: ObjectStore, name: string, mark: string, isPublish: boolean): Promise<ReleaseDraft> {
  if (!isPublish) return { type: "tags.merge", name, tags: { [mark]: "1.0.0" } };
  const change = publishOf(name, mark, { tags: ["next"] });
  await stage(store, change);
  const { type, version, manifest, tags, tarball } = change;
  return { type, name, version, manifest, tags, tarball };
}

async function persistently(operation: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await operation();
    } catch {
      // A fault of the simulation.
    }
  }
}

/** Sends a change before the faults matter, and waits until it is applied. */
function firstly(world: World, clock: ManualClock) {
  const reader = createPackumentReader(world.clean);
  return async (change: Change) => {
    await persistently(() => world.queue.send(change));
    while (!stateOf((await reader.stored(change.name))?.packument).applied.some(({ id }) => id === change.id)) {
      await world.turn();
      await clock.advance(100);
    }
  };
}

test.each((["embedded", "aws"] as const).flatMap((shape) => seeds(20).map((seed) => [shape, seed] as const)))(
  "on the shape of %s, store, queue, outcomes, events and the API itself fail at any step: no release is half visible, at no time, and nothing is lost, doubled or out of order (seed %i)",
  async (shape, seed) => {
    const { world, made, answers, put, watch, packuments, stored, events } = await simulate(WORLDS[shape], seed);

    expect(watch.problems).toEqual([]);
    expect(audit(packuments, made.values(), events)).toEqual([]);
    for (const [id, answer] of answers) {
      const release = made.get(id) ?? fail(new Error("unknown"));
      const [name] = release.names;
      const isVisible = name !== undefined && shows(packuments.get(name), release);
      if (answer === "committed") expect(isVisible, `${id} was answered as released`).toBe(true);
      if (answer === "refused" || answer === "unfinished")
        expect(isVisible, `${id} was answered as ${answer}`).toBe(false);
    }
    for (const one of put) {
      const [name = "", tag = ""] = one.split(" ");
      expect(Object.keys(packuments.get(name)?.["dist-tags"] ?? {}), `${one} was answered as applied`).toContain(tag);
    }
    expect(stored.map((packument) => stateOf(packument).pending)).toEqual(PACKAGES.map(() => undefined));
    for (const [name, packument] of packuments)
      for (const version of Object.keys(packument.versions))
        expect(await world.clean.head(tarballKey(name, version)), `the tarball of ${name}@${version}`).toBeDefined();
    await world.close();
  },
  60_000,
);
