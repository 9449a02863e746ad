import { createHash } from "node:crypto";
import { makeTarball } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreUnavailable } from "../../src/index.ts";
import { collect, TGZ, upstreamFixture, URL_OF_TGZ, type UpstreamFixture } from "./upstream-fixture.ts";

let fixture: UpstreamFixture;
beforeEach(() => {
  fixture = upstreamFixture();
});
afterEach(() => fixture.backend.close());

test("a tarball streams through, and comes from the store the next time", async () => {
  expect(await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  expect(await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  expect(fixture.asked.filter((url) => url.endsWith(".tgz"))).toHaveLength(1);
});
test("a damaged tarball breaks the download off, and is not kept", async () => {
  fixture.answers.bytes = Buffer.concat([TGZ.bytes, Buffer.from("more")]);
  fixture.answers.sized = false;
  await expect(collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).rejects.toThrow("damaged");
  expect(await fixture.tarballs()).toEqual([]);
});
test("a tarball is kept whole for who fetches it from the store, and fixture.asked for once", async () => {
  const key = (await fixture.cache.keptTarball("left", "left-1.0.0.tgz")) ?? "";
  expect(await collect((await fixture.backend.store.open(key))?.body)).toEqual(TGZ.bytes);
  expect(await fixture.cache.keptTarball("left", "left-1.0.0.tgz")).toBe(key);
  expect(fixture.asked.filter((what) => what.endsWith(".tgz"))).toHaveLength(1);
});
test("a damaged one is not kept for them either", async () => {
  fixture.answers.bytes = Buffer.from("damaged");
  await expect(fixture.cache.keptTarball("left", "left-1.0.0.tgz")).rejects.toThrow("damaged");
  expect(await fixture.tarballs()).toEqual([]);
});
test("a tarball that no version names is not there", async () => {
  expect(await fixture.cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
  expect(await fixture.cache.keptTarball("left", "left-9.0.0.tgz")).toBeUndefined();
});
describe("an upstream tarball", () => {
  test("that is small is checked before its first byte is passed on", async () => {
    fixture.answers.bytes = Buffer.from("damaged");
    await expect(fixture.cache.tarball("left", "left-1.0.0.tgz")).rejects.toThrow("damaged");
  });
  test("of a version that the cached packument lacks makes the cache ask again before it is absent", async () => {
    await fixture.cache.packument("left", "abbreviated");
    await fixture.clock.advance(1_000);
    fixture.answers.versions["1.1.0"] = {
      dist: { tarball: "http://up.example/x/left-1.1.0.tgz", integrity: TGZ.integrity },
    };
    fixture.answers.version = 2;
    expect(await collect((await fixture.cache.tarball("left", "left-1.1.0.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test("of a version that does not exist asks the upstream at most once a second", async () => {
    for (let turn = 0; turn < 5; turn++) expect(await fixture.cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
    await fixture.clock.advance(1_000);
    for (let turn = 0; turn < 5; turn++) expect(await fixture.cache.tarball("left", "left-9.0.0.tgz")).toBeUndefined();
    expect(fixture.asked).toHaveLength(2);
  });
  test("that is kept is not served once the upstream has removed its version", async () => {
    await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body);
    fixture.answers = { ...fixture.answers, version: 2, versions: {} };
    await fixture.clock.advance(5 * 60_000);
    expect(await fixture.cache.tarball("left", "left-1.0.0.tgz")).toBeUndefined();
  });
  test("that is kept is served while the upstream is down", async () => {
    await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body);
    await fixture.clock.advance(24 * 3_600_000);
    fixture.answers.down = true;
    expect(await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test("that two versions name by the same last part is found by its version", async () => {
    const second = makeTarball({ name: "left", version: "2.0.0" });
    fixture.answers.versions = {
      "1.0.0": { dist: { tarball: "http://up.example/1/left.tgz", integrity: TGZ.integrity } },
      "2.0.0": { dist: { tarball: "http://up.example/2/left.tgz", integrity: second.integrity } },
    };
    expect(await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
    expect(fixture.asked.at(-1)).toBe("http://up.example/1/left.tgz");
    expect(await fixture.cache.tarball("left", "left.tgz")).toBeUndefined();
  });
  test("is found by the upstream's own file name too, which lock files hold", async () => {
    fixture.answers.versions = {
      "1.0.0": { dist: { tarball: "http://up.example/odd-name.tgz", integrity: TGZ.integrity } },
    };
    expect(await collect((await fixture.cache.tarball("left", "odd-name.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test.each(["\ud800", "../1.0.0", "1".repeat(300)])("of a version that is none (%j) is not there", async (version) => {
    fixture.answers.versions = {
      [version]: { dist: { tarball: "http://up.example/odd-name.tgz", integrity: TGZ.integrity } },
    };
    expect(await fixture.cache.tarball("left", "odd-name.tgz")).toBeUndefined();
    expect(fixture.asked).not.toContain("http://up.example/odd-name.tgz");
  });
  test("without a digest is served unchecked, and reported", async () => {
    fixture.answers.versions = { "1.0.0": { dist: { tarball: URL_OF_TGZ } } };
    expect(await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
    expect(fixture.unchecked).toEqual(["left left-1.0.0.tgz"]);
  });
  test("is checked by the strongest digest that is listed, not by the first", async () => {
    const { "1.0.0": manifest } = fixture.answers.versions;
    const sha1 = `sha1-${createHash("sha1").update("other bytes").digest("base64")}`;
    fixture.answers.versions = {
      "1.0.0": { ...manifest, dist: { tarball: URL_OF_TGZ, integrity: `${sha1} ${TGZ.integrity}` } },
    };
    expect(await collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body)).toEqual(TGZ.bytes);
  });
  test.each([true, false])("is downloaded once for many clients at once (size stated: %s)", async (sized) => {
    const started = Promise.withResolvers<void>();
    Object.assign(fixture.answers, { sized, pause: started.promise });
    const clients = [1, 2, 3].map(async () => collect((await fixture.cache.tarball("left", "left-1.0.0.tgz"))?.body));
    started.resolve();
    for (const bytes of await Promise.all(clients)) expect(bytes).toEqual(TGZ.bytes);
    expect(fixture.asked.filter((what) => what === URL_OF_TGZ)).toHaveLength(1);
  });
  describe("that is large", () => {
    const large = Buffer.alloc(6 * 1024 * 1024, "0123456789");
    const name = "left-1.0.0.tgz";
    beforeEach(() => {
      const integrity = `sha512-${createHash("sha512").update(large).digest("base64")}`;
      const versions = { "1.0.0": { dist: { tarball: URL_OF_TGZ, integrity } } };
      Object.assign(fixture.answers, { bytes: large, versions, pieceBytes: 64 * 1024 });
    });
    const bodyOf = async () => {
      const { body } = (await fixture.cache.tarball("left", name)) ?? {};
      return body as AsyncIterable<Uint8Array>;
    };
    test("does not wait for a slow client: others get it, and the slow one too", async () => {
      const slow = (await bodyOf())[Symbol.asyncIterator]();
      const first = await slow.next();
      expect((await collect(await bodyOf())).equals(large)).toBe(true);
      expect(await fixture.tarballs()).toHaveLength(1);
      const rest = await collect({ [Symbol.asyncIterator]: () => slow });
      expect(Buffer.concat([first.value ?? Buffer.alloc(0), rest]).equals(large)).toBe(true);
      expect(fixture.asked.filter((what) => what === URL_OF_TGZ)).toHaveLength(1);
    });
    test("reaches its clients though it can't be kept, and that is reported", async () => {
      await fixture.cache.packument("left", "abbreviated");
      fixture.copies.write = async (_key, body) => {
        for await (const _ of body as AsyncIterable<Uint8Array>) break;
        throw new StoreUnavailable("the disk is full");
      };
      const clients = await Promise.all([bodyOf(), bodyOf()]);
      for (const bytes of await Promise.all(clients.map(collect))) expect(bytes.equals(large)).toBe(true);
      expect(fixture.failures).toEqual([new StoreUnavailable("the disk is full")]);
    });
    test("and damaged reaches no client completely, however late it comes", async () => {
      fixture.answers.bytes = Buffer.concat([large, Buffer.from("more")]);
      const clients = await Promise.all([bodyOf(), bodyOf()]);
      for (const client of clients) await expect(collect(client)).rejects.toThrow("damaged");
      expect(await fixture.tarballs()).toEqual([]);
    });
    test("is not downloaded further when all its clients are gone", async () => {
      const started = Promise.withResolvers<void>();
      fixture.answers.pause = started.promise;
      const clients = await Promise.all([bodyOf(), bodyOf()]);
      for (const client of clients) void client[Symbol.asyncIterator]().return?.();
      started.resolve();
      await expect.poll(async () => (await fixture.cache.tarball("left", name))?.size).toBe(large.length);
      expect(await fixture.tarballs()).toEqual([]);
    });
  });
  test("is not downloaded to its end when its client is gone", async () => {
    const large = Buffer.alloc(4 * 1024 * 1024, "x");
    Object.assign(fixture.answers, { sized: false, bytes: large });
    const found = await fixture.cache.tarball("left", "left-1.0.0.tgz");
    for await (const _ of (found?.body ?? []) as AsyncIterable<Uint8Array>) break;
    await expect.poll(() => fixture.cache.tarball("left", "left-1.0.0.tgz").then((again) => again?.body)).toBeDefined();
    expect(await fixture.tarballs()).toEqual([]);
  });
});
