import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { indexKey, tarballKey } from "@codebox/core";
import { openSqlite } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import { makeTarball, type MadeTarball } from "@codebox/testing";
import type { Contender } from "./contenders.ts";
import { eachOf } from "./rows.ts";

export const ABBREVIATED = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
/** Bytes of a body that takes a client so long to make that it sends it over a new connection. */
const LARGE_BODY = 1_000_000;
const TIME = "2026-01-01T00:00:00.000Z";

export type Document = Readonly<Record<string, unknown>> & { readonly name: string };

/** @example versionsOf(3) // ["1.0.0", "1.1.0", "1.2.0"] */
export const versionsOf = (count: number) => Array.from({ length: count }, (_, index) => `1.${index}.0`);

/** A manifest as large as usual ones: some 1.3 KB of JSON. */
export function manifestOf(name: string, version: string, dist: object): Record<string, unknown> {
  const dependencies = Object.fromEntries(
    ["other", "events", "streams", "buffers", "@bench/util"].map((other, index) => [other, `^${index + 1}.2.0`]),
  );
  return {
    name,
    version,
    description: `The package ${name}, as a benchmark needs it: with a description of one line`,
    main: "index.js",
    license: "MIT",
    keywords: ["bench", "wire", ...name.split(/[-@/]/).filter(Boolean)],
    homepage: `https://bench.example/${name}#readme`,
    repository: { type: "git", url: `git+https://bench.example/${name}.git` },
    bugs: { url: `https://bench.example/${name}/issues` },
    author: { name: "bench", email: "bench@example.com" },
    maintainers: [{ name: "bench", email: "bench@example.com" }],
    scripts: { test: "node --test", build: "tsc --build", lint: "oxlint" },
    engines: { node: ">=20" },
    dependencies,
    devDependencies: { ...dependencies, typescript: "^5.0.0" },
    _id: `${name}@${version}`,
    _nodeVersion: "24.0.0",
    _npmVersion: "11.0.0",
    dist,
  };
}

/** A package's document as both registries store it. All versions have the digests of one tarball. */
export function documentOf(name: string, count: number, { integrity, shasum, bytes }: MadeTarball = SMALL): Document {
  const versions = versionsOf(count);
  const dist = (version: string) => ({
    integrity,
    shasum,
    tarball: `http://bench.example/${name}/-/${fileOf(name, version)}`,
    fileCount: 2,
    unpackedSize: bytes.length,
  });
  return {
    _id: name,
    name,
    description: `The package ${name}`,
    "dist-tags": { latest: versions.at(-1) },
    versions: Object.fromEntries(versions.map((version) => [version, manifestOf(name, version, dist(version))])),
    time: { created: TIME, modified: TIME, ...Object.fromEntries(versions.map((version) => [version, TIME])) },
    maintainers: [{ name: "admin" }],
    readme: `# ${name}`,
  };
}

const fileOf = (name: string, version: string) => `${name.split("/").at(-1)}-${version}.tgz`;
const SMALL = makeTarball({ name: "small", version: "1.0.0" });

/** A tarball of about this size, of bytes that do not compress. */
function tarballOf(name: string, version: string, size: number): MadeTarball {
  return makeTarball({ name, version, ...(size > 1_000 ? { files: { data: randomBytes(size) } } : {}) });
}

/** Puts documents into codebox's data directory before its start. @example startCodebox({ seed: seedCodebox(documents) }) */
export const seedCodebox = (documents: Iterable<Document>) => async (folder: string) => {
  const onFailure = (error: unknown) => void process.stderr.write(`${String(error)}\n`);
  const { store, close } = await openSqlite({ directory: folder, clock: systemClock, onFailure });
  try {
    await eachOf([...documents], 500, async (document) => {
      await store.put(indexKey(document.name), Buffer.from(JSON.stringify(document)), {
        condition: { ifNoneMatch: "*" },
        contentType: "application/json",
      });
      await store.put(tarballKey(document.name, "1.0.0"), SMALL.bytes, {
        condition: { ifNoneMatch: "*" },
        contentType: "application/octet-stream",
      });
    });
  } finally {
    await close();
  }
};

/** Puts documents into verdaccio's storage before its start. */
export const seedVerdaccio = (documents: Iterable<Document>) => async (folder: string) => {
  const all = [...documents];
  await eachOf(all, 64, async (document) => {
    const directory = join(folder, "storage", document.name);
    await mkdir(directory, { recursive: true });
    const own = { _rev: "1-0000000000000000", _uplinks: {}, _distfiles: {}, _attachments: {} };
    await writeFile(join(directory, "package.json"), JSON.stringify({ ...document, ...own }));
    await writeFile(join(directory, fileOf(document.name, "1.0.0")), SMALL.bytes);
  });
  const list = all.map(({ name }) => name);
  await writeFile(
    join(folder, "storage/.verdaccio-db.json"),
    JSON.stringify({ list, secret: "0123456789abcdef".repeat(2) }),
  );
};

/** A version that can be published. Made before the time is measured. */
export type Release = { readonly name: string; readonly version: string; readonly tarball: MadeTarball };

/** @param size bytes of the tarball, at least */
export const releaseOf = (name: string, version: string, size = 200): Release => ({
  name,
  version,
  tarball: tarballOf(name, version, size),
});

/** Publishes one version, as npm does. */
export async function publish(contender: Contender, { name, version, tarball }: Release): Promise<void> {
  const { bytes, integrity, shasum } = tarball;
  const file = fileOf(name, version);
  const { description, keywords, license } = manifestOf(name, version, {});
  const dist = { integrity, shasum, tarball: `${contender.url}/${name}/-/${file}` };
  // Nothing that decides about an install: that stands in the tarball, and these are small.
  const manifest = { name, version, description, keywords, license, dist };
  await send(contender, `/${name.replace("/", "%2f")}`, {
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, readme: `# ${name}` } },
    _attachments: {
      [file]: { content_type: "application/octet-stream", data: bytes.toString("base64"), length: bytes.length },
    },
  });
}

const kept = new Agent({ keepAlive: true });

/** Sends a PUT with the token; a refusal is an error. */
export async function send({ name, url, token }: Contender, path: string, body: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = {
    "content-type": "application/json",
    "content-length": bytes.length,
    authorization: `Bearer ${token}`,
  };
  // A server ends a connection that waits for long, and the client notices only when it has begun to send.
  const agent = bytes.length > LARGE_BODY ? false : kept;
  const asked = request(`${url}${path}`, { method: "PUT", headers, agent });
  const answered = once(asked, "response") as Promise<[IncomingMessage]>;
  asked.end(bytes);
  const [response] = await answered;
  const answer = await text(response);
  if ((response.statusCode ?? 0) >= 300)
    throw new Error(`${name} answered PUT ${path} with ${response.statusCode}: ${answer.slice(0, 200)}`);
}
