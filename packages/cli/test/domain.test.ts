import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import type { ObjectStore } from "@codebox/core";
import { createFaults, fail, faultyStore } from "@codebox/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { domain } from "../src/commands/domain.ts";
import { rewriteTarballs } from "../src/domain.ts";
import { memoryCheckpoint, never, pipe } from "./support.ts";

const URL = "https://new.example";
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const rewritten = (name: string, document: string) => {
  const result = rewriteTarballs(name, Buffer.from(document), URL);
  return result.kind === "rewritten" ? text(result.bytes) : result.kind;
};

describe("rewriting a document's tarball URLs", () => {
  test.each([
    ["wire", "https://old.example/registry/wire/-/wire-1.0.0.tgz", `${URL}/wire/-/wire-1.0.0.tgz`],
    ["@acme/wire", "http://old/@acme/wire/-/@acme/wire-1.0.0.tgz", `${URL}/@acme/wire/-/@acme/wire-1.0.0.tgz`],
    ["@acme/wire", "http://old/@acme%2fwire/-/wire-1.0.0.tgz", `${URL}/@acme/wire/-/wire-1.0.0.tgz`],
    ["@acme/wire", "nonsense", `${URL}/@acme/wire/-/wire-1.0.0.tgz`],
  ])("%s: %s becomes %s", (name, tarball, wanted) => {
    const document = (url: string) => JSON.stringify({ name, versions: { "1.0.0": { dist: { tarball: url } } } });
    expect(rewritten(name, document(tarball))).toBe(document(wanted));
  });
  test("a version without a URL gets none, and a document without any is not written", () => {
    expect(rewritten("wire", '{"versions":{"1.0.0":{"dist":{"shasum":"x"}}}}')).toBe("unchanged");
    expect(rewritten("wire", '{"versions":null}')).toBe("unchanged");
  });
  test("the URLs that stand already are not written again", () => {
    const once = rewritten("wire", '{"versions":{"1.0.0":{"dist":{"tarball":"http://old/wire/-/wire-1.0.0.tgz"}}}}');
    expect(rewritten("wire", once)).toBe("unchanged");
  });
  test("numbers keep their digits, and odd keys their place", () => {
    const document = (url: string) =>
      `{"big":12345678901234567890,"point":1.0,"__proto__":{"a":1},"_attachments":{"x":{"data":"AAAA"}},"_rev":"3-abc","versions":{"1.0.0":{"dist":{"tarball":"${url}"}}}}`;
    expect(rewritten("wire", document("http://old/wire/-/wire-1.0.0.tgz"))).toBe(
      document(`${URL}/wire/-/wire-1.0.0.tgz`),
    );
  });
  test("everything but the URLs stays, whatever it is", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (fields, extra) => {
        const of = (url: string) =>
          JSON.stringify({ ...fields, versions: { "1.0.0": { extra, dist: { extra, tarball: url } } } });
        expect(rewritten("wire", of("http://old/wire/-/wire-1.0.0.tgz"))).toBe(of(`${URL}/wire/-/wire-1.0.0.tgz`));
      }),
    );
  });
  test.each([
    [Buffer.from("{"), /not JSON/],
    [Buffer.from("[]"), /not an object/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
  ])("what can't be read is left alone: %s", (bytes, problem) => {
    expect(rewriteTarballs("wire", bytes, URL)).toMatchObject({
      kind: "damaged",
      problem: expect.stringMatching(problem) as string,
    });
  });
});

