import { openPolicy } from "@codebox/testing";
import { systemIds } from "@codebox/system";
import { beforeEach, describe, expect, test } from "vitest";
import { createRelease, createWorker, outcomeInRing } from "../../src/index.ts";
import { alice, NAMES, releaseWorld, type ReleaseWorld } from "../support/release-world.ts";

let world: ReleaseWorld;

beforeEach(async () => {
  world = await releaseWorld();
});

describe("the way in for releases", () => {
  const wayIn = () => {
    const worker = createWorker({
      queue: world.backend.queue,
      consumer: world.consume,
      concurrency: 4,
      onFailure: () => {},
    });
    worker.start();
    const ids = systemIds;
    return {
      release: createRelease({ ...world.backend, policy: openPolicy, clock: world.clock, ids }),
      stop: async () => world.advancing(worker.drain()),
    };
  };
  const tags = (name: string, version = "1.0.0") => ({ type: "tags.merge" as const, name, tags: { stable: version } });

  test("commits when every package is prepared, and answers the same again for the same id", async () => {
    const { release, stop } = wayIn();
    const send = () =>
      world.advancing(
        release(
          NAMES.map((name) => tags(name)),
          { principal: alice, id: "mine" },
        ),
      );
    const first = await send();
    expect(first).toEqual({ kind: "committed", id: "mine", changes: { cable: "mine.0", wire: "mine.1" } });
    expect(await world.stable()).toEqual(["1.0.0", "1.0.0"]);
    expect(await send()).toEqual(first);
    await stop();
    expect(outcomeInRing(await world.stored("wire"), "mine.1")).toMatchObject({ state: "applied", sequence: 2 });
  });

  test("refuses the whole release when one package refuses, and names it", async () => {
    const { release, stop } = wayIn();
    const result = await world.advancing(release([tags("cable"), tags("wire", "9.9.9")], { principal: alice }));
    expect(result).toMatchObject({ kind: "refused", problems: [{ name: "wire", rejection: { code: "not_found" } }] });
    expect(await world.stable()).toEqual([undefined, undefined]);
    await stop();
  });

  test("refuses two changes of one package", async () => {
    const { release, stop } = wayIn();
    const result = await release([tags("wire"), tags("wire")], { principal: alice });
    expect(result).toMatchObject({ kind: "refused", problems: [{ name: "wire" }] });
    await stop();
  });

  test("aborts when a package is not ready in time", async () => {
    const release = createRelease({ ...world.backend, policy: openPolicy, clock: world.clock, ids: systemIds });
    const result = await world.advancing(
      release(
        NAMES.map((name) => tags(name)),
        { principal: alice, id: "late" },
      ),
    );
    expect(result).toMatchObject({ kind: "unfinished" });
    expect((await world.releases.find("late"))?.state).toBe("aborted");
  });

  test("changes nothing in a dry run", async () => {
    const { release, stop } = wayIn();
    const result = await release([tags("wire")], { principal: alice, dryRun: true });
    expect(result).toMatchObject({ kind: "committed", changes: {} });
    expect(await world.stable()).toEqual([undefined, undefined]);
    await stop();
  });
});
