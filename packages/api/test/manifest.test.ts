import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";
import { publisherOf, type Fields } from "./publisher.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const { put, differing, full, abbreviated } = publisherOf(() => registry);
const packument = async () => (await (await registry.request("/wire")).json()) as Fields;

describe("what decides an install is what the tarball's package.json says", () => {
  const packed = {
    dependencies: { a: "^1.0.0" },
    optionalDependencies: { b: "^1.0.0" },
    peerDependencies: { c: "*" },
    peerDependenciesMeta: { c: { optional: true } },
    bundledDependencies: ["a"],
    bin: { wire: "cli.js" },
    engines: { node: ">=18" },
    os: ["linux"],
    cpu: ["x64"],
    libc: ["glibc"],
    scripts: { postinstall: "node build.js" },
  };
  test.each<[string, Fields]>([
    ["dependencies", { dependencies: { a: "^2.0.0" } }],
    ["dependencies", { dependencies: { a: "^1.0.0", evil: "1.0.0" } }],
    ["optionalDependencies", { optionalDependencies: { evil: "*" } }],
    ["peerDependencies", { peerDependencies: { c: "1" } }],
    ["peerDependenciesMeta", { peerDependenciesMeta: { c: { optional: false } } }],
    ["bundleDependencies", { bundleDependencies: ["a", "evil"] }],
    ["bin", { bin: { evil: "cli.js" } }],
    ["engines", { engines: { node: ">=99" } }],
    ["os", { os: ["win32"] }],
    ["cpu", { cpu: ["arm64"] }],
    ["libc", { libc: ["musl"] }],
    ["scripts", { scripts: { postinstall: "evil" } }],
    ["scripts", { scripts: { install: "evil" } }],
    ["gypfile", { gypfile: true }],
    ["directories", { directories: { bin: "evil" } }],
  ])("a document that contradicts its %s is refused", async (field, document) => {
    const response = await differing(document, packed);
    expect(await errorOf(response)).toContain(`document's ${field} is not`);
    expect(response.status).toBe(400);
    expect(await registry.keys()).toEqual([]);
  });
  test("a document that leaves it out does not hide it", async () => {
    expect((await differing({}, packed)).status).toBe(201);
    const { bundledDependencies: bundleDependencies, ...rest } = packed;
    expect(await full()).toMatchObject({ ...rest, bundleDependencies });
    const { scripts: _, ...short } = rest;
    expect(await abbreviated()).toMatchObject({ ...short, bundleDependencies, hasInstallScript: true });
  });
  test("a bundled dependency's range is the tarball's, and only npm's * may differ from it", async () => {
    const packed = { dependencies: { a: "^1.0.0", b: "2" }, bundleDependencies: ["a"] };
    expect((await differing({ dependencies: { a: "^1.0.0", b: "*" } }, packed)).status).toBe(400);
    expect((await differing({ dependencies: { a: ">=0", b: "2" } }, packed)).status).toBe(400);
    expect((await differing({ dependencies: { a: "*", b: "2" } }, packed)).status).toBe(201);
    expect(await full()).toMatchObject({ dependencies: { a: "^1.0.0", b: "2" } });
  });
  test("a document can't say that there is an install script", async () => {
    expect((await differing({ hasInstallScript: true }, {})).status).toBe(201);
    expect(await abbreviated()).not.toHaveProperty("hasInstallScript");
  });
  test.each<[string, Fields, Fields, Record<string, string>?]>([
    ["npm, of bin", { bin: { wire: "cli.js" } }, { bin: "./cli.js" }],
    ["npm, of a list of commands", { bin: { "cli.js": "bin/cli.js" } }, { bin: ["./bin/cli.js"] }],
    ["npm, of bundledDependencies", { bundleDependencies: ["a"] }, { bundledDependencies: ["a"] }],
    [
      "npm, of true",
      { bundleDependencies: ["a"], dependencies: { a: "1" } },
      { bundleDependencies: true, dependencies: { a: "1" } },
    ],
    ["npm, of false", { bundleDependencies: [] }, { bundleDependencies: false }],
    [
      "npm 7, of a bundled dependency's range",
      { dependencies: { a: "*", b: "2" }, bundleDependencies: ["a"] },
      { dependencies: { a: "^1.0.0", b: "2" }, bundleDependencies: ["a"] },
    ],
    [
      "npm, of a bundled package that is no dependency",
      { dependencies: { a: "*" }, bundleDependencies: ["a"] },
      { bundleDependencies: ["a"] },
    ],
    [
      "npm, of an optional dependency",
      { optionalDependencies: { a: "1" } },
      { dependencies: { a: "1" }, optionalDependencies: { a: "1" } },
    ],
    [
      "npm, of a repository",
      { dependencies: { a: "git+ssh://git@github.com/o/a.git#v1" } },
      { dependencies: { a: "github:o/a#v1" } },
    ],
    [
      "npm, of a native addon",
      { gypfile: true, scripts: { install: "node-gyp rebuild" } },
      {},
      { "binding.gyp": "{}" },
    ],
    ["npm, of server.js", { scripts: { start: "node server.js" } }, {}, { "server.js": "" }],
    [
      "npm, of directories.bin",
      { bin: { x: "bin/x" }, directories: { bin: "bin" } },
      { directories: { bin: "./bin" }, bin: { x: "bin/x" } },
    ],
    ["a packer that strips scripts", { scripts: { test: "x" }, devDependencies: { a: "1" } }, {}],
  ])("the spelling of %s is no contradiction", async (_, document, packed, files) => {
    expect(await (await differing(document, packed, files)).json()).toMatchObject({ success: true });
  });
  test("the commands of directories.bin are the files there, whatever the client", async () => {
    await differing(
      {},
      { directories: { bin: "./bin" } },
      { "bin/wire": "x", "bin/sub/more": "x", "bin/.hidden": "x" },
    );
    expect(await abbreviated()).toMatchObject({ bin: { wire: "bin/wire", more: "bin/sub/more" } });
  });
});

