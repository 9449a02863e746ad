import { PutObjectCommand } from "@aws-sdk/client-s3";
import { createS3ObjectStore } from "@codebox/aws";
import { makeTarball } from "@codebox/testing";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project, type Project } from "../support/clients.ts";
import { scratch } from "../support/registry.ts";
import { cli } from "./support/cli.ts";
import { startShape, type Shape } from "./support/shape.ts";

/** Where the predecessor ran. */
const OLD = "https://old.example/prod/registry";

type Json = Record<string, unknown>;
type Versions = Record<string, { dist: { tarball?: string; shasum?: string } } & Json>;

/** What the predecessor stored of a package: the body of the last `npm publish` of its day, as it came, with what was before. */
async function oldPackage(
  shape: Shape,
  name: string,
  versions: readonly string[],
  edit = (document: Json) => document,
) {
  const put = (Key: string, Body: string | Buffer) =>
    shape.clients.s3.send(
      new PutObjectCommand({ Bucket: shape.cloud.bucket, Key, Body, ServerSideEncryption: "AES256" }),
    );
  const manifests: Versions = {};
  let last: Buffer = Buffer.alloc(0);
  for (const version of versions) {
    const { bytes, shasum } = makeTarball({
      name,
      version,
      files: { "index.js": `module.exports = "${name} ${version}";` },
    });
    await put(`${name}/${version}.tgz`, bytes);
    last = bytes;
    manifests[version] = {
      name,
      version,
      description: "of 2018",
      main: "index.js",
      gitHead: "f00",
      _id: `${name}@${version}`,
      _npmVersion: "5.6.0",
      _nodeVersion: "8.9.4",
      // npm of that time wrote no integrity into what it sent, and put the scope twice.
      dist: { shasum, tarball: `${OLD}/${name}/-/${name}-${version}.tgz` },
    };
  }
  const latest = versions.at(-1) ?? "";
  const document: Json = {
    _id: name,
    _rev: "7-0123456789abcdef",
    name,
    description: "of 2018",
    "dist-tags": { latest },
    versions: manifests,
    readme: "# of 2018",
    access: null,
    team: { channel: "#wires", since: 2018 },
    _attachments: {
      [`${name}-${latest}.tgz`]: {
        content_type: "application/octet-stream",
        data: last.toString("base64"),
        length: last.length,
      },
    },
  };
  await put(`${name}/index.json`, JSON.stringify(edit(document)));
}

