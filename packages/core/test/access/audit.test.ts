import { createMemoryBackend, fail, manualClock, type ManualClock } from "@codebox/testing";
import { systemIds } from "@codebox/system";
import { beforeEach, expect, test } from "vitest";
import {
  createAudit,
  createAuditLog,
  LAYOUT,
  REFUSALS_AN_HOUR,
  sweep,
  type Audit,
  type AuditLog,
} from "../../src/index.ts";

const HOUR_MS = 60 * 60_000;
let clock: ManualClock;
let backend: ReturnType<typeof createMemoryBackend>;
let log: AuditLog;
let audit: Audit;
beforeEach(() => {
  clock = manualClock();
  backend = createMemoryBackend({ clock });
  log = createAuditLog({ ...backend, ids: systemIds });
  audit = createAudit({ log, clock, onFailure: fail });
});
const entries = async () => (await log.query()).entries;
const refusals = async (count: number, who?: string) => {
  for (let turn = 0; turn < count; turn++)
    await audit({ kind: "refusal", what: "GET /", ...(who === undefined ? {} : { who }) });
};

test("a flood of refusals is kept up to a number an hour, and then counted", async () => {
  await refusals(REFUSALS_AN_HOUR.anonymous + 5);
  expect(await entries()).toHaveLength(REFUSALS_AN_HOUR.anonymous);
  await clock.advance(HOUR_MS);
  await refusals(1);
  // Both are of the same moment, so they have no order.
  const last = (await entries()).slice(-2).map(({ what }) => what);
  expect(last).toContainEqual(expect.stringContaining("5 more refused"));
});
test("a flood without a token hides neither the refusals of users nor what else happens", async () => {
  await refusals(REFUSALS_AN_HOUR.anonymous + 5);
  await clock.advance(1_000);
  await refusals(1, "bob");
  await clock.advance(1_000);
  await audit({ kind: "token", who: "bob", what: "made a token" });
  expect((await entries()).slice(-2)).toMatchObject([{ kind: "refusal", who: "bob" }, { kind: "token" }]);
});
test("a long text is cut", async () => {
  await audit({ kind: "token", what: "x".repeat(10_000) });
  expect((await entries())[0]?.what.length).toBeLessThan(400);
});
test("a failure of the store is reported, and the caller goes on", async () => {
  const failures: unknown[] = [];
  const broken = { append: () => Promise.reject(new Error("down")) };
  await createAudit({ log: broken, clock, onFailure: (error) => failures.push(error) })({ kind: "token", what: "x" });
  expect(failures).toHaveLength(1);
});
test("entries are kept for the configured days", async () => {
  await audit({ kind: "token", what: "x" });
  const days = { [LAYOUT.audit.prefix]: 2 };
  const once = () => sweep({ ...backend, clock, days }, new AbortController().signal);
  await clock.advance(24 * HOUR_MS);
  await once();
  expect(await entries()).toHaveLength(1);
  await clock.advance(24 * HOUR_MS);
  await once();
  expect(await entries()).toEqual([]);
});
