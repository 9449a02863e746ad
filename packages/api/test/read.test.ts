import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

const ABBREVIATED = "application/vnd.npm.install-v1+json";
/** As npm sends registry. */
const ACCEPT = `${ABBREVIATED}; q=1.0, application/json; q=0.8, */*`;
const manifest = { description: "a wire ".repeat(50), keywords: ["cable"], scripts: { postinstall: "x" } };
let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  for (const version of ["1.0.0", "1.1.0", "1.2.0"])
    await registry.send(
      "PUT",
      "/wire",
      publishBody("wire", version, {
        manifest,
      }),
    );
});
afterEach(() => registry[Symbol.asyncDispose]());

describe("packument", () => {
  test("is abbreviated for an installer, and full for everybody else", async () => {
    const short = await registry.request("/wire", { headers: { accept: ACCEPT } });
    expect(short.headers.get("content-type")).toContain(ABBREVIATED);
    expect(await short.json()).toMatchObject({ name: "wire", versions: { "1.0.0": { hasInstallScript: true } } });
    const full = await registry.request("/wire", { headers: { accept: `${ABBREVIATED}; q=0.5, application/json` } });
    expect(full.headers.get("content-type")).toContain("application/json");
    expect(await full.json()).toMatchObject({
      _id: "wire",
      _rev: expect.stringMatching(/^3-/) as string,
      time: { "1.0.0": expect.any(String) as string },
    });
  });
  test("is never abbreviated for a client that refuses the abbreviated one", async () => {
    const response = await registry.request("/wire", { headers: { accept: `${ABBREVIATED};q=0, */*` } });
    expect(response.headers.get("content-type")).toContain("application/json");
  });
  test("its tarball URLs are at the origin that was asked, or at the public one", async () => {
    const tarballOf = async (app: Harness) => {
      const { versions } = (await (await app.app.request("http://other.test:8080/wire")).json()) as {
        versions: Record<string, { dist: { tarball: string } }>;
      };
      return versions["1.0.0"]?.dist.tarball;
    };
    expect(await tarballOf(registry)).toBe("http://other.test:8080/wire/-/wire-1.0.0.tgz");
    await using proxied = await startApp({ settings: { publicUrl: "https://npm.acme.example" } });
    await proxied.publish("wire", "1.0.0");
    expect(await tarballOf(proxied)).toBe("https://npm.acme.example/wire/-/wire-1.0.0.tgz");
  });
  test("has an ETag that answers 304, weak, in a list or as a star, until the package changes", async () => {
    const etag = (await registry.request("/wire")).headers.get("etag") ?? "";
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, "*"])
      expect((await registry.request("/wire", { headers: { "if-none-match": header } })).status, header).toBe(304);
    await registry.publish("wire", "2.0.0");
    expect((await registry.request("/wire", { headers: { "if-none-match": etag } })).status).toBe(200);
  });
  test("held in another encoding is not sent again: 304 with the ETag of the copy at hand", async () => {
    const zipped =
      (await registry.request("/wire", { headers: { "accept-encoding": "gzip" } })).headers.get("etag") ?? "";
    const again = await registry.request("/wire", { headers: { "if-none-match": zipped, "accept-encoding": "br" } });
    expect([again.status, again.headers.get("etag")]).toEqual([304, zipped]);
    const short = await registry.request("/wire", { headers: { "if-none-match": zipped, accept: ACCEPT } });
    expect(short.status).toBe(200);
  });
  test.each([
    ["gzip, deflate, br", "br"],
    ["br;q=0.1, gzip", "gzip"],
    ["br;q=0, gzip;q=0", null],
    ["zstd", null],
  ])("for a client that takes %j is encoded as %j", async (taken, encoding) => {
    const answer = await registry.request("/wire", { headers: { "accept-encoding": taken } });
    expect(answer.headers.get("content-encoding")).toBe(encoding);
  });
  test("differs in its ETag by form and by encoding, and says by what it varies", async () => {
    const etags = await Promise.all(
      [{}, { accept: ACCEPT }, { "accept-encoding": "gzip" }, { "accept-encoding": "gzip, br" }].map(async (headers) =>
        (await registry.request("/wire", { headers })).headers.get("etag"),
      ),
    );
    expect(new Set(etags).size).toBe(4);
    expect((await registry.request("/wire")).headers.get("vary")).toContain("accept-encoding");
  });
  test("is compressed as the client takes it: br, gzip, or not at all", async () => {
    const bytes = async (encoding: string) => {
      const response = await registry.request("/wire", { headers: { "accept-encoding": encoding } });
      return [response.headers.get("content-encoding"), Buffer.from(await response.arrayBuffer())] as const;
    };
    const [, plain] = await bytes("identity");
    const [gzip, zipped] = await bytes("gzip,deflate");
    const [br, packed] = await bytes("gzip, deflate, br");
    expect([gzip, br, (await bytes("br;q=0, gzip;q=0"))[0]]).toEqual(["gzip", "br", null]);
    expect(gunzipSync(zipped).equals(plain)).toBe(true);
    expect(brotliDecompressSync(packed).equals(plain)).toBe(true);
  });
  test("of a version, a tag or a range is one manifest: of a range the highest version in it", async () => {
    expect(await (await registry.request("/wire/^1.0.0")).json()).toMatchObject({ version: "1.2.0" });
    expect(await (await registry.request("/wire/~1.1.0")).json()).toMatchObject({ version: "1.1.0" });
    expect(await (await registry.request("/wire/1.1.0")).json()).toMatchObject({ name: "wire", version: "1.1.0" });
    expect(await (await registry.request("/wire/latest")).json()).toMatchObject({ version: "1.2.0" });
    expect((await registry.request("/wire/9.9.9")).status).toBe(404);
    expect((await registry.request("/wire/__proto__")).status).toBe(404);
  });
  test("many readers at once get the same", async () => {
    const bodies = await Promise.all(Array.from({ length: 20 }, async () => (await registry.request("/wire")).text()));
    expect(new Set(bodies).size).toBe(1);
  });
});