describe("a bucket that the predecessor left is adopted in place", () => {
  let shape: Shape;
  let dir: Awaited<ReturnType<typeof scratch>>;
  let wire: Project;
  const stored = async (name: string) => {
    const found = await createS3ObjectStore(shape.clients.s3, { bucket: shape.cloud.bucket }).get(`${name}/index.json`);
    if (found?.notModified !== false) throw new Error(`no document of ${name}`);
    return JSON.parse(Buffer.from(found.bytes).toString()) as Json & { versions: Versions };
  };
  /** What the old code needs of a document: its name, and the URL of each version that it stored. */
  const expectOldView = async (name: string, versions: readonly string[]) => {
    const document = await stored(name);
    expect(document["name"]).toBe(name);
    for (const version of versions)
      expect(document.versions[version]).toMatchObject({
        name,
        version,
        gitHead: "f00",
        dist: { tarball: `${OLD}/${name}/-/${name}-${version}.tgz` },
      });
    expect(document).toMatchObject({ team: { channel: "#wires", since: 2018 }, access: null });
  };

  beforeAll(async () => {
    dir = await scratch();
    shape = await startShape();
    await oldPackage(shape, "wire", ["1.0.0", "1.1.0"]);
    await oldPackage(shape, "@acme/wire", ["1.0.0", "1.1.0", "2.0.0"]);
    await oldPackage(shape, "no-latest", ["1.0.0", "2.0.0"], (document) => ({
      ...document,
      "dist-tags": { beta: "1.0.0" },
    }));
    await oldPackage(shape, "bare", ["1.0.0"], ({ name, versions, "dist-tags": tags }) => ({
      name,
      versions,
      "dist-tags": tags,
    }));
    wire = await project(dir.path, shape, { name: "wire", version: "1.2.0", main: "index.js" });
    await wire.write("index.js", 'module.exports = "new";');
  });
  afterAll(async () => {
    await shape.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("codebox verify finds no error in it, before anything is changed", async () => {
    const { lines } = await cli(dir.path, ["verify", "--deep", "--bucket", shape.cloud.bucket]);
    const ofPackages = lines.filter(({ code }) => code !== undefined && !String(code).startsWith("bucket-"));
    expect(ofPackages.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(
      new Set(ofPackages.map(({ code, key }) => (code === "latest-missing" ? `${String(code)} ${String(key)}` : code))),
    ).toEqual(new Set(["version-integrity", "latest-missing no-latest/index.json"]));
  });
  test("npm installs from it, by URLs of this registry, and nothing is rewritten for it", async () => {
    const before = await stored("wire");
    const app = await project(dir.path, shape, { name: "app", version: "1.0.0", private: true });
    const installed = await app.run("npm", "install", "wire", "@acme/wire@1", "bare", "no-latest@beta");
    expect(installed).toMatchObject({ code: 0 });
    expect(await readFile(join(app.path, "node_modules/wire/index.js"), "utf8")).toContain("wire 1.1.0");
    expect(await readFile(join(app.path, "node_modules/@acme/wire/index.js"), "utf8")).toContain("@acme/wire 1.1.0");
    const lock = await readFile(join(app.path, "package-lock.json"), "utf8");
    expect(lock).not.toContain("old.example");
    expect(lock).toContain(`${shape.url}/@acme/wire/-/wire-1.1.0.tgz`);
    expect((await app.run("npm", "ci")).code).toBe(0);
    expect(await stored("wire")).toEqual(before);
    const shown = await (await shape.fetch("/wire")).text();
    expect(shown).not.toContain("_attachments");
  });
  test("a tag moves, and all that the old code stored stays", async () => {
    expect((await wire.run("npm", "dist-tag", "add", "wire@1.0.0", "stable")).all).toContain("+stable: wire@1.0.0");
    expect((await stored("wire"))["dist-tags"]).toEqual({ latest: "1.1.0", stable: "1.0.0" });
    await expectOldView("wire", ["1.0.0", "1.1.0"]);
  });
  test("the revision continues from the one that the old registry gave", async () => {
    const { _codebox } = (await stored("wire")) as { _codebox?: { revision: number; sequence: number } };
    expect(_codebox).toMatchObject({ revision: 8, sequence: 1 });
  });
  test("a further version is published beside the old ones", async () => {
    expect((await wire.run("npm", "publish")).all).toContain("+ wire@1.2.0");
    expect((await stored("wire"))["dist-tags"]).toEqual({ latest: "1.2.0", stable: "1.0.0" });
    await expectOldView("wire", ["1.0.0", "1.1.0"]);
    const app = await project(dir.path, shape, { name: "second", version: "1.0.0", private: true });
    expect((await app.run("npm", "install", "wire@1.2.0", "bare")).code).toBe(0);
    expect(await readFile(join(app.path, "node_modules/wire/index.js"), "utf8")).toContain("new");
  });
  test("a version that the old registry has can't be published again", async () => {
    const again = await project(dir.path, shape, { name: "wire", version: "1.0.0" });
    expect((await again.run("npm", "publish", "--tag", "again")).code).not.toBe(0);
    await expectOldView("wire", ["1.0.0", "1.1.0"]);
  });
  test("an old version is deprecated", async () => {
    expect((await wire.run("npm", "deprecate", "@acme/wire@1.0.0", "use 2")).code).toBe(0);
    expect((await wire.run("npm", "view", "@acme/wire@1.0.0", "deprecated")).stdout.trim()).toBe("use 2");
    await expectOldView("@acme/wire", ["1.0.0", "1.1.0", "2.0.0"]);
  });
  test("an old version is unpublished, its tarball too, and latest falls back", async () => {
    expect((await wire.run("npm", "unpublish", "@acme/wire@2.0.0")).code).toBe(0);
    expect((await stored("@acme/wire"))["dist-tags"]).toEqual({ latest: "1.1.0" });
    await expectOldView("@acme/wire", ["1.0.0", "1.1.0"]);
    const store = createS3ObjectStore(shape.clients.s3, { bucket: shape.cloud.bucket });
    expect(await store.head("@acme/wire/2.0.0.tgz")).toBeUndefined();
    expect(await store.head("@acme/wire/1.1.0.tgz")).toBeDefined();
  });
  test("a document without latest gets it with its first change; one without time and rev is changed too", async () => {
    expect((await wire.run("npm", "dist-tag", "add", "no-latest@2.0.0", "next")).code).toBe(0);
    expect((await stored("no-latest"))["dist-tags"]).toEqual({ beta: "1.0.0", latest: "2.0.0", next: "2.0.0" });
    expect((await wire.run("npm", "dist-tag", "add", "bare@1.0.0", "next")).code).toBe(0);
    expect((await stored("bare"))["dist-tags"]).toEqual({ latest: "1.0.0", next: "1.0.0" });
  });
  test("codebox domain moves the old URLs while the registry continues, and changes nothing else", async () => {
    const before = await stored("@acme/wire");
    const moving = cli(dir.path, ["domain", "https://moved.example", "--bucket", shape.cloud.bucket]);
    const tagged = wire.run("npm", "dist-tag", "add", "@acme/wire@1.0.0", "meanwhile");
    expect(await Promise.all([moving, tagged])).toMatchObject([{ code: 0 }, { code: 0 }]);
    const after = await stored("@acme/wire");
    expect(after["dist-tags"]).toEqual({ latest: "1.1.0", meanwhile: "1.0.0" });
    expect(after.versions["1.1.0"]?.dist.tarball).toBe("https://moved.example/@acme/wire/-/@acme/wire-1.1.0.tgz");
    const rest = (document: Json & { versions: Versions }) => {
      const { versions, "dist-tags": _tags, _codebox: _state, time: _time, ...fields } = document;
      return { fields, versions: Object.keys(versions) };
    };
    expect(rest(after)).toEqual(rest(before));
    expect((await stored("wire")).versions["1.2.0"]?.dist.tarball).toBeUndefined();
  });
  test("codebox domain, run again and again, loses none of the changes that are made meanwhile", async () => {
    const tags = Array.from({ length: 25 }, (_, n) => `parallel-${n}`);
    const changes = tags.map((tag) =>
      shape.fetch(`/-/package/@acme%2fwire/dist-tags/${tag}`, {
        method: "PUT",
        body: '"1.1.0"',
        headers: { "content-type": "application/json" },
      }),
    );
    const moves = async () => {
      for (const host of ["a", "b", "c", "d", "e"])
        expect(
          await cli(dir.path, ["domain", `https://${host}.example`, "--bucket", shape.cloud.bucket]),
        ).toMatchObject({ code: 0 });
    };
    const [answers] = await Promise.all([Promise.all(changes), moves()]);
    expect(answers.map(({ status }) => status)).toEqual(tags.map(() => 200));
    const after = await stored("@acme/wire");
    expect(Object.keys(after["dist-tags"] as Json)).toEqual(expect.arrayContaining(tags));
    expect(after.versions["1.0.0"]?.dist.tarball).toBe("https://e.example/@acme/wire/-/@acme/wire-1.0.0.tgz");
  });
  test("after all that codebox verify still finds no error, and nothing failed on the way", async () => {
    const { lines } = await cli(dir.path, ["verify", "--deep", "--bucket", shape.cloud.bucket]);
    const errors = lines.filter(({ code, severity }) => severity === "error" && !String(code).startsWith("bucket-"));
    expect(errors).toEqual([]);
    expect(shape.failures).toEqual([]);
  });
});
