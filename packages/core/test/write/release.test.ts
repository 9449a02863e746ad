import {
  changeOf,
  createMemoryBackend,
  fail,
  manualClock,
  openPolicy,
  publishOf,
  stage,
  tagPut,
  type ManualClock,
  type MemoryBackend,
} from "@codebox/testing";
import { systemIds } from "@codebox/system";
import { beforeEach, describe, expect, test } from "vitest";
import {
  createConsumer,
  createPackumentReader,
  createPolicy,
  createRelease,
  createWorker,
  DEFAULT_RIGHTS,
  outcomeInRing,
  RELEASE_OPEN_MS,
  stateOf,
  StoreUnavailable,
  tarballKey,
  type Change,
  type Consumer,
  type Policy,
} from "../../src/index.ts";
import { idOfStep } from "../../src/domain/release.ts";
import { createReleases, type Releases } from "../../src/stored/releases.ts";

const NAMES = ["cable", "wire"] as const;
const alice = { kind: "user", name: "alice" } as const;
const mallory = { kind: "user", name: "mallory" } as const;

let clock: ManualClock;
let backend: MemoryBackend;
let consume: Consumer;
let releases: Releases;

const consumerWith = (policy: Policy): Consumer =>
  createConsumer({ ...backend, reader: createPackumentReader(backend.store), policy, clock });

beforeEach(async () => {
  clock = manualClock();
  backend = createMemoryBackend({ clock });
  releases = createReleases({ store: backend.store, clock });
  consume = consumerWith(openPolicy);
  for (const name of NAMES) await published(name, "1.0.0");
});

async function published(name: string, version: string, tags = ["latest"]): Promise<void> {
  const change = publishOf(name, version, { tags });
  await stage(backend.store, change);
  await consume(name, [change]);
}

