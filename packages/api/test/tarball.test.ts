import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archiveOf, makeArchive, makeTarball, type MadeEntry } from "@codebox/testing";
import { stagingKey } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { stageTarball, type TarballLimits } from "../src/publish/tarball.ts";
import { startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const MiB = 1024 * 1024;
const manifest = JSON.stringify({ name: "wire", version: "1.0.0" });
const wire = makeArchive({ "package/package.json": manifest });

/** Stages bytes in pieces of 1 KiB, and counts those that were asked for. */
function stage(bytes: Buffer, limits: Partial<TarballLimits> = {}) {
  let taken = 0;
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += 1024) {
      taken++;
      yield bytes.subarray(at, at + 1024);
    }
  };
  const staged = stageTarball(registry.store, stagingKey(systemIds.next()), pieces(), {
    tarballBytesMax: 64 * MiB,
    ...limits,
  });
  return { staged, taken: () => taken };
}
const refused = async (bytes: Buffer, limits: Partial<TarballLimits> = {}) => {
  const error = (await stage(bytes, limits).staged.catch((reason: unknown) => reason)) as { message: string };
  expect(await registry.keys()).toEqual([]);
  return error;
};

describe("what is behind an archive's end", () => {
  test("may be the zeros up to tar's record", async () => {
    const padded = Buffer.concat([wire, Buffer.alloc(10_240 - (wire.length % 10_240))]);
    expect(await stage(gzipSync(padded)).staged).toMatchObject({ manifest: { name: "wire" } });
  });
  test("is refused once it is longer, and no more of it is read", async () => {
    const bomb = gzipSync(Buffer.concat([wire, Buffer.alloc(8 * MiB)]), { level: 0 });
    const { staged, taken } = stage(bomb);
    await expect(staged).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("archive's end") });
    expect(taken()).toBeLessThan(bomb.length / 1024 / 4);
    expect(await registry.keys()).toEqual([]);
  });
  test("is refused when it is anything but zeros", async () => {
    const more = Buffer.concat([wire, makeArchive({ "package/evil.js": "x" })]);
    expect(await refused(gzipSync(more))).toMatchObject({ code: "invalid" });
  });
});

describe("a tarball is one gzip stream", () => {
  const parts = [wire.subarray(0, 512), wire.subarray(512)].map((part) => gzipSync(part));
  test.each([
    ["two members", Buffer.concat(parts)],
    ["a member behind the archive's end", Buffer.concat([gzipSync(wire), gzipSync("")])],
    ["zeros behind it", Buffer.concat([gzipSync(wire), Buffer.alloc(512)])],
    [
      "zeros and its length once more behind it",
      Buffer.concat([gzipSync(wire), Buffer.alloc(4), gzipSync(wire).subarray(-4)]),
    ],
    ["text behind it", Buffer.concat([gzipSync(wire), Buffer.from("and more")])],
  ])("not %s", async (_, bytes) => {
    expect(await refused(bytes)).toMatchObject({ code: "invalid" });
  });
});