describe("codebox domain", () => {
  let embedded: SqliteBackend;
  beforeEach(async () => {
    embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
  });
  afterEach(() => embedded.close());
  const put = (name: string, fields: object = {}) => {
    const versions = {
      "1.0.0": { name, version: "1.0.0", dist: { tarball: `http://old/${name}/-/${name}-1.0.0.tgz` } },
    };
    return embedded.store.put(`${name}/index.json`, Buffer.from(JSON.stringify({ name, versions, ...fields })));
  };
  const stored = async (name: string) => {
    const found = await embedded.store.get(`${name}/index.json`);
    return found?.notModified === false ? (JSON.parse(text(found.bytes)) as Record<string, unknown>) : undefined;
  };
  const run = async (store: ObjectStore, dryRun = false) => {
    const output = pipe();
    const clock = { now: () => new Date(), sleep: async () => {} };
    const ports = { store, clock, output, checkpoint: memoryCheckpoint(), signal: never };
    const code = await domain(ports, { bucket: "acme", url: URL, dryRun, concurrency: 2 });
    return { code, output, summary: output.lines.at(-1) };
  };

  test("rewrites every document, and leaves all else", async () => {
    await put("a", { odd: [1] });
    await put("b");
    await embedded.store.put("_codebox/upstream/x/index.json", Buffer.from("not ours"));
    const { code, summary, output } = await run(embedded.store);
    expect(summary).toMatchObject({ packages: 2, rewritten: 2, versions: 2, failed: 0 });
    expect(output.lines[0]).toEqual({ package: "a", versions: 1 });
    expect(await stored("a")).toMatchObject({
      odd: [1],
      versions: { "1.0.0": { dist: { tarball: `${URL}/a/-/a-1.0.0.tgz` } } },
    });
    expect(code).toBe(0);
  });
  test("writes nothing where all is as it should be", async () => {
    await put("a");
    await run(embedded.store);
    const readonly: ObjectStore = { ...embedded.store, put: async () => expect.fail("nothing is to be written") };
    expect((await run(readonly)).summary).toMatchObject({ packages: 1, rewritten: 0, failed: 0 });
  });
  test("with --dry-run reports everything and writes nothing", async () => {
    await put("a");
    const before = await stored("a");
    expect((await run(embedded.store, true)).summary).toMatchObject({ rewritten: 1, dryRun: true });
    expect(await stored("a")).toEqual(before);
  });
  test("loses nothing that is written between its read and its write", async () => {
    await put("a");
    let raced = false;
    const store: ObjectStore = {
      ...embedded.store,
      async put(key, body, options) {
        if (!raced) {
          raced = true;
          await put("a", { "dist-tags": { next: "1.0.0" } });
        }
        return embedded.store.put(key, body, options);
      },
    };
    expect((await run(store)).code).toBe(0);
    expect(await stored("a")).toMatchObject({
      "dist-tags": { next: "1.0.0" },
      versions: { "1.0.0": { dist: { tarball: `${URL}/a/-/a-1.0.0.tgz` } } },
    });
  });
  test("gives up on a document that others write all the time, says so, and continues", async () => {
    await put("a");
    await put("b");
    const store: ObjectStore = {
      ...embedded.store,
      put: async (key, body, options) =>
        key === "a/index.json" ? { ok: false, reason: "contended" } : embedded.store.put(key, body, options),
    };
    const { code, summary, output } = await run(store);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ rewritten: 1, failed: 1 });
    expect(output.lines).toContainEqual(
      expect.objectContaining({ package: "a", problem: expect.stringContaining("changed 12 times") as string }),
    );
  });
  test("a damaged document is reported, left as it is, and does not stop the others", async () => {
    await embedded.store.put("a/index.json", Buffer.from("{"));
    await put("b");
    const { code, summary } = await run(embedded.store);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ packages: 2, rewritten: 1, failed: 1 });
  });
  test("a document that S3 refuses is reported, and does not stop the others; credentials that ended do", async () => {
    await put("a");
    await put("b");
    const refusing = (name: string): ObjectStore => ({
      ...embedded.store,
      get: async (key, options) => {
        if (key === "a/index.json") throw Object.assign(new Error("no"), { name });
        return embedded.store.get(key, options);
      },
    });
    const { code, summary, output } = await run(refusing("AccessDenied"));
    expect({ code, summary }).toMatchObject({ code: 1, summary: { rewritten: 1, failed: 1 } });
    expect(output.lines[0]).toMatchObject({
      key: "a/index.json",
      problem: expect.stringContaining("lack a right") as string,
    });
    await expect(run(refusing("ExpiredToken"))).rejects.toThrow();
  });
  test("run again after every failure of the store, it ends with every document rewritten and nothing lost", async () => {
    for (const name of ["a", "b", "c", "d"]) await put(name, { odd: name });
    const store = faultyStore(embedded.store, createFaults({ seed: 11, rate: 0.2 }));
    const checkpoint = memoryCheckpoint();
    const clock = { now: () => new Date(), sleep: async () => {} };
    for (let tries = 0; ; tries++) {
      expect(tries).toBeLessThan(200);
      try {
        const ports = { store, clock, output: pipe(), checkpoint, signal: never };
        if ((await domain(ports, { bucket: "acme", url: URL, dryRun: false, concurrency: 2 })) === 0) break;
      } catch (error) {
        expect(error).toMatchObject({ name: "StoreUnavailable" });
      }
    }
    for (const name of ["a", "b", "c", "d"])
      expect(await stored(name)).toMatchObject({
        odd: name,
        versions: { "1.0.0": { dist: { tarball: `${URL}/${name}/-/${name}-1.0.0.tgz` } } },
      });
  });
});
