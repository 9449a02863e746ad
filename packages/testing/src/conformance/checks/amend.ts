import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { filePath, pathOf, tagPath, type Registry } from "../registry.ts";

type Document = {
  readonly _rev: string;
  readonly versions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** The packument, as a client that is about to amend it reads it. */
async function read(registry: Registry, name: string): Promise<Document> {
  return Object(await registry.packument(name)) as Document;
}

/** The packument with deprecation messages, as npm deprecate sends it back. */
function deprecated(document: Document, messages: Readonly<Record<string, string>>): Document {
  const versions = Object.entries(document.versions).map(([version, manifest]) => [
    version,
    messages[version] === undefined ? manifest : { ...manifest, deprecated: messages[version] },
  ]);
  return { ...document, versions: Object.fromEntries(versions) as Document["versions"] };
}

function without(document: Document, version: string): Document {
  const { [version]: _, ...versions } = document.versions;
  return { ...document, versions };
}

const put = (registry: Registry, name: string, body: unknown) => registry.send("PUT", pathOf(name), { body });
const putRev = (registry: Registry, name: string, body: Document) =>
  registry.send("PUT", `${pathOf(name)}/-rev/${body._rev}`, { body });

async function messageOf(registry: Registry, name: string, version: string): Promise<unknown> {
  return at(await registry.packument(name), "versions", version, "deprecated");
}

async function remove(registry: Registry, name: string): Promise<void> {
  const { _rev } = await read(registry, name);
  expectStatus(await registry.send("DELETE", `${pathOf(name)}/-rev/${_rev}`), 200, 201);
}

export const amendChecks: readonly Check[] = [
  check(
    "AMD-1 AMD-2 AMD-3",
    "a deprecation is set, kept by a body that does not name it, and removed",
    async (registry) => {
      const name = await registry.package("deprecate", "1.0.0", "1.1.0");
      const clean = await read(registry, name);
      expectStatus(await put(registry, name, deprecated(clean, { "1.0.0": "use 1.1" })), 200, 201);
      assert.equal(await messageOf(registry, name, "1.0.0"), "use 1.1");
      assert.equal(await messageOf(registry, name, "1.1.0"), undefined);
      const silent = { ...clean, _rev: (await read(registry, name))._rev };
      expectStatus(await put(registry, name, deprecated(silent, { "1.1.0": "old" })), 200, 201);
      assert.equal(await messageOf(registry, name, "1.0.0"), "use 1.1");
      expectStatus(await put(registry, name, deprecated(await read(registry, name), { "1.0.0": "" })), 200, 201);
      assert.equal(await messageOf(registry, name, "1.0.0"), undefined);
      assert.equal(await messageOf(registry, name, "1.1.0"), "old");
    },
  ),
  check("AMD-4", "versions that are not in the body are unpublished", async (registry) => {
    const name = await registry.package("unpublish", "1.0.0", "1.1.0");
    expectStatus(await putRev(registry, name, without(await read(registry, name), "1.1.0")), 200, 201);
    assert.deepEqual(Object.keys((await read(registry, name)).versions), ["1.0.0"]);
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0" });
  }),
  check("AMD-5 AMD-15", "owners are replaced, and one without an email is shown with one", async (registry) => {
    const name = await registry.package("owners", "1.0.0");
    const { _rev } = await read(registry, name);
    const maintainers = [{ name: "alice", email: "alice@acme.example" }, { name: "bob" }];
    const body = { _id: name, _rev, maintainers };
    expectStatus(await registry.send("PUT", `${pathOf(name)}/-rev/${_rev}`, { body }), 200, 201);
    assert.deepEqual(listAt(await registry.packument(name), "maintainers"), [
      maintainers[0],
      { name: "bob", email: "bob@users.invalid" },
    ]);
  }),
  check("AMD-19", "owners of a client that read no revision are added", async (registry) => {
    const name = await registry.package("blind-owner", "1.0.0");
    const names = async () => listAt(await registry.packument(name), "maintainers").map((person) => at(person, "name"));
    const before = await names();
    const body = { maintainers: [{ name: "alice" }] };
    expectStatus(await registry.send("PUT", `${pathOf(name)}/-rev/undefined`, { body }), 200, 201);
    assert.deepEqual(await names(), [...before, "alice"]);
    expectStatus(await registry.send("PUT", `${pathOf(name)}/-rev/undefined`, { body: { maintainers: [] } }), 400);
  }),
  check("AMD-6", "a star is the caller's own, whatever the body says of others", async (registry) => {
    const name = await registry.package("star", "1.0.0");
    const user = await registry.user();
    const users = async (body: object) => {
      const { _rev } = await read(registry, name);
      expectStatus(await put(registry, name, { _id: name, _rev, users: body }), 200, 201);
      return at(await registry.packument(name), "users");
    };
    assert.deepEqual(await users({ [user]: true, somebody: true }), { [user]: true });
    assert.deepEqual(await users({}), {});
  }),
  check("AMD-7", "a version without its tarball is 422", async (registry) => {
    const name = await registry.package("no-tarball", "1.0.0");
    const document = await read(registry, name);
    const versions = { ...document.versions, "9.9.9": { name, version: "9.9.9" } };
    expectCode(await put(registry, name, { ...document, versions }), 422, "tarball_missing");
  }),
  check("AMD-8", "a version that was unpublished after the body's _rev does not count as one", async (registry) => {
    const name = await registry.package("unpublished", "1.0.0", "1.1.0");
    const old = await read(registry, name);
    expectStatus(await putRev(registry, name, without(old, "1.1.0")), 200, 201);
    expectStatus(await put(registry, name, deprecated(old, { "1.0.0": "old" })), 200, 201);
    assert.equal(await messageOf(registry, name, "1.0.0"), "old");
    assert.deepEqual(Object.keys((await read(registry, name)).versions), ["1.0.0"]);
  }),
  check("AMD-9", "a request that would undo a later change is 409", async (registry) => {
    const name = await registry.package("stale", "1.0.0", "1.1.0");
    const old = await read(registry, name);
    expectStatus(await put(registry, name, deprecated(old, { "1.0.0": "first" })), 200, 201);
    expectCode(await put(registry, name, deprecated(old, { "1.0.0": "second" })), 409, "conflict");
    expectStatus(await registry.publish(name, "1.2.0"), 201);
    expectCode(await registry.send("DELETE", `${pathOf(name)}/-rev/${old._rev}`), 409, "conflict");
    const { versions } = await read(registry, name);
    assert.deepEqual(Object.keys(versions), ["1.0.0", "1.1.0", "1.2.0"]);
    assert.equal(versions["1.0.0"]?.["deprecated"], "first");
  }),
  check("AMD-10", "DELETE of a package unpublishes it, and it can be published again", async (registry) => {
    const name = await registry.package("removed", "1.0.0");
    await remove(registry, name);
    expectCode(await registry.get(pathOf(name)), 404, "not_found");
    expectStatus(await registry.publish(name, "2.0.0"), 201);
    assert.deepEqual(Object.keys((await read(registry, name)).versions), ["2.0.0"]);
  }),
  check("AMD-11 AMD-12 AMD-13", "DELETE of a tarball is 409, 201 or 404, as its version is", async (registry) => {
    const name = await registry.package("tarball", "1.0.0", "1.1.0");
    const removeFile = (package_: string, rev: string) =>
      registry.send("DELETE", `${filePath(package_, "1.1.0")}/-rev/${rev}`);
    const old = await read(registry, name);
    expectCode(await removeFile(name, old._rev), 409, "conflict");
    expectStatus(await putRev(registry, name, without(old, "1.1.0")), 200, 201);
    expectStatus(await removeFile(name, (await read(registry, name))._rev), 201);
    expectCode(await removeFile(registry.name("never"), "1-0"), 404, "not_found");
  }),
  check("AMD-14", "a user who is neither an owner nor has a role changes nothing", async (registry) => {
    const token = await registry.secondToken();
    const name = await registry.package("owned", "1.0.0");
    expectCode(await registry.send("PUT", tagPath(name, "next"), { token, body: "1.0.0" }), 403, "forbidden");
    expectCode(await registry.publish(name, "1.1.0", { token }), 403, "forbidden");
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0" });
  }),
];
