import assert from "node:assert/strict";
import { request as rawRequest } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { archiveOf, digested, makeTarball } from "../tarballs.ts";
import { check, expectStatus, pathOf, publishDocument, Skipped, type Check, type RegistryUnderTest } from "./check.ts";

/** A refused publish, which must leave nothing behind. */
async function refused(registry: RegistryUnderTest, label: string, more: Parameters<RegistryUnderTest["publish"]>[1]) {
  const name = registry.name(label);
  const answer = await registry.publish(name, more);
  assert.ok(
    answer.status >= 400 && answer.status < 500,
    `the status is ${answer.status}: ${answer.text.slice(0, 200)}`,
  );
  expectStatus(await registry.request(pathOf(name)), 404);
}

const compress = promisify<Uint8Array, Buffer>(gzip);
/** Compressed in the background: connections that time out meanwhile are closed before the next request uses one. */
const archived = async (entries: Parameters<typeof archiveOf>[0]) => digested(await compress(archiveOf(entries)));
const ownManifest = (name: string) => ({
  path: "package/package.json",
  content: JSON.stringify({ name, version: "1.0.0" }),
});

/** PROTOCOL.md, "Publish". */
export const publishing: readonly Check[] = [
  check(["PUB-1", "PUB-7"], "a version is published once, and then immutable", async (registry) => {
    const name = registry.name("publish");
    expectStatus(await registry.publish(name), 200, 201);
    assert.deepEqual(Object.keys((await registry.packument(name)).versions), ["1.0.0"]);
    const other = makeTarball({ name, version: "1.0.0", files: { "other.js": "1" } });
    expectStatus(await registry.publish(name, { tarball: other }), 409);
  }),
  check(
    ["PUB-4"],
    "names and versions agree in the URL, the document, the manifest and the tarball",
    async (registry) => {
      const other = makeTarball({ name: "other", version: "1.0.0" });
      await refused(registry, "disagree", { tarball: other });
      await refused(registry, "disagree", { manifest: { name: "other" } });
      const name = registry.name("disagree");
      expectStatus(await registry.send("PUT", pathOf(name), publishDocument(`${name}-other`)), 400);
    },
  ),
  check(["PUB-5", "PUB-6"], "a tarball with another digest or length than stated is refused", async (registry) => {
    await refused(registry, "digest", { dist: { integrity: digested(Buffer.from("other")).integrity } });
    await refused(registry, "length", { attachment: { length: 1 } });
  }),
  check(["PUB-8"], "nothing is written for a body that ends early", async (registry) => {
    const name = registry.name("early");
    const body = JSON.stringify(publishDocument(name));
    const { hostname, port, protocol } = new URL(registry.url);
    if (protocol !== "http:") throw new Skipped("a broken body is sent over plain HTTP only");
    await new Promise<void>((resolve) => {
      const headers = {
        authorization: `Bearer ${registry.token}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      };
      const sent = rawRequest({ hostname, port, method: "PUT", path: pathOf(name), headers });
      sent.once("error", () => resolve());
      sent.once("response", (response) => {
        response.resume();
        resolve();
      });
      sent.write(body.slice(0, body.length / 2), () => sent.destroy());
    });
    expectStatus(await registry.request(pathOf(name)), 404);
  }),
  check(
    ["TAR-1", "TAR-2", "TAR-6", "TAR-7"],
    "a tarball is one archive of files, directories and links inside of the package",
    async (registry) => {
      const name = registry.name("archive");
      const good = await compress(archiveOf([ownManifest(name)]));
      for (const tarball of [
        digested(Buffer.from("no archive")),
        digested(Buffer.concat([good, Buffer.from("more")])),
        digested(await compress(Buffer.concat([archiveOf([ownManifest(name)]), Buffer.alloc(20_000)]))),
        await archived([ownManifest(name), { path: "package/device", type: "CharacterDevice" }]),
        await archived([ownManifest(name), { path: "package/../../evil", content: "x" }]),
        await archived([ownManifest(name), { path: "package/link", type: "SymbolicLink", linkpath: "../../evil" }]),
      ]) {
        const answer = await registry.publish(name, { tarball });
        assert.ok(answer.status >= 400 && answer.status < 500, `the status is ${answer.status}`);
      }
      expectStatus(await registry.request(pathOf(name)), 404);
    },
  ),
  check(["TAR-3", "TAR-4"], "a tarball that unpacks to far more than its size is refused", async (registry) => {
    const name = registry.name("bomb");
    const tarball = await archived([
      ownManifest(name),
      { path: "package/zeros", content: Buffer.alloc(300 * 1024 * 1024) },
    ]);
    const answer = await registry.publish(name, { tarball });
    assert.ok(answer.status >= 400 && answer.status < 500, `the status is ${answer.status}`);
  }),
];

/** The packument as `npm deprecate` and `npm unpublish` read it before they send it back. */
const forWriting = async (registry: RegistryUnderTest, name: string) =>
  (await registry.request(`${pathOf(name)}?write=true`)).json();

/** PROTOCOL.md, "Deprecate, unpublish, owners, star". */
export const amending: readonly Check[] = [
  check(
    ["AMD-1", "AMD-2", "AMD-3"],
    "only deprecations that the body states are applied; an empty one is removed",
    async (registry) => {
      const name = await registry.published("deprecate", ["1.0.0", "1.1.0"]);
      const deprecated = async () =>
        Object.fromEntries(
          Object.entries((await registry.packument(name)).versions).map(([version, manifest]) => [
            version,
            (manifest as { deprecated?: string }).deprecated,
          ]),
        );
      const body = await forWriting(registry, name);
      body.versions["1.0.0"].deprecated = "old";
      expectStatus(await registry.send("PUT", pathOf(name), body), 200, 201);
      assert.deepEqual(await deprecated(), { "1.0.0": "old", "1.1.0": undefined });
      const again = await forWriting(registry, name);
      delete again.versions["1.0.0"].deprecated;
      again.versions["1.1.0"].deprecated = "";
      expectStatus(await registry.send("PUT", pathOf(name), again), 200, 201);
      assert.deepEqual(await deprecated(), { "1.0.0": "old", "1.1.0": undefined });
      const last = await forWriting(registry, name);
      last.versions["1.0.0"].deprecated = "";
      expectStatus(await registry.send("PUT", pathOf(name), last), 200, 201);
      assert.deepEqual(await deprecated(), { "1.0.0": undefined, "1.1.0": undefined });
    },
  ),
  check(
    ["AMD-4", "AMD-11", "AMD-12", "AMD-13"],
    "a version is unpublished by the body that lacks it, and its tarball is then gone",
    async (registry) => {
      const name = await registry.published("unpublish", ["1.0.0", "1.1.0"]);
      const body = await forWriting(registry, name);
      const file = new URL(body.versions["1.0.0"].dist.tarball).pathname.split("/").at(-1) ?? "";
      const tarball = `${pathOf(name)}/-/${file}/-rev/${body._rev}`;
      expectStatus(await registry.send("DELETE", tarball), 409);
      delete body.versions["1.0.0"];
      expectStatus(await registry.send("PUT", `${pathOf(name)}/-rev/${body._rev}`, body), 200, 201);
      assert.deepEqual(Object.keys((await registry.packument(name)).versions), ["1.1.0"]);
      expectStatus(await registry.send("DELETE", tarball), 200, 201);
      const nobody = registry.name("nobody");
      expectStatus(await registry.send("DELETE", `${pathOf(nobody)}/-/${file}/-rev/1-0`), 404);
    },
  ),
  check(["AMD-5", "AMD-15"], "owners are replaced, and shown with an email", async (registry) => {
    const name = await registry.published("owners");
    const { _id, _rev, maintainers } = await forWriting(registry, name);
    const more = [...maintainers, { name: "conformance-bob" }];
    expectStatus(
      await registry.send("PUT", `${pathOf(name)}/-rev/${_rev}`, { _id, _rev, maintainers: more }),
      200,
      201,
    );
    const shown = (await registry.packument(name)).maintainers as { name: string; email: string }[];
    assert.ok(shown.some((person) => person.name === "conformance-bob" && person.email.includes("@")));
  }),
  check(["AMD-6"], "of the stars only the caller's own counts", async (registry) => {
    const name = await registry.published("star");
    const { username } = (await registry.request("/-/whoami")).json();
    const { _id, _rev } = await forWriting(registry, name);
    const users = { [username]: true, "conformance-bob": true };
    expectStatus(await registry.send("PUT", pathOf(name), { _id, _rev, users }), 200, 201);
    assert.deepEqual((await registry.packument(name)).users, { [username]: true });
  }),
  check(["AMD-7"], "a version without its tarball is refused", async (registry) => {
    const name = await registry.published("missing");
    const body = await forWriting(registry, name);
    body.versions["2.0.0"] = { ...body.versions["1.0.0"], version: "2.0.0" };
    expectStatus(await registry.send("PUT", pathOf(name), body), 422);
  }),
  check(["AMD-9"], "a body that would undo a later change is refused", async (registry) => {
    const name = await registry.published("stale");
    const stale = await forWriting(registry, name);
    expectStatus(await registry.publish(name, { version: "2.0.0" }), 200, 201);
    expectStatus(await registry.send("DELETE", `${pathOf(name)}/-rev/${stale._rev}`), 409);
  }),
  check(["AMD-10"], "a package is unpublished", async (registry) => {
    const name = await registry.published("gone");
    const { _rev } = await forWriting(registry, name);
    expectStatus(await registry.send("DELETE", `${pathOf(name)}/-rev/${_rev}`), 200, 201);
    expectStatus(await registry.request(pathOf(name)), 404);
  }),
];
