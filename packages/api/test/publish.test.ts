import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digested, makeArchive, makeTarball } from "@codebox/testing";
import { errorOf, notATarball, publishBody, startApp, type Harness } from "./harness.ts";

let it: Harness;
beforeEach(async () => {
  it = await startApp();
});
afterEach(() => it[Symbol.asyncDispose]());

const put = (body: unknown, headers: Record<string, string> = {}) => it.send("PUT", "/wire", body, headers);
const packument = async (name = "wire") => (await (await it.request(`/${name}`)).json()) as Record<string, never>;
const zipped = (entries: Record<string, string>) => digested(gzipSync(makeArchive(entries)));
const manifest = JSON.stringify({ name: "wire", version: "1.0.0" });

describe("publish", () => {
  test("stores packument and tarball, and the staged tarball is gone", async () => {
    expect((await put(publishBody("wire", "1.0.0"))).status).toBe(201);
    await expect.poll(it.keys).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
    const tarball = await it.request("/wire/-/wire-1.0.0.tgz");
    expect(Buffer.from(await tarball.arrayBuffer())).toEqual(makeTarball({ name: "wire", version: "1.0.0" }).bytes);
  });
  test("a scoped package is the same, under either spelling of its name and its tarball", async () => {
    expect((await it.publish("@acme/wire", "1.0.0")).status).toBe(201);
    expect((await it.send("PUT", "/@acme/wire", publishBody("@acme/wire", "1.1.0"))).status).toBe(201);
    for (const path of [
      "/@acme/wire/-/wire-1.0.0.tgz",
      "/@acme%2fwire/-/wire-1.0.0.tgz",
      "/@acme/wire/-/@acme/wire-1.0.0.tgz",
    ])
      expect((await it.request(path)).status, path).toBe(200);
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
    await expect.poll(it.keys).toEqual(["wire/1.0.0.tgz", "wire/index.json"]);
  });
  test("the body may be gzip-encoded", async () => {
    const body = gzipSync(JSON.stringify(publishBody("wire", "1.0.0")));
    expect((await it.request("/wire", { method: "PUT", body, headers: { "content-encoding": "gzip" } })).status).toBe(
      201,
    );
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
      "more than one package.json",
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
    expect(await it.keys()).toEqual([]);
    expect((await it.request("/wire")).status).toBe(404);
  });
  test("an upload that breaks off", async () => {
    const whole = Buffer.from(JSON.stringify(publishBody("wire", "1.0.0")));
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(whole.subarray(0, whole.length - 200)),
      pull: (controller) => controller.error(new Error("the client went away")),
    });
    const response = await it.request("/wire", { method: "PUT", body, duplex: "half" } as RequestInit);
    expect(response.status).toBe(400);
    expect(await it.keys()).toEqual([]);
  });
  test("a name that a new package can't have", async () => {
    for (const name of ["Wire", "_wire", ".wire", "n".repeat(300), "node_modules"])
      expect((await it.send("PUT", `/${name}`, publishBody(name, "1.0.0"))).status, name).toBe(400);
    expect(await it.keys()).toEqual([]);
  });
  test("a body whose encoding is unknown, or is not what it says", async () => {
    const body = JSON.stringify(publishBody("wire", "1.0.0"));
    expect((await put(body, { "content-encoding": "zstd" })).status).toBe(400);
    expect((await put(body, { "content-encoding": "gzip" })).status).toBe(400);
  });
});

