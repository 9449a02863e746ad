import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "@codebox/system";
import { indexedOf } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { temporary } from "./temporary.ts";

let directory: string;
const failures: unknown[] = [];
const open = () => openSqlite({ directory, clock: systemClock, onFailure: (error) => failures.push(error) });
const file = () => join(directory, "search.db");
beforeEach(async () => {
  failures.length = 0;
  directory = await temporary();
});
afterEach(() => rm(directory, { recursive: true }));

/** A complete index of a few hundred packages, up to the event "7 a". */
async function fill({ searchIndex }: SqliteBackend): Promise<void> {
  await searchIndex.put([], "7 a");
  await searchIndex.rebuild(
    (async function* () {
      yield Array.from({ length: 300 }, (_, at) => indexedOf(`wire-${at}`, { description: "carries a signal" }));
    })(),
  );
}
const search = async ({ searchIndex }: SqliteBackend, text = "signal") => {
  const { total, complete } = await searchIndex.query({ text, from: 0, size: 20, mayRead: () => true });
  return { total, complete };
};

describe("the file of the search index", () => {
  test("keeps the index, and up to which event it is made", async () => {
    const first = await open();
    await fill(first);
    await first.close();
    const second = await open();
    expect(await search(second)).toEqual({ total: 300, complete: true });
    expect(await second.searchIndex.progress()).toEqual({ upTo: "7 a", complete: true });
    await second.close();
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });
  test("that is lost, of another version or no database is replaced by an empty one, which is not complete", async () => {
    const spoil: (() => Promise<void> | void)[] = [
      () => rm(file()),
      () => writeFile(file(), Buffer.alloc(8_192, 0xff)),
      () => {
        const db = new DatabaseSync(file());
        db.exec("PRAGMA user_version = 999");
        db.close();
      },
    ];
    for (const damage of spoil) {
      const first = await open();
      await fill(first);
      await first.close();
      await damage();
      const second = await open();
      expect(await search(second)).toEqual({ total: 0, complete: false });
      expect(await second.searchIndex.progress()).toEqual({ upTo: undefined, complete: false });
      await second.close();
    }
    expect(failures).toEqual([]);
  });
  test("with damaged pages is replaced when a search meets them", async () => {
    const first = await open();
    await fill(first);
    await first.close();
    const bytes = await readFile(file());
    bytes.fill(0xff, 4_096 * 2);
    await writeFile(file(), bytes);
    const second = await open();
    expect(await search(second)).toEqual({ total: 0, complete: false });
    await second.searchIndex.put([indexedOf("wire", { description: "carries a signal" })]);
    expect(await search(second)).toEqual({ total: 1, complete: false });
    await second.close();
  });
  test("that can't be made keeps no server from its start: the index is in memory then", async () => {
    await mkdir(join(file(), "in-the-way"), { recursive: true });
    const backend = await open();
    await fill(backend);
    expect(await search(backend)).toEqual({ total: 300, complete: true });
    expect(failures).toHaveLength(1);
    await backend.close();
  });
  test("is not changed by a package that is put again as it is", async () => {
    const backend = await open();
    await fill(backend);
    const written = async () => (await stat(`${file()}-wal`)).size;
    const before = await written();
    for (let time = 0; time < 20; time++)
      await backend.searchIndex.put([indexedOf("wire-1", { description: "carries a signal" })]);
    const grown = (await written()) - before;
    await backend.searchIndex.put([indexedOf("wire-1", { sequence: 2, description: "another text" })]);
    expect(grown).toBeLessThan(20 * 3 * 4_200);
    expect(await search(backend, "another")).toMatchObject({ total: 1 });
    await backend.close();
  });
});

test("searches that run beside each other and beside writes do not disturb each other", async () => {
  const backend = await open();
  await fill(backend);
  const counts = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => {
      const searching = search(backend, at % 2 === 0 ? "signal" : "wire");
      await backend.searchIndex.put([indexedOf(`cable-${at}`)]);
      return (await searching).total;
    }),
  );
  expect(counts).toEqual(counts.map(() => 300));
  await backend.close();
});
