import { createMemoryBackend, type MemoryBackend, openPolicy } from "@codebox/testing";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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
let embedded: MemoryBackend;
let clock: ManualClock;
let asked: string[];
let unchecked: string[];
let answers: {
  down: boolean;
  version: number;
  versions: Record<string, object>;
  bytes: Buffer;
  /** Whether the upstream states the tarball's size. */
  sized?: boolean;
  /** What each piece of a tarball waits for. */
  pause?: Promise<void>;
  refused?: string;
  body?: string;
};
let cache: UpstreamCache;

const upstream: Upstream = {
  async packument({ name, form, ifNoneMatch }) {
    asked.push(`${name} ${form}${ifNoneMatch ? ` if-none-match ${ifNoneMatch}` : ""}`);
    if (answers.down) throw new UpstreamUnavailable("down");
    if (answers.refused === name) throw new UpstreamRefused("it answered 403");
    if (answers.body !== undefined) return { kind: "found", form, bytes: Buffer.from(answers.body) };
    if (name.toLowerCase() !== "left") return { kind: "absent" };
    const etag = `"v${answers.version}"`;
    if (ifNoneMatch === etag) return { kind: "not_modified" };
    const document = { name, version: answers.version, versions: answers.versions };
    return { kind: "found", form, etag, bytes: Buffer.from(JSON.stringify(document)) };
  },
  async tarball(url, signal) {
    asked.push(url);
    const { bytes, sized = true } = answers;
    return {
      ...(sized ? { size: bytes.length } : {}),
      body: (async function* () {
        for (let at = 0; at < bytes.length; at += 50) {
          await answers.pause;
          signal?.throwIfAborted();
          yield bytes.subarray(at, at + 50);
        }
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
const shown = async () => (await cache.packument("left", "full"))?.document;
const URL_OF_TGZ = "http://up.example/left/-/left-1.0.0.tgz";
const tarballs = async () =>
  (await embedded.store.list(LAYOUT.upstream.prefix)).objects
    .map(({ key }) => key)
    .filter((key) => key.endsWith(".tgz"));

beforeEach(async () => {
  clock = manualClock();
  embedded = createMemoryBackend({ clock });
  asked = [];
  const manifest = { name: "left", version: "1.0.0", scripts: { install: "x" }, readme: "long" };
  const dist = { tarball: URL_OF_TGZ, integrity: TGZ.integrity };
  answers = { down: false, version: 1, versions: { "1.0.0": { ...manifest, dist } }, bytes: TGZ.bytes };
  unchecked = [];
  cache = createUpstreamCache(
    { store: embedded.store, upstream, clock, onUnchecked: (name, file) => unchecked.push(`${name} ${file}`) },
    { scopes: ["@acme"] },
  );
});
afterEach(() => embedded.close());

test("a packument is fetched once, also for many at once, and then served from the store while it is fresh", async () => {
  await Promise.all([cache.packument("left", "full"), cache.packument("left", "full")]);
  await cache.packument("left", "full");
  expect(asked).toEqual(["left full"]);
});
test("after five minutes it is asked whether it still holds, and replaced when it does not", async () => {
  await cache.packument("left", "full");
  await clock.advance(5 * 60_000);
  await cache.packument("left", "full");
  answers.version = 2;
  await clock.advance(5 * 60_000);
  expect(await shown()).toMatchObject({ version: 2 });
  expect(asked).toEqual(["left full", 'left full if-none-match "v1"', 'left full if-none-match "v1"']);
});
test("when the upstream is down the copy is served, marked stale, however old; without a copy the failure surfaces", async () => {
  await cache.packument("left", "full");
  await clock.advance(24 * 3_600_000);
  answers.down = true;
  expect(await cache.packument("left", "full")).toMatchObject({ stale: true });
  await expect(cache.packument("right", "full")).rejects.toThrow(UpstreamUnavailable);
});
test("a refusal of one package holds up no other, and its copy is served", async () => {
  await cache.packument("left", "full");
  await clock.advance(24 * 3_600_000);
  answers.refused = "left";
  expect(await cache.packument("left", "full")).toMatchObject({ stale: true });
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
  answers.refused = "other";
  await expect(cache.packument("left", "full", { revalidate: true })).resolves.toMatchObject({ stale: true });
  delete answers.body;
  expect(await cache.packument("left", "full")).toMatchObject({ stale: false });
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
  expect(asked).toEqual(["right full", "right full"]);
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
  await createConsumer({ ...embedded, policy: openPolicy, reader: createPackumentReader(embedded.store), clock })(
    "mine",
    [change],
  );
  expect(await cache.packument("@ACME/wire", "full")).toBeUndefined();
  expect(await cache.packument("MINE", "full")).toBeUndefined();
  expect(await cache.tarball("Mine", "Mine-1.0.0.tgz")).toBeUndefined();
  await cache.advisories({ "@Acme/wire": ["1.0.0"], MINE: ["1.0.0"] });
  expect(asked).toEqual([]);
  await cache.packument("LEFT", "full");
  expect(asked).toEqual(["LEFT full"]);
});
test("a tarball streams through, and comes from the store the next time", async () => {
  expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  expect(asked.filter((url) => url.endsWith(".tgz"))).toHaveLength(1);
});
test("a damaged tarball breaks the download off, and is not kept", async () => {
  answers.bytes = Buffer.concat([TGZ.bytes, Buffer.from("more")]);
  answers.sized = false;
  await expect(collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).rejects.toThrow("damaged");
  expect(await tarballs()).toEqual([]);
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
  expect(await tarballs()).toEqual([]);
});
test("a tarball that no version names is not there", async () => {
  expect(await cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
  expect(await cache.keptTarball("left", "left-9.0.0.tgz")).toBeUndefined();
});
test("an audit leaves our packages out", async () => {
  const change = publishOf("wire", "1.0.0");
  await stage(embedded.store, change);
  await createConsumer({ ...embedded, policy: openPolicy, reader: createPackumentReader(embedded.store), clock })(
    "wire",
    [change],
  );
  await cache.advisories({ wire: ["1.0.0"], "@acme/other": ["1.0.0"], left: ["1.0.0"] });
  expect(asked).toEqual(["audit left"]);
  expect(await cache.advisories({ wire: ["1.0.0"] })).toEqual({});
});

test("nothing with a status of 200 and another content is served where nothing is cached", async () => {
  answers.body = "<html>please sign in</html>";
  await expect(cache.packument("left", "full")).rejects.toThrow(UpstreamMalformed);
});

describe("the two forms", () => {
  test("come from one document: after the full one was fetched, the abbreviated one is derived from it", async () => {
    await cache.packument("left", "full");
    const short = await cache.packument("left", "abbreviated");
    expect(short?.document["versions"]).toEqual({
      "1.0.0": {
        name: "left",
        version: "1.0.0",
        hasInstallScript: true,
        dist: { tarball: URL_OF_TGZ, integrity: TGZ.integrity },
      },
    });
    expect(asked).toEqual(["left full"]);
  });
  test("agree: a version that one form shows, the other shows too, whichever was fetched first", async () => {
    await cache.packument("left", "abbreviated");
    answers = { ...answers, version: 2, versions: { ...answers.versions, "2.0.0": { dist: {} } } };
    const full = await cache.packument("left", "full");
    const short = await cache.packument("left", "abbreviated");
    expect(Object.keys(full?.document["versions"] ?? {})).toEqual(["1.0.0", "2.0.0"]);
    expect(Object.keys(short?.document["versions"] ?? {})).toEqual(["1.0.0", "2.0.0"]);
    expect(short?.etag).toBe(full?.etag);
  });
});

test("a client that wants no copy makes the cache ask, also for a package that was absent a moment ago", async () => {
  await cache.packument("left", "full");
  answers.version = 2;
  expect((await cache.packument("left", "full", { revalidate: true }))?.document).toMatchObject({ version: 2 });
  expect(await cache.packument("right", "full")).toBeUndefined();
  expect(await cache.packument("right", "full", { revalidate: true })).toBeUndefined();
  expect(asked.filter((what) => what.startsWith("right"))).toHaveLength(2);
});
test("another instance's copy is used: it is read from the store, and the upstream is not asked", async () => {
  await cache.packument("left", "full");
  const other = createUpstreamCache({ store: embedded.store, upstream, clock }, { scopes: [] });
  expect((await other.packument("left", "full"))?.document).toMatchObject({ version: 1 });
  expect(asked).toEqual(["left full"]);
});

describe("an upstream tarball", () => {
  test("that is small is checked before its first byte is passed on", async () => {
    answers.bytes = Buffer.from("damaged");
    await expect(cache.tarball("left", "left-1.0.0.tgz")).rejects.toThrow("damaged");
  });
  test("of a version that the cached packument lacks makes the cache ask again before it is absent", async () => {
    await cache.packument("left", "abbreviated");
    await clock.advance(1_000);
    answers.versions["1.1.0"] = { dist: { tarball: "http://up.example/x/left-1.1.0.tgz", integrity: TGZ.integrity } };
    answers.version = 2;
    expect(await collect((await cache.tarball("left", "left-1.1.0.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test("of a version that does not exist asks the upstream at most once a second", async () => {
    for (let turn = 0; turn < 5; turn++) expect(await cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
    await clock.advance(1_000);
    for (let turn = 0; turn < 5; turn++) expect(await cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
  test("that is kept is not served once the upstream has removed its version", async () => {
    await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body);
    answers = { ...answers, version: 2, versions: {} };
    await clock.advance(5 * 60_000);
    expect(await cache.tarball("left", "left-1.0.0.tgz")).toBeUndefined();
  });
  test("that is kept is served while the upstream is down", async () => {
    await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body);
    await clock.advance(24 * 3_600_000);
    answers.down = true;
    expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test("that two versions name by the same last part is found by its version", async () => {
    const second = makeTarball({ name: "left", version: "2.0.0" });
    answers.versions = {
      "1.0.0": { dist: { tarball: "http://up.example/1/left.tgz", integrity: TGZ.integrity } },
      "2.0.0": { dist: { tarball: "http://up.example/2/left.tgz", integrity: second.integrity } },
    };
    expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
    expect(asked.at(-1)).toBe("http://up.example/1/left.tgz");
    expect(await cache.tarball("left", "left.tgz")).toBeUndefined();
  });
  test("is found by the upstream's own file name too, which lock files hold", async () => {
    answers.versions = { "1.0.0": { dist: { tarball: "http://up.example/odd-name.tgz", integrity: TGZ.integrity } } };
    expect(await collect((await cache.tarball("left", "odd-name.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test("without a digest is served unchecked, and reported", async () => {
    answers.versions = { "1.0.0": { dist: { tarball: URL_OF_TGZ } } };
    expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
    expect(unchecked).toEqual(["left left-1.0.0.tgz"]);
  });
  test("is checked by the strongest digest that is listed, not by the first", async () => {
    const { "1.0.0": manifest } = answers.versions;
    const sha1 = `sha1-${createHash("sha1").update("other bytes").digest("base64")}`;
    answers.versions = {
      "1.0.0": { ...manifest, dist: { tarball: URL_OF_TGZ, integrity: `${sha1} ${TGZ.integrity}` } },
    };
    expect(await collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test.each([true, false])("is downloaded once for many clients at once (size stated: %s)", async (sized) => {
    const started = Promise.withResolvers<void>();
    Object.assign(answers, { sized, pause: started.promise });
    const clients = [1, 2, 3].map(async () => collect((await cache.tarball("left", "left-1.0.0.tgz"))?.body));
    started.resolve();
    for (const bytes of await Promise.all(clients)) expect(bytes).toEqual(TGZ.bytes);
    expect(asked.filter((what) => what === URL_OF_TGZ)).toHaveLength(1);
  });
  test("is not downloaded to its end when its client is gone", async () => {
    const large = Buffer.alloc(4 * 1024 * 1024, "x");
    Object.assign(answers, { sized: false, bytes: large });
    const found = await cache.tarball("left", "left-1.0.0.tgz");
    for await (const _ of found?.body ?? []) break;
    await expect.poll(() => cache.tarball("left", "left-1.0.0.tgz").then((again) => again?.body)).toBeDefined();
    expect(await tarballs()).toEqual([]);
  });
});
