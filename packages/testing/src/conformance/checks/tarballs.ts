import assert from "node:assert/strict";
import { makeTarball } from "../../tarballs.ts";
import { expectCode, expectStatus, header, stringAt, type Answer } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { filePath, pathOf, type Registry } from "../registry.ts";

/** The tarball, from the registry or from the signed URL that it names, to which no token is sent. */
async function download(
  registry: Registry,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await registry.get(path, { headers });
  return answer.status === 307 ? registry.get(header(answer, "location"), { headers, token: null }) : answer;
}

export const tarballChecks: readonly Check[] = [
  check("TGZ-1 TGZ-2", "the tarball that the packument names is served, with its integrity", async (registry) => {
    const name = registry.name("download");
    const { bytes, integrity, shasum } = makeTarball({ name, version: "1.0.0" });
    expectStatus(await registry.publish(name, "1.0.0"), 201);
    const packument = await registry.packument(name);
    assert.equal(stringAt(packument, "versions", "1.0.0", "dist", "integrity"), integrity);
    assert.equal(stringAt(packument, "versions", "1.0.0", "dist", "shasum"), shasum);
    const url = stringAt(packument, "versions", "1.0.0", "dist", "tarball");
    assert.deepEqual(expectStatus(await download(registry, url), 200).bytes, bytes);
    assert.deepEqual(expectStatus(await download(registry, filePath(name, "1.0.0")), 200).bytes, bytes);
  }),
  check("TGZ-3", "a range of a tarball is 206 and these bytes", async (registry) => {
    const name = registry.name("range");
    const { bytes } = makeTarball({ name, version: "1.0.0" });
    expectStatus(await registry.publish(name, "1.0.0"), 201);
    const ranges: readonly [string, Buffer][] = [
      ["bytes=0-9", bytes.subarray(0, 10)],
      ["bytes=10-", bytes.subarray(10)],
      ["bytes=-5", bytes.subarray(-5)],
    ];
    for (const [range, part] of ranges) {
      const answer = expectStatus(await download(registry, filePath(name, "1.0.0"), { range }), 206);
      assert.deepEqual(answer.bytes, part);
      assert.match(header(answer, "content-range"), new RegExp(`/${bytes.length}$`));
    }
  }),
  check("TGZ-4", "a tarball of a version that is not in the packument is 404", async (registry) => {
    const name = await registry.package("gone", "1.0.0", "1.1.0");
    expectCode(await registry.get(filePath(name, "9.9.9")), 404, "not_found");
    expectCode(await registry.get(filePath(registry.name("never"), "1.0.0")), 404, "not_found");
    const packument = Object(await registry.packument(name)) as { readonly _rev: string; readonly versions: object };
    const { "1.0.0": kept } = packument.versions as Readonly<Record<string, unknown>>;
    const body = { ...packument, versions: { "1.0.0": kept } };
    expectStatus(await registry.send("PUT", `${pathOf(name)}/-rev/${packument._rev}`, { body }), 201);
    expectCode(await registry.get(filePath(name, "1.1.0")), 404, "not_found");
    expectStatus(await download(registry, filePath(name, "1.0.0")), 200);
  }),
];
