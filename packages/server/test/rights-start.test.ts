import { createRightsStore, hashToken, issueToken } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, type MemoryBackend } from "@codebox/testing";
import pino from "pino";
import { afterEach, expect, test } from "vitest";
import { startServer, type RunningServer } from "../src/server.ts";
import { readSettings } from "../src/settings.ts";

let server: RunningServer | undefined;
afterEach(() => server?.stop());

/** Starts a server over a backend; returns what it logged. */
async function start(backend: MemoryBackend): Promise<readonly string[]> {
  const settings = readSettings(["--port", "0", "--no-upstream"], {});
  if (settings === "help") throw new Error("no settings");
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  server = await startServer({ settings, log, clock: systemClock, ids: systemIds, open: async () => backend });
  return lines;
}
const rightsOf = async (backend: MemoryBackend) =>
  (await createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: 0 }).current()).rights;
const tokenOf = (backend: MemoryBackend, user: string) =>
  issueToken(
    { ...backend, ids: systemIds },
    { user, readonly: false, label: "test", created: "2026-01-01T00:00:00.000Z" },
  );

test("a new registry begins with the rights of owners, decided, and warns of nothing", async () => {
  const backend = createMemoryBackend({ clock: systemClock });
  expect(await start(backend)).toEqual([]);
  expect(await rightsOf(backend)).toMatchObject({ decided: true, grants: [] });
});
test("a data directory from before rights keeps what was possible, and warns until somebody decides", async () => {
  const backend = createMemoryBackend({ clock: systemClock });
  const token = await tokenOf(backend, "bob");
  expect(await backend.tokens.find(hashToken(token))).toBeDefined();
  const lines = await start(backend);
  expect(lines.join("")).toContain("nobody has decided who may do what");
  expect(await rightsOf(backend)).toMatchObject({ decided: false, revision: 0 });
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`${server?.url}/-/access`, { headers })).status).toBe(403);
});
test("an administrator of the settings reads and decides the rights of a registry from before", async () => {
  const backend = createMemoryBackend({ clock: systemClock });
  const token = await tokenOf(backend, "admin");
  await start(backend);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const read = await fetch(`${server?.url}/-/access`, { headers });
  const rights = (await read.json()) as object;
  const put = await fetch(`${server?.url}/-/access`, {
    method: "PUT",
    headers: { ...headers, "if-match": read.headers.get("etag") ?? "" },
    body: JSON.stringify({ ...rights, grants: [] }),
  });
  expect(put.status).toBe(200);
  expect(await rightsOf(backend)).toMatchObject({ decided: true, grants: [] });
});
