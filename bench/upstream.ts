// A synthetic upstream with a tree of packages, which is the same in every run. Arguments: number of packages, port.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { makeTarball } from "@codebox/testing";
import { manifestOf } from "./packages.ts";

const [count = 1_000, port = 0] = process.argv.slice(2).map(Number);
/** How many packages each one depends on, so that all of them are installed. */
const CHILDREN = 3;

/** A number from 0 to 1 that depends on nothing but its arguments. */
function chance(index: number, what: string): number {
  return createHash("sha256").update(`${index} ${what}`).digest().readUInt32BE() / 2 ** 32;
}

const nameOf = (index: number) => (index % 4 === 0 ? `@tree-${index % 7}/package-${index}` : `tree-package-${index}`);
/** Most packages have some ten versions, and a few have hundreds. */
const versionsOf = (index: number) => Math.ceil(4 / (chance(index, "versions") + 0.005));
/** Most tarballs have a few KB, and a few have hundreds. */
const bytesOf = (index: number) => Math.ceil(2_000 / (chance(index, "bytes") + 0.003));

type Made = { readonly tarball: Buffer; readonly full: Buffer; readonly abbreviated: Buffer };

function make(index: number, origin: string): Made {
  const name = nameOf(index);
  const total = versionsOf(index);
  const newest = `1.${total - 1}.0`;
  const children = Array.from({ length: CHILDREN }, (_, child) => CHILDREN * index + child + 1).filter(
    (child) => child < count,
  );
  const shared = index > 20 ? [Math.floor(chance(index, "shared") * 20)] : [];
  const dependencies = Object.fromEntries([...children, ...shared].map((other) => [nameOf(other), "^1.0.0"]));
  const random = Buffer.concat(
    Array.from({ length: Math.ceil(bytesOf(index) / 64) }, (_, block) =>
      createHash("sha512").update(`${index} ${block}`).digest(),
    ),
  );
  const { bytes, integrity, shasum } = makeTarball({
    name,
    version: newest,
    manifest: { dependencies },
    files: { data: random },
  });
  const versions = Object.fromEntries(
    Array.from(Array(total).keys(), (minor) => {
      const version = `1.${minor}.0`;
      const tarball = `${origin}/${name}/-/${name.split("/").at(-1)}-${version}.tgz`;
      const { devDependencies: _, ...manifest } = manifestOf(name, version, { integrity, shasum, tarball });
      return [version, { ...manifest, dependencies }];
    }),
  );
  const short = Object.fromEntries(
    Object.entries(versions).map(([version, manifest]) => {
      const { engines, dist } = manifest as Record<string, unknown>;
      return [version, { name, version, dependencies, engines, dist }];
    }),
  );
  const head = { name, "dist-tags": { latest: newest } };
  const modified = "2026-01-01T00:00:00.000Z";
  const time = Object.fromEntries(Object.keys(versions).map((version) => [version, modified]));
  return {
    tarball: bytes,
    full: gzipSync(JSON.stringify({ _id: name, ...head, versions, time: { created: modified, modified, ...time } })),
    abbreviated: gzipSync(JSON.stringify({ ...head, versions: short, modified })),
  };
}

const made = new Map<string, Made>();
const server = createServer(({ url = "", headers }, response) => {
  const [path = "", file] = decodeURIComponent(url).slice(1).split("/-/");
  const found = made.get(path);
  if (!found) return void response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
  if (file !== undefined)
    return void response.writeHead(200, { "content-length": found.tarball.length }).end(found.tarball);
  const isShort = headers.accept?.includes("application/vnd.npm.install-v1+json") ?? false;
  const bytes = isShort ? found.abbreviated : found.full;
  const etag = `"${createHash("sha1").update(bytes).digest("hex")}"`;
  if (headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
  const type = isShort ? "application/vnd.npm.install-v1+json" : "application/json";
  response.writeHead(200, {
    "content-type": type,
    "content-encoding": "gzip",
    "content-length": bytes.length,
    etag,
    vary: "accept",
  });
  response.end(bytes);
});
for (let index = 0; index < count; index++) made.set(nameOf(index), make(index, `http://127.0.0.1:${port}`));
server.listen(port, "127.0.0.1", () => process.stdout.write(`${nameOf(0)}\n`));