describe("tarball", () => {
  test("HEAD ignores a range, which applies to GET only", async () => {
    const answer = await registry.request("/wire/-/wire-1.0.0.tgz", {
      method: "HEAD",
      headers: { range: "bytes=0-0" },
    });
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get("content-length"))).toBeGreaterThan(1);
  });
  const { bytes } = makeTarball({ name: "wire", version: "1.0.0", manifest });
  const get = (headers: Record<string, string> = {}) => registry.request("/wire/-/wire-1.0.0.tgz", { headers });
  test("is served with length, ETag and ranges", async () => {
    const response = await get();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": String(bytes.length),
      "accept-ranges": "bytes",
    });
    expect((await get({ "if-none-match": response.headers.get("etag") ?? "" })).status).toBe(304);
  });
  test.each([
    ["bytes=0-9", 206, bytes.subarray(0, 10), `bytes 0-9/${bytes.length}`],
    ["bytes=-5", 206, bytes.subarray(-5), `bytes ${bytes.length - 5}-${bytes.length - 1}/${bytes.length}`],
    ["bytes=10-", 206, bytes.subarray(10), `bytes 10-${bytes.length - 1}/${bytes.length}`],
    ["bytes=100000-", 416, Buffer.alloc(0), `bytes */${bytes.length}`],
    ["bytes=5-2", 200, bytes, null],
    ["bytes=0-1,3-4", 200, bytes, null],
    ["lines=1-2", 200, bytes, null],
  ])("range %s answers %i", async (range, status, body, contentRange) => {
    const response = await get({ range });
    expect([response.status, response.headers.get("content-range")]).toEqual([status, contentRange]);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });
  test("a range with an If-Range of another ETag is the whole", async () => {
    expect((await get({ range: "bytes=0-1", "if-range": '"old"' })).status).toBe(200);
  });
  test("HEAD has the headers and no body", async () => {
    const response = await registry.request("/wire/-/wire-1.0.0.tgz", { method: "HEAD" });
    expect([response.headers.get("content-length"), await response.text()]).toEqual([String(bytes.length), ""]);
  });
  test.each(["wire-9.9.9.tgz", "other-1.0.0.tgz", "wire-1.0.0", "wire-constructor.tgz", "index.json"])(
    "%s is 404",
    async (file) => {
      expect((await registry.request(`/wire/-/${file}`)).status).toBe(404);
    },
  );
});

describe("names and routes that are none", () => {
  test.each([
    "/..%2f..%2fetc%2fpasswd",
    "/%00",
    "/wire%0a",
    "/a%5cb",
    "/%zz",
    "/.hidden",
    "/_codebox",
    "/@acme%2f..",
    `/${"n".repeat(300)}`,
  ])("%s is 400", async (path) => {
    const response = await registry.request(path);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).not.toBe("");
  });
  test.each(["/constructor", "/nobody", "/@acme/nobody", "/a/b/c/d", "/-/nowhere", "/-/package/nobody/history", "/"])(
    "%s is 404 with an error",
    async (path) => {
      const response = await registry.request(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ ok: false, code: "not_found" });
    },
  );
});

describe("private reading", () => {
  test("needs a token for everything but ping, health and signing in", async () => {
    await using closed = await startApp({ settings: { anonymousRead: false } });
    await closed.publish("wire", "1.0.0");
    const anonymous = async (path: string) => (await closed.app.request(`http://registry.test${path}`)).status;
    expect(
      await Promise.all(
        ["/wire", "/-/package/wire/dist-tags", "/wire/-/wire-1.0.0.tgz", "/-/v1/search?text=wire"].map(anonymous),
      ),
    ).toEqual([401, 401, 401, 401]);
    expect(await Promise.all(["/-/ping", "/-/health"].map(anonymous))).toEqual([200, 200]);
    expect((await closed.request("/wire")).status).toBe(200);
  });
});

describe("search", () => {
  const names = async (query: string) => {
    const { objects, total } = (await (await registry.request(`/-/v1/search?${query}`)).json()) as {
      objects: { package: { name: string; publisher: { username: string } } }[];
      total: number;
    };
    expect(objects.every((hit) => hit.package.publisher.username !== "")).toBe(true);
    return { names: objects.map((hit) => hit.package.name), total };
  };
  beforeEach(async () => {
    await registry.publish("@acme/wire", "1.0.0");
    await registry.publish("other", "1.0.0");
  });
  test.each([
    ["text=wire", ["wire", "@acme/wire"]],
    ["text=cable", ["wire"]],
    ["text=WIRE%20cable", ["wire"]],
    ["text=scope:acme", ["@acme/wire"]],
    ["text=keywords:cable", ["wire"]],
    ["text=maintainer:alice%20other", ["other"]],
    ["text=nobody", []],
  ])("%s finds %o", async (query, expected) => expect((await names(query)).names).toEqual(expected));
  test("size and from page through, and total counts all", async () => {
    expect(await names("text=&size=1&from=1")).toMatchObject({ names: { length: 1 }, total: 3 });
    expect((await registry.request("/-/v1/search?size=-1")).status).toBe(400);
  });
  test("forgets what was unpublished", async () => {
    await names("text=other");
    const { _rev } = (await (await registry.request("/other")).json()) as { _rev: string };
    await registry.send("DELETE", `/other/-rev/${_rev}`);
    expect((await names("text=other")).names).toEqual([]);
  });
});
