import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { makeTarball } from "../../tarballs.ts";
import { at, expectCode, expectStatus, header, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { publishDocument, type PublishOptions } from "../document.ts";
import { putHalf } from "../raw.ts";
import { skip } from "../skip.ts";
import { pathOf, tagPath, type Registry } from "../registry.ts";

/** Publishes what must be refused, and sees that no package came of it. */
async function expectRefused(registry: Registry, label: string, make: (name: string) => PublishOptions): Promise<void> {
  const name = registry.name(label);
  expectCode(await registry.publish(name, "1.0.0", make(name)), 400, "invalid");
  expectStatus(await registry.get(pathOf(name)), 404);
}

/** Uploads a tarball as the registry says, or skips where it takes no uploads. */
async function upload(registry: Registry, name: string, bytes: Buffer): Promise<string> {
  const path = `/-/package${pathOf(name)}/uploads`;
  const asked = await registry.send("POST", path, { body: { size: bytes.length } });
  if (asked.status === 404) skip("this registry takes no uploads");
  const { json } = expectStatus(asked, 201);
  assert.ok(at(json, "expires"), "the answer has no expires");
  const headers = Object(at(json, "headers")) as Record<string, string>;
  const method = stringAt(json, "method");
  const sent = await registry.send(method, stringAt(json, "url"), { token: null, headers, body: bytes });
  assert.ok(sent.status >= 200 && sent.status < 300, `the upload was answered with ${sent.status}`);
  return stringAt(json, "upload");
}

/** A sigstore bundle of some size, as far as a registry that does not verify it can see. */
function bundle(name: string, bytes: number): Readonly<Record<string, unknown>> {
  const start = { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", padding: "" };
  const data = JSON.stringify({ ...start, padding: "x".repeat(bytes - JSON.stringify(start).length) });
  return { [`${name}-1.0.0.sigstore`]: { content_type: start.mediaType, data, length: data.length } };
}
const BUNDLE_BYTES_MAX = 512 * 1024;

const sha512 = (text: string) => `sha512-${createHash("sha512").update(text).digest("base64")}`;

export const publishChecks: readonly Check[] = [
  check("PUB-1", "a publish makes the package, its tag and its history", async (registry) => {
    const name = registry.name("publish");
    expectStatus(await registry.publish(name, "1.0.0"), 201);
    expectStatus(await registry.publish(name, "2.0.0-rc.1", { tag: "next" }), 201);
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0", next: "2.0.0-rc.1" });
    const history = listAt((await registry.get(`/-/package${pathOf(name)}/history`)).json, "history");
    assert.deepEqual(
      history.map((record) => at(record, "type")),
      ["publish", "publish"],
    );
  }),
  check("PUB-2 RTE-7", "a tarball that was uploaded before is published by its id", async (registry) => {
    const name = registry.name("upload");
    const { bytes, integrity } = makeTarball({ name, version: "1.0.0" });
    const staged = await upload(registry, name, bytes);
    const attachment = { data: undefined, staged };
    expectStatus(await registry.publish(name, "1.0.0", { attachment }), 201);
    const packument = await registry.packument(name);
    assert.equal(at(packument, "versions", "1.0.0", "dist", "integrity"), integrity);
  }),
  check(
    "PUB-2 PUB-5",
    "an uploaded tarball other than the one that the document states is refused",
    async (registry) => {
      const name = registry.name("other-upload");
      const other = makeTarball({ name, version: "1.0.0", files: { "other.js": "" } });
      const staged = await upload(registry, name, other.bytes);
      const attachment = { data: undefined, length: undefined, staged };
      expectCode(await registry.publish(name, "1.0.0", { attachment }), 400, "invalid");
      expectStatus(await registry.get(pathOf(name)), 404);
    },
  ),
  check(
    "PUB-4",
    "another name or version in the document, the manifest or the tarball is refused",
    async (registry) => {
      const name = registry.name("agree");
      const put = async (document: object) =>
        expectCode(await registry.send("PUT", pathOf(name), { body: document }), 400, "invalid");
      const right = publishDocument(name, "1.0.0");
      const manifest = Object(at(right, "versions", "1.0.0")) as object;
      await put({ ...right, name: `${name}-other` });
      await put({ ...right, versions: { "1.0.0": { ...manifest, name: `${name}-other` } } });
      await put({ ...right, versions: { "1.0.0": { ...manifest, version: "1.0.1" } } });
      await put(publishDocument(name, "1.0.0", { tarball: makeTarball({ name: `${name}-other`, version: "1.0.0" }) }));
      await put(publishDocument(name, "1.0.0", { tarball: makeTarball({ name, version: "1.0.1" }) }));
      expectStatus(await registry.get(pathOf(name)), 404);
    },
  ),
  check("PUB-5", "a tarball without the stated integrity is refused", async (registry) => {
    await expectRefused(registry, "integrity", () => ({ dist: { integrity: sha512("another tarball") } }));
    await expectRefused(registry, "shasum", () => ({ dist: { shasum: "0".repeat(40) } }));
  }),
  check("PUB-6", "a tarball without the stated length is refused", (registry) =>
    expectRefused(registry, "length", () => ({ attachment: { length: 7 } })),
  ),
  check("PUB-7", "a version that exists is 409, and its tarball stays", async (registry) => {
    const name = await registry.package("exists", "1.0.0");
    const before = await registry.packument(name);
    const tarball = makeTarball({ name, version: "1.0.0", files: { "evil.js": "" } });
    expectCode(await registry.publish(name, "1.0.0", { tarball }), 409, "version_exists");
    assert.deepEqual(await registry.packument(name), before);
  }),
  check("PUB-7", "of two publishes of a version at the same time one is 409", async (registry) => {
    const name = registry.name("race");
    const race = ["one", "two"].map((description) => registry.publish(name, "1.0.0", { manifest: { description } }));
    const statuses = (await Promise.all(race)).map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), [201, 409]);
  }),
  check("PUB-8", "a body that ends early changes nothing", async (registry) => {
    const name = registry.name("half");
    const body = JSON.stringify(publishDocument(name, "1.0.0"));
    await putHalf(`${registry.url}${pathOf(name)}`, registry.target.token, body);
    expectStatus(await registry.get(pathOf(name)), 404);
    expectStatus(await registry.publish(name, "1.0.0"), 201);
    assert.equal(stringAt(await registry.packument(name), "_rev").split("-")[0], "1");
  }),
  check(
    "PUB-13 PUB-16",
    "what decides an install comes from the tarball, and a document that contradicts it is refused",
    async (registry) => {
      const packed = { dependencies: { a: "^1.0.0" }, bin: "cli.js", engines: { node: ">=18" }, os: ["linux"] };
      const contradictions = [
        { dependencies: { evil: "*" } },
        { engines: { node: "*" } },
        { scripts: { install: "evil" } },
      ];
      for (const manifest of contradictions)
        await expectRefused(registry, "contradicts", (name) => {
          return { manifest, tarball: makeTarball({ name, version: "1.0.0", manifest: packed }) };
        });
      const name = registry.name("silent");
      const tarball = makeTarball({ name, version: "1.0.0", manifest: packed });
      expectStatus(await registry.publish(name, "1.0.0", { tarball }), 201);
      const published = at(await registry.packument(name), "versions", "1.0.0");
      assert.deepEqual(at(published, "dependencies"), packed.dependencies);
      assert.deepEqual(at(published, "os"), packed.os);
    },
  ),
  check("PUB-14", "a version is published as semver cleans it", async (registry) => {
    const name = registry.name("clean");
    expectStatus(await registry.publish(name, "1.0.0+build"), 201);
    expectStatus(await registry.publish(name, "1.1.0beta1", { tag: "next" }), 201);
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0", next: "1.1.0-beta1" });
  }),
  check("PUB-15", "a publish without dist-tags sets latest on a new package only", async (registry) => {
    const name = registry.name("untagged");
    for (const version of ["1.0.0", "2.0.0"]) {
      const body = { ...publishDocument(name, version), "dist-tags": undefined };
      expectStatus(await registry.send("PUT", pathOf(name), { body }), 201);
    }
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0" });
    assert.deepEqual(Object.keys(Object(at(await registry.packument(name), "versions"))), ["1.0.0", "2.0.0"]);
  }),
  check(
    "PUB-9 PUB-11 PUB-12",
    "a publish with provenance is accepted, and its version claims none",
    async (registry) => {
      const name = registry.name("provenance");
      const published = await registry.publish(name, "1.0.0", { attachments: bundle(name, BUNDLE_BYTES_MAX) });
      assert.match(header(expectStatus(published, 201), "npm-notice"), /provenance/);
      const packument = await registry.packument(name);
      assert.equal(at(packument, "versions", "1.0.0", "dist", "attestations"), undefined);
    },
  ),
  check("PUB-10", "a provenance bundle over 512 KiB is refused", async (registry) => {
    const name = registry.name("bundle");
    const published = await registry.publish(name, "1.0.0", { attachments: bundle(name, BUNDLE_BYTES_MAX + 1) });
    expectCode(published, 413, "too_large");
    expectStatus(await registry.get(pathOf(name)), 404);
  }),
];
