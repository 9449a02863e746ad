import { changeOf, fail, openPolicy, publishOf, stage } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createConsumer,
  createPackumentReader,
  createUpstreamCache,
  UpstreamMalformed,
  UpstreamUnavailable,
} from "../../src/index.ts";
import { documentOf, TGZ, upstreamFixture, type UpstreamFixture } from "./upstream-fixture.ts";

let fixture: UpstreamFixture;
beforeEach(() => {
  fixture = upstreamFixture();
});
afterEach(() => fixture.backend.close());

test("a packument is fetched once, also for many at once, and then served from the store while it is fresh", async () => {
  await Promise.all([fixture.cache.packument("left", "full"), fixture.cache.packument("left", "full")]);
  await fixture.cache.packument("left", "full");
  expect(fixture.asked).toEqual(["left full"]);
});
test("after five minutes it is fixture.asked whether it still holds, and replaced when it does not", async () => {
  await fixture.cache.packument("left", "full");
  await fixture.clock.advance(5 * 60_000);
  await fixture.cache.packument("left", "full");
  fixture.answers.version = 2;
  await fixture.clock.advance(5 * 60_000);
  expect(await fixture.shown()).toMatchObject({ version: 2 });
  expect(fixture.asked).toEqual(["left full", 'left full if-none-match "v1"', 'left full if-none-match "v1"']);
});
test("after the clock jumps back an hour, the upstream is asked again, for what it has and for what it has not", async () => {
  await fixture.cache.packument("left", "full");
  await fixture.cache.packument("right", "full");
  await fixture.clock.advance(-3_600_000);
  await fixture.cache.packument("left", "full");
  await fixture.cache.packument("right", "full");
  expect(fixture.asked).toEqual(["left full", "right full", 'left full if-none-match "v1"', "right full"]);
});
test("when the upstream is down the copy is served, marked stale, however old; without a copy the failure surfaces", async () => {
  await fixture.cache.packument("left", "full");
  await fixture.clock.advance(24 * 3_600_000);
  fixture.answers.down = true;
  expect(await fixture.cache.packument("left", "full")).toMatchObject({ stale: true });
  await expect(fixture.cache.packument("right", "full")).rejects.toThrow(UpstreamUnavailable);
});
test("a refusal of one package holds up no other, and its copy is served", async () => {
  await fixture.cache.packument("left", "full");
  await fixture.clock.advance(24 * 3_600_000);
  fixture.answers.refused = "left";
  expect(await fixture.cache.packument("left", "full")).toMatchObject({ stale: true });
  expect(await fixture.cache.packument("right", "full")).toBeUndefined();
});
test.each([
  ["a page", "<html>please sign in</html>"],
  ["another package", '{"name":"right","versions":{}}'],
  ["a package without versions", '{"name":"left"}'],
  ["no object", "null"],
])("%s with status 200 never replaces the copy, and is served to nobody", async (_, body) => {
  await fixture.cache.packument("left", "full");
  await fixture.clock.advance(24 * 3_600_000);
  fixture.answers.body = body;
  expect(await fixture.cache.packument("left", "full")).toMatchObject({ stale: true });
  expect(await fixture.shown()).toMatchObject({ version: 1 });
  fixture.answers.refused = "other";
  await expect(fixture.cache.packument("left", "full", { revalidate: true })).resolves.toMatchObject({ stale: true });
  delete fixture.answers.body;
  expect(await fixture.cache.packument("left", "full")).toMatchObject({ stale: false });
});
test("a package that was unpublished upstream is absent", async () => {
  fixture.answers.body = '{"name":"left","time":{"unpublished":{"time":"2026-01-01T00:00:00.000Z"}}}';
  expect(await fixture.cache.packument("left", "full")).toBeUndefined();
});
test("an absent package is not fixture.asked for again within a minute", async () => {
  expect(await fixture.cache.packument("right", "full")).toBeUndefined();
  expect(await fixture.cache.packument("right", "full")).toBeUndefined();
  await fixture.clock.advance(60_000);
  expect(await fixture.cache.packument("right", "full")).toBeUndefined();
  expect(fixture.asked).toEqual(["right full", "right full"]);
});
test("a name or scope that is configured as ours is never asked for", async () => {
  for (const name of ["ours", "OURS"]) {
    expect(fixture.cache.isOurs(name)).toBe(true);
    expect(await fixture.cache.packument(name, "full")).toBeUndefined();
  }
  expect(await fixture.cache.packument("@acme/wire", "full")).toBeUndefined();
  expect(await fixture.cache.tarball("@acme/wire", "wire-1.0.0.tgz")).toBeUndefined();
  expect(await fixture.cache.keptTarball("@acme/wire", "wire-1.0.0.tgz")).toBeUndefined();
  expect(fixture.asked).toEqual([]);
});
test("a scope or name of ours in other capitals is never fixture.asked for", async () => {
  const change = publishOf("mine", "1.0.0");
  await stage(fixture.backend.store, change);
  await createConsumer({
    ...fixture.backend,
    policy: openPolicy,
    reader: createPackumentReader(fixture.backend.store),
    clock: fixture.clock,
  })("mine", [change]);
  expect(await fixture.cache.packument("@ACME/wire", "full")).toBeUndefined();
  expect(await fixture.cache.packument("MINE", "full")).toBeUndefined();
  expect(await fixture.cache.tarball("Mine", "Mine-1.0.0.tgz")).toBeUndefined();
  await fixture.cache.advisories({ "@Acme/wire": ["1.0.0"], MINE: ["1.0.0"] });
  expect(fixture.asked).toEqual([]);
  await fixture.cache.packument("LEFT", "full");
  expect(fixture.asked).toEqual(["LEFT full"]);
});
test("an audit leaves out what is no package name", async () => {
  const names = ["\ud800", "../x", "a".repeat(2_000), "__proto__", ""];
  await fixture.cache.advisories(Object.fromEntries([...names, "left"].map((name) => [name, ["1.0.0"]])));
  expect(fixture.asked).toEqual(["audit left"]);
});
test("an audit leaves our packages out", async () => {
  const change = publishOf("wire", "1.0.0");
  await stage(fixture.backend.store, change);
  await createConsumer({
    ...fixture.backend,
    policy: openPolicy,
    reader: createPackumentReader(fixture.backend.store),
    clock: fixture.clock,
  })("wire", [change]);
  await fixture.cache.advisories({ wire: ["1.0.0"], "@acme/other": ["1.0.0"], left: ["1.0.0"] });
  expect(fixture.asked).toEqual(["audit left"]);
  expect(await fixture.cache.advisories({ wire: ["1.0.0"] })).toEqual({});
});
test("an audit asks about a name that was given back to the upstream", async () => {
  const change = publishOf("left", "1.0.0");
  await stage(fixture.backend.store, change);
  const consume = createConsumer({ ...fixture.backend, policy: openPolicy, clock: fixture.clock });
  await consume("left", [change, changeOf("unpublish.all", "left", {})]);
  await fixture.cache.advisories({ left: ["1.0.0"] });
  expect(fixture.asked).toEqual([]);
  await consume("left", [changeOf("name.give-back", "left", {})]);
  await fixture.cache.advisories({ left: ["1.0.0"] });
  expect(fixture.asked).toEqual(["audit left"]);
});

