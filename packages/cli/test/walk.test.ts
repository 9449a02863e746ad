import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileCheckpoint } from "../src/checkpoint.ts";
import { Interrupted, UsageError } from "../src/errors.ts";
import { byFolder, walk, walkObjects, type Placed } from "../src/walk.ts";
import { memoryCheckpoint, never, smallPages } from "./support.ts";

let embedded: SqliteBackend;
beforeEach(async () => {
  embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
});
afterEach(() => embedded.close());

const KEYS = [
  "@acme/wire/1.0.0.tgz",
  "@acme/wire/index.json",
  "a/index.json",
  "b-c/1.0.0.tgz",
  "b-c/index.json",
  "b/index.json",
  "ü/index.json",
];
const fill = async () => {
  for (const key of KEYS.toReversed()) await embedded.store.put(key, Buffer.from(key));
};

describe("a walk", () => {
  test.each([1, 2, 3, 100])("sees every object once with pages of %i", async (size) => {
    await fill();
    const store = smallPages(embedded.store, size);
    const seen = await Array.fromAsync(walkObjects(store), ({ object }) => object.key);
    expect(seen).toEqual(KEYS);
  });
  test("has a package's objects together, also when a page ends between them", async () => {
    await fill();
    const folders = await Array.fromAsync(byFolder(walkObjects(smallPages(embedded.store, 1))));
    expect(folders.map(({ path, objects }) => `${path}: ${objects.length}`)).toEqual([
      "@acme/wire: 2",
      "a: 1",
      "b-c: 2",
      "b: 1",
      "ü: 1",
    ]);
  });
  test.each([1, 2, 3])(
    "that dies at its item %i continues there: every item is done, and none before the last saved one again",
    async (at) => {
      await fill();
      const store = smallPages(embedded.store, 2);
      const checkpoint = memoryCheckpoint();
      const done: string[] = [];
      const run = (dies: number) =>
        walk<Placed>({
          items: (from) => walkObjects(store, from),
          checkpoint,
          concurrency: 1,
          signal: never,
          work: async ({ object }) => {
            if (done.length === dies) throw new Error("killed");
            done.push(object.key);
            return { objects: 1 };
          },
          refused: () => fail(new Error("nothing is refused")),
          onProgress: () => {},
        });
      await expect(run(at)).rejects.toThrow("killed");
      const walked = await run(-1);
      expect(done).toEqual(KEYS);
      expect(walked).toEqual({ totals: { objects: KEYS.length }, resumed: true });
      expect(checkpoint.stored()).toBeUndefined();
    },
  );
  test("that is interrupted ends what is under way, and saves it", async () => {
    await fill();
    const checkpoint = memoryCheckpoint();
    const interrupt = new AbortController();
    const run = walk<Placed>({
      items: (from) => walkObjects(embedded.store, from),
      checkpoint,
      concurrency: 2,
      signal: interrupt.signal,
      work: async () => {
        interrupt.abort();
        return { objects: 1 };
      },
      refused: () => fail(new Error("nothing is refused")),
      onProgress: () => {},
    });
    await expect(run).rejects.toThrow(Interrupted);
    expect(checkpoint.stored()).toEqual({ position: { key: KEYS[1] }, totals: { objects: 2 } });
  });
});

describe("a checkpoint file", () => {
  let dir: string;
  let path: string;
  const run = { command: "domain", bucket: "acme", arguments: { url: "https://one.example" } };
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "codebox-cli-"));
    path = join(dir, "state.json");
  });
  afterEach(() => rm(dir, { recursive: true }));
  const of = (other: Partial<typeof run> = {}, restart = false) =>
    fileCheckpoint(path, { ...run, ...other }, { restart });

  test("gives back what was saved, and nothing once it is cleared", async () => {
    const progress = { position: { cursor: "a", key: "b" }, totals: { packages: 7 } };
    expect(await of().load()).toBeUndefined();
    await of().save(progress);
    expect(await of().load()).toEqual(progress);
    await of().clear();
    expect(await of().load()).toBeUndefined();
  });
  test("of another run is refused, and says whose it is", async () => {
    await of().save({ totals: {} });
    const other = of({ arguments: { url: "https://two.example" } });
    await expect(other.load()).rejects.toThrow(UsageError);
    await expect(other.load()).rejects.toThrow(
      /left by "codebox domain --bucket acme --url https:\/\/one\.example".*--restart/,
    );
    await expect(of({ bucket: "other" }).load()).rejects.toThrow(UsageError);
  });
  test("is dropped by --restart", async () => {
    await of().save({ totals: { packages: 7 } });
    expect(await of({ arguments: { url: "https://two.example" } }, true).load()).toBeUndefined();
  });
  test.each(["", "{", "[]", '{"schema":2}'])("that holds %j is refused, not overwritten", async (text) => {
    await writeFile(path, text);
    await expect(of().load()).rejects.toThrow(/no checkpoint.*--restart/);
    expect(await readFile(path, "utf8")).toBe(text);
  });
});