describe("amending", () => {
  beforeEach(async () => {
    for (const version of ["1.0.0", "1.1.0"]) await put(publishBody("wire", version));
  });
  const copy = async () =>
    structuredClone(await packument()) as unknown as {
      _rev: string;
      versions: Record<string, { deprecated?: string }>;
    };

  test("deprecate takes only the deprecated fields of the stale body", async () => {
    const body = await copy();
    await put(publishBody("wire", "1.2.0"));
    body.versions["1.0.0"]!.deprecated = "use 1.1";
    expect((await put({ ...body, description: "overwritten" })).status).toBe(201);
    const after = await packument();
    expect(Object.keys(after["versions"] ?? {})).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
    expect(after).not.toHaveProperty("description");
    expect(after["versions"]).toMatchObject({ "1.0.0": { deprecated: "use 1.1" } });
  });
  test("a deprecation that would undo a later one is a conflict", async () => {
    const [first, second] = [await copy(), await copy()];
    first.versions["1.0.0"]!.deprecated = "one";
    second.versions["1.0.0"]!.deprecated = "two";
    expect((await put(first)).status).toBe(201);
    expect((await put(second)).status).toBe(409);
  });
  test("unpublish of a version leaves alone what was published after the client read", async () => {
    const body = await copy();
    await put(publishBody("wire", "1.2.0"));
    delete body.versions["1.0.0"];
    expect((await it.send("PUT", `/wire/-rev/${body._rev}`, body)).status).toBe(201);
    expect(Object.keys((await packument())["versions"] ?? {})).toEqual(["1.1.0", "1.2.0"]);
    expect((await it.send("DELETE", `/wire/-/wire-1.0.0.tgz/-rev/${body._rev}`)).status).toBe(201);
    expect((await it.send("DELETE", `/wire/-/wire-1.1.0.tgz/-rev/${body._rev}`)).status).toBe(409);
  });
  test("unpublish of all is a conflict when somebody published since, and 404 afterwards", async () => {
    const { _rev } = await copy();
    await put(publishBody("wire", "1.2.0"));
    expect((await it.send("DELETE", `/wire/-rev/${_rev}`)).status).toBe(409);
    expect((await it.send("DELETE", `/wire/-rev/${(await copy())._rev}`)).status).toBe(201);
    expect((await it.request("/wire")).status).toBe(404);
    await expect.poll(it.keys).toEqual(["wire/index.json"]);
  });
  test("a revision that is none of ours is 400", async () => {
    expect((await it.send("DELETE", "/wire/-rev/undefined")).status).toBe(400);
  });
  test("owners: two who changed the same list are told; the last owner can't be removed", async () => {
    const { _rev } = await copy();
    const owners = (...names: string[]) => ({ _id: "wire", _rev, maintainers: names.map((name) => ({ name })) });
    expect((await it.send("PUT", `/wire/-rev/${_rev}`, owners("alice", "bob"))).status).toBe(201);
    expect((await it.send("PUT", `/wire/-rev/${_rev}`, owners("alice", "carol"))).status).toBe(409);
    expect(await errorOf(await it.send("PUT", `/wire/-rev/${(await copy())._rev}`, { maintainers: [] }))).toContain(
      "at least one owner",
    );
    expect((await it.send("PUT", `/wire/-rev/${(await copy())._rev}`, { maintainers: [{}] })).status).toBe(400);
  });
  test("a star is the asker's own, whatever the body says of others", async () => {
    await put({ _id: "wire", users: { alice: true, bob: true } });
    expect((await packument())["users"]).toEqual({ alice: true });
  });
  test("a body that is about nothing is 400", async () => {
    expect((await put({ name: "wire" })).status).toBe(400);
  });
  test("an uploaded tarball may be named instead of sent", async () => {
    const { bytes } = makeTarball({ name: "wire", version: "2.0.0" });
    await it.store.put("_codebox/staging/upload-1", bytes);
    const body = publishBody("wire", "2.0.0");
    expect((await put({ ...body, _attachments: { "wire-2.0.0.tgz": { staged: "upload-1" } } })).status).toBe(201);
    expect(
      (await put({ ...publishBody("wire", "3.0.0"), _attachments: { "wire-3.0.0.tgz": { staged: "nobody" } } })).status,
    ).toBe(422);
    expect(
      (await put({ ...publishBody("wire", "3.0.0"), _attachments: { "wire-3.0.0.tgz": { staged: "../x" } } })).status,
    ).toBe(400);
  });
});