/** The two messages of each package, whose changes set "stable" to 1.0.0. */
async function opened(
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
const each = async (changes: readonly Change[]) => {
  const outcomes = [];
  for (const change of changes) outcomes.push(...(await advancing(consume(change.name, [change]))));
  return outcomes.map(({ state }) => state);
};
/** Moves the clock until a promise is settled. */
async function advancing<T>(promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = promise.finally(() => (isOver = true));
  over.catch(() => undefined);
  while (!isOver) await clock.advance(25);
  return promise;
}
const seen = async (name: string) => (await backend.reader.read(name))?.packument;
const stable = () => Promise.all(NAMES.map(async (name) => (await seen(name))?.["dist-tags"]["stable"]));
const stored = async (name: string) => (await backend.reader.stored(name))?.packument;

describe("a release of tags", () => {
  test("is visible in no package before its record is committed, and in all packages right after", async () => {
    const { prepare } = await opened();
    expect(await each(prepare)).toEqual(["applied", "applied"]);
    expect(await stable()).toEqual([undefined, undefined]);
    const before = (await backend.reader.read("wire"))?.etag;

    await releases.decide("rel-1", "committed");

    expect(await stable()).toEqual(["1.0.0", "1.0.0"]);
    expect((await backend.reader.read("wire"))?.etag).not.toBe(before);
  });

  test("is the same for readers before and after the documents have it, once, with an event that names the release", async () => {
    const { prepare, finish } = await opened();
    await each(prepare);
    await releases.decide("rel-1", "committed");
    const early = await seen("wire");

    expect(await each([...finish, ...finish])).toEqual(["applied", "applied", "applied", "applied"]);

    expect(await seen("wire")).toEqual(early);
    const { applied, pending, sequence } = stateOf(await stored("wire"));
    expect(pending).toBeUndefined();
    expect(sequence).toBe(2);
    expect(applied.at(-1)).toMatchObject({ id: "rel-1.1", type: "tags.merge", release: "rel-1", sequence: 2 });
    const events = (await backend.events.read(0, 100)).map(({ event }) => event);
    expect(events.filter(({ release }) => release === "rel-1").map(({ name }) => name)).toEqual(["cable", "wire"]);
  });

  test("leaves no trace when it is aborted", async () => {
    const before = await stored("wire");
    const { prepare, finish } = await opened();
    await each(prepare);
    await releases.decide("rel-1", "aborted");
    expect(await stable()).toEqual([undefined, undefined]);

    expect(await each(finish)).toEqual(["rejected", "rejected"]);

    expect((await stored("wire"))?.["dist-tags"]).toEqual(before?.["dist-tags"]);
    expect(stateOf(await stored("wire"))).toMatchObject({ sequence: 1, applied: stateOf(before).applied });
    expect(stateOf(await stored("wire")).pending).toBeUndefined();
  });

  test("that was aborted can't be committed, and the other way round", async () => {
    await opened("rel-1");
    await opened("rel-2");
    await releases.decide("rel-1", "aborted");
    await releases.decide("rel-2", "committed");
    expect((await releases.decide("rel-1", "committed"))?.state).toBe("aborted");
    expect((await releases.decide("rel-2", "aborted"))?.state).toBe("committed");
  });

  test("is applied though a foreign writer removed its pending part", async () => {
    const { prepare, finish } = await opened();
    const before = await backend.store.get("wire/index.json");
    await each(prepare);
    if (before?.notModified === false) await backend.store.put("wire/index.json", before.bytes);
    await releases.decide("rel-1", "committed");
    consume = consumerWith(openPolicy);
    await each(finish);
    expect(await stable()).toEqual(["1.0.0", "1.0.0"]);
  });
});

describe("while a package is prepared for a release", () => {
  test("its other changes wait, also behind one that was applied in the same batch", async () => {
    const { prepare } = await opened();
    const [cable, wire] = prepare;
    const later = tagPut("wire", "later", "1.0.0");
    expect(await consume("wire", [wire ?? fail("none"), later])).toHaveLength(1);
    await expect(consume("wire", [later])).rejects.toThrow(StoreUnavailable);
    await consume("cable", [cable ?? fail("none")]);

    await releases.decide("rel-1", "committed");

    expect(await each([later])).toEqual(["applied"]);
    const types = stateOf(await stored("wire")).applied.map(({ type }) => type);
    expect(types).toEqual(["publish", "tags.merge", "tag.put"]);
  });

  test("another release of it is refused, so that no two releases wait for each other", async () => {
    await each((await opened("rel-1")).prepare);
    expect(await each((await opened("rel-2")).prepare)).toEqual(["rejected", "rejected"]);
  });

  test("the next change of a package aborts a release that nobody decided in time", async () => {
    await each((await opened()).prepare);
    await clock.advance(RELEASE_OPEN_MS + 1);
    expect(await each([tagPut("wire", "later", "1.0.0")])).toEqual(["applied"]);
    expect((await releases.find("rel-1"))?.state).toBe("aborted");
    expect(Object.keys((await stored("wire"))?.["dist-tags"] ?? {})).toEqual(["latest", "later"]);
    expect(await stable()).toEqual([undefined, undefined]);
  });
});

test("where one process makes releases, the next one aborts what it left open, without waiting", async () => {
  await each((await opened()).prepare);
  consume = createConsumer({
    ...backend,
    reader: createPackumentReader(backend.store),
    policy: openPolicy,
    clock,
    host: "next",
  });
  expect(await each([tagPut("wire", "later", "1.0.0")])).toEqual(["applied"]);
  expect((await releases.find("rel-1"))?.state).toBe("aborted");
});

describe("a message that names a release", () => {
  test("is refused when the release's record does not name it: nobody joins somebody else's release", async () => {
    const { prepare } = await opened();
    const [, wire] = prepare;
    if (!wire) return fail("none");
    const foreign: Change = { ...wire, actor: mallory };
    const extra: Change = {
      ...tagPut("wire", "extra", "1.0.0"),
      id: "rel-1.7.prepare",
      release: { id: "rel-1", step: "prepare" },
    };
    const unknown: Change = { ...wire, release: { id: "rel-9", step: "prepare" } };
    expect(await each([foreign, extra, unknown])).toEqual(["rejected", "rejected", "rejected"]);
  });

  test("is decided by the policy in the consumer, too", async () => {
    const { prepare } = await opened("rel-1", (name) => ({
      ...changeOf("tags.merge", name, { tags: { stable: "1.0.0" } }),
      actor: mallory,
    }));
    consume = consumerWith(createPolicy({ anonymousRead: true, rights: DEFAULT_RIGHTS }));
    expect(await each(prepare)).toEqual(["rejected", "rejected"]);
  });
});

describe("a release of publishes", () => {
  const publishes = () => opened("rel-1", (name) => publishOf(name, "2.0.0", { id: `staged-${name}` }));
  const staged = async (changes: readonly Change[]) => {
    for (const change of changes) if (change.type === "publish") await stage(backend.store, change);
  };

  test("has every tarball at its place when it becomes visible", async () => {
    const { prepare, finish } = await publishes();
    await staged(finish);
    await each(prepare);
    await releases.decide("rel-1", "committed");
    for (const name of NAMES) {
      expect((await seen(name))?.["dist-tags"]["latest"]).toBe("2.0.0");
      expect(await backend.store.head(tarballKey(name, "2.0.0"))).toBeDefined();
    }
  });

  test("keeps no tarball when it is aborted, and the version can be published then", async () => {
    const { prepare, finish } = await publishes();
    await staged(finish);
    await each(prepare);
    await releases.decide("rel-1", "aborted");
    await each(finish);
    expect(await backend.store.head(tarballKey("wire", "2.0.0"))).toBeUndefined();
    await published("wire", "2.0.0");
    expect((await seen("wire"))?.["dist-tags"]["latest"]).toBe("2.0.0");
  });

  test("that is aborted makes no new package: its name is as free as before", async () => {
    const change = { ...publishOf("fresh", "1.0.0"), id: "rel-2.0" };
    await stage(backend.store, change);
    await releases.open({ id: "rel-2", actor: alice, changes: { fresh: change.id } });
    const prepare: Change = { ...change, id: "rel-2.0.prepare", release: { id: "rel-2", step: "prepare" } };
    expect(await each([prepare])).toEqual(["applied"]);
    expect(await seen("fresh")).toBeUndefined();
    await releases.decide("rel-2", "aborted");
    await each([{ ...change, release: { id: "rel-2", step: "finish" } }]);
    expect(await seen("fresh")).toBeUndefined();
    await published("fresh", "1.0.0");
    expect(stateOf(await stored("fresh"))).toMatchObject({ sequence: 1 });
  });
});

describe("the way in for releases", () => {
  const wayIn = () => {
    const worker = createWorker({ queue: backend.queue, consumer: consume, concurrency: 4, onFailure: () => {} });
    worker.start();
    const ids = systemIds;
    return {
      release: createRelease({ ...backend, policy: openPolicy, clock, ids }),
      stop: async () => advancing(worker.drain()),
    };
  };
  const tags = (name: string, version = "1.0.0") => ({ type: "tags.merge" as const, name, tags: { stable: version } });

  test("commits when every package is prepared, and answers the same again for the same id", async () => {
    const { release, stop } = wayIn();
    const send = () =>
      advancing(
        release(
          NAMES.map((name) => tags(name)),
          { principal: alice, id: "mine" },
        ),
      );
    const first = await send();
    expect(first).toEqual({ kind: "committed", id: "mine", changes: { cable: "mine.0", wire: "mine.1" } });
    expect(await stable()).toEqual(["1.0.0", "1.0.0"]);
    expect(await send()).toEqual(first);
    await stop();
    expect(outcomeInRing(await stored("wire"), "mine.1")).toMatchObject({ state: "applied", sequence: 2 });
  });

  test("refuses the whole release when one package refuses, and names it", async () => {
    const { release, stop } = wayIn();
    const result = await advancing(release([tags("cable"), tags("wire", "9.9.9")], { principal: alice }));
    expect(result).toMatchObject({ kind: "refused", problems: [{ name: "wire", rejection: { code: "not_found" } }] });
    expect(await stable()).toEqual([undefined, undefined]);
    await stop();
  });

  test("refuses two changes of one package", async () => {
    const { release, stop } = wayIn();
    const result = await release([tags("wire"), tags("wire")], { principal: alice });
    expect(result).toMatchObject({ kind: "refused", problems: [{ name: "wire" }] });
    await stop();
  });

  test("aborts when a package is not ready in time", async () => {
    const release = createRelease({ ...backend, policy: openPolicy, clock, ids: systemIds });
    const result = await advancing(
      release(
        NAMES.map((name) => tags(name)),
        { principal: alice, id: "late" },
      ),
    );
    expect(result).toMatchObject({ kind: "unfinished" });
    expect((await releases.find("late"))?.state).toBe("aborted");
  });

  test("changes nothing in a dry run", async () => {
    const { release, stop } = wayIn();
    const result = await release([tags("wire")], { principal: alice, dryRun: true });
    expect(result).toMatchObject({ kind: "committed", changes: {} });
    expect(await stable()).toEqual([undefined, undefined]);
    await stop();
  });
});
