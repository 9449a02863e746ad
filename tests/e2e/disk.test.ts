import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { publish, publishBody, putTag } from "../support/load.ts";
import { scratch, startRegistry } from "../support/registry.ts";

const SIZE_MB = 16;
const JSON_BODY = { "content-type": "application/json" };

/** A small file system of its own; `undefined` where this user may not mount one. */
async function smallDisk(): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const dir = await scratch();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MB}m`, "tmpfs", dir.path]);
  if (status === 0)
    return {
      path: dir.path,
      async [Symbol.asyncDispose]() {
        spawnSync("umount", ["-l", dir.path]);
        await dir[Symbol.asyncDispose]();
      },
    };
  await dir[Symbol.asyncDispose]();
  return undefined;
}

/** Takes every free byte. Returns what gives them back. */
async function fill(path: string): Promise<() => Promise<void>> {
  const file = join(path, "filler");
  for (;;) {
    const { bavail, bsize } = await statfs(path);
    if (bavail === 0) return () => rm(file);
    await writeFile(file, Buffer.alloc(bavail * bsize), { flag: "a" }).catch(() => {});
  }
}

test("a full disk takes away writes only, says so, and the registry recovers without a restart", async (context) => {
  await using disk = await smallDisk();
  if (!disk) return context.skip(`this user may not mount a tmpfs (${process.platform})`);
  const registry = await startRegistry(join(disk.path, "data"));
  const files = { "data.bin": randomBytes(600_000) };
  expect((await publish(registry, "large", "1.0.0", "latest", files)).status).toBe(201);
  expect((await publish(registry, "small", "1.0.0")).status).toBe(201);
  const freeSpace = await fill(disk.path);

  for (const [name, given] of Object.entries({ large: files, small: {} })) {
    const body = JSON.stringify(publishBody(name, "1.1.0", "latest", given));
    const refused = await registry.fetch(`/${name}`, { method: "PUT", body, headers: JSON_BODY });
    expect([name, refused.status, await refused.json()]).toMatchObject([name, 507, { code: "storage_full" }]);
  }
  const statusOf = async (path: string) => (await registry.fetch(path)).status;
  const reads = [
    "/-/ping",
    "/large",
    "/large/-/large-1.0.0.tgz",
    "/small/-/small-1.0.0.tgz",
    "/-/v1/search?text=small",
  ];
  expect(await Promise.all(reads.map(statusOf))).toEqual(reads.map(() => 200));
  expect(await statusOf("/-/health")).toBe(507);

  await freeSpace();
  expect(await statusOf("/-/health")).toBe(200);
  expect((await publish(registry, "large", "1.1.0", "latest", files)).status).toBe(201);
  expect((await putTag(registry, "small", "next", "1.0.0")).status).toBe(200);
  expect(await registry.stop()).toBe(0);
});

test("a registry starts and reads on a full disk", async (context) => {
  await using disk = await smallDisk();
  if (!disk) return context.skip(`this user may not mount a tmpfs (${process.platform})`);
  const data = join(disk.path, "data");
  const first = await startRegistry(data);
  await publish(first, "small", "1.0.0");
  await first.stop();
  await fill(disk.path);
  const second = await startRegistry(data, ["--no-upstream"], first.token);
  expect((await second.fetch("/small/-/small-1.0.0.tgz")).status).toBe(200);
  expect((await second.fetch("/-/health")).status).toBe(507);
  expect(await second.stop()).toBe(0);
});

test("a registry on a read-only disk does not start, and says why", async (context) => {
  await using disk = await smallDisk();
  if (!disk) return context.skip(`this user may not mount a tmpfs (${process.platform})`);
  const data = join(disk.path, "data");
  await (await startRegistry(data)).stop();
  spawnSync("mount", ["-o", "remount,ro", disk.path]);
  await expect(startRegistry(data)).rejects.toThrow("is on a read-only disk; mount the disk writable");
});
