import { createApp, statusRoutes, type AppPorts, type ReadPorts } from "@codebox/api";
import { createConsumer, issueToken, type Change } from "@codebox/core";
import { fail, manualClock, publishOf, stage, tagPut, type ManualClock, openPolicy } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { deadLetterRoutes } from "../src/dead-letters-route.ts";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemIds } from "@codebox/system";

let embedded: SqliteBackend;
let clock: ManualClock;
let ask: (method: string, path: string, options?: { readonly readonly: boolean }) => Promise<Response>;

beforeEach(async () => {
  clock = manualClock();
  embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
  const ports = { ...embedded, policy: openPolicy, clock } as unknown as AppPorts & ReadPorts;
  const app = createApp(ports, {}, [deadLetterRoutes(embedded.queue, embedded.reader, clock), statusRoutes(ports)]);
  const grant = { user: "alice", label: "test", created: "2026-01-01T00:00:00.000Z" };
  ask = async (method, path, { readonly } = { readonly: false }) => {
    const token = await issueToken({ tokens: embedded.tokens, ids: systemIds }, { ...grant, readonly });
    return app.request(`http://registry.test${path}`, { method, headers: { authorization: `Bearer ${token}` } });
  };
});
afterEach(async () => {
  vi.useRealTimers();
  await embedded.close();
});

const status = async (id: string) => (await ask("GET", `/-/changes/${id}`)).json();
const receive = () => embedded.queue.receive({ max: 10, signal: AbortSignal.timeout(10_000) });

/** Stores a dead letter, as an earlier version of codebox left it. */
async function deadLetter({ id, name, ...rest }: Change): Promise<void> {
  const { database, outcomes } = embedded;
  await outcomes.remember({ id, name });
  const sql =
    "INSERT INTO dead_letters (id, name, body, reason, receives, at) VALUES (?, ?, ?, 'the disk is full', 8, ?)";
  const body = JSON.stringify({ id, name, ...rest });
  await database.write(() => database.run(sql, id, name, body, clock.now().getTime()));
  await clock.advance(1);
}

test("a change that is applied is so at once, though its event is not yet in the log", async () => {
  const consume = createConsumer({ ...embedded, policy: openPolicy, clock });
  const first = publishOf("wire", "1.0.0");
  await stage(embedded.store, first);
  await consume("wire", [first]);
  await embedded.events.read(0, 1);
  // The event log and the acknowledgement wait for company before they are written.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await embedded.queue.send(tagPut("wire", "next", "1.0.0", "a"));
  expect(await embedded.outcomes.find("a")).toMatchObject({ state: "pending" });
  const batch = await receive();
  await consume("wire", batch?.messages.map(({ change }) => change) ?? []);
  expect(await embedded.outcomes.find("a")).toMatchObject({ state: "applied", sequence: 2, revision: 2 });
});

describe("a dead-lettered change", () => {
  test("has failed, and says who can help", async () => {
    await deadLetter(tagPut("wire", "next", "1.0.0", "poison"));
    expect(await status("poison")).toEqual({
      id: "poison",
      name: "wire",
      state: "failed",
      error: expect.stringContaining("the operator of this registry") as string,
    });
  });
  test("is listed with its reason, and applied again when it is redriven", async () => {
    await deadLetter(tagPut("wire", "next", "1.0.0", "poison"));
    const { letters } = (await (await ask("GET", "/-/dead-letters")).json()) as { letters: unknown[] };
    expect(letters).toMatchObject([{ id: "poison", name: "wire", reason: "the disk is full", receives: 8 }]);
    const redriven = await ask("POST", "/-/dead-letters/poison");
    expect([redriven.status, redriven.headers.get("location")]).toEqual([202, "http://registry.test/-/changes/poison"]);
    expect(await status("poison")).toMatchObject({ state: "pending" });
    expect((await receive())?.messages.map(({ change }) => change.id)).toEqual(["poison"]);
    expect((await ask("POST", "/-/dead-letters/poison")).status).toBe(404);
  });
  test("is redriven with all others, oldest first", async () => {
    await deadLetter(tagPut("wire", "next", "1.0.0", "b"));
    await deadLetter(tagPut("wire", "next", "1.0.0", "a"));
    expect(await (await ask("POST", "/-/dead-letters")).json()).toEqual({ ok: true, redriven: ["b", "a"] });
    expect((await receive())?.messages.map(({ change }) => change.id)).toEqual(["b", "a"]);
  });
  test("of a tag is redriven by force only, once the tag was changed after it", async () => {
    const late = tagPut("wire", "latest", "1.0.0", "late");
    const [first, second] = [publishOf("wire", "1.0.0"), publishOf("wire", "1.1.0")];
    for (const change of [first, second]) await stage(embedded.store, change);
    await createConsumer({ ...embedded, policy: openPolicy, clock })("wire", [first, second]);
    await deadLetter(late);
    expect(await (await ask("POST", "/-/dead-letters")).json()).toMatchObject({
      redriven: [],
      refused: [{ id: "late", reason: expect.stringContaining('the tag "latest" of wire was changed at') as string }],
    });
    expect((await ask("POST", "/-/dead-letters/late")).status).toBe(409);
    expect((await ask("POST", "/-/dead-letters/late?force=true")).status).toBe(202);
    await deadLetter({ ...late, id: "later" });
    expect(await (await ask("POST", "/-/dead-letters?force=true")).json()).toEqual({ ok: true, redriven: ["later"] });
  });
  test("is none any more when its sender sends it again", async () => {
    const change = tagPut("wire", "next", "1.0.0", "poison");
    await deadLetter(change);
    await embedded.queue.send(change);
    expect(await status("poison")).toMatchObject({ state: "pending" });
    expect(await Array.fromAsync(embedded.queue.list())).toEqual([]);
  });
  test("is shown to nobody who may only read", async () => {
    expect((await ask("GET", "/-/dead-letters", { readonly: true })).status).toBe(403);
    expect((await ask("POST", "/-/dead-letters", { readonly: true })).status).toBe(403);
  });
});
