import assert from "node:assert/strict";
import { at, expectCode, expectStatus, header, stringAt, type Answer } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { skip } from "../skip.ts";
import { pathOf, tagPath, type Registry } from "../registry.ts";

const ABBREVIATED = "application/vnd.npm.install-v1+json";
const FORMS = ["application/json", `${ABBREVIATED}; q=1.0, application/json; q=0.8, */*`];

/** The packument in one form and encoding, with an ETag to compare. */
const read = (registry: Registry, name: string, accept: string, more: Readonly<Record<string, string>> = {}) =>
  registry.get(pathOf(name), { headers: { accept, ...more } });

const etagOf = (answer: Answer) => header(answer, "etag");

function upstreamPackage(registry: Registry): string {
  return registry.target.upstreamPackage ?? skip("no package of an upstream is given (--upstream-package)");
}

export const packumentChecks: readonly Check[] = [
  check("PKG-1", "GET of a package answers the full packument", async (registry) => {
    const name = registry.name("full");
    expectStatus(await registry.publish(name, "1.0.0", { manifest: { description: "a wire", license: "MIT" } }), 201);
    const packument = await registry.packument(name);
    assert.equal(at(packument, "name"), name);
    assert.deepEqual(at(packument, "dist-tags"), { latest: "1.0.0" });
    assert.equal(at(packument, "versions", "1.0.0", "license"), "MIT");
    assert.equal(at(packument, "description"), "a wire");
    assert.ok(!Number.isNaN(Date.parse(stringAt(packument, "time", "1.0.0"))), "time has no time of the version");
  }),
  check("PKG-2", "GET that prefers the abbreviated packument gets it", async (registry) => {
    const name = registry.name("short");
    const manifest = { dependencies: { left: "^1.0.0" }, license: "MIT" };
    expectStatus(await registry.publish(name, "1.0.0", { manifest }), 201);
    const answer = expectStatus(await read(registry, name, FORMS[1] ?? ""), 200);
    assert.ok(header(answer, "content-type").startsWith(ABBREVIATED), "the content-type is another");
    assert.deepEqual(at(answer.json, "versions", "1.0.0", "dependencies"), manifest.dependencies);
    assert.equal(at(answer.json, "versions", "1.0.0", "license"), undefined);
    const full = expectStatus(await read(registry, name, `application/json, ${ABBREVIATED}; q=0.5`), 200);
    assert.equal(at(full.json, "versions", "1.0.0", "license"), "MIT");
  }),
  check(
    "PKG-3 PKG-4",
    "both forms have a strong ETag, which answers 304 until the package changes",
    async (registry) => {
      const name = await registry.package("etag", "1.0.0");
      for (const accept of FORMS) {
        const etag = etagOf(expectStatus(await read(registry, name, accept), 200));
        assert.match(etag, /^"/);
        const same = await read(registry, name, accept, { "if-none-match": `"another", ${etag}` });
        assert.equal(expectStatus(same, 304).bytes.length, 0);
        expectStatus(await registry.send("PUT", tagPath(name, `tag-${FORMS.indexOf(accept)}`), { body: "1.0.0" }), 200);
        expectStatus(await read(registry, name, accept, { "if-none-match": etag }), 200);
      }
    },
  ),
  check("PKG-5", "the ETag of one content-encoding answers 304 for another", async (registry) => {
    const name = registry.name("encoding");
    expectStatus(await registry.publish(name, "1.0.0", { manifest: { description: "wire ".repeat(1_000) } }), 201);
    const encodings = ["identity", "gzip", "br"].map((encoding) => ({ "accept-encoding": encoding }));
    for (const held of encodings) {
      const etag = etagOf(expectStatus(await read(registry, name, "application/json", held), 200));
      for (const asked of encodings) {
        const answer = await read(registry, name, "application/json", { ...asked, "if-none-match": etag });
        assert.equal(etagOf(expectStatus(answer, 304)), etag);
      }
    }
  }),
  check("PKG-6", "tarball URLs are at the registry's origin", async (registry) => {
    const name = await registry.package("origin", "1.0.0");
    for (const accept of FORMS) {
      const { json } = expectStatus(await read(registry, name, accept), 200);
      const tarball = new URL(stringAt(json, "versions", "1.0.0", "dist", "tarball"));
      assert.equal(tarball.origin, new URL(registry.url).origin);
    }
  }),
  check("PKG-7", "_rev is the revision and a hash, and the revision rises", async (registry) => {
    const name = await registry.package("rev", "1.0.0");
    const rev = async () => {
      const match = /^(\d+)-[0-9A-Za-z]+$/.exec(stringAt(await registry.packument(name), "_rev"));
      assert.ok(match, "_rev has another form");
      return Number(match[1]);
    };
    const before = await rev();
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0" }), 200);
    assert.ok((await rev()) > before, "the revision did not rise");
  }),
  check("PKG-8", "GET of a version, a tag or a range answers one manifest", async (registry) => {
    const name = await registry.package("manifest", "1.0.0", "1.1.0", "2.0.0");
    const get = async (wanted: string) => expectStatus(await registry.get(`${pathOf(name)}/${wanted}`), 200).json;
    assert.equal(at(await get("1.0.0"), "version"), "1.0.0");
    assert.equal(at(await get("latest"), "version"), "2.0.0");
    assert.equal(at(await get(encodeURIComponent("^1.0.0")), "version"), "1.1.0");
    expectCode(await registry.get(`${pathOf(name)}/9.9.9`), 404, "not_found");
  }),
  check("UPS-1", "a package of the upstream is answered, with tarball URLs of the registry", async (registry) => {
    const name = upstreamPackage(registry);
    const { json } = expectStatus(await registry.get(pathOf(name)), 200);
    assert.equal(at(json, "name"), name);
    for (const version of Object.keys(Object(at(json, "versions")))) {
      const tarball = new URL(stringAt(json, "versions", version, "dist", "tarball"));
      assert.equal(tarball.origin, new URL(registry.url).origin);
    }
  }),
  check("UPS-6", "both forms of an upstream package have the same versions", async (registry) => {
    const name = upstreamPackage(registry);
    const forms = FORMS.map((accept) => read(registry, name, accept));
    const versions = (await Promise.all(forms)).map(({ json }) => Object.keys(Object(at(json, "versions"))));
    assert.deepEqual(versions[0], versions[1]);
  }),
  check("UPS-3", "a client that is about to write does not get the upstream's package", async (registry) => {
    const path = pathOf(upstreamPackage(registry));
    expectCode(await registry.get(`${path}?write=true`), 404, "not_found");
    expectCode(await registry.get(path, { headers: { "npm-command": "publish" } }), 404, "not_found");
  }),
];