describe("_hasShrinkwrap", () => {
  test("is true when the tarball has npm-shrinkwrap.json", async () => {
    await differing({ _hasShrinkwrap: false }, {}, { "npm-shrinkwrap.json": "{}" });
    expect(await abbreviated()).toMatchObject({ _hasShrinkwrap: true });
    expect(await full()).toMatchObject({ _hasShrinkwrap: true });
  });
  test("is false otherwise", async () => {
    await differing({ _hasShrinkwrap: true }, {}, { "lib/npm-shrinkwrap.json": "{}" });
    expect(await abbreviated()).toMatchObject({ _hasShrinkwrap: false });
    expect(await full()).toMatchObject({ _hasShrinkwrap: false });
  });
});

describe("an empty field means none", () => {
  test.each<[string, unknown]>([
    ["description", null],
    ["engines", null],
    ["engines", ""],
    ["scripts", null],
    ["scripts", []],
    ["dependencies", null],
    ["dependencies", []],
    ["devDependencies", {}],
    ["bin", false],
    ["bin", null],
    ["bin", ""],
  ])("%s: %j", async (field, value) => {
    const response = await put(publishBody("wire", "1.0.0", { manifest: { [field]: value } }));
    expect(await response.json()).toMatchObject({ success: true });
    expect(await full()).not.toHaveProperty(field);
  });
  test("a number in engines is its text", async () => {
    expect((await put(publishBody("wire", "1.0.0", { manifest: { engines: { node: 18 } } }))).status).toBe(201);
    expect(await full()).toMatchObject({ engines: { node: "18" } });
  });
});

describe("a version that npm cleans is published under the cleaned version", () => {
  test.each([
    ["1.0.0beta1", "1.0.0-beta1"],
    ["2024.01.05", "2024.1.5"],
    ["1.0.0-canary.0175607", "1.0.0-canary.175607"],
    ["v1.0.0", "1.0.0"],
    ["1.0.0+build.7", "1.0.0"],
  ])("%s from a client that sends what the author wrote", async (written, version) => {
    expect(await (await put(publishBody("wire", written))).json()).toMatchObject({ success: true });
    expect(await packument()).toMatchObject({ "dist-tags": { latest: version }, versions: { [version]: { version } } });
  });
  test.each([
    ["1.0.0beta1", "1.0.0-beta1"],
    ["1.0.0+build.7", "1.0.0"],
  ])("%s from npm, which cleans it in the document", async (written, version) => {
    const tarball = makeTarball({ name: "wire", version: written });
    expect((await put(publishBody("wire", version, { tarball }))).status).toBe(201);
    expect((await put(publishBody("wire", written))).status).toBe(409);
  });
  test.each([
    ["wire", "1.0.0+build.7", "1.0.0", "wire-1.0.0+build.7.tgz"],
    ["@acme/wire", "1.0.0beta1", "1.0.0-beta1", "@acme/wire-1.0.0beta1.tgz"],
    ["@acme/wire", "2024.01.05", "2024.1.5", "wire-2024.01.05.tgz"],
  ])(
    "%s@%s from bun, which cleans it in the document and not in the file's name",
    async (name, written, version, file) => {
      const path = `/${name.replace("/", "%2f")}`;
      const tarball = makeTarball({ name, version: written });
      const published = await registry.send("PUT", path, publishBody(name, version, { tarball, file }));
      expect(await published.json()).toMatchObject({ success: true });
      const other = await registry.send("PUT", path, publishBody(name, "9.0.0", { file }));
      expect(await errorOf(other)).toContain(`it must be "${name}-9.0.0.tgz"`);
    },
  );
});

