import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { check, expectStatus, pathOf, Skipped, type Check, type RegistryUnderTest } from "./check.ts";

const ABBREVIATED = "application/vnd.npm.install-v1+json";

/** Fetches a tarball, through the redirect where there is one. */
async function download(registry: RegistryUnderTest, url: string, headers: Record<string, string> = {}) {
  const path = new URL(url).pathname;
  const first = await fetch(new URL(path, registry.url), {
    redirect: "manual",
    headers: { authorization: `Bearer ${registry.token}`, ...headers },
  });
  if (first.status !== 307) return first;
  return fetch(first.headers.get("location") ?? "", { headers });
}

function upstreamPackage({ upstreamPackage: name }: RegistryUnderTest): string {
  if (name === undefined) throw new Skipped("no package of the upstream was given (--upstream-package)");
  return name;
}

/** PROTOCOL.md, "Packuments" and "Tarballs". */
export const packages: readonly Check[] = [
  check(["PKG-1", "PKG-2"], "a packument has a full and an abbreviated form", async (registry) => {
    const name = await registry.published("forms");
    const full = await registry.request(pathOf(name));
    assert.ok(full.json().time["1.0.0"]);
    assert.match(full.headers.get("content-type") ?? "", /^application\/json/);
    const short = await registry.request(pathOf(name), {
      headers: { accept: `${ABBREVIATED}; q=1.0, application/json; q=0.8` },
    });
    assert.ok(short.headers.get("content-type")?.startsWith(ABBREVIATED));
    assert.deepEqual(Object.keys(short.json().versions), ["1.0.0"]);
  }),
  check(
    ["PKG-3", "PKG-4", "PKG-5"],
    "both forms have a strong ETag that answers 304, also in another encoding",
    async (registry) => {
      const name = await registry.published("etags");
      for (const accept of ["application/json", ABBREVIATED]) {
        const gzip = await registry.request(pathOf(name), { headers: { accept, "accept-encoding": "gzip" } });
        const etag = gzip.headers.get("etag") ?? "";
        assert.match(etag, /^"/);
        for (const encoding of ["gzip", "br", "identity"]) {
          const headers = { accept, "accept-encoding": encoding, "if-none-match": etag };
          expectStatus(await registry.request(pathOf(name), { headers }), 304);
        }
      }
    },
  ),
  check(
    ["PKG-6", "PKG-7"],
    "tarball URLs are at the registry's origin, and _rev counts the changes",
    async (registry) => {
      const name = await registry.published("urls");
      const document = await registry.packument(name);
      assert.ok(document.versions["1.0.0"].dist.tarball.endsWith(".tgz"));
      assert.match(document._rev, /^1-[0-9a-f]+$/);
    },
  ),
  check(["PKG-8"], "a version, a tag and a range are one manifest", async (registry) => {
    const name = await registry.published("one", ["1.0.0", "1.1.0", "2.0.0"]);
    for (const [wanted, version] of [
      ["1.0.0", "1.0.0"],
      ["latest", "2.0.0"],
      ["^1.0.0", "1.1.0"],
    ])
      assert.equal(
        (await registry.request(`${pathOf(name)}/${encodeURIComponent(wanted ?? "")}`)).json().version,
        version,
      );
    expectStatus(await registry.request(`${pathOf(name)}/3.0.0`), 404);
  }),
  check(
    ["UPS-1", "UPS-7"],
    "a package of the upstream is served, with its tarballs at the registry's origin",
    async (registry) => {
      const name = upstreamPackage(registry);
      const answer = await registry.request(pathOf(name), { headers: { "cache-control": "no-cache" } });
      expectStatus(answer, 200);
      const [manifest] = Object.values(answer.json().versions) as { dist: { tarball: string } }[];
      assert.ok(manifest && (await download(registry, manifest.dist.tarball)).ok);
    },
  ),
  check(["UPS-6"], "both forms of an upstream package show the same versions", async (registry) => {
    const name = upstreamPackage(registry);
    const versions = async (accept: string) =>
      Object.keys((await registry.request(pathOf(name), { headers: { accept } })).json().versions);
    assert.deepEqual(await versions(ABBREVIATED), await versions("application/json"));
  }),
  check(["UPS-3"], "a client that is about to write does not get a package of the upstream", async (registry) => {
    expectStatus(await registry.request(`${pathOf(upstreamPackage(registry))}?write=true`), 404);
  }),
  check(["TGZ-1", "TGZ-2"], "the tarball is served, with the integrity that the packument states", async (registry) => {
    const name = await registry.published("tarball");
    const { dist } = (await registry.packument(name)).versions["1.0.0"];
    const answer = await download(registry, dist.tarball);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(`sha512-${createHash("sha512").update(bytes).digest("base64")}`, dist.integrity);
  }),
  check(["TGZ-3"], "a range of the tarball is served", async (registry) => {
    const name = await registry.published("range");
    const { dist } = (await registry.packument(name)).versions["1.0.0"];
    const whole = Buffer.from(await (await download(registry, dist.tarball)).arrayBuffer());
    const part = await download(registry, dist.tarball, { range: "bytes=2-5" });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), whole.subarray(2, 6));
  }),
  check(["TGZ-4"], "a tarball of a version that is not in the packument is not served", async (registry) => {
    const name = await registry.published("absent", ["1.0.0", "1.1.0"]);
    const { dist } = (await registry.packument(name)).versions["1.1.0"];
    expectStatus(await registry.request(new URL(dist.tarball.replace("1.1.0", "9.9.9")).pathname), 404);
  }),
];
