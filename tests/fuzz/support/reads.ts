import assert from "node:assert/strict";
import { standardHeaders, type FuzzedServer } from "./server.ts";

/** What is stored is served in both forms, and its parts are consistent. */
export async function checkReads(
  { backend, send, token, json }: FuzzedServer,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const path = `/${name.replace("/", "%2f")}`;
    const read = await backend.reader.read(name);
    const full = await json("GET", path);
    const accept = [...standardHeaders(token, undefined), ["accept", "application/vnd.npm.install-v1+json"] as const];
    const short = await send({ method: "GET", path, headers: accept });
    assert.equal(short?.status, full.status);
    if (!read || Object.keys(read.packument.versions).length === 0) {
      assert.equal(full.status, 404, full.body.toString());
      continue;
    }
    assert.equal(full.status, 200, full.body.toString());
    const { versions, "dist-tags": tags } = JSON.parse(full.body.toString()) as {
      versions: Record<string, { name: string; version: string; dist: { tarball: string } }>;
      "dist-tags": Record<string, string>;
    };
    for (const [tag, version] of Object.entries(tags))
      assert.ok(Object.hasOwn(versions, version), `${tag} names ${version}`);
    for (const [version, manifest] of Object.entries(versions)) {
      assert.equal(`${manifest.name}@${manifest.version}`, `${name}@${version}`);
      const tarball = await json("GET", new URL(manifest.dist.tarball).pathname);
      assert.equal(tarball.status, 200, `${version} has no tarball`);
    }
  }
  assert.equal((await json("GET", "/-/v1/search?text=wire")).status, 200);
}
