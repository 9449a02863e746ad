import { changeOf, fail, publishOf, stage, tagPut } from "@codebox/testing";
import { beforeEach, describe, expect, test } from "vitest";
import {
  createPolicy,
  DEFAULT_RIGHTS,
  RELEASE_OPEN_MS,
  stateOf,
  StoreUnavailable,
  tarballKey,
  type Change,
} from "../../src/index.ts";
import { alice, NAMES, releaseWorld, type ReleaseWorld } from "../support/release-world.ts";

const mallory = { kind: "user", name: "mallory" } as const;

let world: ReleaseWorld;

beforeEach(async () => {
  world = await releaseWorld();
});

describe("a release of tags", () => {
  test("is visible in no package before its record is committed, and in all packages right after", async () => {
    const { prepare } = await world.opened();
    expect(await world.each(prepare)).toEqual(["applied", "applied"]);
    expect(await world.stable()).toEqual([undefined, undefined]);
    const before = (await world.backend.reader.read("wire"))?.etag;

    await world.releases.decide("rel-1", "committed");

    expect(await world.stable()).toEqual(["1.0.0", "1.0.0"]);
    expect((await world.backend.reader.read("wire"))?.etag).not.toBe(before);
  });

  test("is the same for readers before and after the documents have it, once, with an event that names the release", async () => {
    const { prepare, finish } = await world.opened();
    await world.each(prepare);
    await world.releases.decide("rel-1", "committed");
    const early = await world.seen("wire");

    expect(await world.each([...finish, ...finish])).toEqual(["applied", "applied", "applied", "applied"]);

    expect(await world.seen("wire")).toEqual(early);
    const { applied, pending, sequence } = stateOf(await world.stored("wire"));
    expect(pending).toBeUndefined();
    expect(sequence).toBe(2);
    expect(applied.at(-1)).toMatchObject({ id: "rel-1.1", type: "tags.merge", release: "rel-1", sequence: 2 });
    const events = (await world.backend.events.read(0, 100)).map(({ event }) => event);
    expect(events.filter(({ release }) => release === "rel-1").map(({ name }) => name)).toEqual(["cable", "wire"]);
  });

  test("leaves no trace when it is aborted", async () => {
    const before = await world.stored("wire");
    const { prepare, finish } = await world.opened();
    await world.each(prepare);
    await world.releases.decide("rel-1", "aborted");
    expect(await world.stable()).toEqual([undefined, undefined]);

    expect(await world.each(finish)).toEqual(["rejected", "rejected"]);

    expect((await world.stored("wire"))?.["dist-tags"]).toEqual(before?.["dist-tags"]);
    expect(stateOf(await world.stored("wire"))).toMatchObject({ sequence: 1, applied: stateOf(before).applied });
    expect(stateOf(await world.stored("wire")).pending).toBeUndefined();
  });

  test("that was aborted can't be committed, and the other way round", async () => {
    await world.opened("rel-1");
    await world.opened("rel-2");
    await world.releases.decide("rel-1", "aborted");
    await world.releases.decide("rel-2", "committed");
    expect((await world.releases.decide("rel-1", "committed"))?.state).toBe("aborted");
    expect((await world.releases.decide("rel-2", "aborted"))?.state).toBe("committed");
  });

  test("is applied though a foreign writer removed its pending part", async () => {
    const { prepare, finish } = await world.opened();
    const before = await world.backend.store.get("wire/index.json");
    await world.each(prepare);
    if (before?.notModified === false) await world.backend.store.put("wire/index.json", before.bytes);
    await world.releases.decide("rel-1", "committed");
    world.restart();
    await world.each(finish);
    expect(await world.stable()).toEqual(["1.0.0", "1.0.0"]);
  });
});

