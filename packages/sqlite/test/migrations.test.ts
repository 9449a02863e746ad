import { mkdtemp, rm } from "node:fs/promises";
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
