import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digested, makeArchive, makeTarball } from "@codebox/testing";
import { errorOf, notATarball, publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const put = (body: unknown, headers: Record<string, string> = {}) => registry.send("PUT", "/wire", body, headers);
const zipped = (entries: Record<string, string>) => digested(gzipSync(makeArchive(entries)));
const manifest = JSON.stringify({ name: "wire", version: "1.0.0" });

describe("publish", () => {
  test("stores packument and tarball, and the staged tarball is gone", async () => {
    expect((await put(publishBody("wire", "1.0.0"))).status).toBe(201);
    await expect.poll(registry.keys).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
    const tarball = await registry.request("/wire/-/wire-1.0.0.tgz");
    expect(Buffer.from(await tarball.arrayBuffer())).toEqual(makeTarball({ name: "wire", version: "1.0.0" }).bytes);
  });
  test("a scoped package is the same, under either spelling of its name and its tarball", async () => {
    expect((await registry.publish("@acme/wire", "1.0.0")).status).toBe(201);
    expect((await registry.send("PUT", "/@acme/wire", publishBody("@acme/wire", "1.1.0"))).status).toBe(201);
    for (const path of [
      "/@acme/wire/-/wire-1.0.0.tgz",
      "/@acme%2fwire/-/wire-1.0.0.tgz",
      "/@acme/wire/-/@acme/wire-1.0.0.tgz",
    ])
      expect((await registry.request(path)).status, path).toBe(200);
  });
  test("a version that exists is 409", async () => {
    await put(publishBody("wire", "1.0.0"));
    const again = await put(publishBody("wire", "1.0.0"));
    expect(again.status).toBe(409);
    expect(await errorOf(again)).toContain("raise the version");
  });
  test("a retry of the same publish by the same npm session answers like the first", async () => {
    const session = { "npm-session": "abc" };
    await put(publishBody("wire", "1.0.0"), session);
    expect((await put(publishBody("wire", "1.0.0"), session)).status).toBe(201);
    expect((await put(publishBody("wire", "1.0.0"), { "npm-session": "other" })).status).toBe(409);
    await expect.poll(registry.keys).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
  });
  test("the body may be gzip-encoded", async () => {
    const body = gzipSync(JSON.stringify(publishBody("wire", "1.0.0")));
    expect(
      (await registry.request("/wire", { method: "PUT", body, headers: { "content-encoding": "gzip" } })).status,
    ).toBe(201);
  });
});

describe("a publish that is wrong is refused with a helpful error, and nothing is written", () => {
  const one = makeTarball({ name: "wire", version: "1.0.0" });
  test.each<[string, unknown, number, string]>([
    ["not JSON", '{"name":"wire",', 400, "not JSON, or ended early"],
    ["no object", "[]", 400, "must be a packument"],
    [
      "__proto__ in a manifest",
      JSON.stringify(publishBody("wire", "1.0.0")).replace('"dist":', '"__proto__":{"x":1},"dist":'),
      400,
      "__proto__",
    ],
    [
      "a key twice",
      JSON.stringify(publishBody("wire", "1.0.0")).replace('"name":"wire"', '"name":"wire","name":"wire"'),
      400,
      "twice",
    ],
    ["nesting without end", `{"name":${"[".repeat(5_000)}`, 400, "nests deeper"],
    ["millions of tiny values", `[${"1,".repeat(2_500_000)}1]`, 413, "more than 1000000 values"],
    [
      "two versions",
      publishBody("wire", "1.0.0", {
        top: { versions: { "1.0.0": { name: "wire", version: "1.0.0" }, "1.0.1": { name: "wire", version: "1.0.1" } } },
      }),
      400,
      "exactly one version",
    ],
    ["no version", publishBody("wire", "1.0.0", { top: { versions: {} } }), 400, "exactly one version"],
    [
      "two tarballs",
      {
        ...publishBody("wire", "1.0.0"),
        _attachments: { "wire-1.0.0.tgz": { data: one.bytes.toString("base64") }, "b.tgz": { data: "AAAA" } },
      },
      400,
      "exactly one tarball",
    ],
    [
      "an attachment without data",
      publishBody("wire", "1.0.0", { attachment: { data: undefined } }),
      400,
      "has no data",
    ],
    ["another name in the document", publishBody("other", "1.0.0"), 400, "must agree"],
    ["another name in the manifest", publishBody("wire", "1.0.0", { manifest: { name: "other" } }), 400, "must agree"],
    [
      "another name in the tarball",
      publishBody("wire", "1.0.0", { tarball: makeTarball({ name: "evil", version: "1.0.0" }) }),
      400,
      "evil@1.0.0",
    ],
    [
      "another version in the tarball",
      publishBody("wire", "1.0.0", { tarball: makeTarball({ name: "wire", version: "2.0.0" }) }),
      400,
      "wire@2.0.0",
    ],
    [
      "a wrong integrity",
      publishBody("wire", "1.0.0", { dist: { integrity: `sha512-${"A".repeat(86)}==` } }),
      400,
      "dist.integrity says",
    ],
    ["a wrong shasum", publishBody("wire", "1.0.0", { dist: { shasum: "0".repeat(40) } }), 400, "dist.shasum says"],
    ["a wrong length", publishBody("wire", "1.0.0", { attachment: { length: 7 } }), 400, "length says 7"],
    [
      "random bytes",
      publishBody("wire", "1.0.0", { tarball: notATarball(Buffer.from("not a tarball at all")) }),
      400,
      "not gzip-compressed",
    ],
    [
      "gzip of no tar",
      publishBody("wire", "1.0.0", { tarball: notATarball(gzipSync("x".repeat(2_000))) }),
      400,
      "not a package's tarball",
    ],
    [
      "a cut-off gzip",
      publishBody("wire", "1.0.0", { tarball: notATarball(one.bytes.subarray(0, 60)) }),
      400,
      "not a package's tarball",
    ],
    [
      "no package.json",
      publishBody("wire", "1.0.0", { tarball: zipped({ "package/index.js": "" }) }),
      400,
      "no package.json",
    ],
    [
      "two package.json",
      publishBody("wire", "1.0.0", {
        tarball: zipped({ "package/package.json": manifest, "other/package.json": manifest }),
      }),
      400,
      "one top folder",
    ],
    [
      "a package.json that is no JSON",
      publishBody("wire", "1.0.0", { tarball: zipped({ "package/package.json": "{" }) }),
      400,
      "is not JSON",
    ],
    [
      "an entry that leads out",
      publishBody("wire", "1.0.0", {
        tarball: zipped({ "package/package.json": manifest, "package/../../etc/passwd": "x" }),
      }),
      400,
      "leads out of the package",
    ],
    ["broken base64", publishBody("wire", "1.0.0", { attachment: { data: "%%%%" } }), 400, "not valid base64"],
    [
      "cut-off base64",
      publishBody("wire", "1.0.0", { attachment: { data: one.bytes.toString("base64").slice(0, -2) } }),
      400,
      "cut off",
    ],
    ["a path as file name", publishBody("wire", "1.0.0", { file: "../../wire-1.0.0.tgz" }), 400, "it must be"],
    ["a semver range as tag", publishBody("wire", "1.0.0", { tag: "1.x" }), 400, "semver range"],
    [
      "more tags than a publish may set",
      publishBody("wire", "1.0.0", {
        top: { "dist-tags": Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`tag${index}`, "1.0.0"])) },
      }),
      400,
      "at most 20 tags; set the others",
    ],
    [
      "a tag of another version",
      publishBody("wire", "1.0.0", { top: { "dist-tags": { latest: "2.0.0" } } }),
      400,
      "names 2.0.0",
    ],
    ["a version that is none", publishBody("wire", "1.0", {}), 400, "exact semver version"],
    [
      "a dependency that is no string",
      publishBody("wire", "1.0.0", { manifest: { dependencies: { a: 1 } } }),
      400,
      "dependencies",
    ],
    [
      "a tarball over the limit",
      publishBody("wire", "1.0.0", {
        tarball: makeTarball({ name: "wire", version: "1.0.0", files: { noise: randomBytes(1024 * 1024) } }),
      }),
      413,
      "over the limit of 1048576",
    ],
  ])("%s", async (_, body, status, words) => {
    const response = await put(body);
    expect(await errorOf(response)).toContain(words);
    expect(response.status).toBe(status);
    expect(await registry.keys()).toEqual([]);
    expect((await registry.request("/wire")).status).toBe(404);
  });
  test("an upload that breaks off", async () => {
    const whole = Buffer.from(JSON.stringify(publishBody("wire", "1.0.0")));
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(whole.subarray(0, whole.length - 200)),
      pull: (controller) => controller.error(new Error("the client went away")),
    });
    const response = await registry.request("/wire", { method: "PUT", body, duplex: "half" } as RequestInit);
    expect(response.status).toBe(400);
    expect(await registry.keys()).toEqual([]);
  });
  test("a name that a new package can't have", async () => {
    for (const name of ["Wire", "_wire", ".wire", "n".repeat(300), "node_modules"])
      expect((await registry.send("PUT", `/${name}`, publishBody(name, "1.0.0"))).status, name).toBe(400);
    expect(await registry.keys()).toEqual([]);
  });
  test("a body whose encoding is unknown, or is not what it says", async () => {
    const body = JSON.stringify(publishBody("wire", "1.0.0"));
    expect((await put(body, { "content-encoding": "zstd" })).status).toBe(400);
    expect((await put(body, { "content-encoding": "gzip" })).status).toBe(400);
  });
});