describe("while a package is prepared for a release", () => {
  test("its other changes wait, also behind one that was applied in the same batch", async () => {
    const { prepare } = await world.opened();
    const [cable, wire] = prepare;
    const later = tagPut("wire", "later", "1.0.0");
    expect(await world.consume("wire", [wire ?? fail("none"), later])).toHaveLength(1);
    await expect(world.consume("wire", [later])).rejects.toThrow(StoreUnavailable);
    await world.consume("cable", [cable ?? fail("none")]);

    await world.releases.decide("rel-1", "committed");

    expect(await world.each([later])).toEqual(["applied"]);
    const types = stateOf(await world.stored("wire")).applied.map(({ type }) => type);
    expect(types).toEqual(["publish", "tags.merge", "tag.put"]);
  });

  test("another release of it is refused, so that no two releases wait for each other", async () => {
    await world.each((await world.opened("rel-1")).prepare);
    expect(await world.each((await world.opened("rel-2")).prepare)).toEqual(["rejected", "rejected"]);
  });

  test("the next change of a package aborts a release that nobody decided in time", async () => {
    await world.each((await world.opened()).prepare);
    await world.clock.advance(RELEASE_OPEN_MS + 1);
    expect(await world.each([tagPut("wire", "later", "1.0.0")])).toEqual(["applied"]);
    expect((await world.releases.find("rel-1"))?.state).toBe("aborted");
    expect(Object.keys((await world.stored("wire"))?.["dist-tags"] ?? {})).toEqual(["latest", "later"]);
    expect(await world.stable()).toEqual([undefined, undefined]);
  });
});

test("where one process makes releases, the next one aborts what it left open, without waiting", async () => {
  await world.each((await world.opened()).prepare);
  world.restart({ host: "next" });
  expect(await world.each([tagPut("wire", "later", "1.0.0")])).toEqual(["applied"]);
  expect((await world.releases.find("rel-1"))?.state).toBe("aborted");
});

describe("a message that names a release", () => {
  test("is refused when the release's record does not name it: nobody joins somebody else's release", async () => {
    const { prepare } = await world.opened();
    const [, wire] = prepare;
    if (!wire) return fail("none");
    const foreign: Change = { ...wire, actor: mallory };
    const extra: Change = {
      ...tagPut("wire", "extra", "1.0.0"),
      id: "rel-1.7.prepare",
      release: { id: "rel-1", step: "prepare" },
    };
    const unknown: Change = { ...wire, release: { id: "rel-9", step: "prepare" } };
    expect(await world.each([foreign, extra, unknown])).toEqual(["rejected", "rejected", "rejected"]);
  });

  test("is decided by the policy in the consumer, too", async () => {
    const { prepare } = await world.opened("rel-1", (name) => ({
      ...changeOf("tags.merge", name, { tags: { stable: "1.0.0" } }),
      actor: mallory,
    }));
    world.restart({ policy: createPolicy({ anonymousRead: true, rights: DEFAULT_RIGHTS }) });
    expect(await world.each(prepare)).toEqual(["rejected", "rejected"]);
  });
});

describe("a release of publishes", () => {
  const publishes = () => world.opened("rel-1", (name) => publishOf(name, "2.0.0", { id: `staged-${name}` }));
  const staged = async (changes: readonly Change[]) => {
    for (const change of changes) if (change.type === "publish") await stage(world.backend.store, change);
  };

  test("has every tarball at its place when it becomes visible", async () => {
    const { prepare, finish } = await publishes();
    await staged(finish);
    await world.each(prepare);
    await world.releases.decide("rel-1", "committed");
    for (const name of NAMES) {
      expect((await world.seen(name))?.["dist-tags"]["latest"]).toBe("2.0.0");
      expect(await world.backend.store.head(tarballKey(name, "2.0.0"))).toBeDefined();
    }
  });

  test("keeps no tarball when it is aborted, and the version can be published then", async () => {
    const { prepare, finish } = await publishes();
    await staged(finish);
    await world.each(prepare);
    await world.releases.decide("rel-1", "aborted");
    await world.each(finish);
    expect(await world.backend.store.head(tarballKey("wire", "2.0.0"))).toBeUndefined();
    await world.published("wire", "2.0.0");
    expect((await world.seen("wire"))?.["dist-tags"]["latest"]).toBe("2.0.0");
  });

  test("that is aborted makes no new package: its name is as free as before", async () => {
    const change = { ...publishOf("fresh", "1.0.0"), id: "rel-2.0" };
    await stage(world.backend.store, change);
    await world.releases.open({ id: "rel-2", actor: alice, changes: { fresh: change.id } });
    const prepare: Change = { ...change, id: "rel-2.0.prepare", release: { id: "rel-2", step: "prepare" } };
    expect(await world.each([prepare])).toEqual(["applied"]);
    expect(await world.seen("fresh")).toBeUndefined();
    await world.releases.decide("rel-2", "aborted");
    await world.each([{ ...change, release: { id: "rel-2", step: "finish" } }]);
    expect(await world.seen("fresh")).toBeUndefined();
    await world.published("fresh", "1.0.0");
    expect(stateOf(await world.stored("fresh"))).toMatchObject({ sequence: 1 });
  });
});
