import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { expect, test } from "vitest";
import { openSqlite } from "../src/index.ts";
import { MIGRATIONS } from "../src/schema.ts";

test("a data directory of the first schema keeps its tokens, which have no expiry and no limits, and their users' names", async () => {
  const directory = await mkdtemp(join(tmpdir(), "codebox-old-"));
  const hash = "a".repeat(64);
  const old = new DatabaseSync(join(directory, "codebox.db"));
  old.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`);
  old.prepare("INSERT INTO tokens VALUES (?, 'alice', 0, 'laptop', '2026-01-01T00:00:00.000Z')").run(hash);
  old.close();
  const backend = await openSqlite({ directory, clock: systemClock, registration: "open", onFailure: fail });
  const record = { hash, user: "alice", readonly: false, label: "laptop", created: "2026-01-01T00:00:00.000Z" };
  expect(await backend.tokens.find(hash)).toEqual(record);
  await backend.tokens.remove(hash);
  expect(await backend.identities.login({ name: "alice", password: "a long password" })).toMatchObject({ ok: false });
  await backend.tokens.put({ ...record, expires: "2027-01-01T00:00:00.000Z" });
  expect(await backend.tokens.find(hash)).toEqual({ ...record, expires: "2027-01-01T00:00:00.000Z" });
  await backend.close();
  await rm(directory, { recursive: true });
});

test("large objects that an older codebox kept in the database are moved to files, and read as before", async () => {
  const directory = await mkdtemp(join(tmpdir(), "codebox-old-"));
  const file = join(directory, "codebox.db");
  const old = new DatabaseSync(file);
  old.exec(`${MIGRATIONS[0]}; ${MIGRATIONS[1]}; PRAGMA user_version = 2`);
  const pieces = [Buffer.alloc(1_048_576, "a"), Buffer.alloc(1_048_576, "b"), Buffer.alloc(5, "c")];
  old.exec("INSERT INTO blobs VALUES (1, 2), (2, 0)");
  for (const [number, bytes] of pieces.entries()) old.prepare("INSERT INTO chunks VALUES (1, ?, ?)").run(number, bytes);
  old.prepare("INSERT INTO chunks VALUES (2, 0, ?)").run(Buffer.alloc(1_048_576));
  const insert = old.prepare("INSERT INTO objects VALUES (?, ?, ?, NULL, 0, ?, ?)");
  for (const key of ["wire/1.0.0.tgz", "copy"]) insert.run(key, '"large"', 2_097_157, null, 1);
  insert.run("small", '"small"', 5, Buffer.from("small"), null);
  old.close();
  const before = (await stat(file)).size;

  const backend = await openSqlite({ directory, clock: systemClock, onFailure: fail });
  for (const key of ["wire/1.0.0.tgz", "copy"]) {
    const found = await backend.store.open(key);
    expect(found?.etag).toBe('"large"');
    expect(Buffer.concat(await Array.fromAsync(found?.body ?? [])).equals(Buffer.concat(pieces))).toBe(true);
  }
  expect(await backend.store.get("small")).toMatchObject({ etag: '"small"', size: 5 });
  expect(await readdir(join(directory, "blobs"))).toHaveLength(1);
  expect((await stat(file)).size).toBeLessThan(before / 10);
  await backend.close();
  await rm(directory, { recursive: true });
});