describe("the readme", () => {
  const files = { "README.md": "# wire", readme: "other" };
  const tarball = makeTarball({ name: "wire", version: "1.0.0", files });
  test.each<[string, object]>([
    ["no readme", {}],
    ["an empty one", { readme: "" }],
    ["npm's text for none", { readme: "ERROR: No README data found!" }],
  ])("is the tarball's when the document has %s", async (_, top) => {
    await put(publishBody("wire", "1.0.0", { tarball, top }));
    expect(await packument()).toMatchObject({ readme: "# wire" });
  });
  test("is the document's when it has one", async () => {
    await put(publishBody("wire", "1.0.0", { tarball, top: { readme: "# sent" } }));
    expect(await packument()).toMatchObject({ readme: "# sent" });
  });
});

describe("a publish without dist-tags", () => {
  const untagged = (version: string) => put(publishBody("wire", version, { top: { "dist-tags": undefined } }));
  test("leaves latest where it is", async () => {
    await registry.publish("wire", "2.0.0");
    expect((await untagged("1.0.0")).status).toBe(201);
    expect(await packument()).toMatchObject({ "dist-tags": { latest: "2.0.0" }, versions: { "1.0.0": {} } });
  });
  test("sets latest on a new package", async () => {
    expect((await untagged("1.0.0")).status).toBe(201);
    expect(await packument()).toMatchObject({ "dist-tags": { latest: "1.0.0" } });
  });
});

test("who published a version is shown with an email", async () => {
  await registry.publish("wire", "1.0.0");
  expect(await packument()).toMatchObject({
    versions: { "1.0.0": { _npmUser: { name: "alice", email: "alice@users.invalid" } } },
  });
});

describe("a document can't say", () => {
  const published = async (manifest: Fields) => {
    expect((await differing(manifest, {})).status).toBe(201);
    return full();
  };
  test.each(["trustedPublisher", "_attestations", "_resolved", "_from", "_integrity", "_rev"])(
    "%s, which is dropped",
    async (field) => {
      expect(await published({ [field]: "x" })).not.toHaveProperty(field);
    },
  );
  test.each<[string, unknown]>([
    ["an object", { evil: true }],
    ["a number", 1],
    ["a text over its limit", "x".repeat(2_000)],
  ])("%s as deprecated", async (_, deprecated) => {
    expect((await differing({ deprecated }, {})).status).toBe(400);
  });
  test.each<[string, Fields | string]>([
    ["climbs", { "../../evil": "cli.js" }],
    ["climbs with backslashes", { "..\\evil": "cli.js" }],
    ["has a folder", { "a/evil": "cli.js" }],
    ["is a folder", { "..": "cli.js" }],
    ["leads to a file outside", { evil: "../../evil" }],
  ])("a command that %s", async (_, bin) => {
    const response = await put(publishBody("wire", "1.0.0", { manifest: { bin } }));
    expect(await errorOf(response)).toContain("in bin");
    expect(response.status).toBe(400);
  });
  test("what a terminal obeys", async () => {
    const sent = { description: "\u001b[2Jwire\u0007", author: { name: "a\u009bb" }, keywords: ["\u0000k"] };
    expect(await published(sent)).toMatchObject({ description: "[2Jwire", author: { name: "ab" }, keywords: ["k"] });
  });
  test.each(["javascript:alert(1)", " java\nscript:alert(1)", "data:text/html,x", "file:///etc/passwd"])(
    "%j as a link",
    async (url) => {
      const shown = await published({
        homepage: url,
        bugs: { url, email: "a@b.example" },
        repository: { type: "git", url },
      });
      expect(shown).toMatchObject({ bugs: { email: "a@b.example" }, repository: { type: "git" } });
      expect(JSON.stringify(shown)).not.toContain(url.slice(-8));
    },
  );
  test("but http(s), mailto and a repository's own links it may", async () => {
    const sent = {
      homepage: "https://acme.example",
      bugs: { url: "mailto:a@b.example" },
      repository: "github:acme/wire",
    };
    expect(await published(sent)).toMatchObject(sent);
  });
});
