import assert from "node:assert/strict";
import { posix } from "node:path";
import { Parser } from "tar";
import { ApiError } from "@codebox/api";
import { stagingKey } from "@codebox/core";
import { createMemoryBackend } from "@codebox/testing";
import { systemClock } from "@codebox/system";
import { stageTarball, type Inspected } from "../../../packages/api/src/publish/tarball.ts";
import { tarballInput, tarballOf } from "../support/archives.ts";
import { defineArea } from "../support/area.ts";
import { npmReader } from "../readers/npm.ts";
import { pnpmReader } from "../readers/pnpm.ts";
import type { Reader } from "../readers/reader.ts";
import { yarnReader } from "../readers/yarn.ts";

const READERS: Readonly<Record<string, Reader>> = { npm: npmReader, pnpm: pnpmReader, yarn: yarnReader };

/** A tarball is refused with a reason, or all clients take the same files out of it as the registry has checked. */
export const tarballs = defineArea({
  name: "tarballs",
  rule: "a tarball is refused, or npm, pnpm and yarn read the same files in it",
  runs: 120,
  input: tarballInput,
  async check(input, watch) {
    const tarball = tarballOf(input);
    const inspected = await watch(() => inspect(tarball));
    if (inspected) await checkReaders(tarball, inspected);
  },
});

async function checkReaders(tarball: Buffer, inspected: Inspected): Promise<void> {
  const links = new Set(await linksIn(tarball));
  const expected = [...inspected.files].filter((path) => !links.has(path));
  const seen: Record<string, ReadonlyMap<string, Buffer>> = {};
  for (const [client, read] of Object.entries(READERS)) seen[client] = normalized(await read(tarball), links);
  for (const [client, files] of Object.entries(seen)) {
    assert.deepEqual([...files.keys()].toSorted(), expected.map(plain).toSorted(), `${client} sees other files`);
    const text =
      files
        .get("package.json")
        ?.toString("utf8")
        .replace(/^\uFEFF/, "") ?? "null";
    assert.deepEqual(JSON.parse(text), inspected.manifest, `${client} sees another package.json`);
    for (const [path, bytes] of files)
      assert.ok(seen["npm"]?.get(path)?.equals(bytes), `${client} sees another ${path}`);
  }
}

async function inspect(tarball: Buffer): Promise<Inspected | undefined> {
  const { store } = createMemoryBackend({ clock: systemClock });
  const key = stagingKey("fuzz");
  const bytes = (async function* () {
    for (let at = 0; at < tarball.length; at += 300) yield tarball.subarray(at, at + 300);
  })();
  try {
    return await stageTarball(store, key, bytes, { tarballBytesMax: 8 * 1024 * 1024 });
  } catch (error) {
    assert.ok(error instanceof ApiError, `not a refusal: ${String((error as Error).stack)}`);
    assert.equal((await store.list("")).objects.length, 0, "a refused tarball was stored");
    return undefined;
  }
}

/** Clients leave links out; pnpm makes an empty file of a hard link. */
async function linksIn(tarball: Buffer): Promise<readonly string[]> {
  const links: string[] = [];
  const parser = new Parser({
    onReadEntry: (entry) => {
      if (entry.type.endsWith("Link")) links.push(plain(entry.path.slice(entry.path.indexOf("/") + 1)));
      entry.resume();
    },
  });
  const closed = new Promise((resolve) => parser.on("close", resolve));
  parser.end(tarball);
  await closed;
  return links;
}

function normalized(files: ReadonlyMap<string, Buffer>, links: ReadonlySet<string>): ReadonlyMap<string, Buffer> {
  const all = [...files].map(([path, bytes]) => [plain(path), bytes] as const);
  return new Map(all.filter(([path]) => !links.has(path)));
}

const plain = (path: string) => posix.normalize(path);
