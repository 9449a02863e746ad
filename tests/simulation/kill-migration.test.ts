import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { openSqlite } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { expect, test } from "vitest";
import { MIGRATIONS } from "../../packages/sqlite/src/schema.ts";
import { MAIN, scratch } from "../support/registry.ts";
import { seeds } from "../support/seeds.ts";

const BLOBS = 24;
/** On a busy machine. */
const TIMEOUT_MS = 600_000;
const bytesOf = (blob: number) => Buffer.alloc(300_000 + blob, `blob ${blob} `);
const keyOf = (blob: number) => `wire/1.0.${blob}.tgz`;

/** A data directory of the schema that kept large objects as chunks in the database. */
async function writeOldDirectory(data: string): Promise<void> {
  await mkdir(data);
  const old = new DatabaseSync(join(data, "codebox.db"));
  old.exec(`PRAGMA journal_mode = WAL; ${MIGRATIONS.slice(0, 2).join(";")}; PRAGMA user_version = 2; BEGIN`);
  for (let blob = 1; blob <= BLOBS; blob++) {
    const bytes = bytesOf(blob);
    old.prepare("INSERT INTO blobs VALUES (?, 1)").run(blob);
    old.prepare("INSERT INTO chunks VALUES (?, 0, ?)").run(blob, bytes.subarray(0, 200_000));
    old.prepare("INSERT INTO chunks VALUES (?, 1, ?)").run(blob, bytes.subarray(200_000));
    old
      .prepare("INSERT INTO objects VALUES (?, '\"e\"', ?, NULL, 0, NULL, ?)")
      .run(keyOf(blob), bytes.byteLength, blob);
  }
  old.exec("COMMIT");
  old.close();
}

/** Starts the server, and kills it once so many files are there: in the middle of the migration, or right after it. */
async function startAndKill(data: string, files: number, turns: number): Promise<void> {
  const args = [MAIN, "--port", "0", "--no-upstream", "--data", data];
  const child = spawn(process.execPath, args, { stdio: "ignore", env: { PATH: process.env["PATH"] } });
  const exited = once(child, "exit");
  const count = async () => (await readdir(join(data, "blobs")).catch(() => [])).length;
  while ((await count()) < files) await setImmediate();
  for (let turn = 0; turn < turns; turn++) await setImmediate();
  child.kill("SIGKILL");
  await exited;
}

test.each(seeds(50))(
  "kill -9 in the middle of a migration: the next start moves the rest, and every object is whole (seed %i)",
  async (seed) => {
    await using dir = await scratch();
    const data = join(dir.path, "data");
    await writeOldDirectory(data);
    await startAndKill(data, 1 + ((seed * 7) % BLOBS), (seed * 37) % 200);
    // A second kill, in what the first one left.
    if (seed % 3 === 0) await startAndKill(data, BLOBS, (seed * 11) % 100);

    const backend = await openSqlite({ directory: data, clock: systemClock, onFailure: fail });
    for (let blob = 1; blob <= BLOBS; blob++) {
      const found = await backend.store.get(keyOf(blob));
      expect(found?.notModified === false && Buffer.from(found.bytes).equals(bytesOf(blob))).toBe(true);
    }
    expect(backend.database.all("SELECT * FROM chunks")).toEqual([]);
    await backend.close();
    expect(await readdir(join(data, "blobs"))).toHaveLength(BLOBS);
  },
  TIMEOUT_MS,
);
