import { fail } from "@codebox/testing";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFaults, faultyEvents, faultyOutcomes, faultyQueue, faultyStore, manualClock } from "@codebox/testing";
import type { Change } from "@codebox/core";
import {
  backendContract,
  changeQueueContract,
  eventLogContract,
  objectStoreContract,
  outcomesContract,
  type BackendFixture,
  type BackendOptions,
} from "@codebox/testing/contracts";
import { bury } from "./dead-letters.ts";
import { openSqlite, type SqliteBackend } from "../src/index.ts";
import { systemClock } from "@codebox/system";

/** In memory, and in a directory that is gone afterwards. */
async function inMemory(
  options: { registration?: "open" | "closed"; reserved?: string[]; clock?: typeof systemClock } = {},
) {
  const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock, ...options });
  return { ...embedded, [Symbol.asyncDispose]: () => embedded.close() };
}
async function onDisk(options: BackendOptions) {
  const directory = await mkdtemp(join(tmpdir(), "codebox-embedded-"));
  const embedded = await openSqlite({ directory, onFailure: fail, clock: systemClock, ...options });
  return {
    ...embedded,
    async [Symbol.asyncDispose]() {
      await embedded.close();
      await rm(directory, { recursive: true });
    },
  };
}
async function queueFixture(open: (clock: typeof systemClock) => Promise<SqliteBackend & AsyncDisposable>) {
  const clock = manualClock();
  const fixture = await open(clock);
  return {
    queue: fixture.queue,
    afterPause: () => clock.advance(60_000),
    bury: (change: Change, reason: string) => bury(fixture, change, reason),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}
async function logFixture() {
  const fixture = await inMemory();
  const taken = async () => (await fixture.events.read(0, 1_000)).map(({ event }) => event);
  return { events: fixture.events, taken, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}
/** A wrapper that fails nothing must change nothing. */
const never = () => createFaults({ seed: 1, rate: 0 });

const fixtureOf = (backend: SqliteBackend & AsyncDisposable): BackendFixture => ({
  backend,
  bury: (change, reason) => bury(backend, change, reason),
  [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
});

describe("in memory", () => backendContract(async (options) => fixtureOf(await inMemory(options))));
describe("on disk", () => backendContract(async (options) => fixtureOf(await onDisk(options))));
describe("object store, through the fault wrapper", () =>
  objectStoreContract(async () => {
    const fixture = await inMemory();
    const faults = { ...never(), random: () => 1 };
    return { store: faultyStore(fixture.store, faults), [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
  }));
describe("change queue, through the fault wrapper", () =>
  changeQueueContract(async () => {
    const fixture = await queueFixture((clock) => inMemory({ clock }));
    return { ...fixture, queue: { ...fixture.queue, ...faultyQueue(fixture.queue, never()) } };
  }));
describe("outcomes, through the fault wrapper", () =>
  outcomesContract(async () => {
    const fixture = await inMemory();
    return {
      outcomes: faultyOutcomes(fixture.outcomes, never()),
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  }));
describe("event log, through the fault wrapper", () =>
  eventLogContract(async () => {
    const fixture = await logFixture();
    return { ...fixture, events: faultyEvents(fixture.events, never()) };
  }));
describe("identities", () => {
  test("a name that differs from somebody's by capitals alone can't be taken", async () => {
    await using fixture = await inMemory({ registration: "open", reserved: ["admin"] });
    const login = (name: string) => fixture.identities.login({ name, password: "a long password" });
    expect(await login("alice")).toMatchObject({ ok: true });
    expect(await login("alice")).toMatchObject({ ok: true });
    for (const name of ["Alice", "ADMIN"]) expect(await login(name)).toMatchObject({ ok: false });
  });
  test("a reserved name can't be taken by signing in, also while it holds no token", async () => {
    await using fixture = await inMemory({ registration: "open", reserved: ["admin"] });
    const result = await fixture.identities.login({ name: "admin", password: "a long password" });
    expect(result).toEqual({ ok: false, reason: "no_password" });
  });
});