test("nothing with a status of 200 and another content is served where nothing is cached", async () => {
  fixture.answers.body = "<html>please sign in</html>";
  await expect(fixture.cache.packument("left", "full")).rejects.toThrow(UpstreamMalformed);
});

describe("whether the upstream has a package", () => {
  test("is asked each time, and nothing is kept", async () => {
    expect(await fixture.cache.has("left")).toBe(true);
    expect(await fixture.cache.has("right")).toBe(false);
    expect(await fixture.cache.has("left")).toBe(true);
    expect(fixture.asked).toEqual(["left abbreviated", "right abbreviated", "left abbreviated"]);
    expect((await fixture.backend.store.list("")).objects).toEqual([]);
  });
  test("is no for a package that was unpublished there", async () => {
    fixture.answers.body = '{"name":"left","time":{"unpublished":{"time":"2026-01-01T00:00:00.000Z"}}}';
    expect(await fixture.cache.has("left")).toBe(false);
  });
  test("is not known when the upstream fails, or does not answer within five seconds", async () => {
    fixture.answers.down = true;
    await expect(fixture.cache.has("left")).rejects.toThrow(UpstreamUnavailable);
    fixture.answers = { ...fixture.answers, down: false, silent: true };
    const asked = fixture.cache.has("left");
    const refused = expect(asked).rejects.toThrow(UpstreamUnavailable);
    await fixture.clock.advance(5_000);
    await refused;
  });
});

describe("the two forms", () => {
  test("come from one document: after the full one was fetched, the abbreviated one is derived from it", async () => {
    await fixture.cache.packument("left", "full");
    const short = await fixture.cache.packument("left", "abbreviated");
    expect(documentOf(short)?.["versions"]).toEqual({
      "1.0.0": {
        name: "left",
        version: "1.0.0",
        hasInstallScript: true,
        dist: { tarball: "http://here.example/left/-/left-1.0.0.tgz", integrity: TGZ.integrity },
      },
    });
    expect(fixture.asked).toEqual(["left full"]);
  });
  test("agree: a version that one form shows, the other shows too, whichever was fetched first", async () => {
    await fixture.cache.packument("left", "abbreviated");
    fixture.answers = {
      ...fixture.answers,
      version: 2,
      versions: { ...fixture.answers.versions, "2.0.0": { dist: {} } },
    };
    const full = await fixture.cache.packument("left", "full");
    const short = await fixture.cache.packument("left", "abbreviated");
    expect(Object.keys(documentOf(full)?.["versions"] ?? {})).toEqual(["1.0.0", "2.0.0"]);
    expect(Object.keys(documentOf(short)?.["versions"] ?? {})).toEqual(["1.0.0", "2.0.0"]);
    expect(short?.etag).toBe(full?.etag);
  });
});

test("a client that wants no copy makes the cache ask, also for a package that was absent a moment ago", async () => {
  await fixture.cache.packument("left", "full");
  fixture.answers.version = 2;
  expect(documentOf(await fixture.cache.packument("left", "full", { revalidate: true }))).toMatchObject({ version: 2 });
  expect(await fixture.cache.packument("right", "full")).toBeUndefined();
  expect(await fixture.cache.packument("right", "full", { revalidate: true })).toBeUndefined();
  expect(fixture.asked.filter((what) => what.startsWith("right"))).toHaveLength(2);
});
test("another instance's copy is used: it is read from the store, and the upstream is not asked", async () => {
  await fixture.cache.packument("left", "full");
  const other = createUpstreamCache(
    {
      store: fixture.backend.store,
      reader: fixture.backend.reader,
      copies: fixture.copies,
      upstream: fixture.upstream,
      clock: fixture.clock,
      onFailure: fail,
    },
    { scopes: [] },
  );
  expect(documentOf(await other.packument("left", "full"))).toMatchObject({ version: 1 });
  expect(fixture.asked).toEqual(["left full"]);
});