describe("what a tarball unpacks to", () => {
  const zeros = gzipSync(makeArchive({ "package/package.json": manifest, "package/zeros": Buffer.alloc(16 * MiB) }));
  test("is read in pieces, between which other work gets its turn", async () => {
    let turns = 0;
    const count = () => {
      turns++;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    await stage(zeros).staged;
    clearImmediate(turning);
    expect(turns).toBeGreaterThan(100);
  });
  test("is counted with everything that tar adds", async () => {
    const headers = archiveOf(Array.from({ length: 100 }, (_, index) => ({ path: `package/${index}` })));
    expect(await refused(gzipSync(headers), { unpackedBytesMax: 50_000 })).toMatchObject({
      code: "too_large",
      message: expect.stringContaining("unpacks to more than 50000 bytes"),
    });
  });
  test("may be large, but not a hundred times the tarball's size too", async () => {
    expect(await refused(zeros, { unpackedFreeBytes: MiB })).toMatchObject({
      code: "too_large",
      message: expect.stringContaining("100 times its size"),
    });
    expect(await stage(zeros, { unpackedFreeBytes: 32 * MiB }).staged).toMatchObject({ fileCount: 2 });
  });
});

describe("the entries of a tarball", () => {
  const withEntry = (...entries: readonly MadeEntry[]) =>
    gzipSync(archiveOf([{ path: "package/package.json", content: manifest }, ...entries]));
  test.each<[string, MadeEntry]>([
    ["a path that climbs", { path: "package/../../evil" }],
    ["a path that climbs with backslashes", { path: "package\\..\\..\\evil" }],
    ["a path on a drive", { path: "C:\\evil" }],
    ["a path on a drive behind the folder that is cut off", { path: "package/C:evil" }],
    ["an absolute path", { path: "/etc/evil" }],
    ["an absolute path behind the folder that is cut off", { path: "package//etc/evil" }],
    ["a symbolic link that climbs", { path: "package/a/l", type: "SymbolicLink", linkpath: "../../evil" }],
    ["a symbolic link that climbs later", { path: "package/l", type: "SymbolicLink", linkpath: "a/b/../c" }],
    ["a symbolic link that climbs behind dots", { path: "package/l", type: "SymbolicLink", linkpath: "a/b../../c" }],
    ["a symbolic link to an absolute path", { path: "package/l", type: "SymbolicLink", linkpath: "/etc/passwd" }],
    ["a symbolic link to a drive", { path: "package/l", type: "SymbolicLink", linkpath: "C:\\evil" }],
    ["a hard link to outside", { path: "package/l", type: "Link", linkpath: "other/evil" }],
    ["a hard link that climbs", { path: "package/l", type: "Link", linkpath: "package\\..\\..\\evil" }],
    ["a device", { path: "package/d", type: "CharacterDevice" }],
    ["a block device", { path: "package/d", type: "BlockDevice" }],
    ["a pipe", { path: "package/p", type: "FIFO" }],
    ["a kind that tar's parser leaves out", { path: "package/s", type: "SparseFile" }],
    ["a second package.json, spelt otherwise", { path: "package/./package.json", content: "{}" }],
  ])("can't be %s", async (_, entry) => {
    expect(await refused(withEntry(entry))).toMatchObject({ code: "invalid" });
  });
  test("can't stand below a link", async () => {
    const link: MadeEntry = { path: "package/a/l", type: "SymbolicLink", linkpath: ".." };
    expect(await refused(withEntry(link, { path: "package/a/l/x" }))).toMatchObject({ code: "invalid" });
  });
  test("can be directories, and links inside the package", async () => {
    const bytes = withEntry(
      { path: "package/lib", type: "Directory" },
      { path: "package/lib/a.js", content: "a" },
      { path: "package/lib/b.js", type: "SymbolicLink", linkpath: "../lib/a.js" },
      { path: "package/lib/top", type: "SymbolicLink", linkpath: ".." },
      { path: "package/c.js", type: "Link", linkpath: "package/lib/a.js" },
    );
    expect(await stage(bytes).staged).toMatchObject({ fileCount: 5 });
  });
  test("stand in a top folder of any name, which is cut off", async () => {
    const bytes = gzipSync(archiveOf([{ path: "wire/package.json", content: manifest }]));
    expect(await stage(bytes).staged).toMatchObject({ manifest: { name: "wire" } });
    await expect(stage(gzipSync(makeArchive({ "./package/package.json": manifest }))).staged).rejects.toThrow(
      "no top folder",
    );
  });
  test("are not described by an extended header of any size", async () => {
    const bytes = withEntry({ path: "pax", type: "ExtendedHeader", content: "x".repeat(100_000) });
    expect(await refused(bytes)).toMatchObject({ code: "invalid" });
  });
  test("may have a path of any length, and it counts", async () => {
    const long = (path: string) => {
      const field = ` path=${path}\n`;
      const length = field.length + String(field.length + 3).length;
      return withEntry({ path: "pax", type: "ExtendedHeader", content: `${length}${field}` }, { path: "package/x" });
    };
    expect(await stage(long(`package/${"n/".repeat(200)}x`)).staged).toMatchObject({ fileCount: 2 });
    await expect(stage(long(`package/${"n/".repeat(200)}../x`)).staged).rejects.toMatchObject({ code: "invalid" });
  });
});

test("the paths of all entries and of the folders above them are bounded", async () => {
  const deep = (index: number): readonly MadeEntry[] => {
    const field = ` path=package/${index}${"/n".repeat(400)}\n`;
    return [{ path: "pax", type: "ExtendedHeader", content: `${field.length + 3}${field}` }, { path: "package/x" }];
  };
  const entries = Array.from({ length: 100 }, (_, index) => deep(index)).flat();
  const bytes = gzipSync(archiveOf([{ path: "package/package.json", content: manifest }, ...entries]));
  expect(await refused(bytes)).toMatchObject({ code: "invalid", message: expect.stringContaining("characters") });
});

test("a large file of little text is a package like any other", async () => {
  const text = "the quick brown fox jumps over the lazy dog\n".repeat(100_000);
  const { bytes, integrity } = makeTarball({ name: "wire", version: "1.0.0", files: { "fox.txt": text } });
  expect(await stage(bytes).staged).toMatchObject({ integrity, fileCount: 2 });
});
