import { fail } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { makeTarball, manualClock, publishOf, stage, type ManualClock } from "@codebox/testing";
import {
  createConsumer,
  createPackumentReader,
  createUpstreamCache,
  LAYOUT,
  UpstreamMalformed,
  UpstreamRefused,
  UpstreamUnavailable,
  type Upstream,
  type UpstreamCache,
} from "../../src/index.ts";

const TGZ = makeTarball({ name: "left", version: "1.0.0" });
let embedded: SqliteBackend;
let clock: ManualClock;
let asked: string[];
let answers: { down: boolean; broken?: boolean; version: number; bytes: Buffer; refused?: string; body?: string };
let cache: UpstreamCache;

const upstream: Upstream = {
  async packument({ name, ifNoneMatch }) {
    asked.push(`${name}${ifNoneMatch ? ` if-none-match ${ifNoneMatch}` : ""}`);
    if (answers.down) throw new UpstreamUnavailable("down");
    if (answers.broken) throw new UpstreamUnavailable("500", { answered: true });
    if (answers.refused === name) throw new UpstreamRefused("it answered 403");
    if (answers.body !== undefined) return { kind: "found", bytes: Buffer.from(answers.body) };
    if (name !== "left") return { kind: "absent" };
    const etag = `"v${answers.version}"`;
    if (ifNoneMatch === etag) return { kind: "not_modified" };
    const manifest = { dist: { tarball: "http://up.example/left/-/left-1.0.0.tgz", integrity: TGZ.integrity } };
    return {
      kind: "found",
      etag,
      bytes: Buffer.from(JSON.stringify({ name, version: answers.version, versions: { "1.0.0": manifest } })),
    };
  },
  async tarball(url) {
    asked.push(url);
    const { bytes } = answers;
    return {
      size: bytes.length,
      body: (async function* () {
        for (let at = 0; at < bytes.length; at += 50) yield bytes.subarray(at, at + 50);
      })(),
    };
  },
  async advisories(packages) {
    asked.push(`audit ${Object.keys(packages).join(" ")}`);
    return { left: [] };
  },
};
const collect = async (body: AsyncIterable<Uint8Array> | undefined) => {
  const pieces: Uint8Array[] = [];
  for await (const piece of body ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
};
const shown = async () =>
  JSON.parse(Buffer.from((await cache.packument("left", "full"))?.bytes ?? []).toString()) as { version: number };

beforeEach(async () => {
  clock = manualClock();
  embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
  asked = [];
  answers = { down: false, version: 1, bytes: TGZ.bytes };
  cache = createUpstreamCache({ store: embedded.store, upstream, clock }, { scopes: ["@acme"] });
});
afterEach(() => embedded.close());

test("a packument is fetched once, also for many at once, and then served from the store while it is fresh", async () => {
  await Promise.all([cache.packument("left", "full"), cache.packument("left", "full")]);
  await cache.packument("left", "full");
  expect(asked).toEqual(["left"]);
});
test("after five minutes it is asked whether it still holds, and replaced when it does not", async () => {
  await cache.packument("left", "full");
  await clock.advance(5 * 60_000);
  await cache.packument("left", "full");
  answers.version = 2;
  await clock.advance(5 * 60_000);
  expect(await shown()).toMatchObject({ version: 2 });
  expect(asked).toEqual(["left", 'left if-none-match "v1"', 'left if-none-match "v1"']);
});
test("when the upstream is down the copy is served, marked stale, however old; without a copy the failure surfaces", async () => {
  await cache.packument("left", "full");
  await clock.advance(24 * 3_600_000);
  answers.down = true;
  expect(await cache.packument("left", "full")).toMatchObject({ stale: true });
  await expect(cache.packument("right", "full")).rejects.toThrow(UpstreamUnavailable);
});
test("an upstream that failed is left alone for a moment", async () => {
  answers.down = true;
  await expect(cache.packument("left", "full")).rejects.toThrow("down");
  await expect(cache.packument("right", "full")).rejects.toThrow("failed a moment ago");
  await clock.advance(5_000);
  answers.down = false;
  expect(await shown()).toMatchObject({ version: 1 });
});
test("a refusal of one package holds up no other, and its copy is served", async () => {
  await cache.packument("left", "full");
  await clock.advance(24 * 3_600_000);
  answers.refused = "left";
  expect(await cache.packument("left", "full")).toMatchObject({ stale: true });
  await expect(cache.packument("left", "abbreviated")).rejects.toThrow(UpstreamRefused);
  expect(await cache.packument("right", "full")).toBeUndefined();
});
test.each([
  ["a page", "<html>please sign in</html>"],
  ["another package", '{"name":"right","versions":{}}'],
  ["a package without versions", '{"name":"left"}'],
  ["no object", "null"],
])("%s with status 200 never replaces the copy, and is served to nobody", async (_, body) => {
  await cache.packument("left", "full");
  await clock.advance(24 * 3_600_000);
  answers.body = body;
  expect(await cache.packument("left", "full")).toMatchObject({ stale: true });
  expect(await shown()).toMatchObject({ version: 1 });
  await expect(cache.packument("left", "abbreviated")).rejects.toThrow(UpstreamMalformed);
  delete answers.body;
  expect(await cache.packument("left", "abbreviated")).toMatchObject({ stale: false });
});
test("a package that was unpublished upstream is absent", async () => {
  answers.body = '{"name":"left","time":{"unpublished":{"time":"2026-01-01T00:00:00.000Z"}}}';
  expect(await cache.packument("left", "full")).toBeUndefined();
});
test("an absent package is not asked for again within a minute", async () => {
  expect(await cache.packument("right", "full")).toBeUndefined();
  expect(await cache.packument("right", "full")).toBeUndefined();
  await clock.advance(60_000);
  expect(await cache.packument("right", "full")).toBeUndefined();
  expect(asked).toEqual(["right", "right"]);
});
test("a server error at one package does not stop the others; several in a row do", async () => {
  answers.broken = true;
  await expect(cache.packument("left", "full")).rejects.toThrow("500");
  answers.broken = false;
  expect(await cache.packument("right", "full")).toBeUndefined();
  answers.broken = true;
  for (const name of ["a", "b", "c"]) await expect(cache.packument(name, "full")).rejects.toThrow("500");
  await expect(cache.packument("d", "full")).rejects.toThrow("failed a moment ago");
});
test("a scope of ours is never asked for", async () => {
  expect(await cache.packument("@acme/wire", "full")).toBeUndefined();
  expect(await cache.tarball("@acme/wire", "wire-1.0.0.tgz")).toBeUndefined();
  expect(await cache.keptTarball("@acme/wire", "wire-1.0.0.tgz")).toBeUndefined();
  expect(asked).toEqual([]);
});
test("a scope or name of ours in other capitals is never asked for", async () => {
  const change = publishOf("mine", "1.0.0");
  await stage(embedded.store, change);
  await createConsumer({ ...embedded, reader: createPackumentReader(embedded.store), clock })("mine", [change]);
  expect(await cache.packument("@ACME/wire", "full")).toBeUndefined();
  expect(await cache.packument("MINE", "full")).toBeUndefined();
  expect(await cache.tarball("Mine", "Mine-1.0.0.tgz")).toBeUndefined();
  await cache.advisories({ "@Acme/wire": ["1.0.0"], MINE: ["1.0.0"] });
  expect(asked).toEqual([]);
  await cache.packument("LEFT", "full");
  expect(asked).toEqual(["LEFT"]);
});
test("a tarball streams through, and comes from the store the next time", async () => {
  expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  expect(asked.filter((url) => url.endsWith(".tgz"))).toHaveLength(1);
});
test("a damaged tarball breaks the download off, and is not kept", async () => {
  answers.bytes = Buffer.concat([TGZ.bytes, Buffer.from("more")]);
  await expect(collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).rejects.toThrow("damaged");
  expect((await embedded.store.list(LAYOUT.upstream.prefix)).objects.filter(({ key }) => key.endsWith(".tgz"))).toEqual(
    [],
  );
});
test("a tarball is kept whole for who fetches it from the store, and asked for once", async () => {
  const key = (await cache.keptTarball("left", "left-1.0.0.tgz")) ?? "";
  expect(await collect((await embedded.store.open(key))?.body)).toEqual(TGZ.bytes);
  expect(await cache.keptTarball("left", "left-1.0.0.tgz")).toBe(key);
  expect(asked.filter((what) => what.endsWith(".tgz"))).toHaveLength(1);
});
test("a damaged one is not kept for them either", async () => {
  answers.bytes = Buffer.from("damaged");
  await expect(cache.keptTarball("left", "left-1.0.0.tgz")).rejects.toThrow("damaged");
  expect((await embedded.store.list(LAYOUT.upstream.prefix)).objects.filter(({ key }) => key.endsWith(".tgz"))).toEqual(
    [],
  );
});
test("a tarball that no version names is not there", async () => {
  expect(await cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
  expect(await cache.keptTarball("left", "left-9.0.0.tgz")).toBeUndefined();
});
test("an audit leaves our packages out", async () => {
  const change = publishOf("wire", "1.0.0");
  await stage(embedded.store, change);
  await createConsumer({ ...embedded, reader: createPackumentReader(embedded.store), clock })("wire", [change]);
  await cache.advisories({ wire: ["1.0.0"], "@acme/other": ["1.0.0"], left: ["1.0.0"] });
  expect(asked).toEqual(["audit left"]);
  expect(await cache.advisories({ wire: ["1.0.0"] })).toEqual({});
});
