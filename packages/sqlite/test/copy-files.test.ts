import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyStoreContract } from "@codebox/testing/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCopyFiles } from "../src/copy-files.ts";

const TYPE = "application/octet-stream";
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "codebox-copies-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));
const open = (bytesMax = 1_000_000_000) => openCopyFiles({ directory, bytesMax });
const textOf = async (copies: Awaited<ReturnType<typeof open>>, key: string) => {
  const found = await copies.read(key);
  return found && Buffer.from(found.bytes).toString();
};

describe("copies in files", () => {
  copyStoreContract(async () => ({ copies: await open(), [Symbol.asyncDispose]: async () => {} }));
});

describe("a budget in bytes", () => {
  test("removes what was not used for longest", async () => {
    const copies = await open(30);
    for (const key of ["a", "b", "c"]) await copies.write(key, Buffer.alloc(10, key), TYPE);
    await copies.read("a");
    await copies.write("d", Buffer.alloc(10, "d"), TYPE);
    const kept = await Promise.all(["a", "b", "c", "d"].map((key) => copies.has(key)));
    expect(kept).toEqual([true, false, true, true]);
    expect(await readdir(directory)).toHaveLength(3);
  });
  test("counts what is being written, and what was there at the start", async () => {
    const first = await open();
    for (const key of ["a", "b", "c"]) await first.write(key, Buffer.alloc(10, key), TYPE);
    const again = await open(30);
    const sizes: number[] = [];
    const body = (async function* () {
      for (let piece = 0; piece < 3; piece++) {
        yield Buffer.alloc(10);
        sizes.push((await readdir(directory)).length);
      }
    })();
    await again.write("d", body, TYPE);
    expect(sizes).toEqual([3, 2, 1]);
  });
  test("is not used up by writes that failed, nor by the same bytes twice", async () => {
    const copies = await open(30);
    await copies.write("a", Buffer.alloc(10, "a"), TYPE);
    for (let turn = 0; turn < 5; turn++) {
      await copies.write("a", Buffer.alloc(10, "a"), TYPE);
      const failing = (async function* () {
        yield Buffer.alloc(10);
        throw new Error("broken off");
      })();
      await expect(copies.write("b", failing, TYPE)).rejects.toThrow("broken off");
    }
    await copies.write("c", Buffer.alloc(20, "c"), TYPE);
    expect([await copies.has("a"), await copies.has("c")]).toEqual([true, true]);
  });
});

describe("after a crash", () => {
  test("a copy that was complete is there; one that was being written is removed", async () => {
    await (await open()).write("a", Buffer.from("whole"), TYPE);
    await writeFile(join(directory, "new-half"), "ha");
    const copies = await open();
    expect(await textOf(copies, "a")).toBe("whole");
    expect(await readdir(directory)).toHaveLength(1);
  });
  test.each([
    ["cut", (file: string) => truncate(file, 2)],
    ["empty", (file: string) => truncate(file, 0)],
    ["changed", async (file: string) => writeFile(file, (await readFile(file)).fill(0, 1, 2))],
    ["gone", (file: string) => rm(file)],
  ])("a copy whose file is %s is missing, whether it is read or opened, and is written again", async (_, damage) => {
    await (await open()).write("a", Buffer.from("whole"), TYPE);
    const [name = ""] = await readdir(directory);
    for (const look of ["read", "open"] as const) {
      const copies = await open();
      await damage(join(directory, name));
      expect(await copies[look]("a")).toBeUndefined();
      expect(await readdir(directory)).toEqual([]);
      await copies.write("a", Buffer.from("whole"), TYPE);
      expect(await textOf(copies, "a")).toBe("whole");
    }
  });
});
